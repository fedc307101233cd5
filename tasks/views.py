"""The five endpoints."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from config.api.attribution import actor_of, request_id
from config.api.conditions import SCHEMA, Preconditions
from config.api.errors import PreconditionFailed
from config.api.filters import FilterBackend
from config.api.parsers import JSONParser, MergePatchParser
from config.api.views import StrictAPIView
from config.idempotency.models import KEY_PATTERN, StoredAnswer, caller_of, key_in
from tasks.filters import TaskFilter
from tasks.history.models import attribute_changes
from tasks.models import Stale, Task
from tasks.pagination import TaskPagination
from tasks.serializers import TaskSerializer

Answer = Any  # an HttpResponse; the stubs of DRF insist on its own Response, which is rendered too late to be kept

EXAMPLE = {
    "id": 17,
    "title": "Pay rent",
    "description": None,
    "completed": False,
    "completed_at": None,
    "due_date": "2026-12-01",
    "tags": ["home", "money"],
    "created_at": "2026-11-22T16:00:00.000000Z",
    "updated_at": "2026-11-22T16:00:00.000000Z",
}
DONE = EXAMPLE | {"completed": True, "completed_at": "2026-11-30T09:30:00.000000Z"}
ANSWER = OpenApiExample("task", EXAMPLE, response_only=True)
LOCATION = OpenApiParameter(
    "Location", OpenApiTypes.URI, OpenApiParameter.HEADER, description="The address of the task.", response=[201]
)
ETAG = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Its strong entity tag (RFC 9110), which changes with every change.",
    response=[200, 201, 304],
)
REPLAYED = OpenApiParameter(
    "Idempotency-Replayed",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`true` where this is the first answer to this key, again.",
    response=[201],
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description="Makes a retry safe: the same key with the same body gets the first answer again, for 24 hours.",
)
IF_MATCH, IF_NONE_MATCH = (
    OpenApiParameter(name, SCHEMA, OpenApiParameter.HEADER, description=text)
    for name, text in (
        ("If-Match", "Entity tags by comma, or `*`: a 412 unless the task has one of them."),
        (
            "If-None-Match",
            "Entity tags by comma, or `*`: where the task has one, a read is a 304 and a write a 412.",
        ),
    )
)


@extend_schema(tags=["tasks"])
@extend_schema_view(
    list=extend_schema(
        operation_id="list_tasks",
        summary="A page of the tasks",
        description="Newest first, unless `ordering` says otherwise. `count` is of all pages.",
        examples=[ANSWER],
    ),
    create=extend_schema(
        operation_id="create_task",
        summary="Make a task",
        description="`title` is all that it takes. Of what is left out, `description` and `due_date` become null,"
        " `completed` false and `tags` empty.",
        parameters=[IDEMPOTENCY_KEY, LOCATION, ETAG, REPLAYED],
        examples=[
            OpenApiExample("shortest", {"title": "Buy milk"}, request_only=True),
            OpenApiExample(
                "full",
                {"title": "Pay rent", "due_date": "2026-12-01", "tags": ["home", "money"]},
                request_only=True,
            ),
            ANSWER,
        ],
    ),
    retrieve=extend_schema(
        operation_id="get_task",
        summary="One task",
        description="As it is now.",
        parameters=[IF_MATCH, IF_NONE_MATCH, ETAG],
        responses={200: TaskSerializer, 304: OpenApiResponse(description="It is the one that If-None-Match lists.")},
        examples=[ANSWER],
    ),
    partial_update=extend_schema(
        operation_id="update_task",
        summary="Change a task",
        description="Changes the members that are sent and no others; `tags` is replaced as a whole."
        " A change that leaves all as it is writes nothing. There is no PUT: it would have to guess what a member"
        " that was left out means.",
        parameters=[IF_MATCH, IF_NONE_MATCH, ETAG],
        examples=[
            OpenApiExample("done", {"completed": True}, request_only=True),
            OpenApiExample("changed", DONE, response_only=True),
        ],
    ),
    destroy=extend_schema(
        operation_id="delete_task",
        summary="Delete a task",
        description="Its tags stay for other tasks.",
        parameters=[IF_MATCH, IF_NONE_MATCH],
        responses={204: OpenApiResponse(description="The task is gone.")},
    ),
)
class TaskViewSet(viewsets.ModelViewSet[Task], StrictAPIView):  # type: ignore[misc]  # two stubs of one method
    queryset = Task.objects.prefetch_related("tags")
    serializer_class = TaskSerializer
    filter_backends = (FilterBackend,)
    filterset_class = TaskFilter
    pagination_class = TaskPagination
    http_method_names = ("get", "post", "patch", "delete", "head", "options")
    error_statuses = (401, 403, 503)

    def takes_query(self, request: Request) -> bool:
        return self.action == "list"

    def get_parsers(self) -> list[Any]:
        patch = self.request is not None and self.request.method == "PATCH"
        return [JSONParser(), MergePatchParser()] if patch else [JSONParser()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in SAFE_METHODS:
            attribute_changes(actor_of(request), request_id(request))

    def handle_exception(self, exc: Exception) -> Answer:
        if isinstance(exc, Stale):
            exc = PreconditionFailed(exc.task.etag, self.get_serializer(exc.task).data)
        return super().handle_exception(exc)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Answer:
        task, conditions = self.get_object(), Preconditions.of(request.headers)
        if not conditions.match(task.etag):
            raise Stale(task)
        if conditions.is_known(task.etag):
            return Response(status=304, headers={"ETag": task.etag})
        return self.answer(task)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Answer:
        values = self.validated(partial=False)
        key = key_in(request.headers.get("Idempotency-Key"))
        with transaction.atomic():
            stored = StoredAnswer.claim(caller_of(request.user), key, request.data) if key else None
            if stored and stored.status:
                return stored.replay()
            task = Task.objects.create_with_tags(**values)
            answer = self.answer(task, 201, {"Location": reverse("task-detail", (task.pk,), request=request)})
            if stored:
                stored.keep(answer.status_code, answer.headers, answer.content)
        return answer

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Answer:
        values = self.validated(partial=True)
        tags = values.pop("tags", None)
        return self.answer(Task.change(kwargs["pk"], values, tags, Preconditions.of(request.headers).allow))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Answer:
        Task.remove(kwargs["pk"], Preconditions.of(request.headers).allow)
        return Response(status=204)

    def validated(self, *, partial: bool) -> dict[str, Any]:
        """The body as values of columns, and `tags`."""
        serializer = self.get_serializer(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def answer(self, task: Task, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> Answer:
        """The task as bytes, which is what a replay repeats."""
        content = JSONRenderer().render(self.get_serializer(task).data)
        return HttpResponse(
            content, status=status, content_type="application/json", headers={"ETag": task.etag, **headers}
        )
