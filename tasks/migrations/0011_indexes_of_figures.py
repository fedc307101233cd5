"""Indexes for the figures on the admin's start page; built and dropped without a lock that would stop writes."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

# A large table takes longer than a request may, and the build waits for the transactions that are under way.
PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"
AGAIN = "RESET statement_timeout; RESET lock_timeout"
OPEN, COMPLETED = models.Q(completed=False), models.Q(completed_at__isnull=False)


class Migration(migrations.Migration):
    atomic = False  # CREATE INDEX CONCURRENTLY can't be in a transaction
    dependencies = (("tasks", "0010_history_of_many"),)
    operations = (
        migrations.RunSQL(PATIENT, AGAIN),
        AddIndexConcurrently("task", models.Index(fields=["created_at", "id"], name="task_open", condition=OPEN)),
        AddIndexConcurrently(
            "task",
            models.Index(fields=["completed_at"], include=["due_date"], name="task_completed", condition=COMPLETED),
        ),
        AddIndexConcurrently(
            "change", models.Index(fields=["at"], include=["actor", "operation"], name="change_at_who")
        ),
        RemoveIndexConcurrently("change", "change_at"),
        migrations.RunSQL(AGAIN, PATIENT),
    )
