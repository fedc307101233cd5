"""The words of the tasks that are there, in steps, and their index in place of the one that is not asked any more.

Requests go on meanwhile. When it is interrupted it can be run again: it goes on where it was.
"""

from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations

# The trigger writes the words; a row that another transaction has locked is left to a later round.
FILL = """
    UPDATE tasks_task SET search = NULL WHERE id IN (
        SELECT id FROM tasks_task WHERE search IS NULL AND id > %s ORDER BY id LIMIT 2000
           FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id"""


def fill(apps: Any, schema_editor: Any) -> None:
    """Round by round, until none is left: what was locked in one is done in the next."""
    with schema_editor.connection.cursor() as cursor:
        last = 0
        while True:
            cursor.execute(FILL, [last])
            done = [pk for (pk,) in cursor.fetchall()]
            if done:
                last = max(done)
                continue
            cursor.execute("SELECT pg_sleep(0.2) FROM tasks_task WHERE search IS NULL LIMIT 1")
            if not cursor.fetchone():
                return
            last = 0


# An index that an interruption left half built is in the way of the next attempt.
NEW: list[Any] = [
    "DROP INDEX CONCURRENTLY IF EXISTS task_words",
    "CREATE INDEX CONCURRENTLY task_words ON tasks_task USING gin (search)",
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0004_words"),)
    operations = (
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(NEW, "DROP INDEX CONCURRENTLY IF EXISTS task_words"),
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS task_search",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS task_search ON tasks_task USING gin"
                    " ((to_tsvector('simple', coalesce(title, '') || ' ' || coalesce(description, ''))))",
                ),
            ],
            [
                migrations.AddIndex("Task", GinIndex(fields=["search"], name="task_words")),
                migrations.RemoveIndex("Task", "task_search"),
            ],
        ),
    )
