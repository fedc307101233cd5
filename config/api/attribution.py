"""Which request, and who is behind it, for the log, the caller and the history of tasks."""

import random
import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from config.accounts.tokens.grants import TokenGrant
from tasks.history.models import attribute_changes

ADMIN = "/admin/"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Gives each request an id, that of the caller's X-Request-ID where it is one, and sends it back."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.META["request_id"] = request_id_for(request.headers.get("X-Request-ID", ""))
        answer = get_response(request)
        answer["X-Request-ID"] = request_id(request)
        return answer

    return middleware


def request_id_for(given: str) -> str:
    """The id that a caller gave, where it is one; else a new one."""
    if REQUEST_ID.fullmatch(given):
        return given
    return str(uuid.UUID(int=random.getrandbits(128), version=4))  # it tells requests apart, and is no secret


def request_id(request: HttpRequest) -> str:
    found: str = request.META["request_id"]
    return found


def actor_of(request: Request) -> str:
    """The caller, as the history names them: `anna`, `anna (backup script)` with a token, `anonymous`."""
    if isinstance(request.auth, TokenGrant):
        return request.auth.actor
    return request.user.get_username() or "anonymous"


def admin_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Names the member of staff before every unsafe request: the thread's connection still has the name before."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in SAFE_METHODS and request.path.startswith(ADMIN):
            attribute_changes(request.user.get_username(), request_id(request))
        return get_response(request)

    return middleware
