"""One shape for every error: `application/problem+json` (RFC 9457).

A body holds `type`, `title`, `status`, `detail`, a stable `code` and, for bad input, `errors`: an entry per fault
with its own `code` and `detail` and either `pointer` (RFC 6901, into the body) or `parameter` (a query parameter
or a header).
"""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, TypedDict

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

logger = logging.getLogger("config.errors")
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1  # seconds; a restart of PostgreSQL takes about that long


class Fault(TypedDict, total=False):
    """One mistake in a request: `pointer` or `parameter` says where, `code` what, `detail` what would be right."""

    pointer: str
    parameter: str
    code: str
    detail: str


class InvalidQuery(exceptions.APIException):
    """Query parameters that are unknown, malformed, out of range or given twice: all of them at once."""

    status_code = HTTPStatus.BAD_REQUEST
    default_code = "invalid_query"

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("The query string has parameters that can't be taken.")
        self.faults = faults


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """An error answer. `code` never changes its meaning; `detail` is for people."""
    body: dict[str, Any] = {
        "type": f"/docs#error-{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        body["errors"] = errors
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE, headers=headers)


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER: whatever a view raises becomes a problem, a crash as well, in every mode."""
    set_rollback()
    match exc:
        case Http404() | ObjectDoesNotExist():
            return problem(404, "not_found", "Task not found")
        case PermissionDenied():
            return problem(403, "permission_denied", str(exc) or "You may not do this.")
        case OperationalError() | InterfaceError():
            return database_unavailable(exc)
        case exceptions.APIException():
            return _api_problem(exc)
    return internal_error(exc)


def _api_problem(exc: exceptions.APIException) -> HttpResponse:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if isinstance(exc, InvalidQuery):
        return problem(exc.status_code, exc.default_code, str(exc.detail), errors=exc.faults)
    if isinstance(exc, exceptions.ValidationError):
        faults = list(_faults(exc.get_full_details(), ""))
        return problem(400, "invalid_body", "The body has members that can't be taken.", errors=faults)
    return problem(exc.status_code, exc.default_code, str(exc.detail), headers=headers)


def _faults(details: Any, pointer: str) -> Iterator[Fault]:
    """DRF's nested error details, flat."""
    if isinstance(details, dict) and not (details.keys() == {"message", "code"} and isinstance(details["code"], str)):
        for member, inner in details.items():
            general = member == api_settings.NON_FIELD_ERRORS_KEY
            name = str(member).replace("~", "~0").replace("/", "~1")  # RFC 6901
            yield from _faults(inner, pointer if general else f"{pointer}/{name}")
    elif isinstance(details, list):
        for inner in details:
            yield from _faults(inner, pointer)
    else:
        yield {"pointer": pointer, "code": details["code"], "detail": str(details["message"])}


def database_unavailable(exc: Exception) -> HttpResponse:
    """No connection, or a statement that ran into a timeout: nothing was changed, trying again is right."""
    logger.error("database unavailable: %s", exc)
    return problem(
        503,
        "database_unavailable",
        "The database can't be reached or takes too long. Nothing was changed; try again.",
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def internal_error(exc: Exception) -> HttpResponse:
    logger.error("internal error", exc_info=exc)
    return problem(500, "internal_error", "The service failed. Nothing was changed; the fault is in its log.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: a Host header that is not ours, or a request that Django itself refuses."""
    return problem(400, "bad_request", "The request can't be taken: its Host header or its form is wrong.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return problem(404, "not_found", f"There is nothing at {request.path}.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, for what fails outside of the API's views; Django has logged it."""
    return problem(500, "internal_error", "The service failed. Nothing was changed; the fault is in its log.")
