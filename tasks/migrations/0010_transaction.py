"""The transaction that changed a task last. Tasks from before have none: no client can have an older point.

In one transaction, which waits for all writers of tasks: each later change gets its number.
"""

from pathlib import Path

from django.db import migrations, models

from config.postgresql.sql_files import drop, install

TRANSACTION = Path(__file__).parents[1] / "sql" / "transaction.sql"


class Migration(migrations.Migration):
    dependencies = (("tasks", "0009_trimmed"),)
    operations = (
        migrations.AddField("Task", "transaction", models.BigIntegerField(null=True, editable=False)),
        install(TRANSACTION, undo=drop(TRANSACTION)),
    )
