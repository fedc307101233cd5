"""Tasks and tags for staff."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower
from django.http import HttpRequest

from tasks.models import DESCRIPTION_LENGTH, Tag, Task, TaskQuerySet

admin.site.site_header = admin.site.site_title = "Tasks"
admin.site.index_title = "Overview"


class DescriptionField(forms.CharField):
    """A text as it was written: browsers send CRLF for each line break, and an empty box for null."""

    widget = forms.Textarea

    def __init__(self) -> None:
        super().__init__(required=False, strip=False, empty_value=None, max_length=DESCRIPTION_LENGTH)

    def clean(self, value: Any) -> str | None:
        text: str | None = super().clean(value.replace("\r\n", "\n") if value else value)
        return text

    def has_changed(self, initial: str | None, data: str | None) -> bool:
        return (initial or "").replace("\r\n", "\n") != (data or "").replace("\r\n", "\n")


class TaskForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generics here at run time
    description = DescriptionField()


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = TaskForm
    fields = ("title", "description", "completed", "due_date", "tags", "created_at", "updated_at", "completed_at")
    readonly_fields = ("created_at", "updated_at", "completed_at")
    autocomplete_fields = ("tags",)
    list_display = ("title", "completed", "due_date", "tag_list", "updated_at")
    list_filter = ("completed", "due_date", "updated_at", ("tags", admin.RelatedOnlyFieldListFilter))
    search_fields = ("title", "description")
    search_help_text = 'Words of title and description, all of them. "A phrase", -without and this or that work.'
    show_full_result_count = False  # the count of all tasks would cost more than the page

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        return super().get_queryset(request).prefetch_related("tags")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        """By the same index as the API's search."""
        if not search_term.strip() or not isinstance(queryset, TaskQuerySet):
            return queryset, False
        return queryset.search(search_term), False

    @admin.display(description="tags")
    def tag_list(self, task: Task) -> str:
        return ", ".join(task.tag_names())

    def save_model(self, request: HttpRequest, obj: Task, form: "forms.ModelForm[Task]", change: bool) -> None:
        """Only what was edited, so that what a client changed meanwhile in other members stays."""
        columns = [name for name in form.changed_data if name != "tags"]
        obj.save(update_fields=columns if change else None)
        obj.refresh_from_db()


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
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
