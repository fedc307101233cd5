"""Tasks and tags for staff."""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from tasks import admin_changes
from tasks.admin_form import TaskForm
from tasks.admin_history import CHANGED, HistoryPages, version_of
from tasks.filters import SEARCH_LENGTH, SearchField
from tasks.models import Tag, Task, TaskQuerySet

__all__ = ["TagAdmin", "TaskAdmin", "admin_changes"]

admin.site.site_header = admin.site.site_title = "Tasks"
admin.site.index_title = "Overview"

MOST_DELETED = 5000  # at a time, which takes seconds


@admin.register(Task)
class TaskAdmin(HistoryPages):
    form = TaskForm
    fields = ("title", "description", "completed", "due_date", "tags", "created_at", "updated_at", "completed_at")
    readonly_fields = ("created_at", "updated_at", "completed_at")
    autocomplete_fields = ("tags",)
    list_display = ("title", "completed", "due_date", "tag_list", "updated_at")
    list_filter = ("completed", "due_date", "updated_at", ("tags", admin.RelatedOnlyFieldListFilter))
    search_fields = ("title", "description")
    search_help_text = 'Words of title and description, all of them. "A phrase", -without and this or that work.'
    show_full_result_count = False  # the count of all tasks would cost more than the page
    actions = ("delete_selected",)

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
            text = SearchField(max_length=SEARCH_LENGTH).parse(search_term)
        except ValidationError as exc:
            self.message_user(request, f"Nothing was searched for: {exc.message}", messages.ERROR)
            return queryset.none(), False
        return queryset.search(text), False

    @admin.display(description="tags")
    def tag_list(self, task: Task) -> str:
        return ", ".join(task.tag_names())

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

    @admin.action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Task]) -> TemplateResponse | None:
        """Django's own action, which deletes what its confirmation page showed, and nothing that changed since."""
        with transaction.atomic():
            chosen = Task.objects.filter(pk__in=queryset.values("pk")).order_by("pk")
            tasks = list(chosen.select_for_update()[: MOST_DELETED + 1])
            if len(tasks) > MOST_DELETED:
                self.message_user(request, f"Nothing was deleted: select at most {MOST_DELETED:,}.", messages.ERROR)
                return None
            version = version_of_all(tasks)
            if "post" in request.POST and request.POST.get("version") != version:
                self.message_user(request, "Nothing was deleted: some were changed. Confirm again.", messages.ERROR)
                unconfirmed = request.POST.copy()
                del unconfirmed["post"]
                request.POST = unconfirmed  # type: ignore[assignment]
            shown = self.get_queryset(request).filter(pk__in=[task.pk for task in tasks])  # and none that came since
            page: TemplateResponse | None = delete_selected(self, request, shown)
        if page:
            across = request.POST.get("select_across") == "1"
            page.context_data = {**(page.context_data or {}), "version": version, "across": across}
        return page


def version_of_all(tasks: Iterable[Task]) -> str:
    versions = " ".join(f"{task.pk}@{version_of(task)}" for task in tasks)
    return hashlib.sha256(versions.encode()).hexdigest()


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django has no generics here at run time
    list_display = ("name", "task_count")
    ordering = (Lower("name"),)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        """With a count of tasks, by the index and only for the tags that the page shows."""
        tags: QuerySet[Tag] = super().get_queryset(request)
        uses = Task.tags.through.objects.filter(tag=OuterRef("pk")).order_by().values("tag")
        counts = uses.annotate(count=Count("pk")).values("count")  # type: ignore[misc]  # the plugin misses values()
        return tags.annotate(task_count=Coalesce(Subquery(counts), 0))

    @admin.display(description="tasks", ordering="task_count")
    def task_count(self, tag: Tag) -> int:
        return tag.task_count  # type: ignore[attr-defined, no-any-return]  # an annotation of get_queryset
