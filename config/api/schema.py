"""The OpenAPI document: what drf-spectacular reads from the code, completed by what holds for every operation."""

from functools import cache
from http import HTTPStatus
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
from config.api.pagination import Pagination
from config.api.problem_schema import PROBLEM_ERROR, name_of, problem_schema, responses
from config.api.views import PublicView

WITH_BODY = (413, 415)
ID = OpenApiParameter(
    "id",
    IntegerField(min_value=1, max_value=BIGINT_MAX).schema("request"),
    OpenApiParameter.PATH,
    description="The `id` that the service gave it.",
)
SESSION = (
    "The session of staff who are logged in to the admin. There is nothing to enter here. A write with a session needs"
    " the header `X-CSRFToken` too, which `/docs` sends by itself."
)
RESULTS = {"maxItems": Pagination.limit.max_value, "description": "The results on this page."}
REQUEST = (
    "The fields that a client can set. The read-only fields {} are accepted and ignored, so a client can read, edit and"
    " send back the same object. Any other field is an error."
)


class TokenExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "config.accounts.tokens.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> Schema:
        text = "A token, created in the admin or by `manage.py create_token`. It has the permissions of its user."
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
            for status, response in operation["responses"].items():
                response["description"] = response["description"] or HTTPStatus(int(status)).phrase
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
        """Includes {}, which means no credentials, for public views and for what `API_ANONYMOUS` allows."""
        known: list[Schema] = super().get_auth()
        return known if known and not allows_anonymous(self.method) else [*known, {}]

    def get_override_parameters(self) -> list[Any]:
        return [ID] * ("{id}" in self.path)

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Page"

    def _get_serializer_name(self, serializer: Any, direction: str, bypass_extensions: bool = False) -> str:  # noqa: FBT002 - its signature
        """TaskCreate and TaskUpdate instead of TaskRequest and PatchedTaskRequest: they are names in client code."""
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        one = name.removeprefix("Patched").removesuffix("Request")
        return name if one == name else f"{one}{'Update' if name.startswith('Patched') else 'Create'}"

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        """A StrictField has said all in its schema: the maximum of an int64 would come back here."""
        if not isinstance(field, StrictField):
            super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """drf-spectacular's POSTPROCESSING_HOOKS: adds the shared parts and completes the schemas."""
    first = result["tags"][0]["name"]
    result["paths"] = dict(sorted(result["paths"].items(), key=lambda item: not item[0].startswith(f"/{first}")))
    _link(result["paths"])
    components = result["components"]
    schemas = components["schemas"]
    for name, schema in schemas.items():
        _close(schema, schemas.get(name.removesuffix("Create").removesuffix("Update"), schema))
    schemas |= {"Problem": problem_schema(_representation(result["paths"])), "ProblemError": PROBLEM_ERROR}
    session = components["securitySchemes"].pop("cookieAuth")  # the docs page asks for the token first
    components["securitySchemes"]["cookieAuth"] = session | {"description": SESSION}
    components["responses"] = responses()
    return result


def _close(schema: Schema, answer: Schema) -> None:
    """Say which fields there are, and no others. `answer` is the schema of the response that a request belongs to."""
    for field in schema["properties"].values():
        field.pop("default", None)  # generated clients would send it, even in a PATCH of another field
        field.pop("readOnly", None)  # requests have schemas of their own; generators would double the others for it
    if schema is answer:
        schema |= {"required": list(schema["properties"]), "additionalProperties": False}
        if "results" in schema["properties"]:
            schema["properties"]["results"] |= RESULTS
        return
    # Names and no properties: an agent's tool would ask for them, and its PATCH would have two arguments named id.
    schema["propertyNames"] = {"enum": list(answer["properties"])}
    ignored = [f"`{name}`" for name in answer["properties"] if name not in schema["properties"]]
    schema["description"] = REQUEST.format(", ".join(ignored))


def _representation(paths: dict[str, Schema]) -> Schema:
    """The schema of the resource that has an entity tag: a 412 shows it as `current`."""
    [answer] = [operations["get"]["responses"]["200"] for path, operations in paths.items() if "{id}" in path]
    schema: Schema = answer["content"]["application/json"]["schema"]
    return schema


def response_ref(name: str) -> Schema:
    return {"$ref": f"#/components/responses/{name}"}


def _link(paths: dict[str, Schema]) -> None:
    """The 201 of a list links to the operations on what was created: they accept its `id`."""
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
