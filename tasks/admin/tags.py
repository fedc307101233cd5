"""The admin of tags: renaming, merging and deleting, which update the tasks that have them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from config.pages.bounded_list import BoundedPaginator
from config.pages.confirmation import Action, Done, Question, Rows, Selected, count_of
from tasks.admin.actions import LINKS, some
from tasks.admin.base import StaffAdmin
from tasks.admin.filters import ChoiceFilter
from tasks.admin.form import TAG_NAME, by_rule
from tasks.models import TAG_LENGTH, Tag, Task

MOST_COUNTED = 10_000  # tasks of a tag in the list: a full count of a tag on half of all tasks would be slow
MOST_RENAMED = 50_000  # tasks of a tag, which are all updated when it is renamed, in 4 seconds
MOST_MOVED = 10_000  # tasks in one step, which takes 2 seconds and locks their rows
MOST_MERGED = 100


class TagPaginator(BoundedPaginator):
    few = 100_000  # tags are small, and an index has their names


class UnusedFilter(ChoiceFilter):
    title, parameter_name, names = "use", "unused", {"1": "Unused"}

    def condition(self, value: str) -> Any:
        return ~Exists(LINKS.filter(tag=OuterRef("pk")))


class TagForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generics here at run time
    """Its hidden input has the name from when the form was opened."""

    may_merge = False
    name = forms.CharField(max_length=TAG_LENGTH, widget=AdminTextInputWidget, show_hidden_initial=True)

    def clean_name(self) -> str:
        """The instance is the current row, which StaffAdmin.get_object locked until the form is saved or refused."""
        name: str = self.cleaned_data["name"]
        if "name" not in self.changed_data:
            return name
        name = by_rule(TAG_NAME, name)
        if self.instance.pk and self.data.get("initial-name") != self.instance.name:
            raise ValidationError(f"Nothing was saved: someone else renamed this tag to “{self.instance.name}”.")
        same = Tag.objects.spelled(name).exclude(pk=self.instance.pk).first()
        if same:
            raise ValidationError(self._taken(same))
        if self.instance.pk and LINKS.filter(tag=self.instance)[: MOST_RENAMED + 1].count() > MOST_RENAMED:
            raise ValidationError(
                f"More than {MOST_RENAMED:,} tasks have this tag, too many to update at once. Add a tag with the new"
                " name and merge this tag into it: a merge works in steps."
            )
        return name

    def _taken(self, same: Tag) -> str:
        text = f"The tag “{same}” already exists."
        if self.instance.pk is None or not self.may_merge:
            return text
        url = reverse("admin:tasks_tag_merge", args=[self.instance.pk, same.pk])
        return format_html('{} <a href="{}">Merge “{}” into “{}”</a>', text, url, self.instance.name, same)


@admin.register(Tag)
class TagAdmin(StaffAdmin):
    form = TagForm
    list_display = ("name", "task_count")
    list_filter = (UnusedFilter,)
    ordering = ("key",)
    search_fields = ("name",)
    paginator = TagPaginator
    actions = ("merge", "delete_selected")
    weaker_lock = True  # others may give tasks these tags without waiting

    def get_urls(self) -> list[URLPattern]:
        merge = self.admin_site.admin_view(self.merge_view)
        return [path("<int:tag_id>/merge/<int:target_id>/", merge, name="tasks_tag_merge"), *super().get_urls()]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.may_merge = self.has_merge_permission(request)  # Django makes a class for each request
        return form

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        """With a count of tasks up to MOST_COUNTED, by the index and only for the tags that the page shows."""
        counted = f"SELECT FROM tasks_task_tags WHERE tag_id = tasks_tag.id LIMIT {MOST_COUNTED + 1}"
        count = RawSQL(f"(SELECT count(*) FROM ({counted}) AS counted)", ())  # noqa: S608, S611 - of constants
        tags: QuerySet[Tag] = super().get_queryset(request)
        return tags.annotate(task_count=count)

    def save_model(self, request: HttpRequest, obj: Tag, form: TagForm, change: bool) -> None:
        if form.changed_data:  # otherwise the form may have an old name
            super().save_model(request, obj, form, change)

    @admin.display(description="tasks", ordering="task_count")
    def task_count(self, tag: Tag) -> str:
        count: int = tag.task_count  # type: ignore[attr-defined]  # an annotation of get_queryset
        text = f"{count:,}" if count <= MOST_COUNTED else f"more than {MOST_COUNTED:,}"
        listed = reverse("admin:tasks_task_changelist")
        return format_html('<a href="{}?tags__id__exact={}">{}</a>', listed, tag.pk, text)

    def has_merge_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request) and self.has_delete_permission(request)

    @admin.action(permissions=["merge"], description="Merge selected tags")
    def merge(self, request: HttpRequest, queryset: QuerySet[Tag]) -> HttpResponse | None:
        return self._merge(request, queryset)

    def merge_view(self, request: HttpRequest, tag_id: int, target_id: int) -> HttpResponse:
        """As from the list, for a tag that was renamed to the name of another."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        page = self._merge(request, Tag.objects.filter(pk__in=(tag_id, target_id)), target_id)
        return page or HttpResponseRedirect(reverse("admin:tasks_tag_changelist"))

    def _merge(self, request: HttpRequest, tags: QuerySet[Tag], target: int | None = None) -> HttpResponse | None:
        class TargetForm(forms.Form):
            target = forms.ModelChoiceField(
                Tag.objects.filter(pk__in=tags.values("pk")), label="The tag to keep", empty_label=None
            )

        action = Action(merge_question, "merged", move, TargetForm, 2, MOST_MERGED, {"target": target})
        return self.ask_and_do(request, tags, action)

    @admin.action(permissions=["delete"], description="Delete selected tags")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Tag]) -> HttpResponse | None:
        return self.ask_and_do(request, queryset, Action(delete_question, "deleted", move))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As from the list: Django's page would fetch every link of the tag, and could take minutes to delete them."""
        tag = super(StaffAdmin, self).get_object(request, unquote(object_id))
        if not self.has_delete_permission(request, tag):
            raise PermissionDenied
        if tag is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        page = self.delete_selected(request, Tag.objects.filter(pk=tag.pk))
        return page or HttpResponseRedirect(reverse("admin:tasks_tag_changelist"))

    def listed(self, rows: QuerySet[Tag]) -> list[Selected]:
        tags = list(rows)
        counts = dict(LINKS.filter(tag__in=tags).order_by().values_list("tag_id").annotate(Count("pk")))
        return [Selected(tag.pk, tag.name, count_of(counts.get(tag.pk, 0))) for tag in tags]


