"""What turns exceptions into error answers: DRF's handler, Django's handlers, and the middlewares in front of both."""

import logging
import math
import sys
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions

from config.api.errors import MEDIA_TYPE, RENAMED, InvalidBody, InvalidRequest, PreconditionFailed, problem
from config.api.faults import MAX_FAULTS, flat_faults, shortened

logger = logging.getLogger("config.api.errors")
RETRY_AFTER = 1  # seconds; a restart of PostgreSQL takes about that long
# SQLSTATEs of failures that pass: connection lost, no resources (disk, memory, connections), operator intervention (a
# shutdown, a timeout), system error; then read-only, two transaction timeouts, serialization, deadlock, lock timeout.
PASSING_CLASSES = ("08", "53", "57", "58")
PASSING_STATES = frozenset({"25006", "25P03", "25P04", "40001", "40P01", "55P03"})
CSRF_FAILED = (
    "CSRF check failed: a write with a session must come from a page here, with the request header X-CSRFToken."
)
MALFORMED = "The request is malformed: its query string, a cookie or the form in its body is invalid."


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER: every exception of a view becomes a problem, also a crash, with DEBUG or without."""
    match exc:
        case Http404():
            return not_found(context["request"])
        case InvalidRequest():
            more = f" Only the first {MAX_FAULTS} are listed." if len(exc.faults) > MAX_FAULTS else ""
            return problem(exc.default_code, f"{exc.detail}{more}", errors=exc.faults[:MAX_FAULTS])
        case PreconditionFailed():
            extra = {"etag": exc.etag} | ({"current": exc.current} if exc.current else {})
            return problem(exc.default_code, str(exc.detail), extra=extra, headers={"ETag": exc.etag})
        case exceptions.ValidationError():
            return exception_handler(InvalidBody([*flat_faults(exc.get_full_details())]), context)
        case exceptions.APIException() if exc.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            code = RENAMED.get(exc.default_code, exc.default_code)
            detail, headers = _detail(exc, context), _headers(exc, context)
            return problem(code, detail, status=exc.status_code, headers=headers)
    return failure(exc)


def _detail(exc: exceptions.APIException, context: dict[str, Any]) -> str:
    """Our words in place of DRF's and of Django's, which DRF quotes."""
    if isinstance(exc, exceptions.MethodNotAllowed):
        return _not_allowed(context["request"].method, _allow(context))
    return CSRF_FAILED if str(exc.detail).startswith("CSRF Failed") else str(exc.detail)


def _allow(context: dict[str, Any]) -> str:
    return ", ".join(context["view"].allowed_methods)


def _not_allowed(method: str | None, allow: str) -> str:
    return f"The method {method} is not allowed here. Allowed are {allow}."


def _headers(exc: exceptions.APIException, context: dict[str, Any]) -> dict[str, str]:
    """The headers that HTTP requires (RFC 9110, sections 15.5.2 and 15.5.6; RFC 5789; W3C Accept-Post)."""
    view, method = context["view"], context["request"].method
    if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return {"WWW-Authenticate": view.get_authenticate_header(context["request"])}
    if isinstance(exc, exceptions.MethodNotAllowed):
        return {"Allow": _allow(context)}
    if isinstance(exc, exceptions.UnsupportedMediaType):
        return {f"Accept-{method.title()}": ", ".join(parser.media_type for parser in view.get_parsers())}
    if isinstance(exc, exceptions.Throttled) and getattr(exc, "wait", None):
        return {"Retry-After": str(math.ceil(exc.wait))}  # type: ignore[attr-defined]  # not in the stub
    return {}


def failure(exc: BaseException | None) -> HttpResponse:
    """The answer to a failure of the service, or to a request that Django refused to read."""
    match exc:
        case DatabaseError() if is_passing(exc):
            logger.error("database unavailable: %s", exc)
            # A connection that is lost during COMMIT leaves open whether the transaction was committed.
            known = "Nothing was changed; retry." if sqlstate_of(exc) else "Retry a POST with its Idempotency-Key."
            detail = f"The database is unavailable, too slow or read-only. {known}"
            return problem("database_unavailable", detail, headers={"Retry-After": str(RETRY_AFTER)})
        case RequestDataTooBig():
            return problem("body_too_large")
        case DisallowedHost():
            return problem(
                "bad_request", "The Host header must be a name of this service; its operator sets ALLOWED_HOSTS."
            )
        case TooManyFieldsSent():
            most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
            return problem("bad_request", f"The query string or form must have at most {most:,} parameters.")
        case SuspiciousOperation() | BadRequest() | MultiPartParserError():
            return problem("bad_request", MALFORMED)
    instance = uuid.uuid4().urn
    logger.error("internal error %s", instance, exc_info=exc)
    return problem(
        "internal_error",
        "The service failed and changed nothing; instance names the failure in its log.",
        extra={"instance": instance},
    )


def is_passing(exc: DatabaseError) -> bool:
    """Whether the same request may succeed later, because PostgreSQL is unavailable, busy, full or read-only."""
    sqlstate = sqlstate_of(exc)
    if sqlstate is None:
        return isinstance(exc, OperationalError | InterfaceError)
    return sqlstate.startswith(PASSING_CLASSES) or sqlstate in PASSING_STATES


def sqlstate_of(exc: DatabaseError) -> str | None:
    """The SQLSTATE that PostgreSQL sent; None if it sent nothing, for example because the connection was lost."""
    return getattr(exc.__cause__, "sqlstate", None)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return failure(exception)


@csrf_exempt  # there is nothing to protect, and a POST must get this 404 instead of a CSRF failure
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404, and the view of every path that has no other view."""
    return problem("not_found", f"There is nothing at {shortened(request.path)}.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, for a failure outside of the API's views."""
    return failure(sys.exc_info()[1])


def host_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuses an unknown Host before anything else: with DEBUG, Django would answer with an HTML page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost as exc:
            return failure(exc)
        return get_response(request)

    return middleware


def method_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Turns the empty 405 of Django's own views and of WhiteNoise into a problem."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        if answer.status_code != HTTPStatus.METHOD_NOT_ALLOWED or answer.get("Content-Type") == MEDIA_TYPE:
            return answer
        allow = answer["Allow"]
        return problem("method_not_allowed", _not_allowed(request.method, allow), headers={"Allow": allow})

    return middleware
