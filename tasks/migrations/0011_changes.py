"""The indexes of GET /tasks/changes. Requests continue meanwhile; if interrupted, it can be run again."""

from typing import Any

from django.db import migrations, models

TASKS = models.Index(fields=("transaction", "id"), name="task_changed", condition=models.Q(transaction__isnull=False))
DELETIONS = models.Index(
    fields=("transaction", "task_id"),
    name="change_deleted",
    condition=models.Q(operation="delete", task_id__isnull=False),
)
# An index that an interruption left invalid would be in the way of the next attempt.
DELETED = "CREATE INDEX CONCURRENTLY change_deleted ON tasks_change (transaction, task_id)"
STEPS: list[Any] = [
    "DROP INDEX CONCURRENTLY IF EXISTS task_changed",
    "CREATE INDEX CONCURRENTLY task_changed ON tasks_task (transaction, id) WHERE transaction IS NOT NULL",
    "DROP INDEX CONCURRENTLY IF EXISTS change_deleted",
    f"{DELETED} WHERE operation = 'delete' AND task_id IS NOT NULL",
]
UNDO: list[Any] = [step for step in STEPS if step.startswith("DROP")]


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0010_transaction"),)
    operations = (
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(STEPS, UNDO)],
            [migrations.AddIndex("Task", TASKS), migrations.AddIndex("Change", DELETIONS)],
        ),
    )
