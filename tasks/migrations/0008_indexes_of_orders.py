"""Indexes for the orders by due date and title; built and dropped without a lock that would stop writes."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

import tasks.models

# A large table takes longer than a request may, and the build waits for the transactions that are under way.
PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"
AGAIN = "RESET statement_timeout; RESET lock_timeout"


class Migration(migrations.Migration):
    atomic = False  # CREATE INDEX CONCURRENTLY can't be in a transaction
    dependencies = (("tasks", "0007_cheaper_history"),)
    operations = (
        migrations.RunSQL(PATIENT, AGAIN),
        AddIndexConcurrently(
            "task", models.Index(tasks.models.DueKey("due_date"), models.F("id"), name="task_due_key")
        ),
        AddIndexConcurrently("task", models.Index(fields=["title", "id"], name="task_title")),
        RemoveIndexConcurrently("task", "task_due"),
        migrations.RunSQL(AGAIN, PATIENT),
    )
