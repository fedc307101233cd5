"""A column for the words of a task, and the trigger that writes it."""

from pathlib import Path

from django.contrib.postgres.search import SearchVectorField
from django.db import migrations

from config.postgresql.sql_files import drop, install

TEXT, SEARCH = (Path(__file__).parents[1] / "sql" / f"{name}.sql" for name in ("text", "search"))


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0003_plain_words"),)
    operations = (
        install(TEXT),
        migrations.AddField("Task", "search", SearchVectorField(null=True, editable=False)),
        install(SEARCH, undo=drop(SEARCH)),
    )
