"""What the priority needs besides its column, without a lock that would stop writes."""

from pathlib import Path

from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models

import tasks.models
from config.postgresql.sql_files import drop, install

SQL = Path(__file__).parents[1] / "sql"
# A large table takes longer than a request may, and the build waits for the transactions that are under way.
PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"
AGAIN = "RESET statement_timeout; RESET lock_timeout"


class Migration(migrations.Migration):
    atomic = False  # CREATE INDEX CONCURRENTLY can't be in a transaction
    dependencies = (("tasks", "0014_priority"),)
    operations = (
        install(SQL / "history.sql"),
        install(SQL / "write.sql", undo=drop(SQL / "write.sql")),
        migrations.RunSQL(PATIENT, AGAIN),
        ValidateConstraint("task", "task_priority_range"),
        AddIndexConcurrently(
            "task", models.Index(tasks.models.PriorityKey("priority"), models.F("id"), name="task_priority_key")
        ),
        migrations.RunSQL(AGAIN, PATIENT),
    )
