"""What the admin pages of tasks and tags share: bounded lists, confirmation pages, messages with Undo."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_permission_codename
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from config.pages.bounded_list import MOST, BoundedChangeList, BoundedPaginator
from tasks.history.models import Change
from tasks.history.undo import undoable_change
from tasks.models import TAGS_PER_TASK

LISTED = 100  # names on a confirmation page
TOO_MANY_TAGS = f"a task would have more than {TAGS_PER_TASK} tags."
CONFIRM = "Confirm again to continue."
Context = dict[str, Any]
View = Callable[..., HttpResponse]


class Selected(NamedTuple):
    """A row that a page asks about. None of this may have changed before the answer."""

    key: int
    name: str
    note: str = ""  # beside the name
    version: Any = None
    completed: bool | None = None  # of a task


class Question(NamedTuple):
    title: str
    button: str = ""  # says what it does; no button if nothing would change
    note: str = ""
    is_danger: bool = False
    suggested: Iterable[str] = ()  # by the box with list="suggested"


class Done(NamedTuple):
    text: str  # what happened
    is_all: bool = True  # otherwise the page asks again


Rows = Sequence[Selected]
Ask = Callable[[Rows], Question]


@dataclass(frozen=True)
class Action:
    """What to ask about selected rows, and what to do with them once confirmed."""

    question: Ask
    done: str  # a participle, for a refusal: "Nothing was ..."
    write: Callable[[list[int], dict[str, Any]], Done]
    """Changes the rows with these keys, which are locked, or raises ValidationError."""
    form: type[forms.Form] = forms.Form
    least: int = 1
    most: int = MOST
    initial: dict[str, Any] | None = None  # of the form


class StaffAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django has no generics here at run time
    list_max_show_all = 0
    actions_on_top, actions_on_bottom = False, True  # where they stay in view once a row is selected
    show_full_result_count = False  # counting all rows would cost more than the page
    show_facets = admin.ShowFacets.NEVER  # each facet would be a count
    paginator: ClassVar[type[BoundedPaginator]] = BoundedPaginator
    weaker_lock = False  # FOR NO KEY UPDATE: others may insert rows that refer to a locked row

    # Every page shows what it is about, and adding is the only exception. So it needs the permission to view, which in
    # Django's admin is part of the permission to change.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perms([f"{self.opts.app_label}.{get_permission_codename('view', self.opts)}"])

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj) and super().has_delete_permission(request, obj)

    def has_restore_permission(self, request: HttpRequest) -> bool:
        """To add a deleted task again."""
        return self.has_view_permission(request) and self.has_add_permission(request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return BoundedChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """For a POST, the row is locked until the end of the save or delete that follows."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST":
            return found
        return self.get_queryset(request).select_for_update(no_key=self.weaker_lock).filter(pk=found.pk).first()

    def page(self, request: HttpRequest, template: str, context: Context) -> TemplateResponse:
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "opts": self.opts, "module_name": "Tasks", **context}
        return TemplateResponse(request, f"admin/tasks/{template}.html", context)

    def refuse(self, request: HttpRequest, text: str) -> None:
        self.message_user(request, text, messages.ERROR)

    def tell(self, request: HttpRequest, text: str) -> None:
        self.message_user(request, text, messages.SUCCESS)

    def message_user(self, request: HttpRequest, message: Any, level: int | str = messages.INFO, *args: Any) -> None:
        """A message of success, Django's too, gets a link that undoes what this transaction changed, if it can."""
        if level == messages.SUCCESS and connection.in_atomic_block:
            message = self.with_undo(request, message, undoable_change())
        super().message_user(request, message, level, *args)

    def with_undo(self, request: HttpRequest, message: Any, change: Change | None) -> Any:
        """The message with a link that undoes the transaction of this change, for those who may."""
        if change is None:
            return message
        operation = Change.Operation.INSERT if change.is_new else change.operation  # type: ignore[attr-defined]  # an annotation
        if not request.user.has_perms(permissions_to_undo(operation)):
            return message
        return format_html('{} <a href="{}">Undo</a>', message, reverse("admin:tasks_task_undo", args=[change.pk]))

    def rows_of(self, keys: list[int], *, lock: bool = False) -> Rows:
        """The rows that a page asks about, by key."""
        rows = self.model._default_manager.filter(pk__in=keys).order_by("pk")  # noqa: SLF001 - public
        return self.listed(rows.select_for_update(no_key=self.weaker_lock) if lock else rows)

    def listed(self, rows: QuerySet[Any]) -> Rows:
        raise NotImplementedError

    def ask_and_do(self, request: HttpRequest, queryset: QuerySet[Any], action: Action) -> HttpResponse | None:
        """The confirmation page; once confirmed, None and a message, if the rows are still as the page showed them."""
        chosen = self.paginator(queryset, LISTED)
        most = min(action.most, chosen.most)
        if not action.least <= len(chosen.found) <= most:
            bounds = f"{action.least} to {most:,}" if action.least > 1 else f"at most {most:,}"
            self.refuse(request, f"Nothing was {action.done}: select {bounds}.")
            return None
        form = action.form(request.POST if "post" in request.POST else None, initial=action.initial)
        if form.is_bound and self._is_done(request, chosen.found, action, form):
            return None
        return self.ask(request, action.question, form, chosen.found)

    def _is_done(self, request: HttpRequest, keys: list[int], action: Action, form: forms.Form) -> bool:
        try:
            with transaction.atomic():
                rows = self.rows_of(keys, lock=True)
                if request.POST.get("version") != version_of_all(rows):
                    self.refuse(request, f"Nothing was {action.done}: someone else updated some of them. {CONFIRM}")
                elif form.is_valid():
                    done = action.write([row.key for row in rows], form.cleaned_data)
                    self.tell(request, done.text if done.is_all else f"{done.text} There are more. {CONFIRM}")
                    return done.is_all
        except ValidationError as exc:
            form.add_error(None, exc)
        except IntegrityError as exc:  # too many tags; otherwise a task got one of the tags at this very moment
            reason = TOO_MANY_TAGS if is_too_many_tags(exc) else f"a task was just given one of these tags. {CONFIRM}"
            self.refuse(request, f"Nothing was {action.done}: {reason}")
        return False

    def ask(self, request: HttpRequest, question_of: Ask, form: forms.Form, keys: list[int]) -> TemplateResponse:
        """The confirmation page, in the order of `keys`. Its form also sends which were selected, for which action."""
        selected, across = request.POST.getlist(ACTION_CHECKBOX_NAME), request.POST.get("select_across") == "1"
        rows, place = self.rows_of(keys), {key: number for number, key in enumerate(keys)}
        question = question_of(rows)
        context = {
            "title": question.title,
            "question": question,
            "form": form,
            "version": version_of_all(rows),
            "rows": sorted(rows, key=lambda row: place[row.key])[:LISTED],
            "more": max(0, len(rows) - LISTED),
            "action": request.POST.get("action", ""),
            "across": across,
            "selected": selected[:1] if across else selected,  # with "Select all", Django needs only one of them
            "preserved_filters": self.get_preserved_filters(request),
        }
        return self.page(request, "action_confirmation", context)


