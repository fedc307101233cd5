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
HEADERS = {
    503: {"Retry-After": ("integer", "Seconds after which to try again.")},
    412: {"ETag": ("string", "The entity tag now.")},
    401: {"WWW-Authenticate": ("string", "How to say who calls (RFC 6750).")},
    405: {"Allow": ("string", "The methods that this path accepts.")},
    415: {
        "Accept-Post": ("string", "Media types that this path takes in a POST."),
        "Accept-Patch": ("string", "Media types that this path takes in a PATCH (RFC 5789)."),
    },
}
TAGS_WANTED = 'Put * or one or more entity tags by comma, such as "6f3a", quotes included.'
FAULTS = {  # an example of each code that has them
    "invalid_query": ("parameter", "complete", "unknown", "Not a parameter here. Did you mean completed?"),
    "invalid_header": ("parameter", "If-Match", "invalid", TAGS_WANTED),
    "invalid_body": ("pointer", "/title", "required", "This field is required."),
}


def text(description: str, **more: Any) -> Schema:
    return {"type": "string", **more, "description": description}


def closed(description: str, required: str, properties: Schema) -> Schema:
    whole = {"type": "object", "description": description, "properties": properties, "required": required.split()}
    return whole | {"additionalProperties": False}


FAULT = closed(
    "One mistake in a request.",
    "code detail",
    {
        "pointer": text("Where in the body: a JSON Pointer (RFC 6901), empty for the whole."),
        "parameter": text("The query parameter."),
        "code": text("What is wrong; stable."),
        "detail": text("What would be right, for people."),
    },
)
FAULT_LIST = {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}, "minItems": 1, "maxItems": MAX_FAULTS}
PROBLEM = closed(
    "An error (RFC 9457).",
    "type title status detail code",
    {
        "type": text("Where the code is explained.", format="uri-reference"),
        "title": text("The status in words."),
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": text("What happened, for people."),
        "code": text("What happened; stable. New codes may come.", examples=list(CODES)),
        "errors": FAULT_LIST,
        "etag": text("With a 412: the entity tag now."),
        "current": {"type": "object", "description": "With a 412: the representation now, as a GET answers it."},
        "instance": text("Of a crash: names it in the service's log.", format="uri"),
    },
)


def responses() -> dict[str, Schema]:
    """For components/responses: one for each status that comes from an operation, one for those of the protocol."""
    return {name_of(status): response_of(status) for status in STATUSES} | {"ProtocolError": protocol_response()}


def name_of(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def response_of(status: int) -> Schema:
    codes = {code: meaning for code, (known, meaning) in CODES.items() if known == status}
    description = "\n".join(f"* `{code}`: {meaning}" for code, meaning in codes.items())
    return response(description, [status], codes)


def protocol_response() -> Schema:
    codes = {code: (status, meaning) for code, (status, meaning) in CODES.items() if status in PROTOCOL}
    lines = [f"* {status} `{code}`: {meaning}" for code, (status, meaning) in codes.items()]
    intro = "Errors that any request can get. [Error codes](/docs#error-codes) explains each.\n"
    return response("\n".join([intro, *lines]), sorted(PROTOCOL), codes)


def response(description: str, statuses: Iterable[int], codes: Iterable[str]) -> Schema:
    headers = {
        name: {"description": meaning, "schema": {"type": kind}}
        for status in statuses
        for name, (kind, meaning) in HEADERS.get(status, {}).items()
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
        "detail": meaning.partition(";")[0],
        "code": code,
    }
    if code in FAULTS:
        place, name, kind, detail = FAULTS[code]
        return example | {"errors": [{place: name, "code": kind, "detail": detail}]}
    return example | ({"instance": "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e"} if status == 500 else {})
