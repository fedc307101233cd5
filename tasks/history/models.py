"""The history of all tasks and tags. Only triggers write it (tasks/sql/history.sql)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import connection, models

MINUTE = timedelta(minutes=1)


class Change(models.Model):
    """What one statement did to one task or tag: the fields that it changed, with their values before and after.

    All changes of one transaction have the same `transaction`. For example, creating a task with tags makes one change
    for its columns and one for its tags.
    """

    class Operation(models.TextChoices):
        INSERT = "insert", "created"
        UPDATE = "update", "updated"
        DELETE = "delete", "deleted"

    task_id = models.BigIntegerField(null=True)  # no foreign key: the history stays when the task is deleted
    tag_id = models.BigIntegerField(null=True)
    operation = models.CharField(max_length=6, choices=Operation.choices)
    at = models.DateTimeField()
    transaction = models.BigIntegerField()
    actor = models.TextField()
    request = models.TextField(blank=True)
    old = models.JSONField()
    new = models.JSONField()
    deleted_in = models.BigIntegerField(null=True)  # PostgreSQL's id of the transaction, if it deleted the task

    class Meta:
        db_table = "tasks_change"
        ordering = ("-id",)
        indexes = (
            # the timeline of one task
            models.Index(fields=("task_id", "id"), name="change_task", condition=models.Q(task_id__isnull=False)),
            # recent changes by time, trim_history, and the admin's start page, which counts by actor and operation
            models.Index(fields=("at",), include=("actor", "operation"), name="change_at_who"),
            # recent changes by actor, also with an operation, newest first, and `actors`
            models.Index(fields=("actor", "operation", "id"), name="change_actor_operation"),
            # recent changes that created or deleted; most rows are updates, which a scan by id finds soon enough
            models.Index(
                fields=("operation", "id"), name="change_rarer_operation", condition=~models.Q(operation="update")
            ),
            # GET /tasks/changes: what was deleted since
            models.Index(
                fields=("deleted_in", "task_id"), name="change_deleted", condition=models.Q(deleted_in__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_operation_display()} by {self.actor}"


class Trimmed(models.Model):
    """How far the history was trimmed, in one row at most. Only a trigger writes it (tasks/sql/trimmed.sql)."""

    id = models.SmallIntegerField(primary_key=True)
    change = models.BigIntegerField()  # the last change that was trimmed
    transaction = models.BigIntegerField()  # of the last deletion of a task that was trimmed, or 0

    class Meta:
        db_table = "tasks_trimmed"

    def __str__(self) -> str:
        return f"up to change {self.change}"


@dataclass
class Entry:
    """What one transaction did to one task."""

    changes: list[Change]  # newest first, never empty

    @property
    def newest(self) -> Change:
        return self.changes[0]

    @property
    def operation(self) -> Change.Operation:
        ends = [change.operation for change in self.changes if change.operation != Change.Operation.UPDATE]
        return Change.Operation(ends[0]) if ends else Change.Operation.UPDATE

    @property
    def old(self) -> dict[str, Any]:
        """The old values of the fields that changed; empty if the task was created."""
        if self.operation == Change.Operation.INSERT:
            return {}
        return first_of(change.old for change in reversed(self.changes))

    @property
    def new(self) -> dict[str, Any]:
        """The new values of the fields that changed; empty if the task was deleted."""
        if self.operation == Change.Operation.DELETE:
            return {}
        return first_of(change.new for change in self.changes)


def timeline(task_id: int, before: int | None = None, rows: int = 100) -> tuple[list[Entry], int | None]:
    """One page of a task's history, newest first, and the `before` of the next page or None.

    A page ends with a complete transaction, unless a single transaction has more than `rows` changes of this task.
    """
    changes = Change.objects.filter(task_id=task_id)
    if before is not None:
        changes = changes.filter(pk__lt=before)
    found = list(changes[: rows + 1])
    entries = [Entry(list(group)) for _, group in groupby(found, key=attrgetter("transaction"))]
    if len(found) <= rows:
        return entries, None
    if len(entries) > 1:
        entries.pop()  # the next page may have more of its changes
    return entries, entries[-1].changes[-1].pk


def members_after(task_id: int | None, change_id: int) -> dict[str, Any]:
    """The fields that changed after this change, with their values right after it.

    Each value is the old value in the first later change of the field, so older changes are not needed and can be
    trimmed.
    """
    later = Change.objects.filter(task_id=task_id, pk__gt=change_id).order_by("pk")
    return first_of(later.values_list("old", flat=True).iterator())


def members_before(delete: Change) -> dict[str, Any]:
    """All fields of a task before the transaction that deleted it, which removed its tags in an earlier change."""
    earlier = Change.objects.filter(task_id=delete.task_id, pk__lt=delete.pk).exclude(transaction=delete.transaction)
    last = earlier.values_list("pk", flat=True).first()
    return members_after(delete.task_id, last or 0)


def together_with(change: Change) -> models.QuerySet[Change, Any]:
    """The ids of the tasks that the transaction of this change changed.

    Limited to a minute before and after it, because there is an index on time but none on transaction.
    """
    near = (change.at - MINUTE, change.at + MINUTE)
    found = Change.objects.filter(at__range=near, transaction=change.transaction, task_id__isnull=False)
    return found.order_by().values("task_id")


def actors(limit: int) -> list[str]:
    """The names in the history, in order. Finds each next name by the index instead of reading all changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE names (actor) AS (
                (SELECT actor FROM tasks_change ORDER BY actor LIMIT 1)
                UNION ALL
                SELECT (SELECT actor FROM tasks_change WHERE actor > names.actor ORDER BY actor LIMIT 1)
                  FROM names WHERE actor IS NOT NULL
            ) SELECT actor FROM names WHERE actor IS NOT NULL LIMIT %s
            """,
            [limit],
        )
        return [row[0] for row in cursor.fetchall()]


def first_of(states: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merges the states; for each field the first state that has it wins."""
    members: dict[str, Any] = {}
    for state in states:
        members = {**state, **members}
    return members
