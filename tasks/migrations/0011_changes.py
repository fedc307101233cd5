"""The indexes of GET /tasks/changes, and the trigger that tells by the new column whether a task has a new time.

Requests continue meanwhile; if interrupted, it can be run again.
"""

from pathlib import Path
from typing import Any

from django.db import migrations, models

from config.postgresql.sql_files import install

TOUCH = Path(__file__).parents[1] / "sql" / "touch.sql"
# As it was before the column, which the migration before this one removes when it is undone.
UNDO_TOUCH = """
    CREATE OR REPLACE FUNCTION tasks_task_tags_touch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE tasks_task SET updated_at = updated_at + interval '1 microsecond'
         WHERE id IN (SELECT task_id FROM changed) AND xmin <> pg_current_xact_id()::xid;
        RETURN NULL;
    END $$"""
TASKS = models.Index(fields=("transaction", "id"), name="task_changed", condition=models.Q(transaction__isnull=False))
DELETIONS = models.Index(
    fields=("deleted_in", "task_id"), name="change_deleted", condition=models.Q(deleted_in__isnull=False)
)
# An index that an interruption left invalid would be in the way of the next attempt.
DELETED = "CREATE INDEX CONCURRENTLY change_deleted ON tasks_change (deleted_in, task_id)"
STEPS: list[Any] = [
    "DROP INDEX CONCURRENTLY IF EXISTS task_changed",
    "CREATE INDEX CONCURRENTLY task_changed ON tasks_task (transaction, id) WHERE transaction IS NOT NULL",
    "DROP INDEX CONCURRENTLY IF EXISTS change_deleted",
    f"{DELETED} WHERE deleted_in IS NOT NULL",
]
UNDO: list[Any] = [step for step in STEPS if step.startswith("DROP")]


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0010_transaction"),)
    operations = (
        install(TOUCH, undo=UNDO_TOUCH),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(STEPS, UNDO)],
            [migrations.AddIndex("Task", TASKS), migrations.AddIndex("Change", DELETIONS)],
        ),
    )
