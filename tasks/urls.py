"""Each path with and without the trailing slash: a redirect would lose the body of a POST. The document shows one."""

from typing import Any

from django.urls import path, register_converter
from django.urls.converters import IntConverter

from tasks.changes_view import ChangesView
from tasks.views import TaskViewSet


class TaskIdConverter(IntConverter):
    """A 64-bit id without leading zeros. Any other path does not exist."""

    regex = "[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number >= 2**63:
            raise ValueError(value)
        return number


register_converter(TaskIdConverter, "task_id")

LIST: dict[str, Any] = {"get": "list", "post": "create"}
DETAIL: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}

urlpatterns = [
    path("tasks/", TaskViewSet.as_view(LIST), name="task-list"),
    path("tasks", TaskViewSet.as_view(LIST, schema=None)),
    path("tasks/changes", ChangesView.as_view(), name="task-changes"),
    path("tasks/changes/", ChangesView.as_view(schema=None)),
    path("tasks/<task_id:pk>", TaskViewSet.as_view(DETAIL), name="task-detail"),
    path("tasks/<task_id:pk>/", TaskViewSet.as_view(DETAIL, schema=None)),
]
