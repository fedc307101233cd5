"""One index of a task's tags instead of two: the tasks of a tag are read from it alone, and each new link costs less.

What reads by task has the unique constraint's index. Built and dropped without a lock that would stop writes.
"""

from django.db import migrations

# A large table takes longer than a request may, and the build waits for the transactions that are under way.
PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"
AGAIN = "RESET statement_timeout; RESET lock_timeout"
# GET /tasks/?tag=, the list of the admin by tags, and the number of tasks of a tag
BY_TAG = "CREATE INDEX CONCURRENTLY task_tags_by_tag ON tasks_task_tags (tag_id, task_id)"
# Django's own, as it names them
TAG = "tasks_task_tags_tag_id_dc501020", "tag_id"
TASK = "tasks_task_tags_task_id_7f3deefe", "task_id"


def drop(name: str, column: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY {name}", f"CREATE INDEX CONCURRENTLY {name} ON tasks_task_tags ({column})"
    )


class Migration(migrations.Migration):
    atomic = False  # CREATE INDEX CONCURRENTLY can't be in a transaction
    dependencies = (("tasks", "0009_open_due"),)
    operations = (
        migrations.RunSQL(PATIENT, AGAIN),
        migrations.RunSQL(BY_TAG, "DROP INDEX CONCURRENTLY task_tags_by_tag"),
        drop(*TAG),
        drop(*TASK),
        migrations.RunSQL(AGAIN, PATIENT),
    )
