"""Undoes what one transaction did to tasks, from the history. One task and thousands take the same few statements."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction
from django.db.models import Exists

from tasks.history.models import Change
from tasks.models import RESTORED_COLUMNS, Tag

# What the transaction of a change did to each task, and which of these tasks have not been updated since. The search is
# limited to a minute before and after the change, because there is an index on time but none on transaction.
DONE = """
    WITH change AS MATERIALIZED (
        SELECT * FROM tasks_change
         WHERE at BETWEEN %(at)s::timestamptz - interval '1 minute' AND %(at)s::timestamptz + interval '1 minute'
           AND transaction = %(transaction)s AND task_id IS NOT NULL
    ), done AS MATERIALIZED (
        SELECT task_id, max(id) AS last, bool_or(operation = 'delete') AS is_deleted,
               bool_or(operation = 'insert') AS is_new
          FROM change GROUP BY task_id
    ), untouched AS MATERIALIZED (
        SELECT * FROM done WHERE NOT EXISTS (
            SELECT FROM tasks_change AS later WHERE later.task_id = done.task_id AND later.id > done.last)
    ), was AS MATERIALIZED (
        SELECT task_id, jsonb_object_agg(key, value ORDER BY id DESC) AS old
          FROM change, jsonb_each(old) WHERE task_id = ANY (%(tasks)s) GROUP BY task_id
    ), became AS MATERIALIZED (
        SELECT task_id, jsonb_object_agg(key, value ORDER BY id) AS new
          FROM change, jsonb_each(new) WHERE task_id = ANY (%(tasks)s) GROUP BY task_id
    ), tags_before AS MATERIALIZED (
        SELECT task_id, name FROM was, jsonb_array_elements_text(old -> 'tags') AS name
    ), tags_after AS MATERIALIZED (
        SELECT task_id, name FROM became, jsonb_array_elements_text(new -> 'tags') AS name
    ), tags_removed AS MATERIALIZED (SELECT * FROM tags_before EXCEPT SELECT * FROM tags_after),
    tags_added AS MATERIALIZED (SELECT * FROM tags_after EXCEPT SELECT * FROM tags_before)
"""
COLUMNS = ", ".join(RESTORED_COLUMNS)
FOUND = f"""{DONE} SELECT task_id, is_deleted, is_new, task_id IN (SELECT task_id FROM untouched)
    FROM done WHERE NOT (is_new AND is_deleted)"""  # noqa: S608
# Locks the tasks that exist, and the delete of each task that doesn't: restoring a deleted task locks that too.
LOCKS = (
    f"{DONE} SELECT FROM tasks_task WHERE id IN (SELECT task_id FROM done) ORDER BY id FOR UPDATE",  # noqa: S608
    f"""{DONE} SELECT FROM tasks_change WHERE id IN (SELECT id FROM change WHERE operation = 'delete')
         ORDER BY id FOR UPDATE""",  # noqa: S608
)
NAMES = f"{DONE} SELECT DISTINCT name FROM tags_removed"  # noqa: S608
STEPS = (
    f"""{DONE} UPDATE tasks_task AS task
           SET ({COLUMNS}) = (SELECT {COLUMNS} FROM jsonb_populate_record(task, was.old))
          FROM was WHERE was.task_id = task.id AND was.old - 'tags' <> '{{}}'""",  # noqa: S608
    # updated_at is later than ever before, even if the clock went back, so that an old ETag never matches again.
    f"""{DONE} INSERT INTO tasks_task (id, {COLUMNS}, created_at, updated_at)
        SELECT done.task_id, {", ".join(f"task.{name}" for name in RESTORED_COLUMNS)}, task.created_at,
               greatest(clock_timestamp(), task.updated_at + interval '1 microsecond')
          FROM done JOIN was USING (task_id), jsonb_populate_record(NULL::tasks_task, was.old) AS task
         WHERE done.is_deleted""",  # noqa: S608
    f"""{DONE} DELETE FROM tasks_task_tags AS link USING tags_added, tasks_tag AS tag
         WHERE link.task_id = tags_added.task_id AND link.tag_id = tag.id
           AND tag.key = tasks_folded(tags_added.name)""",  # noqa: S608
    f"""{DONE} INSERT INTO tasks_task_tags (task_id, tag_id)
        SELECT tags_removed.task_id, tag.id
          FROM tags_removed JOIN tasks_tag AS tag ON tag.key = tasks_folded(tags_removed.name)
            ON CONFLICT DO NOTHING""",  # noqa: S608
    f"{DONE} DELETE FROM tasks_task WHERE id IN (SELECT task_id FROM done WHERE is_new AND task_id = ANY (%(tasks)s))",  # noqa: S608
)


class Found(NamedTuple):
    """What undoing would do."""

    tasks: list[int]  # not updated since
    others: int  # the number of the rest
    is_delete: bool  # some were deleted, and would be created again
    created: int  # tasks, which would be deleted


@dataclass(frozen=True)
class Undoing:
    """Undoes what the transaction of `change` did to tasks. Those that it created are deleted."""

    change: Change

    def found(self) -> Found:
        rows = self._run(FOUND, [])
        free = [row for row in rows if row[3]]
        is_delete = any(is_deleted for _, is_deleted, _, _ in rows)
        return Found([row[0] for row in free], len(rows) - len(free), is_delete, sum(row[2] for row in free))

    def carry_out(self) -> Found:
        """Undoes it for the tasks that have not been updated since."""
        with transaction.atomic():
            for lock in LOCKS:
                self._run(lock, [])
            found = self.found()
            Tag.objects.named(name for (name,) in self._run(NAMES, found.tasks))
            for step in STEPS:
                self._run(step, found.tasks)
        return found

    def _run(self, sql: str, tasks: list[int]) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"at": self.change.at, "transaction": self.change.transaction, "tasks": tasks})
            return cursor.fetchall() if cursor.description else []


def undoable_change() -> Change | None:
    """The newest change of a task in the current transaction, with `is_new` if the transaction created tasks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tasks_transaction()")
        now = cursor.fetchone()[0]
    changes = Change.objects.filter(at__gte=TransactionNow(), transaction=now, task_id__isnull=False)
    return changes.annotate(is_new=Exists(changes.filter(operation=Change.Operation.INSERT))).first()
