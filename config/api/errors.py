"""One shape for every error: `application/problem+json` (RFC 9457).

A body holds `type`, `title`, `status`, `detail`, a stable `code` and, for bad input, `errors`: an entry per fault
with its own `code` and `detail` and either `pointer` (RFC 6901, into the body) or `parameter` (a query parameter
or a header). A crash also has `instance`, which is in the log too.
"""

import logging
import math
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, TypedDict

from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.settings import api_settings

logger = logging.getLogger("config.api.errors")
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1  # seconds; a restart of PostgreSQL takes about that long
# SQLSTATEs that pass: connection lost, no resources (disk, memory, connections), operator intervention (a shutdown, a
# timeout), system error; then read-only, a transaction that took too long, serialization, deadlock, a lock not had.
PASSING_CLASSES = ("08", "53", "57", "58")
PASSING_STATES = frozenset({"25006", "25P03", "25P04", "40001", "40P01", "55P03"})
MAX_FAULTS = 100  # in one answer; 1 MiB has room for 300,000

# Every code that an answer can have, with its status and meaning. Codes never change theirs; new ones may come.
CODES: dict[str, tuple[int, str]] = {
    "invalid_query": (
        400,
        "Query parameters are unknown, malformed, out of range or repeated; `errors` names each.",
    ),
    "invalid_header": (400, "A header that the operation reads is malformed; `errors` names it."),
    "invalid_body": (400, "Members of the body are missing, unknown, wrong or given twice; `errors` names each."),
    "malformed_json": (400, "The body is empty, cut off, not UTF-8, not JSON or nested deeper than 32."),
    "bad_request": (400, "The request is not HTTP as it should be: its Host, its headers, its form."),
    "not_authenticated": (401, "The operation needs a token, or the session of a user."),
    "invalid_token": (401, "The token is wrong, expired or revoked, or its user may not log in."),
    "permission_denied": (403, "The caller may not do this; `detail` says why."),
    "not_found": (404, "There is nothing at this path."),
    "method_not_allowed": (405, "The path does not take this method; the header Allow lists those that it takes."),
    "not_acceptable": (406, "The header Accept excludes JSON."),
    "precondition_failed": (
        412,
        "It is not what If-Match or If-None-Match asks for; `current` is what it is now.",
    ),
    "body_too_large": (413, "The body is larger than 1 MiB."),
    "uri_too_long": (414, "The request line is longer than 8,190 bytes."),
    "unsupported_media_type": (
        415,
        "The body is not labelled as JSON; Accept-Post or Accept-Patch lists what is.",
    ),
    "expectation_failed": (417, "The header Expect asks for something else than 100-continue."),
    "idempotency_key_reused": (422, "The Idempotency-Key came with another body within 24 hours; put a new one."),
    "headers_too_large": (431, "A header is longer than 8,190 bytes, or there are more than 100."),
    "internal_error": (500, "The service failed and changed nothing; `instance` is in its log too."),
    "transfer_coding_not_implemented": (501, "The body comes in a transfer coding other than chunked."),
    "database_unavailable": (
        503,
        "The database is away, takes too long or takes no writes; try again, a `POST` with the same Idempotency-Key.",
    ),
}
RENAMED = {"parse_error": "malformed_json"}  # DRF's codes


class Fault(TypedDict, total=False):
    """One mistake in a request: `pointer` or `parameter` says where, `code` what, `detail` what would be right."""

    pointer: str
    parameter: str
    code: str
    detail: str


class InvalidRequest(exceptions.APIException):
    """A 400 that names every fault."""

    status_code = HTTPStatus.BAD_REQUEST

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__()
        self.faults = faults


class InvalidQuery(InvalidRequest):
    default_code = "invalid_query"
    default_detail = "The query string has parameters that can't be taken."


class InvalidHeader(InvalidRequest):
    default_code = "invalid_header"
    default_detail = "A header can't be taken."

    def __init__(self, name: str, detail: str) -> None:
        super().__init__([{"parameter": name, "code": "invalid", "detail": detail}])


class PreconditionFailed(exceptions.APIException):
    """A 412 that shows what is there instead: `current`, the representation, and `etag`, its entity tag."""

    status_code = HTTPStatus.PRECONDITION_FAILED
    default_code = "precondition_failed"
    default_detail = "It was changed meanwhile: look at current, and try again with its etag."

    def __init__(self, etag: str, current: Mapping[str, Any]) -> None:
        super().__init__()
        self.etag, self.current = etag, current


class IdempotencyKeyReused(exceptions.APIException):
    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key came with another body before. Nothing was changed; put a new key."


class InvalidBody(InvalidRequest):
    default_code = "invalid_body"
    default_detail = "The body has members that can't be taken."


def problem(  # noqa: PLR0913 - what RFC 9457 and HTTP have for an error
    code: str,
    detail: str,
    *,
    status: int | None = None,
    errors: list[Fault] | None = None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """An error answer. `code` is one of CODES, which gives the status, or one of DRF's; `detail` is for people."""
    kind = HTTPStatus(CODES[code][0] if code in CODES else status or HTTPStatus.INTERNAL_SERVER_ERROR)
    body: dict[str, Any] = {
        "type": f"/docs#error-{code}",
        "title": kind.phrase,
        "status": kind,
        "detail": detail,
        "code": code,
    }
    body |= ({"errors": errors} if errors else {}) | dict(extra or {})
    answer = JsonResponse(body, status=kind, content_type=MEDIA_TYPE, headers=headers)
    answer["Content-Length"] = str(len(answer.content))  # not every answer passes CommonMiddleware, which would do it
    return answer


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


def flat_faults(details: Any, pointer: str = "") -> Iterator[Fault]:
    """DRF's nested error details (`get_full_details`) as one list."""
    if isinstance(details, list):
        for inner in details:
            yield from flat_faults(inner, pointer)
    elif isinstance(details.get("code"), str):  # the member of a body that is called code has a list here
        yield {"pointer": pointer, "code": details["code"], "detail": str(details["message"])}
    else:
        for member, inner in details.items():
            general = member == api_settings.NON_FIELD_ERRORS_KEY
            yield from flat_faults(inner, pointer if general else pointer_to(pointer, member))


def pointer_to(pointer: str, name: object) -> str:
    """A JSON Pointer (RFC 6901) one step deeper."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


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
            return problem("body_too_large", "The body is larger than 1 MiB.")
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
