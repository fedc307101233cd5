"""Tags for staff: renamed, merged, deleted, each with the tasks that carry them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from config.pages.bounded_list import MOST, BoundedChangeList, BoundedPaginator
from tasks.admin.actions import LISTED, count_of, question, tell, version_of_all
from tasks.admin.form import TAG_NAME, by_rule
from tasks.admin.limits import TOO_MANY_TAGS, is_too_many_tags
from tasks.models import Tag, Task

LINKS = Task.tags.through.objects
MOST_COUNTED = 10_000  # tasks of a tag in the list, where a tag on half of all tasks would cost more than the page
MOST_RENAMED = 50_000  # tasks of a tag, which all change with its name; takes 4 seconds
MOST_MOVED = 10_000  # tasks at a time, which takes 2 seconds; their rows are locked meanwhile
MOST_MERGED = 100


class TagPaginator(BoundedPaginator):
    few = 100_000  # tags are small, and their names are read from the index


class UnusedFilter(admin.SimpleListFilter):
    title, parameter_name = "use", "unused"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Unused")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tag]) -> QuerySet[Tag]:
        return queryset.filter(~Exists(LINKS.filter(tag=OuterRef("pk")))) if self.value() else queryset


class TagForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generics here at run time
    """A form of an existing tag carries the name that it had when it was opened."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "name" in self.fields:
            self.fields["name"].show_hidden_initial = True

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


class TargetForm(forms.Form):
    target = forms.ModelChoiceField(Tag.objects.none(), label="The tag that stays", empty_label=None)

    def __init__(self, tags: list[int], *args: Any) -> None:
        super().__init__(*args)
        self.fields["target"].queryset = Tag.objects.filter(pk__in=tags)  # type: ignore[attr-defined]  # a field's


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = TagForm
    list_display = ("name", "task_count")
    list_filter = (UnusedFilter,)
    list_max_show_all = 0
    ordering = (Lower("name"),)
    search_fields = ("name",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = TagPaginator
    actions = ("merge", "delete_selected")

    class Media:
        css = {"all": ("tasks/admin.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return BoundedChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        """With a count of tasks as far as MOST_COUNTED, by the index and only for the tags that the page shows."""
        counted = f"SELECT FROM tasks_task_tags WHERE tag_id = tasks_tag.id LIMIT {MOST_COUNTED + 1}"
        count = RawSQL(f"(SELECT count(*) FROM ({counted}) AS counted)", ())  # noqa: S608, S611 - of constants
        tags: QuerySet[Tag] = super().get_queryset(request)
        return tags.annotate(task_count=count)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Tag | None:
        """For a POST as it is under a lock, which holds until the end of the save that follows."""
        tag: Tag | None = super().get_object(request, object_id, from_field)
        if tag is None or request.method != "POST":
            return tag
        return Tag.objects.select_for_update(no_key=True).filter(pk=tag.pk).first()

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
        return self._ask_and_do(request, queryset, MOST_MERGED, is_merge=True)

    @admin.action(permissions=["delete"], description="Delete selected tags")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Tag]) -> HttpResponse | None:
        return self._ask_and_do(request, queryset, MOST, is_merge=False)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As from the list: Django's would fetch every link of the tag to ask, and may take minutes to delete them."""
        tag = super().get_object(request, unquote(object_id))
        if not self.has_delete_permission(request, tag):
            raise PermissionDenied
        if tag is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        page = self._ask_and_do(request, Tag.objects.filter(pk=tag.pk), MOST, is_merge=False)
        return page or HttpResponseRedirect(reverse("admin:tasks_tag_changelist"))

    def _ask_and_do(
        self, request: HttpRequest, queryset: QuerySet[Tag], most: int, *, is_merge: bool
    ) -> HttpResponse | None:
        """The page that asks; after its yes the next MOST_MOVED tasks change, and it asks again until none is left."""
        chosen = TagPaginator(queryset, LISTED)
        keys = chosen.found
        done = "merged" if is_merge else "deleted"
        if chosen.is_cut or len(keys) > most or (is_merge and len(keys) < 2):
            bounds = f"2 to {most:,}" if is_merge else f"at most {most:,}"
            self.message_user(request, f"Nothing was {done}: select {bounds}.", messages.ERROR)
            return None
        is_answer = "post" in request.POST
        form = TargetForm(keys, request.POST if is_answer else None) if is_merge else forms.Form({})
        if is_answer and form.is_valid() and self._do(request, keys, form.cleaned_data.get("target"), done):
            return None
        rows = state_of(keys)
        context = {
            "title": f"{'Merge' if is_merge else 'Delete'} {count_of(rows, 'tag')}?",
            "form": form,
            "version": version_of_all(rows),
            "names": [f"{name}: {count_of(count)}" for _, name, count in rows[:LISTED]],
            "more": max(0, len(rows) - LISTED),
            "help": f"Every task that has one of these tags changes with it. More than {MOST_MOVED:,} go in steps.",
        }
        return question(self, request, context)

    def _do(self, request: HttpRequest, keys: list[int], target: Tag | None, done: str) -> bool:
        """Whether nothing is left to do."""
        try:
            with transaction.atomic():
                # Not so strong a lock that a task which gets one of the tags now would have to wait.
                list(Tag.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True))
                if request.POST.get("version") != version_of_all(state_of(keys)):
                    message = f"Nothing was {done}: some were changed. Confirm again."
                    self.message_user(request, message, messages.ERROR)
                    return False
                tasks, is_done = move(set(keys) - {target and target.pk}, target)
                left = "" if is_done else " There are more: confirm again to go on."
                tell(self, request, f"{count_of(tasks)} changed.{left}", can_be_undone=bool(tasks))
                return is_done
        except IntegrityError as exc:  # else a task got one of the tags at this very moment
            reason = TOO_MANY_TAGS if is_too_many_tags(exc) else "it came into use. Confirm again."
            self.message_user(request, f"Nothing was {done}: {reason}", messages.ERROR)
            return False


def state_of(keys: list[int]) -> list[tuple[int, str, int]]:
    """Key, name and number of tasks of these tags."""
    counts = dict(LINKS.filter(tag_id__in=keys).order_by().values_list("tag_id").annotate(Count("pk")))
    tags = Tag.objects.filter(pk__in=keys).order_by("pk").values_list("pk", "name")
    return [(pk, name, counts.get(pk, 0)) for pk, name in tags]


def move(tags: set[Any], target: Tag | None) -> tuple[int, bool]:
    """Give the next MOST_MOVED tasks of these tags the target, if any, instead; when none is left, delete the tags.

    Returns how many tasks that were, and whether the tags are gone. Raises IntegrityError where one came into use.
    """
    links = LINKS.filter(tag_id__in=tags).order_by("task_id")
    tasks = list(links.values_list("task_id", flat=True).distinct()[:MOST_MOVED])
    list(Task.objects.filter(pk__in=tasks).order_by("pk").select_for_update().values_list("pk"))
    LINKS.filter(tag_id__in=tags, task_id__in=tasks).delete()  # first: a task may have as many tags as it can have
    if target:
        LINKS.bulk_create((LINKS.model(task_id=task, tag_id=target.pk) for task in tasks), ignore_conflicts=True)
    is_done = not LINKS.filter(tag_id__in=tags).exists()
    if is_done:
        with connection.cursor() as cursor:  # Django would fetch them, and delete a hundred at a time
            cursor.execute("DELETE FROM tasks_tag WHERE id = ANY (%s)", [list(tags)])
        connection.check_constraints()
    return len(tasks), is_done
