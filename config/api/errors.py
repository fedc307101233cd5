"""One shape for every error: `application/problem+json` (RFC 9457).

A body holds `type`, `title`, `status`, `detail`, a stable `code` and, for bad input, `errors`: an entry per fault
with its own `code` and `detail` and either `pointer` (RFC 6901, into the body) or `parameter` (a query parameter
or a header). A crash also has `instance`, which is in the log too.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import JsonResponse
from rest_framework import exceptions

from config.api.faults import Fault
from config.api.parsers import MAX_DEPTH

MEDIA_TYPE = "application/problem+json"

# Every code that an answer can have, with its status and meaning. Codes never change theirs; new ones may come.
CODES: dict[str, tuple[int, str]] = {
    "invalid_query": (400, "Query parameters are unknown, malformed, out of range or repeated; `errors` names each."),
    "invalid_header": (400, "A header that the operation reads is malformed; `errors` names it."),
    "invalid_body": (400, "Members of the body are missing, unknown, wrong or given twice; `errors` names each."),
    "malformed_json": (400, f"The body is empty, cut off, not UTF-8, not JSON or nested deeper than {MAX_DEPTH}."),
    "bad_request": (400, "The request is not HTTP as it should be: its Host, its headers, its form."),
    "not_authenticated": (401, "The operation needs a token, or the session of a user."),
    "invalid_token": (401, "The token is wrong, expired or revoked, or its user may not log in."),
    "permission_denied": (403, "The caller may not do this; `detail` says why."),
    "not_found": (404, "There is nothing at this path."),
    "method_not_allowed": (405, "The path does not take this method; the header Allow lists those that it takes."),
    "not_acceptable": (406, "The header Accept excludes JSON."),
    "precondition_failed": (412, "It is not what If-Match or If-None-Match asks for; `current` is what it is now."),
    "body_too_large": (413, f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20} MiB."),
    "uri_too_long": (414, "The request line is longer than 8,190 bytes."),
    "unsupported_media_type": (415, "The body is not labelled as JSON; Accept-Post or Accept-Patch lists what is."),
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
