"""Tags for staff: renamed, merged, deleted, each with the tasks that carry them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from config.pages.bounded_list import BoundedPaginator
from tasks.admin.actions import LINKS
from tasks.admin.base import Action, Done, StaffAdmin, count_of
from tasks.admin.filters import ChoiceFilter
from tasks.admin.form import TAG_NAME, by_rule
from tasks.models import TAG_LENGTH, Tag, Task

MOST_COUNTED = 10_000  # tasks of a tag in the list, where a tag on half of all tasks would cost more than the page
MOST_RENAMED = 50_000  # tasks of a tag, which all change with its name; takes 4 seconds
MOST_MOVED = 10_000  # tasks at a time, which takes 2 seconds; their rows are locked meanwhile
MOST_MERGED = 100


class TagPaginator(BoundedPaginator):
    few = 100_000  # tags are small, and their names are read from the index


class UnusedFilter(ChoiceFilter):
    title, parameter_name, names = "use", "unused", {"1": "Unused"}

    def condition(self, value: str) -> Any:
        return ~Exists(LINKS.filter(tag=OuterRef("pk")))


class TagForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generics here at run time
    """It carries the name that the tag had when it was opened."""

    name = forms.CharField(max_length=TAG_LENGTH, widget=AdminTextInputWidget, show_hidden_initial=True)

    def clean_name(self) -> str:
        """The instance is the row as it is now, locked by TagAdmin.get_object until the form is saved or refused."""
        name: str = self.cleaned_data["name"]
        if "name" not in self.changed_data:
            return name
        name = by_rule(TAG_NAME, name)
        if self.instance.pk is None:
            return name
        if self.data.get("initial-name") != self.instance.name:
            raise ValidationError(f"Nothing was saved: it was renamed meanwhile, to “{self.instance.name}”.")
        if LINKS.filter(tag=self.instance)[: MOST_RENAMED + 1].count() > MOST_RENAMED:
            raise ValidationError(
                f"More than {MOST_RENAMED:,} tasks have this tag, and each would change. Make a tag of the new name,"
                " and merge this one into it: that goes in steps."
            )
        return name


@admin.register(Tag)
class TagAdmin(StaffAdmin):
    form = TagForm
    list_display = ("name", "task_count")
    list_filter = (UnusedFilter,)
    ordering = (Lower("name"),)
    search_fields = ("name",)
    paginator = TagPaginator
    actions = ("merge", "delete_selected")
    weaker_lock = True  # whoever gives a task one of the tags now need not wait
    help = f"Every task that has one of these tags changes with it. More than {MOST_MOVED:,} go in steps."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        """With a count of tasks as far as MOST_COUNTED, by the index and only for the tags that the page shows."""
        counted = f"SELECT FROM tasks_task_tags WHERE tag_id = tasks_tag.id LIMIT {MOST_COUNTED + 1}"
        count = RawSQL(f"(SELECT count(*) FROM ({counted}) AS counted)", ())  # noqa: S608, S611 - of constants
        tags: QuerySet[Tag] = super().get_queryset(request)
        return tags.annotate(task_count=count)

    def save_model(self, request: HttpRequest, obj: Tag, form: TagForm, change: bool) -> None:
        if form.changed_data:  # else the name on the form may be an old one
            super().save_model(request, obj, form, change)

    @admin.display(description="tasks")
    def task_count(self, tag: Tag) -> str:
        count: int = tag.task_count  # type: ignore[attr-defined]  # an annotation of get_queryset
        text = f"{count:,}" if count <= MOST_COUNTED else f"more than {MOST_COUNTED:,}"
        listed = reverse("admin:tasks_task_changelist")
        return format_html('<a href="{}?tags__id__exact={}">{}</a>', listed, tag.pk, text)

    def has_merge_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request) and self.has_delete_permission(request)

    @admin.action(permissions=["merge"], description="Merge selected tags")
    def merge(self, request: HttpRequest, queryset: QuerySet[Tag]) -> HttpResponse | None:
        class TargetForm(forms.Form):
            target = forms.ModelChoiceField(
                Tag.objects.filter(pk__in=queryset.values("pk")), label="The tag that stays", empty_label=None
            )

        action = Action("Merge {}?", "merged", move, TargetForm, 2, MOST_MERGED, "changed")
        return self.ask_and_do(request, queryset, action)

    @admin.action(permissions=["delete"], description="Delete selected tags")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Tag]) -> HttpResponse | None:
        return self.ask_and_do(request, queryset, Action("Delete {}?", "deleted", move, done_to_tasks="changed"))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As from the list: Django's would fetch every link of the tag to ask, and may take minutes to delete them."""
        tag = super(StaffAdmin, self).get_object(request, unquote(object_id))
        if not self.has_delete_permission(request, tag):
            raise PermissionDenied
        if tag is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        page = self.delete_selected(request, Tag.objects.filter(pk=tag.pk))
        return page or HttpResponseRedirect(reverse("admin:tasks_tag_changelist"))

    def named(self, rows: QuerySet[Tag]) -> list[tuple[Any, ...]]:
        tags = list(rows)
        counts = dict(LINKS.filter(tag__in=tags).order_by().values_list("tag_id").annotate(Count("pk")))
        return [(tag.pk, f"{tag}: {count_of(counts.get(tag.pk, 0))}") for tag in tags]


def move(keys: list[int], data: dict[str, Any]) -> Done:
    """Give the next MOST_MOVED tasks of these tags the target, if any, instead; when none is left, delete the tags.

    Raises IntegrityError where one came into use.
    """
    target: Tag | None = data.get("target")
    tags = [key for key in keys if not target or key != target.pk]
    links = LINKS.filter(tag_id__in=tags).order_by("task_id")
    tasks = list(links.values_list("task_id", flat=True).distinct()[:MOST_MOVED])
    list(Task.objects.filter(pk__in=tasks).order_by("pk").select_for_update().values_list("pk"))
    LINKS.filter(tag_id__in=tags, task_id__in=tasks).delete()  # first: a task may have as many tags as it can have
    if target:
        LINKS.bulk_create((LINKS.model(task_id=task, tag_id=target.pk) for task in tasks), ignore_conflicts=True)
    is_all = not LINKS.filter(tag_id__in=tags).exists()
    if is_all:
        with connection.cursor() as cursor:  # Django would fetch them, and delete a hundred at a time
            cursor.execute("DELETE FROM tasks_tag WHERE id = ANY (%s)", [tags])
        connection.check_constraints()
    return Done(len(tasks), is_all)
