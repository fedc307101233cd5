"""Tasks and tags for staff."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from tasks.admin.actions import TaskActions
from tasks.admin.form import MEMBERS, TaskForm, by_rule
from tasks.admin.history import CHANGED, version_of
from tasks.admin.list import TaskList
from tasks.admin.transfer import TransferPages
from tasks.filters import SEARCH_LENGTH, SearchField
from tasks.models import Task, TaskQuerySet

admin.site.site_header = admin.site.site_title = "Tasks"
admin.site.index_title = "Overview"


@admin.register(Task)
class TaskAdmin(TaskList, TaskActions, TransferPages):
    form = TaskForm
    readonly_fields = ("created_at", "updated_at", "completed_at")
    fields: ClassVar[tuple[str, ...]] = (*MEMBERS, *readonly_fields)
    autocomplete_fields = ("tags",)
    search_fields = ("title", "description")
    search_help_text = 'Words of title and description, all of them. "A phrase", -without and this or that work.'

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        return super().get_queryset(request).prefetch_related("tags")

    def get_fields(self, request: HttpRequest, obj: Task | None = None) -> tuple[str, ...]:
        """A new task has no times yet."""
        return tuple(name for name in self.fields if obj or name not in self.readonly_fields)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Task | None:
        """For a POST as it is under a lock, which holds until the end of the save or delete that follows."""
        task: Task | None = super().get_object(request, object_id, from_field)
        if task is None or request.method != "POST":
            return task
        return self.get_queryset(request).select_for_update().filter(pk=task.pk).first()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        """By the same index as the API's search, and of the same texts: PostgreSQL fails on some others."""
        if not search_term.strip() or not isinstance(queryset, TaskQuerySet):
            return queryset, False
        try:
            text = by_rule(SearchField(max_length=SEARCH_LENGTH), search_term)
        except ValidationError as exc:
            self.message_user(request, f"Nothing was searched for: {exc.messages[0]}", messages.ERROR)
            return queryset.none(), False
        return queryset.search(text), False

    def save_model(self, request: HttpRequest, obj: Task, form: TaskForm, change: bool) -> None:
        """Only what was edited: the form is of the current version, but of its members a browser may send others."""
        columns = [name for name in form.changed_data if name != "tags"]
        obj.save(update_fields=columns if change else None)
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: TaskForm, formsets: Any, change: bool) -> None:
        if "tags" in form.changed_data:
            super().save_related(request, form, formsets, change)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Deletes what the confirmation page showed: when the task changed since, it is shown anew."""
        with transaction.atomic():
            task = self.get_object(request, unquote(object_id))
            version = version_of(task) if task else ""
            if task and request.method == "POST" and request.POST.get("version") != version:
                self.message_user(request, f"Nothing was deleted: {CHANGED} Confirm again.", messages.ERROR)
                return HttpResponseRedirect(request.get_full_path())
            return super().delete_view(request, object_id, {"version": version, **(extra_context or {})})
