"""The OpenAPI document: what drf-spectacular reads from the code, completed by what holds for every operation."""

from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular import openapi
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiFilterExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from config.accounts.permissions import allows_anonymous
from config.api import errors
from config.api.fields import BLANK, DATE_SCHEMA, CharField
from config.api.pagination import BIGINT_MAX
from config.api.views import StrictAPIView

Document = dict[str, Any]

# What can go wrong with any request, before or behind the view.
ALWAYS = (400, 406, 414, 417, 431, 500, 501)
WITH_BODY = (413, 415)
HEADERS = {
    "Retry-After": ({503}, "integer", "Seconds after which to try again."),
    "ETag": ({412}, "string", "The entity tag now."),
    "WWW-Authenticate": ({401}, "string", "How to say who calls (RFC 6750)."),
    "Accept-Post": ({415}, "string", "Media types that this path takes in a POST."),
    "Accept-Patch": ({415}, "string", "Media types that this path takes in a PATCH (RFC 5789)."),
}
EXTRA_EXAMPLES: dict[str, Document] = {
    "invalid_query": {
        "errors": [
            {"parameter": "complete", "code": "unknown", "detail": "Not a parameter here. Did you mean completed?"}
        ]
    },
    "invalid_header": {
        "errors": [
            {
                "parameter": "If-Match",
                "code": "invalid",
                "detail": 'Put * or one or more entity tags by comma, such as "6f3a", quotes included.',
            }
        ]
    },
    "invalid_body": {"errors": [{"pointer": "/title", "code": "required", "detail": "This field is required."}]},
    "internal_error": {"instance": "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e"},
}
# That it can be left out also keeps openapi-python-client's issue 1451 (a required body of two media types) away.
CSRF_TOKEN = OpenApiParameter(
    "X-CSRFToken",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="With a session only, which can't write without it. `/docs` sends it by itself; a token needs none.",
)
SESSION = "The session of a member of staff: whoever is logged in to the admin has it, with nothing to put here."
NO_NUL = r"^[^\u0000]*$"
IGNORED = {"description": "Set by the server: accepted, so that a task can be sent back, and ignored."}
TEXT = {"type": "string"}
FAULT = {
    "type": "object",
    "description": "One mistake in a request.",
    "properties": {
        "pointer": TEXT | {"description": "Where in the body: a JSON Pointer (RFC 6901), empty for the whole."},
        "parameter": TEXT | {"description": "The query parameter."},
        "code": TEXT | {"description": "What is wrong; stable."},
        "detail": TEXT | {"description": "What would be right, for people."},
    },
    "required": ["code", "detail"],
    "additionalProperties": False,
}
PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "properties": {
        "type": TEXT | {"format": "uri-reference", "description": "Where the code is explained."},
        "title": TEXT | {"description": "The status in words."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": TEXT | {"description": "What happened, for people."},
        "code": TEXT | {"examples": list(errors.CODES), "description": "What happened; stable. New codes may come."},
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Fault"},
            "minItems": 1,
            "maxItems": errors.MAX_FAULTS,
        },
        "etag": TEXT | {"description": "With a 412: the entity tag now."},
        "current": {"type": "object", "description": "With a 412: the representation now, as a GET answers it."},
        "instance": TEXT | {"format": "uri", "description": "Of a crash: names it in the service's log."},
    },
    "required": ["type", "title", "status", "detail", "code"],
    "additionalProperties": False,
}


class FilterExtension(OpenApiFilterExtension):  # type: ignore[no-untyped-call]
    """The query parameters, as their fields describe themselves."""

    target_class = "config.api.filters.FilterBackend"
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[Document]:
        return [
            {"name": name, "in": "query", "description": one.extra["help_text"], "schema": one.field.schema}
            for name, one in auto_schema.view.filterset_class.base_filters.items()
        ]


class TokenExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "config.accounts.tokens.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> Document:
        text = "A token, made in the admin or by `manage.py create_token`. It may do what its user may."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tasks_...", "description": text}


class CharFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """In a request, blanks around a text do not count and NUL is refused; an answer holds what is left."""

    target_class = "config.api.fields.CharField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Document:
        field, text = self.target, {"type": "string"}
        if direction == "response" or not field.trim_whitespace:
            return text | {"maxLength": field.max_length} | ({} if direction == "response" else {"pattern": NO_NUL})
        edge = rf"[^{BLANK}\u0000]"
        inside = rf"{edge}([^\u0000]{{0,{field.max_length - 2}}}{edge})?"
        return text | {"minLength": 1, "pattern": f"^[{BLANK}]*{inside}[{BLANK}]*$"}


class DateFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "config.api.fields.DateField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Document:
        return DATE_SCHEMA


class NamesFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "config.api.fields.NamesField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Document:
        items = auto_schema._map_serializer_field(self.target.child, direction)  # noqa: SLF001 - as its own fields do
        return {"type": "array", "items": items, "maxItems": self.target.max_length, "uniqueItems": True}


class AutoSchema(openapi.AutoSchema):
    """Lists every status that an operation can answer."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Document | None:
        operation: Document | None = super().get_operation(*args, **kwargs)
        if operation:
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True  # a PATCH that changes nothing is an empty object
            for status in sorted(self._error_statuses(operation)):
                operation["responses"][str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
        return operation

    def _error_statuses(self, operation: Document) -> set[int]:
        statuses = {*ALWAYS, *getattr(self.view, "error_statuses", ())}
        if "requestBody" in operation:
            statuses |= {*WITH_BODY}
        if "{" in self.path:
            statuses |= {404, 412}
        if self.method == "POST":
            statuses.add(422)
        return statuses

    def get_auth(self) -> list[Document]:
        """Also none, where none is needed: on the pages for everybody, and where `API_ANONYMOUS` lets strangers in."""
        known: list[Document] = super().get_auth()
        return known if known and not allows_anonymous(self.method) else [*known, {}]

    def get_override_parameters(self) -> list[Any]:
        return [] if self.method in SAFE_METHODS else [CSRF_TOKEN]

    def _insert_field_validators(self, field: Any, schema: Document) -> None:
        if not isinstance(field, CharField):  # CharFieldExtension has said it all
            super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]

    def _resolve_path_parameters(self, variables: list[str]) -> list[Document]:
        schema = {"type": "integer", "format": "int64", "minimum": 1, "maximum": BIGINT_MAX}
        return [{"name": name, "in": "path", "required": True, "schema": schema} for name in variables]


def complete(result: Document, generator: Any, request: Any, public: bool) -> Document:
    """drf-spectacular's POSTPROCESSING_HOOKS: the shared parts, and schemas that say what is always there."""
    first = result["tags"][0]["name"]
    result["paths"] = dict(sorted(result["paths"].items(), key=lambda item: not item[0].startswith(f"/{first}")))
    _link(result["paths"])
    components = result["components"]
    schemas = components["schemas"]
    for name, schema in schemas.items():
        schema["additionalProperties"] = False
        answer = schemas.get(name.removeprefix("Patched").removesuffix("Request"), schema)["properties"]
        if name.endswith("Request"):
            schema["properties"] |= {member: IGNORED for member in answer if member not in schema["properties"]}
        else:
            schema["required"] = list(answer)  # an answer leaves nothing out
        for member in schema["properties"].values():
            member.pop("default", None)  # generated clients send what it says, even in a PATCH of another member
    schemas |= {"Fault": FAULT, "Problem": PROBLEM}
    statuses = sorted({status for status, _ in errors.CODES.values()} - {405})
    session = components["securitySchemes"].pop("cookieAuth")  # behind the token, of which the docs page asks first
    components["securitySchemes"]["cookieAuth"] = session | {"description": SESSION}
    components["responses"] = {_name(status): _response(status) for status in statuses}
    return result


def _link(paths: dict[str, Document]) -> None:
    """What was made is where it can be read, changed and deleted: the answer 201 leads to the operations on one."""
    for path, operations in paths.items():
        for one in (one for one in paths if one.startswith(f"{path}{{")):
            operations["post"]["responses"]["201"]["links"] = {
                operation["operationId"]: {
                    "operationId": operation["operationId"],
                    "parameters": {
                        each["name"]: f"$response.body#/{each['name']}"
                        for each in operation["parameters"]
                        if each["in"] == "path"
                    },
                }
                for operation in paths[one].values()
            }


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def _response(status: int) -> Document:
    codes = {code: meaning for code, (known, meaning) in errors.CODES.items() if known == status}
    headers = {
        name: {"description": description, "schema": {"type": kind}}
        for name, (statuses, kind, description) in HEADERS.items()
        if status in statuses
    }
    content = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "examples": {code: {"value": _example(code)} for code in codes},
    }
    return {
        "description": "\n".join(f"* `{code}`: {meaning}" for code, meaning in codes.items()),
        **({"headers": headers} if headers else {}),
        "content": {errors.MEDIA_TYPE: content},
    }


def _example(code: str) -> Document:
    status, meaning = errors.CODES[code]
    example = {
        "type": f"/docs#error-{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": meaning.partition(";")[0],
        "code": code,
    }
    return example | EXTRA_EXAMPLES.get(code, {})


@cache
def rendered_document(anonymous: str) -> bytes:
    """The document as JSON, for this `API_ANONYMOUS`. One rendering serves all requests."""
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiJsonRenderer().render(document, renderer_context={})
    return rendered


@extend_schema(exclude=True)
class DocumentView(StrictAPIView):
    """/openapi.json"""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(rendered_document(settings.API_ANONYMOUS), content_type="application/json")
