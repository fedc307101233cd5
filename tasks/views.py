"""The five endpoints."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.reverse import reverse

from config.filters import FilterBackend
from config.parsers import JSONParser, MergePatchParser
from tasks.filters import TaskFilter
from tasks.models import Task
from tasks.serializers import TaskSerializer


@extend_schema(tags=["tasks"])
@extend_schema_view(
    list=extend_schema(operation_id="list_tasks", summary="A page of the tasks, newest first"),
    create=extend_schema(operation_id="create_task", summary="Make a task"),
    retrieve=extend_schema(operation_id="get_task", summary="One task"),
    partial_update=extend_schema(operation_id="update_task", summary="Change the members that are sent, and no others"),
    destroy=extend_schema(operation_id="delete_task", summary="Delete a task"),
)
class TaskViewSet(viewsets.ModelViewSet[Task]):
    """PUT is not offered: it would have to guess what a member that was left out means."""

    queryset = Task.objects.prefetch_related("tags")
    serializer_class = TaskSerializer
    filter_backends = (FilterBackend,)
    filterset_class = TaskFilter
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def get_parsers(self) -> list[Any]:
        patch = self.request is not None and self.request.method == "PATCH"
        return [JSONParser(), MergePatchParser()] if patch else [JSONParser()]

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": reverse("task-detail", (data["id"],), request=self.request)}
