"""The OpenAPI document: what drf-spectacular reads from the code, completed by what holds for every operation."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular import openapi
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from config.accounts.permissions import allows_anonymous
from config.api.fields import BIGINT_MAX, IntegerField, Schema, StrictField
from config.api.problem_schema import FAULT, PROBLEM, name_of, responses
from config.api.views import PublicView

WITH_BODY = (413, 415)
ID = OpenApiParameter("id", IntegerField(min_value=1, max_value=BIGINT_MAX).schema("request"), OpenApiParameter.PATH)
SESSION = (
    "The session of staff who are logged in to the admin. There is nothing to enter here. A write with a session needs"
    " the header `X-CSRFToken` too, which `/docs` sends by itself."
)
IGNORED = {"description": "Set by the server: accepted, so that a task can be sent back, and ignored."}


class TokenExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "config.accounts.tokens.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> Schema:
        text = "A token, made in the admin or by `manage.py create_token`. It may do what its user may."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tasks_...", "description": text}


class FieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "config.api.fields.StrictField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Schema:
        field: StrictField = self.target
        return field.schema(direction)


class AutoSchema(openapi.AutoSchema):
    """Lists every status that an operation can answer."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Schema | None:
        operation: Schema | None = super().get_operation(*args, **kwargs)
        if operation:
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True  # a PATCH that changes nothing is an empty object
            for status in sorted(self._error_statuses(operation)):
                operation["responses"][str(status)] = response_ref(name_of(status))
            operation["responses"]["default"] = response_ref("ProtocolError")
        return operation

    def _error_statuses(self, operation: Schema) -> set[int]:
        statuses = {400, *getattr(self.view, "error_statuses", ())}
        if "requestBody" in operation:
            statuses |= {*WITH_BODY}
        if "{" in self.path:
            statuses |= {404, 412}
        if self.method == "POST":
            statuses.add(422)
        return statuses

    def get_auth(self) -> list[Schema]:
        """Also none, where none is needed: on the pages for everybody, and where `API_ANONYMOUS` lets strangers in."""
        known: list[Schema] = super().get_auth()
        return known if known and not allows_anonymous(self.method) else [*known, {}]

    def get_override_parameters(self) -> list[Any]:
        return [ID] * ("{id}" in self.path)

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        """Not where the field has said all: a text's length does not count the blanks around it."""
        if not isinstance(field, StrictField):
            super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
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
    session = components["securitySchemes"].pop("cookieAuth")  # behind the token, of which the docs page asks first
    components["securitySchemes"]["cookieAuth"] = session | {"description": SESSION}
    components["responses"] = responses()
    return result


def response_ref(name: str) -> Schema:
    return {"$ref": f"#/components/responses/{name}"}


def _link(paths: dict[str, Schema]) -> None:
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


@cache
def rendered_document(anonymous: str) -> bytes:
    """The document as JSON, for this `API_ANONYMOUS`. One rendering serves all requests."""
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiJsonRenderer().render(document, renderer_context={})
    return rendered


@extend_schema(exclude=True)
class DocumentView(PublicView):
    """/openapi.json"""

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(rendered_document(settings.API_ANONYMOUS), content_type="application/json")
