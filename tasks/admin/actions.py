"""What staff does to many tasks at once: counted, confirmed, all or nothing, and undone where they want it back."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from config.pages.bounded_list import MOST, BoundedPaginator
from tasks.admin.form import TAG_NAME, by_rule
from tasks.admin.history import HistoryPages
from tasks.admin.limits import all_or_nothing
from tasks.admin.transfer import file_of
from tasks.history.models import Change
from tasks.history.undo import Undoing, change_of_now
from tasks.models import TAGS_PER_TASK, Tag, Task
from tasks.transfer.formats import FORMATS

LISTED = 100  # names on a page that asks


class DueDateForm(forms.Form):
    due_date = forms.DateField(
        required=False,
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
        help_text="Leave it empty for no due date.",
    )


class TagNameForm(forms.Form):
    tag = forms.CharField()


class NewTagForm(TagNameForm):
    def clean_tag(self) -> str:
        name: str = by_rule(TAG_NAME, self.cleaned_data["tag"])
        return name


class FormatForm(forms.Form):
    file_format = forms.ChoiceField(label="Format", choices=[(name, name.upper()) for name in FORMATS])


@dataclass(frozen=True)
class Action:
    """What to ask about chosen tasks, and what to do with them after a yes."""

    question: str
    done: str
    write: Callable[[list[int], dict[str, Any]], int]
    """Changes the tasks of these keys, which are locked, and returns how many; or raises ValidationError first."""
    form: type[forms.Form] = field(default=forms.Form)


def complete(tasks: list[int], data: dict[str, Any]) -> int:
    return Task.objects.filter(pk__in=tasks, completed=False).update(completed=True)


def reopen(tasks: list[int], data: dict[str, Any]) -> int:
    return Task.objects.filter(pk__in=tasks, completed=True).update(completed=False)


def set_due_date(tasks: list[int], data: dict[str, Any]) -> int:
    others = Task.objects.filter(pk__in=tasks).exclude(due_date=data["due_date"])
    return others.update(due_date=data["due_date"])


def add_tag(tasks: list[int], data: dict[str, Any]) -> int:
    """By its name, and made where there is none, as the API does it."""
    links = Task.tags.through.objects.filter(task_id__in=tasks)
    carriers = set(links.filter(tag__in=Tag.objects.spelled(data["tag"])).values_list("task_id", flat=True))
    counts = links.values_list("task_id").annotate(Count("pk")).order_by()
    full = {task for task, count in counts if count >= TAGS_PER_TASK} - carriers
    if full:
        raise ValidationError(f"{count_of(full)} already with {TAGS_PER_TASK} tags, which is the most.")
    (tag,) = Tag.objects.named([data["tag"]])
    added = [Task.tags.through(task_id=task, tag_id=tag.pk) for task in tasks if task not in carriers]
    return len(Task.tags.through.objects.bulk_create(added))


def remove_tag(tasks: list[int], data: dict[str, Any]) -> int:
    tags = Tag.objects.spelled(data["tag"])
    count, _ = Task.tags.through.objects.filter(task_id__in=tasks, tag__in=tags).delete()
    if not count:
        raise ValidationError(f"None of these tasks has the tag “{data['tag']}”.")
    return count


def delete(tasks: list[int], data: dict[str, Any]) -> int:
    Task.tags.through.objects.filter(task_id__in=tasks).delete()
    with connection.cursor() as cursor:  # Django would fetch them, and delete a hundred at a time
        cursor.execute("DELETE FROM tasks_task WHERE id = ANY (%s)", [tasks])
    return len(tasks)


COMPLETE = Action("Complete {}?", "completed", complete)
REOPEN = Action("Reopen {}?", "reopened", reopen)
SET_DUE_DATE = Action("Set the due date of {}?", "changed", set_due_date, DueDateForm)
ADD_TAG = Action("Add a tag to {}?", "changed", add_tag, NewTagForm)
REMOVE_TAG = Action("Remove a tag from {}?", "changed", remove_tag, TagNameForm)
DELETE = Action("Delete {}?", "deleted", delete)


class TaskActions(HistoryPages):
    actions = ("complete", "reopen", "set_due_date", "add_tag", "remove_tag", "delete_selected", "export_selected")

    @admin.action(permissions=["change"], description="Complete selected tasks")
    def complete(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
        return self._ask_and_do(request, queryset, COMPLETE)

    @admin.action(permissions=["change"], description="Reopen selected tasks")
    def reopen(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
        return self._ask_and_do(request, queryset, REOPEN)

    @admin.action(permissions=["change"], description="Set the due date of selected tasks")
    def set_due_date(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
        return self._ask_and_do(request, queryset, SET_DUE_DATE)

    @admin.action(permissions=["change"], description="Add a tag to selected tasks")
    def add_tag(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
        return self._ask_and_do(request, queryset, ADD_TAG)

    @admin.action(permissions=["change"], description="Remove a tag from selected tasks")
    def remove_tag(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
        return self._ask_and_do(request, queryset, REMOVE_TAG)

    @admin.action(permissions=["delete"], description="Delete selected tasks")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
        return self._ask_and_do(request, queryset, DELETE)

    @admin.action(permissions=["view"], description="Export selected tasks")
    def export_selected(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponseBase | None:
        """The page that asks for a format; after it, the file."""
        chosen = BoundedPaginator(queryset, LISTED)
        if chosen.is_cut:
            message = f"Nothing was exported: select at most {chosen.most:,}, or take Export above the list."
            self.message_user(request, message, messages.ERROR)
            return None
        form = FormatForm(request.POST if "post" in request.POST else None)
        tasks = Task.objects.filter(pk__in=chosen.found).order_by("pk")
        if form.is_valid():
            return file_of(form.cleaned_data["file_format"], tasks)
        context = {"title": f"Export {count_of(chosen.count)}?", "form": form, "names": tasks[:LISTED]}
        return question(self, request, context | {"more": max(0, chosen.count - LISTED)})

    @transaction.atomic
    def _ask_and_do(self, request: HttpRequest, queryset: QuerySet[Task], action: Action) -> HttpResponse | None:
        """The page that asks; after its yes nothing but a message, if the tasks are as the page showed them."""
        chosen = BoundedPaginator(queryset, LISTED)
        if chosen.is_cut:
            self.message_user(request, f"Nothing was {action.done}: select at most {chosen.most:,}.", messages.ERROR)
            return None
        is_answer = "post" in request.POST
        tasks = Task.objects.filter(pk__in=chosen.found).order_by("pk")
        rows = list((tasks.select_for_update() if is_answer else tasks).values_list("pk", "updated_at"))
        form, version = action.form(request.POST if is_answer else None), version_of_all(rows)
        if is_answer and request.POST.get("version") != version:
            self.message_user(request, f"Nothing was {action.done}: some were changed. Confirm again.", messages.ERROR)
        elif is_answer and form.is_valid():
            try:
                count = action.write([pk for pk, _ in rows], form.cleaned_data)
            except ValidationError as exc:
                form.add_error(None, exc)
            else:
                tell(self, request, f"{count_of(count)} {action.done}.", can_be_undone=bool(count))
                return None
        context = {"title": action.question.format(count_of(rows)), "form": form, "version": version}
        return question(self, request, context | {"names": tasks[:LISTED], "more": max(0, len(rows) - LISTED)})

    def get_urls(self) -> list[URLPattern]:
        undo = path("undo/<int:change_id>/", self.admin_site.admin_view(self.undo_view), name="tasks_task_undo")
        return [undo, *super().get_urls()]

    @all_or_nothing
    def undo_view(self, request: HttpRequest, change_id: int) -> HttpResponse:
        """Asks, and then sets back what the transaction of this change did to tasks that nobody touched since."""
        change = get_object_or_404(Change, pk=change_id)
        undoing = Undoing(change)
        tasks, others, is_delete = undoing.found()
        if not (self.has_change_permission(request) and (not is_delete or self.has_add_permission(request))):
            raise PermissionDenied
        if request.method != "POST" or len(tasks) > MOST:
            context = {"title": "Undo", "change": change, "count": len(tasks), "others": others, "most": MOST}
            return self._page(request, "undo", context)
        tasks, others = undoing.carry_out()
        left = f" {count_of(others)} changed since, and left as it is." if others else ""
        tell(self, request, f"{count_of(tasks)} set back.{left}", can_be_undone=bool(tasks) and not is_delete)
        return HttpResponseRedirect(reverse("admin:tasks_task_changelist"))


def question(model_admin: Any, request: HttpRequest, context: dict[str, Any]) -> TemplateResponse:
    """The page that asks, which sends along what was chosen, and for which action."""
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    across = request.POST.get("select_across") == "1"
    sent = {
        "opts": model_admin.opts,
        "action": request.POST.get("action", ""),
        "across": across,
        "chosen": chosen[:1] if across else chosen,  # of all that a list holds, one stands for the rest
    }
    request.current_app = model_admin.admin_site.name
    context = {**model_admin.admin_site.each_context(request), **sent, **context}
    return TemplateResponse(request, "admin/tasks/action_confirmation.html", context)


def tell(model_admin: Any, request: HttpRequest, text: str, *, can_be_undone: bool) -> None:
    """A message of success; with a link to undo what this transaction changed, where it did."""
    change = change_of_now() if can_be_undone else None
    if change:
        text = format_html('{} <a href="{}">Undo</a>', text, reverse("admin:tasks_task_undo", args=[change.pk]))
    model_admin.message_user(request, text, messages.SUCCESS)


def version_of_all(rows: Iterable[tuple[Any, ...]]) -> str:
    """What a page carries to tell whether any of these rows changed since."""
    return hashlib.sha256("\n".join(map(str, rows)).encode()).hexdigest()


def count_of(rows: Any, name: str = "task") -> str:
    count = rows if isinstance(rows, int) else len(rows)
    return f"{count:,} {name}{'' if count == 1 else 's'}"
