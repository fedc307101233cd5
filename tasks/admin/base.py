"""What the admin pages of tasks and tags share: permissions, locks, messages with Undo."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_permission_codename
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from config.pages.confirmation import CONFIRM, ConfirmingAdmin
from tasks.history.models import Change
from tasks.history.undo import undoable_change
from tasks.models import TAGS_PER_TASK

TOO_MANY_TAGS = f"a task would have more than {TAGS_PER_TASK} tags."
View = Callable[..., HttpResponse]


class StaffAdmin(ConfirmingAdmin):
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

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """For a POST, the row is locked until the end of the save or delete that follows."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST":
            return found
        return self.get_queryset(request).select_for_update(no_key=self.weaker_lock).filter(pk=found.pk).first()

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

    def reason(self, exc: IntegrityError) -> str:
        """Too many tags, or a task got one of the tags at this very moment."""
        return TOO_MANY_TAGS if is_too_many_tags(exc) else f"a task was just given one of these tags. {CONFIRM}"


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


def permissions_to_undo(operation: Any) -> list[str]:
    """What a user needs to undo a transaction: undoing a delete adds tasks, and undoing an addition deletes them."""
    more = {Change.Operation.DELETE: ["tasks.add_task"], Change.Operation.INSERT: ["tasks.delete_task"]}
    return ["tasks.view_task", "tasks.change_task", *more.get(operation, [])]
