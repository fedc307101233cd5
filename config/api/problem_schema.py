"""The errors in the OpenAPI document: their shape, and an answer for each status."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from config.api.errors import CODES, MEDIA_TYPE
from config.api.faults import MAX_FAULTS
from config.api.fields import Schema

# They come from HTTP or from a crash and not from the operation, so each operation lists them together as its default.
PROTOCOL = {405, 406, 414, 417, 431, 500, 501}
STATUSES = sorted({status for status, _ in CODES.values()} - PROTOCOL)
STRING, INTEGER = {"type": "string"}, {"type": "integer", "format": "int32"}
HEADERS = {
    401: {"WWW-Authenticate": (STRING, "How to authenticate (RFC 6750).")},
    405: {"Allow": (STRING, "The methods that this path accepts.")},
    412: {"ETag": (STRING, "The current entity tag.")},
    415: {
        "Accept-Post": (STRING, "The media types that this path accepts in a POST."),
        "Accept-Patch": (STRING, "The media types that this path accepts in a PATCH (RFC 5789)."),
    },
    503: {"Retry-After": (INTEGER, "Seconds to wait before a retry.")},
}
TAGS_EXPECTED = 'Expected * or entity tags such as "6f3a", with quotes, separated by commas.'
ERRORS = {  # an example for each code that has them
    "invalid_query": ("parameter", "complete", "unknown", "Unknown parameter. Did you mean completed?"),
    "invalid_header": ("parameter", "If-Match", "invalid", TAGS_EXPECTED),
    "invalid_body": ("pointer", "/title", "required", "This field is required."),
}


MORE: dict[int, Schema] = {
    412: {"etag": '"6f3a"'},
    500: {"instance": "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e"},
}


def text(description: str, **more: Any) -> Schema:
    return {"type": "string", **more, "description": description}


def closed(description: str, required: str, properties: Schema) -> Schema:
    whole = {"type": "object", "description": description, "properties": properties, "required": required.split()}
    return whole | {"additionalProperties": False}


PROBLEM_ERROR = closed(
    "An error in a request.",
    "code detail",
    {
        "pointer": text("A JSON Pointer (RFC 6901) to the field of the body; empty for the whole body."),
        "parameter": text("The name of the query parameter or request header."),
        "code": text("What is wrong. Codes never change; new ones can be added."),
        "detail": text("What is wrong and what is accepted, for people."),
    },
)


def problem_schema(current: Schema) -> Schema:
    """Of an error whose `current` has this schema."""
    return closed(
        "An error (RFC 9457).",
        "type title status detail code",
        {
            "type": text("A link to the explanation of the code.", format="uri-reference"),
            "title": text("The name of the HTTP status."),
            "status": INTEGER | {"minimum": 400, "maximum": 599, "description": "The HTTP status."},
            "detail": text("What happened, for people."),
            "code": text("What happened. Codes never change; new ones can be added.", examples=list(CODES)),
            "errors": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/ProblemError"},
                "minItems": 1,
                "maxItems": MAX_FAULTS,
                "description": "In a 400: each error in the query string, a header or the body.",
            },
            "etag": text("In a 412: the current entity tag."),
            "current": current | {"description": "In a 412: what a GET answers now, if the client may view it."},
            "instance": text("In a 500: an identifier that is also in the service's log.", format="uri"),
        },
    )


def responses() -> dict[str, Schema]:
    """For components/responses: one for each status that comes from an operation, one for those of the protocol."""
    return {name_of(status): response_of(status) for status in STATUSES} | {"ProtocolError": protocol_response()}


def name_of(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def response_of(status: int) -> Schema:
    codes = {code: meaning for code, (known, meaning) in CODES.items() if known == status}
    description = "\n".join(f"* {linked(code)}: {meaning}" for code, meaning in codes.items())
    return response(description, [status], codes)


def protocol_response() -> Schema:
    codes = {code: (status, meaning) for code, (status, meaning) in CODES.items() if status in PROTOCOL}
    lines = [f"* {status} {linked(code)}: {meaning}" for code, (status, meaning) in codes.items()]
    intro = "Errors that any request can get.\n"
    return response("\n".join([intro, *lines]), sorted(PROTOCOL), codes)


def linked(code: str) -> str:
    """The docs page shows the examples of errors in one place only, to which each code leads."""
    return f"[`{code}`](/docs#error-{code})"


def response(description: str, statuses: Iterable[int], codes: Iterable[str]) -> Schema:
    headers = {
        name: {"description": meaning, "schema": schema}
        for status in statuses
        for name, (schema, meaning) in HEADERS.get(status, {}).items()
    }
    content = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "examples": {code: {"value": example_of(code)} for code in codes},
    }
    return {
        "description": description,
        **({"headers": headers} if headers else {}),
        "content": {MEDIA_TYPE: content},
    }


def example_of(code: str) -> Schema:
    status, meaning = CODES[code]
    example = {
        "type": f"/docs#error-{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": meaning.replace("`", ""),
        "code": code,
    }
    if code in ERRORS:
        place, name, kind, detail = ERRORS[code]
        return example | {"errors": [{place: name, "code": kind, "detail": detail}]}
    return example | MORE.get(status, {})
