"""The admin of tasks: its form, search and pages."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path

from config.pages.confirmation import Selected
from tasks.admin.actions import ACTIONS
from tasks.admin.form import TaskForm, by_rule
from tasks.admin.history import CHANGED, HistoryPages, version_of
from tasks.admin.list import STATES, TaskList
from tasks.admin.transfer import TransferPages
from tasks.filters import SEARCH_LENGTH, SearchField
from tasks.models import Task, Words

admin.site.site_header = admin.site.site_title = "Tasks"
admin.site.index_title = "Overview"


@admin.register(Task)
class TaskAdmin(TaskList, HistoryPages, TransferPages):
    form = TaskForm
    fields = ("title", "description", ("due_date", "priority", "completed"), "tags")
    actions = ACTIONS
    autocomplete_fields = ("tags",)
    search_fields = ("title", "description")
    search_help_text = (
        "Finds tasks with all of these words, or beginnings of words, in the title or description, and the task with"
        ' this number. "A phrase", -without and this or that work too.'
    )

    # The route of each page, and the permission that it requires.
    pages: ClassVar[dict[str, tuple[str, str]]] = {
        "import": ("import/", "add"),
        "import_preview": ("import/preview/", "add"),
        "import_bad": ("import/bad/", "add"),
        "import_sample": ("import/sample/", "add"),
        "export": ("export/", "view"),
        "export_download": ("export/<str:file_format>/", "view"),
        "undo": ("undo/<int:change_id>/", "change"),
        "state": ("<int:task_id>/state/", "change"),
        "restore": ("<int:task_id>/history/<int:change_id>/restore/", "change"),
        "restore_deleted": ("<int:task_id>/restore/", "restore"),
    }

    def get_urls(self) -> list[URLPattern]:
        urls = [
            path(route, self.admin_site.admin_view(self._view(name, permission)), name=f"tasks_task_{name}")
            for name, (route, permission) in self.pages.items()
        ]
        return [*urls, *super().get_urls()]

    def _view(self, name: str, permission: str) -> Any:
        def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not getattr(self, f"has_{permission}_permission")(request):
                raise PermissionDenied
            answer: HttpResponseBase = getattr(self, f"{name}_view")(request, **kwargs)
            return answer

        return view

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        return super().get_queryset(request).prefetch_related("tags")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The heading is the title of the task."""
        if context["original"]:
            context |= {"title": context["original"].title, "subtitle": None}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        """By the API's index and rules, and by the number of a task."""
        if not search_term.strip():
            return queryset, False
        try:
            text = by_rule(SearchField(max_length=SEARCH_LENGTH), search_term)
        except ValidationError as exc:
            self.refuse(request, f"Nothing was searched for: {exc.messages[0]}")
            return queryset.none(), False
        number = text.strip().removeprefix("#")
        by_number = Q(pk=number) if number.isdecimal() else Q()
        return queryset.filter(Q(search=Words(text)) | by_number), False

    def save_model(self, request: HttpRequest, obj: Task, form: TaskForm, change: bool) -> None:
        """Writes only what was edited: a browser may send old values of the other fields."""
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        obj.pk = (Task.objects.change(obj.pk, values) if change else Task.objects.insert(values)).pk
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: TaskForm, formsets: Any, change: bool) -> None:
        """Does nothing: save_model has saved the tags."""

    def listed(self, rows: QuerySet[Task]) -> list[Selected]:
        columns = rows.values_list("pk", "title", "due_date", "updated_at", "completed")
        return [
            Selected(pk, title, f"due {due}" if due else "", updated, STATES[completed])
            for pk, title, due, updated, completed in columns
        ]

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Deletes only the version that the confirmation page showed; otherwise the page asks again."""
        with transaction.atomic():
            task = self.get_object(request, unquote(object_id))
            version = version_of(task) if task else ""
            if task and request.method == "POST" and request.POST.get("version") != version:
                self.refuse(request, f"Nothing was deleted: {CHANGED} Confirm again.")
                return HttpResponseRedirect(request.get_full_path())
            shown = {"version": version, "title": f"Delete “{task}”?", "subtitle": None}
            return super().delete_view(request, object_id, shown | (extra_context or {}))
