"""A column for the words of a task, and the triggers that write it and leave it out of the history.

When it is interrupted it can be run again.
"""

from pathlib import Path

from django.contrib.postgres.search import SearchVectorField
from django.db import migrations

from config.postgresql.sql_files import drop, install

TEXT, SEARCH, HISTORY = (Path(__file__).parents[1] / "sql" / f"{name}.sql" for name in ("text", "search", "history"))


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0003_plain_words"),)
    operations = (
        install(TEXT, HISTORY),
        migrations.RunSQL(
            "ALTER TABLE tasks_task ADD COLUMN IF NOT EXISTS search tsvector",
            "ALTER TABLE tasks_task DROP COLUMN search",
            [migrations.AddField("Task", "search", SearchVectorField(null=True, editable=False))],
        ),
        install(SEARCH, undo=drop(SEARCH)),
    )
