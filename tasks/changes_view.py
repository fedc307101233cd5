"""GET /tasks/changes, for clients that keep a copy of the tasks."""

import hashlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from config.api.attribution import guard_of
from config.api.conditions import SCHEMA, Preconditions
from config.api.errors import InvalidQuery, StartOver
from config.api.fields import BIGINT_MAX, BooleanField, IntegerField, Schema, StrictField
from config.api.filters import fields_of
from config.api.parameters import described, invalid, read
from config.api.responses import JSONParts, no_content
from config.api.views import StrictAPIView
from config.postgresql.keyset import DEFAULT_LIMIT
from config.postgresql.snapshots import Point
from tasks.changes import Changes, UnusablePoint, changes
from tasks.filters import TaskFilter, TaskPagination
from tasks.models import Task
from tasks.serializers import EXAMPLE, TaskSerializer

Request = Any  # config.api.views.Request; the stubs of DRF insist on its own
NEXT = "http://127.0.0.1:8000/tasks/changes?after=WzE3XQ&limit=50"


class PointField(StrictField, serializers.Field):  # type: ignore[type-arg]  # accepts any text
    """The text of a point; its value is the Point."""

    def to_internal_value(self, data: str) -> Point:
        try:
            return Point.parse(data)
        except ValueError:
            raise invalid("Expected the value of after in a next link of this operation.") from None

    def schema(self, direction: str) -> Schema:
        return {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}


FIELDS: dict[str, Any] = {
    "after": PointField(
        help_text="The point after which changes are wanted. Copy it from `next`. Without it, the page is empty and"
        " `next` stands at this moment."
    ),
    "limit": TaskPagination.limit,
    "completed": fields_of(TaskFilter)["completed"],
    "tag": fields_of(TaskFilter)["tag"],
}


class TaskChangeSerializer(serializers.Serializer[Any]):
    """A task that was created, updated or deleted."""

    id = IntegerField(min_value=1, max_value=BIGINT_MAX, help_text="The `id` of the task.")
    task = TaskSerializer(
        allow_null=True, help_text="The current task. Null if it was deleted or does not match the filters."
    )


class TaskChangePageSerializer(serializers.Serializer[Any]):
    """A page of changes."""

    results = TaskChangeSerializer(many=True)
    next = serializers.URLField(help_text="The URL to ask next.")
    more = BooleanField(help_text="Whether more changes follow: then ask `next` at once, otherwise later.")


ETAG = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The strong entity tag of the response (RFC 9110).",
    response=[200, 304],
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    SCHEMA,
    OpenApiParameter.HEADER,
    description="Comma-separated entity tags, or `*`. If the response has one of them, it is a 304.",
)


class ChangesView(StrictAPIView):
    queryset = Task.objects.all()
    error_statuses = (401, 403, 410, 503)

    def accepts_query(self, request: Request) -> bool:
        return True

    @extend_schema(
        operation_id="list_changes",
        tags=["tasks"],
        summary="List changes since a point",
        description="For clients that keep a copy. Each task that was created, updated or deleted after the point comes"
        " once: with its current fields, or with null if it was deleted. Follow `next` while `more` is true, then keep"
        " `next` for the next time. No change is missed, also when transactions overlap. With filters, a changed task"
        " that does not match them comes with null too.",
        parameters=[
            *(
                OpenApiParameter(each["name"], each["schema"], description=each["description"])
                for each in described(FIELDS)
            ),
            IF_NONE_MATCH,
            ETAG,
        ],
        responses={
            200: TaskChangePageSerializer,
            304: OpenApiResponse(description="Nothing has changed."),
        },
        examples=[
            OpenApiExample(
                "changes",
                {"results": [{"id": 17, "task": EXAMPLE}, {"id": 18, "task": None}], "next": NEXT, "more": False},
                response_only=True,
                status_codes=[200],
            )
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        values, faults = read(request.query_params, FIELDS)
        if faults:
            raise InvalidQuery(faults)
        conditions = Preconditions.of(request.META)
        after, limit = values.pop("after", None), values.pop("limit", DEFAULT_LIMIT)
        try:
            found = changes(Task, after, limit, values, guard_of(request))
        except UnusablePoint as exc:
            raise StartOver(str(exc)) from exc
        parts = found.parts(next_url(request, found))
        etag = etag_of(parts)
        if conditions.is_known(etag):
            return no_content(304, ETag=etag)
        return JSONParts(parts, headers={"ETag": etag})


def etag_of(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return f'"{digest.hexdigest()}"'


def next_url(request: Request, found: Changes) -> str:
    query = [(name, value) for name, values in request.query_params.lists() for value in values if name != "after"]
    return f"{request.origin}{quote(request.path)}?{urlencode([*query, ('after', found.next.text())])}"
