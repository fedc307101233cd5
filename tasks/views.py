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

from config.accounts.permissions import may_view
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
    "Location", OpenApiTypes.URI, OpenApiParameter.HEADER, description="The URL of the task.", response=[201]
)
ETAG = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The strong entity tag of the task (RFC 9110). Every update changes it.",
    response=[200, 201, 304],
)
REPLAYED = OpenApiParameter(
    "Idempotency-Replayed",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`true` if this repeats the first response to the same `Idempotency-Key`.",
    response=[201],
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description=f"Makes a retry safe: within {settings.IDEMPOTENCY_KEY_HOURS} hours, the same key with the same body"
    " gets the first response again. 1 to 255 visible ASCII characters, for example a UUID.",
)
IF_MATCH, IF_NONE_MATCH = (
    OpenApiParameter(name, SCHEMA, OpenApiParameter.HEADER, description=text)
    for name, text in (
        ("If-Match", "Comma-separated entity tags, or `*`. The request is a 412 unless the task has one of them."),
        (
            "If-None-Match",
            "Comma-separated entity tags, or `*`. If the task has one of them, a read is a 304 and a write a 412.",
        ),
    )
)


@extend_schema(tags=["tasks"])
@extend_schema_view(
    list=extend_schema(
        operation_id="list_tasks",
        summary="List tasks",
        description="One page of the tasks that match all filters, newest first by default. Follow `next` to read all.",
        examples=[ANSWER],
    ),
    create=extend_schema(
        operation_id="create_task",
        summary="Create a task",
        description="Only `title` is required. By default, `completed` is false, `tags` is empty and the other fields"
        " are null.",
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
        description="With `If-None-Match`, an unchanged task is a 304 without a body.",
        parameters=[IF_MATCH, IF_NONE_MATCH, ETAG],
        responses={200: TaskSerializer, 304: OpenApiResponse(description="The task has not changed.")},
        examples=[ANSWER],
    ),
    partial_update=extend_schema(
        operation_id="update_task",
        summary="Update a task",
        description="Updates only the fields in the body; `tags` is replaced as a whole. Send `If-Match` with the"
        " task's `ETag` to be sure that nobody updated it since you read it. An update that changes no value writes"
        " nothing.",
        parameters=[IF_MATCH, IF_NONE_MATCH, ETAG],
        examples=[
            OpenApiExample("done", {"completed": True}, request_only=True),
            OpenApiExample("changed", DONE, response_only=True),
        ],
    ),
    destroy=extend_schema(
        operation_id="delete_task",
        summary="Delete a task",
        description="Deletes the task. Its tags stay.",
        parameters=[IF_MATCH, IF_NONE_MATCH],
        responses={204: OpenApiResponse(description="The task was deleted.")},
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
            current = json.loads(exc.row.json) if may_view(self.request, "tasks.view_task") else None
            detail = Preconditions.of(self.request.META).failure("task", exc.row.etag, is_shown=current is not None)
            exc = PreconditionFailed(detail, exc.row.etag, current)
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
