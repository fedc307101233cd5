"""The five endpoints."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.exceptions import NotFound

from config.api.attribution import guard_of
from config.api.conditions import SCHEMA, Preconditions
from config.api.errors import PreconditionFailed
from config.api.filters import FilterBackend
from config.api.pagination import links_of
from config.api.parsers import JSONParser, MergePatchParser
from config.api.responses import JSONParts, no_content
from config.api.views import StrictAPIView
from config.idempotency.models import KEY_PATTERN, StoredAnswer, caller_of, key_in
from config.postgresql.keyset import Page
from tasks.filters import TaskFilter, TaskPagination
from tasks.models import Task
from tasks.pages import Listed
from tasks.rows import Row, Stale
from tasks.serializers import EXAMPLE, TaskSerializer

Request = Any  # config.api.views.Request; the stubs of DRF insist on its own
Answer = Any  # an HttpResponse; the stubs of DRF insist on its own Response, which would render it again

DONE = EXAMPLE | {"completed": True, "completed_at": "2026-11-30T09:30:00.000000Z"}
ANSWER = OpenApiExample("task", EXAMPLE, response_only=True)
LOCATION = OpenApiParameter(
    "Location", OpenApiTypes.URI, OpenApiParameter.HEADER, description="URL of the task.", response=[201]
)
ETAG = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Strong entity tag (RFC 9110) of the task. It changes with every update.",
    response=[200, 201, 304],
)
REPLAYED = OpenApiParameter(
    "Idempotency-Replayed",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`true` if this is the first answer to the same key, sent again.",
    response=[201],
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description=f"Makes a retry safe: for {settings.IDEMPOTENCY_KEY_HOURS} hours, the same key with the same body gets"
    " the first answer again.",
)
IF_MATCH, IF_NONE_MATCH = (
    OpenApiParameter(name, SCHEMA, OpenApiParameter.HEADER, description=text)
    for name, text in (
        ("If-Match", "Entity tags separated by commas, or `*`: a 412 unless the task has one of them."),
        (
            "If-None-Match",
            "Entity tags separated by commas, or `*`: if the task has one of them, a read is a 304 and a write a 412.",
        ),
    )
)


@extend_schema(tags=["tasks"])
@extend_schema_view(
    list=extend_schema(
        operation_id="list_tasks",
        summary="List tasks",
        description="Newest first, unless `ordering` says otherwise.",
        examples=[ANSWER],
    ),
    create=extend_schema(
        operation_id="create_task",
        summary="Create a task",
        description="Only `title` is required. By default `completed` is false, `tags` is empty, and the rest is null.",
        parameters=[IDEMPOTENCY_KEY, LOCATION, ETAG, REPLAYED],
        examples=[
            OpenApiExample("shortest", {"title": "Buy milk"}, request_only=True),
            OpenApiExample(
                "full",
                {name: EXAMPLE[name] for name in TaskSerializer.shared().writable if EXAMPLE[name]},
                request_only=True,
            ),
            ANSWER,
        ],
    ),
    retrieve=extend_schema(
        operation_id="get_task",
        summary="Get a task",
        description="The current version of the task.",
        parameters=[IF_MATCH, IF_NONE_MATCH, ETAG],
        responses={
            200: TaskSerializer,
            304: OpenApiResponse(description="The task has an entity tag that If-None-Match lists."),
        },
        examples=[ANSWER],
    ),
    partial_update=extend_schema(
        operation_id="update_task",
        summary="Update a task",
        description="Updates only the fields that are sent; `tags` is replaced as a whole. A PATCH that changes nothing"
        " writes nothing. There is no PUT: it would have to guess what a missing field means.",
        parameters=[IF_MATCH, IF_NONE_MATCH, ETAG],
        examples=[
            OpenApiExample("done", {"completed": True}, request_only=True),
            OpenApiExample("changed", DONE, response_only=True),
        ],
    ),
    destroy=extend_schema(
        operation_id="delete_task",
        summary="Delete a task",
        description="Deletes only the task; its tags stay.",
        parameters=[IF_MATCH, IF_NONE_MATCH],
        responses={204: OpenApiResponse(description="The task is deleted.")},
    ),
)
class TaskViewSet(viewsets.ModelViewSet[Task], StrictAPIView):  # type: ignore[misc]  # two stubs of one method
    queryset = Task.objects.all()
    serializer_class = TaskSerializer
    filter_backends = (FilterBackend,)
    filterset_class = TaskFilter
    pagination_class = TaskPagination
    http_method_names = ("get", "post", "patch", "delete", "head", "options")
    parsers_of = {"PATCH": (JSONParser, MergePatchParser)}
    error_statuses = (401, 403, 503)

    def accepts_query(self, request: Request) -> bool:
        return self.action == "list"

    def handle_exception(self, exc: Exception) -> Answer:
        if isinstance(exc, Task.DoesNotExist):
            exc = NotFound("Task not found")
        elif isinstance(exc, Stale):
            detail = Preconditions.of(self.request.META).failure("task", exc.row.etag)
            exc = PreconditionFailed(detail, exc.row.etag, json.loads(exc.row.json))
        return super().handle_exception(exc)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Answer:
        tasks: Any = self.filter_queryset(self.queryset)
        page: Page = request.page
        found: Listed = tasks.page(page, request.filters, guard_of(request))
        ends = [json.loads(row) for row in (*found.rows[:1], *found.rows[-1:])] if page.offset is None else []
        links = links_of(page, f"{request.origin}{quote(request.path)}", request.query_params, ends, more=found.more)
        return JSONParts(found.parts({"count": found.count, "count_is_estimate": found.is_estimate, **links}))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Answer:
        row, conditions = Task.objects.read(kwargs["pk"], guard_of(request)), Preconditions.of(request.META)
        if not conditions.match(row.etag):
            raise Stale(row)
        if conditions.is_known(row.etag):
            return no_content(304, ETag=row.etag)
        return shown(row)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Answer:
        values, guard = self.validated(partial=False), guard_of(request)
        key = key_in(request.META.get("HTTP_IDEMPOTENCY_KEY"))
        if key is None:
            return self.created(Task.objects.insert(values, guard))
        # With a savepoint the task would have another xmin than the transaction, and the trigger would move updated_at.
        with transaction.atomic(savepoint=False):
            stored = StoredAnswer.claim(caller_of(request.user), key, request.data, guard)
            if not stored.status:
                answer = self.created(Task.objects.insert(values))
                stored.keep(answer.status_code, answer.headers, answer.content)
                return answer
        return stored.replay(request.data)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Answer:
        values, conditions = self.validated(partial=True), Preconditions.of(request.META).lists
        return shown(Task.objects.change(kwargs["pk"], values, conditions, guard_of(request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Answer:
        Task.objects.remove(kwargs["pk"], Preconditions.of(request.META).lists, guard_of(request))
        return no_content()

    def validated(self, *, partial: bool) -> Mapping[str, Any]:
        """The request body as values of columns, and `tags`."""
        values: Mapping[str, Any] = TaskSerializer.shared(partial=partial).run_validation(self.request.data)
        return values

    def created(self, row: Row) -> Answer:
        origin = self.request.origin  # type: ignore[attr-defined]  # config.api.views.Request
        return shown(row, 201, Location=f"{origin}/tasks/{row.pk}")


def shown(row: Row, status: int = 200, **headers: str) -> Answer:
    return HttpResponse(row.json, status=status, content_type="application/json", headers={"ETag": row.etag, **headers})