def all_or_nothing(view: View) -> View:
    """Makes a view of a StaffAdmin one transaction, which is rolled back when a task would get too many tags."""

    @wraps(view)
    def wrapped(self: StaffAdmin, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                return view(self, request, **kwargs)
        except IntegrityError as exc:
            if not is_too_many_tags(exc):
                raise
        self.refuse(request, f"Nothing was changed: {TOO_MANY_TAGS}")
        return HttpResponseRedirect(request.path)

    return wrapped


def is_too_many_tags(exc: IntegrityError) -> bool:
    """Whether the database refused to give a task another tag (tasks/sql/limit.sql)."""
    diagnostic = getattr(exc.__cause__, "diag", None)
    return getattr(diagnostic, "constraint_name", None) == "task_tags_limit"


def version_of_all(rows: Rows) -> str:
    """A digest in the page's form, which shows whether any of these rows has changed since."""
    return hashlib.sha256("\n".join(map(str, rows)).encode()).hexdigest()


def permissions_to_undo(operation: Any) -> list[str]:
    """What a user needs to undo a transaction: undoing a delete adds tasks, and undoing an addition deletes them."""
    more = {Change.Operation.DELETE: ["tasks.add_task"], Change.Operation.INSERT: ["tasks.delete_task"]}
    return ["tasks.view_task", "tasks.change_task", *more.get(operation, [])]


def count_of(rows: Any, name: Any = "task") -> str:
    count = rows if isinstance(rows, int) else len(rows)
    return f"{count:,} {name}{'' if count == 1 else 's'}"
