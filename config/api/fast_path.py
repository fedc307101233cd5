"""What a request must be like to be answered without the layers of Django and DRF, and who sends it.

Whatever is unusual about it takes the long way, where all rules stand and all errors are made. So the short way may be
ignorant of anything, but what it answers, it answers as the long way would: tests/test_fast_path.py holds it to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from wsgiref.types import WSGIEnvironment

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import close_old_connections
from django.http.request import split_domain_port, validate_host

from config.accounts.permissions import allows_anonymous
from config.accounts.tokens.authentication import InvalidToken, last_grant_of
from config.accounts.tokens.grants import ASK
from config.api.attribution import request_id_for
from config.api.errors import MEDIA_TYPE, exception_handler
from config.idempotency.models import caller_of

JSON = "application/json"
ACCEPTED = frozenset({None, "*/*", JSON, f"{JSON}, text/plain, */*"})
# Headers that mean something to a view or to a middleware.
UNUSUAL = frozenset(f"HTTP_{name}" for name in ("COOKIE", "IF_NONE_MATCH", "CONTENT_ENCODING", "ORIGIN"))
# What the middlewares and views put on every answer of the API.
HEADERS = (
    ("Cache-Control", "private, no-cache"),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to be sent as it is: a page in its rows, which nobody needs in one piece."""

    status: str
    headers: list[tuple[str, str]]
    parts: Sequence[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who may do what the request asks for, if the grants still have this version; None: whatever they are."""

    actor: str
    caller: str  # whose keys for retries are used
    version: bytes | None


ANYBODY = Sender("anonymous", caller_of(AnonymousUser()), None)


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A request with nothing unusual about it, whose sender may do what it asks for."""

    environ: WSGIEnvironment
    sender: Sender
    id: str

    @classmethod
    def of(cls, environ: WSGIEnvironment, permission: str) -> "PlainRequest | None":
        """None where the request has to take the long way."""
        if not UNUSUAL.isdisjoint(environ) or environ.get("HTTP_ACCEPT") not in ACCEPTED:
            return None
        if not is_our_host(environ.get("HTTP_HOST", ""), tuple(settings.ALLOWED_HOSTS)):
            return None
        close_old_connections()
        sender = sender_with(environ, permission)
        return None if sender is None else cls(environ, sender, request_id_for(environ.get("HTTP_X_REQUEST_ID", "")))

    @property
    def signature(self) -> tuple[bytes, bytes, bytes | None]:
        """Who and which request, for the history, and the version of the grants that must hold."""
        return self.sender.actor.encode(), self.id.encode(), self.sender.version

    def is_granted(self) -> bool:
        """Asked where no other statement does."""
        return self.sender.version is None or ASK.run(self.sender.version).ntuples > 0

    @property
    def origin(self) -> str:
        """Where the service is, as the client calls it."""
        return f"{self.environ['wsgi.url_scheme']}://{self.environ['HTTP_HOST']}"

    def answer(
        self, status: str, parts: Sequence[bytes] = (), *headers: tuple[str, str], media_type: str = JSON
    ) -> Answer:
        length = str(sum(map(len, parts)))
        sent = [*headers, *HEADERS, ("Content-Length", length), ("X-Request-ID", self.id)]
        if parts:
            sent.append(("Content-Type", media_type))
        vary = [
            *(() if "HTTP_AUTHORIZATION" in self.environ else ("Cookie",)),
            *(("origin",) if settings.CORS_ALLOWED_ORIGINS else ()),
        ]
        if vary:
            sent.append(("Vary", ", ".join(vary)))
        if settings.SECURE_HSTS_SECONDS and self.environ["wsgi.url_scheme"] == "https":
            sent.append(("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}"))
        return Answer(status, sent, parts)

    def failure(self, exc: Exception) -> Answer:
        """What a view would answer."""
        problem = exception_handler(exc, {})
        retry = [("Retry-After", problem["Retry-After"])] if "Retry-After" in problem else []
        status = f"{problem.status_code} {problem.reason_phrase}"
        return self.answer(status, [problem.content], *retry, media_type=MEDIA_TYPE)


def sender_with(environ: WSGIEnvironment, permission: str) -> Sender | None:
    """Who sends it, where they have this permission."""
    if "HTTP_AUTHORIZATION" not in environ:
        return ANYBODY if allows_anonymous(environ["REQUEST_METHOD"]) else None
    try:
        grant = last_grant_of(environ)
    except InvalidToken:
        return None
    return Sender(grant.actor, caller_of(grant.user), grant.version) if grant.allows(permission) else None


@lru_cache(maxsize=256)
def is_our_host(host: str, allowed: Sequence[str]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)
