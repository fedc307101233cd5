"""Indexes for the recent changes; built without a lock that would stop writes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# A large table takes longer than a request may, and the build waits for the transactions that are under way.
PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"
AGAIN = "RESET statement_timeout; RESET lock_timeout"


class Migration(migrations.Migration):
    atomic = False  # CREATE INDEX CONCURRENTLY can't be in a transaction
    dependencies = (("tasks", "0004_history_triggers"),)
    operations = (
        migrations.RunSQL(PATIENT, AGAIN),
        AddIndexConcurrently("change", models.Index(fields=["actor", "id"], name="change_actor")),
        AddIndexConcurrently(
            "change",
            models.Index(
                fields=["operation", "id"], name="change_rarer_operation", condition=~models.Q(operation="update")
            ),
        ),
        migrations.RunSQL(AGAIN, PATIENT),
    )
