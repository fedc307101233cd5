"""The one history of tasks and tags. The database writes it (tasks/sql/history.sql); nothing else may."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import connection, models


class Change(models.Model):
    """What one statement did to one task or tag: the members that it changed, before and after.

    The changes of one transaction belong together and have the same `transaction`: a task that was made with tags
    is one change of its columns and one of its tags.
    """

    class Operation(models.TextChoices):
        INSERT = "insert", "made"
        UPDATE = "update", "changed"
        DELETE = "delete", "deleted"

    task_id = models.BigIntegerField(null=True)  # no foreign key: the history of a task outlives it
    tag_id = models.BigIntegerField(null=True)
    operation = models.CharField(max_length=6, choices=Operation.choices)
    at = models.DateTimeField()
    transaction = models.BigIntegerField()
    actor = models.TextField()
    request = models.TextField(blank=True)
    old = models.JSONField()
    new = models.JSONField()

    class Meta:
        db_table = "tasks_change"
        ordering = ("-id",)
        indexes = (
            # the timeline of one task
            models.Index(fields=("task_id", "id"), name="change_task", condition=models.Q(task_id__isnull=False)),
            # recent changes by time, the trimming of old ones, and the admin's start page: who changed what, when
            models.Index(fields=("at",), include=("actor", "operation"), name="change_at_who"),
            # recent changes by whom, newest first, and `actors`
            models.Index(fields=("actor", "id"), name="change_actor"),
            # recent changes: what was deleted, or made. Changes are most of the table: they need no index to be found
            models.Index(
                fields=("operation", "id"), name="change_rarer_operation", condition=~models.Q(operation="update")
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_operation_display()} by {self.actor}"


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
        """The members before, as far as they changed; empty where the task was made."""
        if self.operation == Change.Operation.INSERT:
            return {}
        return first_of(change.old for change in reversed(self.changes))

    @property
    def new(self) -> dict[str, Any]:
        """The members after, as far as they changed; empty where the task was deleted."""
        if self.operation == Change.Operation.DELETE:
            return {}
        return first_of(change.new for change in self.changes)


def timeline(task_id: int, before: int | None = None, rows: int = 100) -> tuple[list[Entry], int | None]:
    """One page of a task's history, newest first, and the `before` of the next page, if there is one.

    A page ends with a whole transaction, unless one alone has more than `rows` changes of this task.
    """
    changes = Change.objects.filter(task_id=task_id)
    if before is not None:
        changes = changes.filter(pk__lt=before)
    found = list(changes[: rows + 1])
    entries = [Entry(list(group)) for _, group in groupby(found, key=attrgetter("transaction"))]
    if len(found) <= rows:
        return entries, None
    if len(entries) > 1:
        entries.pop()  # it may go on
    return entries, entries[-1].changes[-1].pk


def members_after(task_id: int | None, change_id: int) -> dict[str, Any]:
    """The members of a task right after this change, as far as they changed later.

    Each is what the first later change of it found. So what is older is not needed, and may be trimmed.
    """
    later = Change.objects.filter(task_id=task_id, pk__gt=change_id).order_by("pk")
    return first_of(later.values_list("old", flat=True).iterator())


def members_before(delete: Change) -> dict[str, Any]:
    """All members of a task before the transaction that deleted it: its tags were removed by a change of their own."""
    earlier = Change.objects.filter(task_id=delete.task_id, pk__lt=delete.pk).exclude(transaction=delete.transaction)
    last = earlier.values_list("pk", flat=True).first()
    return members_after(delete.task_id, last or 0)


def actors(limit: int) -> list[str]:
    """Who is in the history, by name; a jump from name to name in an index, not a walk through all changes."""
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
    """Each member as the first of these has it."""
    members: dict[str, Any] = {}
    for state in states:
        members = {**state, **members}
    return members
