"""Who makes an error answer of an exception: DRF's handler, Django's, and the middlewares in front of both."""

import logging
import math
import sys
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions

from config.api.errors import CODES, MEDIA_TYPE, RENAMED, InvalidBody, InvalidRequest, PreconditionFailed, problem
from config.api.faults import MAX_FAULTS, flat_faults

logger = logging.getLogger("config.api.errors")
RETRY_AFTER = 1  # seconds; a restart of PostgreSQL takes about that long
# SQLSTATEs that pass: connection lost, no resources (disk, memory, connections), operator intervention (a shutdown, a
# timeout), system error; then read-only, a transaction that took too long, serialization, deadlock, a lock not had.
PASSING_CLASSES = ("08", "53", "57", "58")
PASSING_STATES = frozenset({"25006", "25P03", "25P04", "40001", "40P01", "55P03"})


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER: whatever a view raises becomes a problem, a crash as well, in every mode."""
    match exc:
        case Http404():
            return problem("not_found", str(exc) or "Not found.")
        case InvalidRequest():
            more = f" The first {MAX_FAULTS} are listed." if len(exc.faults) > MAX_FAULTS else ""
            return problem(exc.default_code, f"{exc.detail}{more}", errors=exc.faults[:MAX_FAULTS])
        case PreconditionFailed():
            extra = {"etag": exc.etag, "current": exc.current}
            return problem(exc.default_code, str(exc.detail), extra=extra, headers={"ETag": exc.etag})
        case exceptions.ValidationError():
            return exception_handler(InvalidBody([*flat_faults(exc.get_full_details())]), context)
        case exceptions.APIException() if exc.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            code = RENAMED.get(exc.default_code, exc.default_code)
            return problem(code, str(exc.detail), status=exc.status_code, headers=_headers(exc, context))
    return failure(exc)


def _headers(exc: exceptions.APIException, context: dict[str, Any]) -> dict[str, str]:
    """What HTTP asks for with this error (RFC 9110, sections 15.5.2 and 15.5.6; RFC 5789; the W3C's Accept-Post)."""
    view, method = context["view"], context["request"].method
    if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return {"WWW-Authenticate": view.get_authenticate_header(context["request"])}
    if isinstance(exc, exceptions.MethodNotAllowed):
        return {"Allow": ", ".join(view.allowed_methods)}
    if isinstance(exc, exceptions.UnsupportedMediaType):
        return {f"Accept-{method.title()}": ", ".join(parser.media_type for parser in view.get_parsers())}
    if isinstance(exc, exceptions.Throttled) and getattr(exc, "wait", None):
        return {"Retry-After": str(math.ceil(exc.wait))}  # type: ignore[attr-defined]  # not in the stub
    return {}


def failure(exc: BaseException | None) -> HttpResponse:
    """What is not the caller's fault, or what Django itself refused to read."""
    match exc:
        case DatabaseError() if is_passing(exc):
            logger.error("database unavailable: %s", exc)
            # One that goes away while it commits may have done so: only the retry tells.
            known = (
                "Nothing was changed; try again." if sqlstate_of(exc) else "Try again, with the same Idempotency-Key."
            )
            detail = f"The database is away, takes too long or takes no writes. {known}"
            return problem("database_unavailable", detail, headers={"Retry-After": str(RETRY_AFTER)})
        case RequestDataTooBig():
            return problem("body_too_large", CODES["body_too_large"][1])
        case DisallowedHost():
            return problem("bad_request", "The header Host names none of the hosts of this service.")
        case SuspiciousOperation() | BadRequest() | MultiPartParserError():
            return problem("bad_request", f"The request can't be taken: {exc}")
    instance = uuid.uuid4().urn
    logger.error("internal error %s", instance, exc_info=exc)
    return problem("internal_error", "The service failed and changed nothing.", extra={"instance": instance})


def is_passing(exc: DatabaseError) -> bool:
    """Whether the same request may succeed later: PostgreSQL is away, busy, full or read-only, and not misused."""
    sqlstate = sqlstate_of(exc)
    if sqlstate is None:
        return isinstance(exc, OperationalError | InterfaceError)
    return sqlstate.startswith(PASSING_CLASSES) or sqlstate in PASSING_STATES


def sqlstate_of(exc: DatabaseError) -> str | None:
    """What PostgreSQL says that it was; None where it said nothing: it can't be reached, or went away."""
    return getattr(exc.__cause__, "sqlstate", None)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return failure(exception)


@csrf_exempt  # there is nothing here to protect, and else a POST would be told about CSRF, in HTML
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404, and the view of every path that nothing else takes."""
    return problem("not_found", f"There is nothing at {request.path}.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, for what fails outside of the API's views."""
    return failure(sys.exc_info()[1])


def host_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuses a Host that is not ours before anything else; with DEBUG, Django would answer with a page of HTML."""

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost as exc:
            return failure(exc)
        return get_response(request)

    return middleware


def method_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Gives the 405 of Django's own views and of WhiteNoise, which is empty, the shape of all others."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        if answer.status_code != HTTPStatus.METHOD_NOT_ALLOWED or answer.get("Content-Type") == MEDIA_TYPE:
            return answer
        return problem(
            "method_not_allowed", f'Method "{request.method}" not allowed.', headers={"Allow": answer["Allow"]}
        )

    return middleware
