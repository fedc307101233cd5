"""A column for the words of a task, and the triggers that write it and leave it out of the history.

The history gets a column too: the number of the transaction that deleted a task, for GET /tasks/changes. When it is
interrupted it can be run again.
"""

from pathlib import Path

from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models

from config.postgresql.sql_files import drop, install

SQL = Path(__file__).parents[1] / "sql"
TEXT, HISTORY, SEARCH = (SQL / f"{name}.sql" for name in ("text", "history", "search"))


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0003_plain_words"),)
    operations = (
        install(TEXT),
        migrations.RunSQL(
            "ALTER TABLE tasks_change ADD COLUMN IF NOT EXISTS deleted_in bigint",
            migrations.RunSQL.noop,  # the functions of history.sql stay, and need it
            [migrations.AddField("Change", "deleted_in", models.BigIntegerField(null=True))],
        ),
        install(HISTORY),
        migrations.RunSQL(
            "ALTER TABLE tasks_task ADD COLUMN IF NOT EXISTS search tsvector",
            "ALTER TABLE tasks_task DROP COLUMN search",
            [migrations.AddField("Task", "search", SearchVectorField(null=True, editable=False))],
        ),
        install(SEARCH, undo=drop(SEARCH)),
    )
