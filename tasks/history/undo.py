"""Undoing what one transaction did to tasks, from the history, in as many statements for one task as for thousands."""

from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction

from tasks.history.models import Change
from tasks.models import RESTORED_COLUMNS, Tag

# What the transaction of a change did to each task, and which of them nobody touched since. The time bounds the search:
# a transaction lasts seconds, and there is an index by time but none by transaction.
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
FOUND = f"{DONE} SELECT task_id, is_deleted, task_id IN (SELECT task_id FROM untouched) FROM done WHERE NOT is_new"  # noqa: S608
# The tasks that are there; of those that are gone their deletes, as who brings one of them back locks it.
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
    # Later than any before, also when the clock steps back: an old ETag never comes true again.
    f"""{DONE} INSERT INTO tasks_task (id, {COLUMNS}, created_at, updated_at)
        SELECT done.task_id, {", ".join(f"task.{name}" for name in RESTORED_COLUMNS)}, task.created_at,
               greatest(clock_timestamp(), task.updated_at + interval '1 microsecond')
          FROM done JOIN was USING (task_id), jsonb_populate_record(NULL::tasks_task, was.old) AS task
         WHERE done.is_deleted""",  # noqa: S608
    f"""{DONE} DELETE FROM tasks_task_tags AS link USING tags_added, tasks_tag AS tag
         WHERE link.task_id = tags_added.task_id AND link.tag_id = tag.id
           AND lower(tag.name) = lower(tags_added.name)""",  # noqa: S608
    f"""{DONE} INSERT INTO tasks_task_tags (task_id, tag_id)
        SELECT tags_removed.task_id, tag.id
          FROM tags_removed JOIN tasks_tag AS tag ON lower(tag.name) = lower(tags_removed.name)
            ON CONFLICT DO NOTHING""",  # noqa: S608
)


@dataclass(frozen=True)
class Undoing:
    """What can be undone of the changes and deletes that a transaction made; the tasks that it made stay."""

    change: Change

    def found(self) -> tuple[list[int], int, bool]:
        """The tasks that nobody touched since, how many others there are, and whether some were deleted."""
        rows = self._run(FOUND, [])
        return [task for task, _, free in rows if free], sum(not row[2] for row in rows), any(row[1] for row in rows)

    def carry_out(self) -> tuple[list[int], int]:
        """Set the untouched ones back. Which they were, and how many were left as they are now."""
        with transaction.atomic():
            for lock in LOCKS:
                self._run(lock, [])
            tasks, others, _ = self.found()
            Tag.objects.named(name for (name,) in self._run(NAMES, tasks))
            for step in STEPS:
                self._run(step, tasks)
        return tasks, others

    def _run(self, sql: str, tasks: list[int]) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"at": self.change.at, "transaction": self.change.transaction, "tasks": tasks})
            return cursor.fetchall() if cursor.description else []


def change_of_now() -> Change | None:
    """The newest change that the transaction under way has made, if any."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        now = cursor.fetchone()[0]
    return Change.objects.filter(at__gte=TransactionNow(), transaction=now).first()
