"""Indexes for open tasks by due date and the tasks of a tag; built and dropped without a lock that would stop writes.

A task's tags get one index instead of Django's two: what reads by task has the unique constraint's.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import tasks.models

# A large table takes longer than a request may, and the build waits for the transactions that are under way.
PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"
AGAIN = "RESET statement_timeout; RESET lock_timeout"
# GET /tasks/?tag=, the list of the admin by tags, and the number of tasks of a tag
BY_TAG = "CREATE INDEX CONCURRENTLY task_tags_by_tag ON tasks_task_tags (tag_id, task_id)"


def drop(name: str, column: str) -> migrations.RunSQL:
    """One of Django's own, by the name that it gave it."""
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY {name}", f"CREATE INDEX CONCURRENTLY {name} ON tasks_task_tags ({column})"
    )


class Migration(migrations.Migration):
    atomic = False  # CREATE INDEX CONCURRENTLY can't be in a transaction
    dependencies = (("tasks", "0008_indexes_of_orders"),)
    operations = (
        migrations.RunSQL(PATIENT, AGAIN),
        AddIndexConcurrently(
            "task",
            models.Index(
                tasks.models.DueKey("due_date"),
                models.F("id"),
                include=["due_date"],
                name="task_open_due",
                condition=models.Q(completed=False),
            ),
        ),
        migrations.RunSQL(BY_TAG, "DROP INDEX CONCURRENTLY task_tags_by_tag"),
        drop("tasks_task_tags_tag_id_dc501020", "tag_id"),
        drop("tasks_task_tags_task_id_7f3deefe", "task_id"),
        migrations.RunSQL(AGAIN, PATIENT),
    )
