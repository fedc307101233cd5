"""The actions on many tasks at once: each is counted, confirmed, applied to all or none, and can be undone."""

from collections.abc import Callable
from functools import wraps
from operator import itemgetter
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from config.pages.bounded_list import BoundedPaginator
from config.pages.confirmation import LISTED, Action, Ask, Done, Question, Rows, count_of
from tasks.admin.base import StaffAdmin
from tasks.admin.form import TAG_NAME, DayInput, by_rule
from tasks.admin.list import STATES
from tasks.admin.transfer import SafeForm, file_of
from tasks.models import TAGS_PER_TASK, Tag, Task
from tasks.transfer.formats import FORMATS

LINKS = Task.tags.through.objects
SUGGESTED = 1000  # names of tags below a box
LATEST = 10_000  # tags given to tasks: to count all of them could take seconds
Write = Callable[[list[int], dict[str, Any]], Done]


class DueDateForm(forms.Form):
    due_date = forms.DateField(required=False, widget=DayInput, help_text="Leave empty to remove the due date.")


class TagNameForm(forms.Form):
    tag = forms.CharField(widget=forms.TextInput({"list": "suggested", "autocomplete": "off"}))


class NewTagForm(TagNameForm):
    tag = forms.CharField(widget=TagNameForm.base_fields["tag"].widget, help_text="A new name creates a tag.")

    def clean_tag(self) -> str:
        name: str = by_rule(TAG_NAME, self.cleaned_data["tag"])
        return name


class FormatForm(SafeForm):
    field_order = ("file_format",)
    file_format = forms.ChoiceField(label="Format", choices=[(name, name.upper()) for name in FORMATS])


def confirmed(
    description: str, question: Ask, done: str, form: type[forms.Form] = forms.Form, permission: str = "change"
) -> Callable[[Write], Any]:
    """An action of the list with a confirmation page."""

    def action_of(write: Write) -> Any:
        @admin.action(permissions=[permission], description=description)
        @wraps(write)
        def action(model_admin: StaffAdmin, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
            return model_admin.ask_and_do(request, queryset, Action(question, done, write, form))

        return action

    return action_of


def done(tasks: list[int], count: int, before: str, after: str) -> Done:
    if not count:
        return Done("Nothing to update: all of these tasks are like that already.")
    others = len(tasks) - count
    return Done(f"{before}{count_of(count)}{after}" + (f" {count_of(others)} left as before." if others else ""))


def state_question(verb: str, *, completed: bool) -> Ask:
    """About the tasks that are not in this state yet."""
    before, after = ("open", "completed") if completed else ("completed", "open")

    def question(rows: Rows) -> Question:
        already = sum(row.state == STATES[completed] for row in rows)
        if already == len(rows):
            return Question(f"Nothing to {verb.lower()}", note=f"All of these tasks are {after} already.")
        note = f"{count_of(already, 'other')} {'is' if already == 1 else 'are'} {after} already." if already else ""
        count = len(rows) - already
        return Question(f"{verb} {count_of(count, f'{before} task')}?", f"{verb} {count_of(count)}", note)

    return question


def due_date_question(rows: Rows) -> Question:
    dated = sum(row.note != "" for row in rows)
    what = f"Set the due date of {count_of(rows)}"
    return Question(f"{what}?", what, f"{some(dated, 'has', 'have')} one already." if dated else "")


def add_question(rows: Rows) -> Question:
    """Suggests the tags that tasks were given most lately, then others by name."""
    latest = LINKS.filter(pk__in=LINKS.order_by("-pk").values("pk")[:LATEST])
    used = sorted(latest.values_list("tag__name").annotate(Count("pk")), key=itemgetter(1), reverse=True)
    names = dict.fromkeys([*(name for name, _ in used), *Tag.objects.values_list("name", flat=True)[:SUGGESTED]])
    what = f"tag to {count_of(rows)}"
    return Question(f"Add a {what}?", f"Add the {what}", suggested=[*names][:SUGGESTED])


def remove_question(rows: Rows) -> Question:
    """Suggests the tags of these tasks; those that most of them have come first."""
    keys = [row.key for row in rows]
    tagged: int = LINKS.filter(task_id__in=keys).aggregate(count=Count("task_id", distinct=True))["count"]
    if not tagged:
        return Question("Nothing to remove", note="None of these tasks has a tag.")
    tags = Tag.objects.filter(tasks__in=keys).annotate(count=Count("tasks")).order_by("-count", "key")
    what = f"tag from {count_of(rows)}"
    note = f"{some(tagged, 'has', 'have')} tags."
    return Question(f"Remove a {what}?", f"Remove the {what}", note, suggested=[tag.name for tag in tags[:SUGGESTED]])


def delete_question(rows: Rows) -> Question:
    still_open = sum(row.state == STATES[False] for row in rows)
    note = f"{some(still_open, 'is', 'are')} open. You can restore them later: their history stays."
    what = f"Delete {count_of(rows)}"
    return Question(f"{what}?", what, note, is_danger=True)


def export_question(rows: Rows) -> Question:
    what = f"Export {count_of(rows)}"
    return Question(f"{what}?", what)


def some(count: int, one: str, many: str) -> str:
    return f"{f'{count:,}' if count else 'None'} of them {one if count == 1 else many}"


@confirmed("Complete selected tasks", state_question("Complete", completed=True), "completed")
def complete(tasks: list[int], data: dict[str, Any]) -> Done:
    count = Task.objects.filter(pk__in=tasks, completed=False).update(completed=True)
    return done(tasks, count, "", " completed.")


@confirmed("Reopen selected tasks", state_question("Reopen", completed=False), "reopened")
def reopen(tasks: list[int], data: dict[str, Any]) -> Done:
    count = Task.objects.filter(pk__in=tasks, completed=True).update(completed=False)
    return done(tasks, count, "", " reopened.")


@confirmed("Set the due date of selected tasks", due_date_question, "updated", DueDateForm)
def set_due_date(tasks: list[int], data: dict[str, Any]) -> Done:
    day = data["due_date"]
    count = Task.objects.filter(pk__in=tasks).exclude(due_date=day).update(due_date=day)
    return done(tasks, count, "Due date of ", f" set to {day}." if day else " removed.")


@confirmed("Add a tag to selected tasks", add_question, "updated", NewTagForm)
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
    return done(tasks, len(LINKS.bulk_create(added)), f"Tag “{tag}” added to ", ".")


@confirmed("Remove a tag from selected tasks", remove_question, "updated", TagNameForm)
def remove_tag(tasks: list[int], data: dict[str, Any]) -> Done:
    count, _ = LINKS.filter(task_id__in=tasks, tag__in=Tag.objects.spelled(data["tag"])).delete()
    if not count:
        raise ValidationError(f"None of these tasks has the tag “{data['tag']}”.")
    return done(tasks, count, f"Tag “{data['tag']}” removed from ", ".")


@confirmed("Delete selected tasks", delete_question, "deleted", permission="delete")
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
    return model_admin.ask(request, export_question, form, chosen.found)


ACTIONS = (complete, reopen, set_due_date, add_tag, remove_tag, delete_selected, export_selected)
