"""The actions on many tasks at once: each is counted, confirmed, applied to all or none, and can be undone."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from config.pages.bounded_list import BoundedPaginator
from tasks.admin.base import LISTED, Action, Done, Question, Row, StaffAdmin, count_of
from tasks.admin.form import TAG_NAME, DayInput, by_rule
from tasks.admin.start.figures import tags_of_open
from tasks.admin.transfer import SafeForm, file_of
from tasks.models import TAGS_PER_TASK, Tag, Task
from tasks.transfer.formats import FORMATS

LINKS = Task.tags.through.objects
SUGGESTED = 200  # tags
Write = Callable[[list[int], dict[str, Any]], Done]


class DueDateForm(forms.Form):
    due_date = forms.DateField(required=False, widget=DayInput, help_text="Leave empty to remove the due date.")


class TagNameForm(forms.Form):
    tag = forms.CharField(widget=forms.TextInput({"list": "suggestions", "autocomplete": "off"}))


class NewTagForm(TagNameForm):
    def clean_tag(self) -> str:
        name: str = by_rule(TAG_NAME, self.cleaned_data["tag"])
        return name


class FormatForm(SafeForm):
    field_order = ("file_format",)
    file_format = forms.ChoiceField(label="Format", choices=[(name, name.upper()) for name in FORMATS])


def confirmed(text: str, done: str, permission: str = "change", **question: Any) -> Callable[[Write], Any]:
    """An action of the list with a confirmation page; `question` has further fields of Question."""

    def action_of(write: Write) -> Any:
        @admin.action(permissions=[permission], description=text.format("selected tasks").removesuffix("?"))
        @wraps(write)
        def action(model_admin: StaffAdmin, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
            return model_admin.ask_and_do(request, queryset, Action(text=text, done=done, write=write, **question))

        return action

    return action_of


def is_completed(row: Row) -> bool:
    return bool(row[2])


def is_open(row: Row) -> bool:
    return not row[2]


def frequent_tags(tasks: list[int]) -> list[str]:
    """The names that open tasks use most."""
    return [name for _, name, _ in tags_of_open(timezone.localdate(), SUGGESTED)[2]]


def their_tags(tasks: list[int]) -> list[str]:
    return list(
        Tag.objects.filter(pk__in=LINKS.filter(task__in=tasks).values("tag")).values_list("name", flat=True)[:SUGGESTED]
    )


def done(count: int, before: str, after: str) -> Done:
    if not count:
        return Done("Nothing to update: all of these tasks are like that already.")
    return Done(f"{before}{count_of(count)}{after}")


@confirmed("Complete {}?", "completed", applies=is_open, already="completed")
def complete(tasks: list[int], data: dict[str, Any]) -> Done:
    count = Task.objects.filter(pk__in=tasks, completed=False).update(completed=True)
    return done(count, "", " completed.")


@confirmed("Reopen {}?", "reopened", applies=is_completed, already="open")
def reopen(tasks: list[int], data: dict[str, Any]) -> Done:
    count = Task.objects.filter(pk__in=tasks, completed=True).update(completed=False)
    return done(count, "", " reopened.")


@confirmed("Set the due date of {}?", "updated", form=DueDateForm)
def set_due_date(tasks: list[int], data: dict[str, Any]) -> Done:
    day = data["due_date"]
    count = Task.objects.filter(pk__in=tasks).exclude(due_date=day).update(due_date=day)
    return done(count, "Due date of ", f" set to {day}." if day else " removed.")


@confirmed("Add a tag to {}?", "updated", form=NewTagForm, suggest=frequent_tags)
def add_tag(tasks: list[int], data: dict[str, Any]) -> Done:
    """By name; the tag is created if it doesn't exist, as in the API."""
    links = LINKS.filter(task_id__in=tasks)
    carriers = set(links.filter(tag__in=Tag.objects.spelled(data["tag"])).values_list("task_id", flat=True))
    counts = links.values_list("task_id").annotate(Count("pk")).order_by()
    full = {task for task, count in counts if count >= TAGS_PER_TASK} - carriers
    if full:
        raise ValidationError(f"{count_of(full)} would have more than {TAGS_PER_TASK} tags.")
    (tag,) = Tag.objects.named([data["tag"]])
    added = [LINKS.model(task_id=task, tag_id=tag.pk) for task in tasks if task not in carriers]
    return done(len(LINKS.bulk_create(added)), f"Tag “{tag}” added to ", ".")


@confirmed("Remove a tag from {}?", "updated", form=TagNameForm, suggest=their_tags)
def remove_tag(tasks: list[int], data: dict[str, Any]) -> Done:
    count, _ = LINKS.filter(task_id__in=tasks, tag__in=Tag.objects.spelled(data["tag"])).delete()
    if not count:
        raise ValidationError(f"None of these tasks has the tag “{data['tag']}”.")
    return Done(f"Tag “{data['tag']}” removed from {count_of(count)}.")


@confirmed("Delete {}?", "deleted", "delete", is_dangerous=True)
def delete_selected(tasks: list[int], data: dict[str, Any]) -> Done:
    LINKS.filter(task_id__in=tasks).delete()
    with connection.cursor() as cursor:  # Django would fetch the rows and delete a hundred at a time
        cursor.execute("DELETE FROM tasks_task WHERE id = ANY (%s)", [tasks])
    return Done(f"{count_of(tasks)} deleted.")


@admin.action(permissions=["view"], description="Export selected tasks")
def export_selected(model_admin: StaffAdmin, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponseBase | None:
    """The page that asks for a format, then the file."""
    chosen = BoundedPaginator(queryset, LISTED)
    if chosen.is_cut:
        bounds = f"select at most {chosen.most:,}, or use Export above the list."
        model_admin.refuse(request, f"Nothing was exported: {bounds}")
        return None
    form = FormatForm(request.POST if "post" in request.POST else None)
    if form.is_valid():
        return file_of(**form.cleaned_data, tasks=Task.objects.filter(pk__in=chosen.found))
    return model_admin.ask(request, Question(text="Export {}?"), form, chosen.found)


ACTIONS = (complete, reopen, set_due_date, add_tag, remove_tag, delete_selected, export_selected)
