"""The id of a request and who sent it: for the log, the client, and the history that the database keeps."""

import random
import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from config.accounts.tokens.grants import TokenGrant
from config.postgresql.base import current
from config.postgresql.parameters import set_parameters
from config.postgresql.statements import Call, Statement
from config.server.logs import CURRENT_REQUEST

ADMIN = "/admin/"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Sets the actor and the request for this transaction only, and fails if the permissions of the token have changed.
SIGN = Statement(
    "SELECT set_config('tasks.actor', %(actor)s, true), set_config('tasks.request', %(request)s, true),"
    " tokens_require(%(version)s)"
)
REQUIRE = Statement("SELECT tokens_require(%(version)s)")


def request_id_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Gives each request an id and sends it back. A valid X-Request-ID of the client is used as it is."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        # Only tells requests apart: it is no secret.
        own = given if REQUEST_ID.fullmatch(given) else str(uuid.UUID(int=random.getrandbits(128), version=4))
        request.META["request_id"] = own
        CURRENT_REQUEST.set(own)
        answer = get_response(request)
        answer.headers["X-Request-ID"] = own
        return answer

    return middleware


def request_id(request: HttpRequest) -> str:
    found: str = request.META["request_id"]
    return found


def guard_of(request: Request) -> Call | None:
    """The call that has to come first in the transaction of a request: it checks the token and signs the changes."""
    token = request.auth if isinstance(request.auth, TokenGrant) else None
    version = token and token.version
    if request.method in SAFE_METHODS:
        return Call(REQUIRE, {"version": version}) if token else None
    actor = token.actor if token else request.user.get_username() or "anonymous"
    return Call(SIGN, {"actor": actor, "request": request_id(request), "version": version})


def attribute_changes(actor: str, request: str = "") -> None:
    """Record every later change of this thread as made by `actor`, in the request with this id."""
    signature = {"tasks.actor": actor, "tasks.request": request}
    database = current()
    database.parameters = database.parameters | signature
    if database.in_atomic_block:
        with database.cursor() as cursor:
            cursor.execute(set_parameters(tuple(signature.items())))


def admin_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Signs every transaction of an unsafe request."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method in SAFE_METHODS or not request.path.startswith(ADMIN):
            return get_response(request)
        with current().restoring_parameters():
            attribute_changes(request.user.get_username(), request_id(request))
            return get_response(request)

    return middleware
