"""The pages of a task's history: the timeline, restoring a version or a deleted task, and undo."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from config.api.fields import BIGINT_MAX
from config.pages.bounded_list import MOST
from config.pages.confirmation import LISTED, Question, count_of
from tasks.admin.base import StaffAdmin, all_or_nothing, permissions_to_undo
from tasks.admin.sentences import described, shown, told
from tasks.history.models import Change, members_before, timeline
from tasks.history.undo import Found, Undoing
from tasks.models import Task


class HistoryPages(StaffAdmin):
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One page of the timeline of a task, which may be deleted."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        task_id = whole_number(object_id)
        task = self.get_queryset(request).filter(pk=task_id).first()
        delete = None if task else deletes_of(task_id).first()
        if task_id is None or not (task or delete):
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        before = whole_number(request.GET.get("before", ""))
        entries, older = timeline(task_id, before)
        current = entries[0].newest if entries and task and before is None else None
        context = {
            "title": "History",
            "subtitle": task or deleted_task(delete),
            "object": task or deleted_task(delete),
            "delete": delete,
            "entries": [(entry, told(entry.operation, entry.old, entry.new)) for entry in entries],
            "current": current,
            "may_undo": current and request.user.has_perms(permissions_to_undo(entries[0].operation)),
            "older": older,
            "before": before,
            "may_restore": task and self.has_change_permission(request, task),
            "may_restore_deleted": delete and self.has_restore_permission(request),
        }
        return self.page(request, "object_history", context | (extra_context or {}))

    @all_or_nothing
    def restore_view(self, request: HttpRequest, task_id: int, change_id: int) -> HttpResponse:
        task = self.get_object(request, str(task_id))
        if task is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(task_id))
        versions = Change.objects.exclude(operation=Change.Operation.DELETE)  # a delete leaves no version to restore
        change = get_object_or_404(versions, task_id=task_id, pk=change_id)
        if request.method == "POST":
            if request.POST.get("version") == version_of(task):
                self.log_change(request, task.restore(change), f"Restored the version of {shown(change.at)}.")
                self.tell(request, f"Restored the version of {shown(change.at)}.")
                return to_history(task_id)
            self.refuse(request, f"Nothing was restored: {CHANGED} Check the differences below, then confirm again.")
        context = {
            "title": f"Restore the version of {shown(change.at)}",
            "object": task,
            "version": version_of(task),
            "differences": list(described(task.members(), task.members_after(change))),
            "verb": "Restore this version",
        }
        return self.page(request, "restore", context)

    @all_or_nothing
    def restore_deleted_view(self, request: HttpRequest, task_id: int) -> HttpResponse:
        # The lock makes two requests at once wait for each other, so that the second one finds that the task exists.
        delete = deletes_of(task_id).select_for_update().first()
        if delete is None:
            raise Http404
        if Task.objects.filter(pk=task_id).exists():
            self.refuse(request, f"Task {task_id} exists: there is nothing to restore.")
            return to_history(task_id)
        if request.method == "POST":
            task = Task.objects.restore_deleted(delete)
            self.log_addition(request, task, "Restored after it was deleted.")
            self.tell(request, f"The task “{task}” was restored.")
            return to_history(task_id)
        context = {
            "title": "Restore this task",
            "object": deleted_task(delete),
            "differences": list(described({}, members_before(delete))),
            "verb": "Restore this task",
        }
        return self.page(request, "restore", context)

    @all_or_nothing
    def undo_view(self, request: HttpRequest, change_id: int) -> HttpResponse:
        """Asks, then undoes what the transaction of this change did to tasks that nobody has updated since."""
        change = get_object_or_404(Change, pk=change_id)
        undoing = Undoing(change)
        found = undoing.found()
        if found.is_delete and not self.has_add_permission(request):
            raise PermissionDenied
        if found.created and not self.has_delete_permission(request):
            raise PermissionDenied
        if request.method != "POST" or len(found.tasks) > MOST:
            rows = self.rows_of(found.tasks[:LISTED])  # without deleted ones
            more = 0 if found.is_delete else len(found.tasks) - len(rows)
            question = undo_question(change, found)
            context = {"title": question.title, "question": question, "rows": rows, "more": more}
            return self.page(request, "action_confirmation", context)
        found = undoing.carry_out()
        left = f" {count_of(found.others)} left unchanged, because of later updates." if found.others else ""
        self.tell(request, f"Undone for {count_of(found.tasks)}.{left}")
        return HttpResponseRedirect(reverse("admin:tasks_task_changelist"))

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponseRedirect:
        """Django's hook for an id that doesn't exist. For a deleted task it leads to the timeline."""
        delete = deletes_of(whole_number(object_id)).first()
        if delete is None:
            return super()._get_obj_does_not_exist_redirect(  # type: ignore[misc, no-any-return]  # not in the stub
                request, opts, object_id
            )
        lost = " Nothing was saved." if request.method == "POST" else ""
        self.refuse(request, f"The task “{deleted_task(delete)}” was deleted {by(delete)}.{lost} This is its history.")
        return to_history(delete.task_id)


def undo_question(change: Change, found: Found) -> Question:
    count, others = len(found.tasks), ""
    if found.others:
        have = "has" if found.others == 1 else "have"
        others = f" {found.others:,} more {have} been updated since and will be left unchanged."
    what = f"{change.actor} did to {count_of(count)} at {shown(change.at)}"
    if not count:
        return Question("Undo", note=f"There is nothing to undo.{others}")
    if count > MOST:
        return Question("Undo", note=f"That is what {what}, which is too many: at most {MOST:,} can be undone at once.")
    created = ""
    if found.created:
        created = f" It deletes {count_of(found.created)} that {'was' if found.created == 1 else 'were'} created."
    note = f"This undoes what {what}.{created}{others}"
    return Question("Undo", "Undo", note)


CHANGED = "someone else updated the task."


def to_history(task_id: int | None) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:tasks_task_history", args=[task_id]))


def deletes_of(task_id: int | None) -> QuerySet[Change]:
    return Change.objects.filter(operation=Change.Operation.DELETE, task_id__isnull=False, task_id=task_id)


def version_of(task: Task) -> str:
    """The version in a page's form, which shows whether the task has changed since: every update gets a new one."""
    return task.updated_at.isoformat()


def deleted_task(delete: Change | None) -> Task:
    """A deleted task with what a page needs to name it."""
    return Task(pk=delete.task_id, title=delete.old["title"]) if delete else Task()


def whole_number(text: str) -> int | None:
    """The number if it fits a bigint."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
    return number if number is None or number <= BIGINT_MAX else None


def by(change: Change) -> str:
    return f"by {change.actor} at {shown(change.at)}"
