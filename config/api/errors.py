"""One shape for every error: `application/problem+json` (RFC 9457).

A problem has `type`, `title`, `status`, `detail` and a stable `code`. For invalid input it also has `errors`: a list,
each with its own `code` and `detail`, and with either `pointer` (RFC 6901, into the request body) or `parameter` (a
query parameter or a request header). A crash also has `instance`, which is in the log too.
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

# Every code of an error answer, with its status and meaning. Codes never change theirs; new ones may be added.
CODES: dict[str, tuple[int, str]] = {
    "invalid_query": (400, "A query parameter is unknown, malformed, out of range or repeated; `errors` names each."),
    "invalid_header": (400, "A request header is malformed; `errors` names it."),
    "invalid_body": (400, "A field of the request body is missing, unknown, invalid or repeated; `errors` names each."),
    "malformed_json": (
        400,
        f"The request body is empty, incomplete, not UTF-8, not JSON, or nested deeper than {MAX_DEPTH} levels.",
    ),
    "bad_request": (400, "The request is not valid HTTP; `detail` says what is wrong, for example the Host header."),
    "not_authenticated": (401, "The operation requires a token, or the session of a user."),
    "invalid_token": (401, "The token is wrong, expired or revoked, or its user is inactive."),
    "permission_denied": (403, "The client may not do this; `detail` says why."),
    "not_found": (404, "There is nothing at this path."),
    "method_not_allowed": (405, "The path does not accept this method; the Allow header lists those that it accepts."),
    "not_acceptable": (406, "The Accept header excludes JSON."),
    "start_over": (
        410,
        "What has changed since this point can't be told any more; `detail` says why: start over with a new copy.",
    ),
    "precondition_failed": (412, "If-Match or If-None-Match does not hold; `current` shows the current version."),
    "body_too_large": (413, f"The request body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20} MiB."),
    "uri_too_long": (414, f"The request line is longer than {settings.MAX_LINE_BYTES:,} bytes."),
    "unsupported_media_type": (
        415,
        "The Content-Type of the request body is not JSON; Accept-Post or Accept-Patch lists what is accepted.",
    ),
    "expectation_failed": (417, "The Expect header asks for something other than 100-continue."),
    "idempotency_key_reused": (
        422,
        f"The Idempotency-Key was used with another body within {settings.IDEMPOTENCY_KEY_HOURS} hours: use a new one.",
    ),
    "headers_too_large": (
        431,
        f"A header is longer than {settings.MAX_LINE_BYTES:,} bytes, or there are more than {settings.MAX_HEADERS}.",
    ),
    "internal_error": (500, "The service failed and changed nothing; `instance` names the failure in its log."),
    "transfer_coding_not_implemented": (501, "The request body uses a transfer coding other than chunked."),
    "migrations_missing": (503, "The database lacks migrations of this version: the operator must migrate it."),
    "database_unavailable": (
        503,
        "The database is unavailable, too slow or read-only; retry, a `POST` with the same Idempotency-Key.",
    ),
}
RENAMED = {"parse_error": "malformed_json"}  # DRF's codes


class InvalidRequest(exceptions.APIException):
    """A 400 that names everything that is wrong."""

    status_code = HTTPStatus.BAD_REQUEST

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__()
        self.faults = faults


class InvalidQuery(InvalidRequest):
    default_code = "invalid_query"
    default_detail = "The query string is invalid; see errors."


class InvalidHeader(InvalidRequest):
    default_code = "invalid_header"
    default_detail = "A request header is invalid; see errors."

    def __init__(self, name: str, detail: str) -> None:
        super().__init__([{"parameter": name, "code": "invalid", "detail": detail}])


class PreconditionFailed(exceptions.APIException):
    """A 412 that shows the current version: `current`, the representation, and `etag`, its entity tag.

    `current` is None, and left out, for a client that may not view it.
    """

    status_code = HTTPStatus.PRECONDITION_FAILED
    default_code = "precondition_failed"

    def __init__(self, detail: str, etag: str, current: Mapping[str, Any] | None) -> None:
        super().__init__(detail)
        self.etag, self.current = etag, current


class StartOver(exceptions.APIException):
    """A 410: the changes since a point are unknown."""

    status_code = HTTPStatus.GONE
    default_code = "start_over"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This point can no longer be used: start over with a new copy. {reason}")


class IdempotencyKeyReused(exceptions.APIException):
    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used with another request body: send a new key. Nothing was changed."


class InvalidBody(InvalidRequest):
    default_code = "invalid_body"
    default_detail = "The request body is invalid; see errors."


def problem(  # noqa: PLR0913 - the parts of an error in RFC 9457 and HTTP
    code: str,
    detail: str = "",
    *,
    status: int | None = None,
    errors: list[Fault] | None = None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """An error answer. `code` is one of CODES, which gives the status, or one of DRF's, which needs `status`.

    Without `detail` it has the meaning of the code.
    """
    kind = HTTPStatus(CODES[code][0] if code in CODES else status or HTTPStatus.INTERNAL_SERVER_ERROR)
    body: dict[str, Any] = {
        "type": f"/docs#error-{code}",
        "title": kind.phrase,
        "status": kind,
        "detail": detail or CODES[code][1],
        "code": code,
    }
    body |= ({"errors": errors} if errors else {}) | dict(extra or {})
    answer = JsonResponse(body, status=kind, content_type=MEDIA_TYPE, headers=headers)
    answer["Content-Length"] = str(len(answer.content))  # CommonMiddleware sets it, but some answers don't pass it
    return answer