def merge_question(rows: Rows) -> Question:
    tagged, often = tagged_by(rows)
    result = f"The tag that you keep will have {count_of(tagged)}."
    overlap = f" {some(often, 'has', 'have')} more than one of these tags now." if often else ""
    return question("Merge", rows, f"{result}{overlap}", tagged)


def delete_question(rows: Rows) -> Question:
    tagged, _ = tagged_by(rows)
    note = f"{count_of(tagged)} {'loses' if tagged == 1 else 'lose'} a tag." if tagged else "No task has them."
    return question("Delete", rows, note, tagged)._replace(is_danger=True)


def question(verb: str, rows: Rows, note: str, tagged: int) -> Question:
    what = f"{verb} {count_of(rows, 'tag')}"
    steps = f" The tasks are updated in steps of {MOST_MOVED:,}, and you confirm each." if tagged > MOST_MOVED else ""
    return Question(f"{what}?", what, f"{note}{steps}")


def tagged_by(rows: Rows) -> tuple[int, int]:
    """How many tasks have one of these tags, and how many more than one."""
    tags = LINKS.filter(tag__in=[row.key for row in rows]).order_by().values("task").annotate(tags=Count("pk"))
    counts = tags.aggregate(all=Count("task"), often=Count("task", filter=Q(tags__gt=1)))
    return counts["all"], counts["often"]


def move(keys: list[int], data: dict[str, Any]) -> Done:
    """Replaces these tags by the target, or removes them, on the next MOST_MOVED tasks; then deletes the unused tags.

    Raises IntegrityError if a task was given one of the tags in the meantime.
    """
    target: Tag | None = data.get("target")
    tags = [key for key in keys if not target or key != target.pk]
    links = LINKS.filter(tag_id__in=tags).order_by("task_id")
    tasks = list(links.values_list("task_id", flat=True).distinct()[:MOST_MOVED])
    list(Task.objects.filter(pk__in=tasks).order_by("pk").select_for_update().values_list("pk"))
    LINKS.filter(tag_id__in=tags, task_id__in=tasks).delete()  # first: a task may already have the maximum of tags
    if target:
        LINKS.bulk_create((LINKS.model(task_id=task, tag_id=target.pk) for task in tasks), ignore_conflicts=True)
    retagged = f"{count_of(tasks)} retagged"
    if LINKS.filter(tag_id__in=tags).exists():
        return Done(f"{retagged}.", is_all=False)
    with connection.cursor() as cursor:  # Django would fetch the rows and delete a hundred at a time
        cursor.execute("DELETE FROM tasks_tag WHERE id = ANY (%s)", [tags])
    connection.check_constraints()
    return Done(f"{retagged}; {count_of(tags, 'tag')} {f'merged into “{target}”' if target else 'deleted'}.")
