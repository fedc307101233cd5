"""The five endpoints."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.reverse import reverse

from config.filters import FilterBackend
from config.parsers import JSONParser, MergePatchParser
from config.views import StrictAPIView
from tasks.filters import TaskFilter
from tasks.models import Task
from tasks.serializers import TaskSerializer

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
        description="`title` is all that it takes.",
        parameters=[LOCATION],
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
    retrieve=extend_schema(operation_id="get_task", summary="One task", description="As it is now.", examples=[ANSWER]),
    partial_update=extend_schema(
        operation_id="update_task",
        summary="Change a task",
        description="Changes the members that are sent and no others; `tags` is replaced as a whole."
        " A change that leaves all as it is writes nothing. There is no PUT: it would have to guess what a member"
        " that was left out means.",
        examples=[
            OpenApiExample("done", {"completed": True}, request_only=True),
            OpenApiExample("changed", DONE, response_only=True),
        ],
    ),
    destroy=extend_schema(
        operation_id="delete_task",
        summary="Delete a task",
        description="Its tags stay for other tasks.",
        responses={204: OpenApiResponse(description="The task is gone.")},
    ),
)
class TaskViewSet(viewsets.ModelViewSet[Task], StrictAPIView):  # type: ignore[misc]  # two stubs of one method
    queryset = Task.objects.prefetch_related("tags")
    serializer_class = TaskSerializer
    filter_backends = (FilterBackend,)
    filterset_class = TaskFilter
    http_method_names = ("get", "post", "patch", "delete", "head", "options")
    error_statuses = (403, 503)

    def takes_query(self, request: Request) -> bool:
        return self.action == "list"

    def get_parsers(self) -> list[Any]:
        patch = self.request is not None and self.request.method == "PATCH"
        return [JSONParser(), MergePatchParser()] if patch else [JSONParser()]

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": reverse("task-detail", (data["id"],), request=self.request)}
