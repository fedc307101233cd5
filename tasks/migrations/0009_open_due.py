"""An index for open tasks by due date; built and dropped without a lock that would stop writes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import tasks.models

# A large table takes longer than a request may, and the build waits for the transactions that are under way.
PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"
AGAIN = "RESET statement_timeout; RESET lock_timeout"


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
                name="task_open_due",
                condition=models.Q(completed=False),
            ),
        ),
        migrations.RunSQL(AGAIN, PATIENT),
    )
