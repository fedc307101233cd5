"""At most 20 tags for each task, from now on: what has more keeps them, since nobody could say which were to go."""

from pathlib import Path

from django.db import migrations

from config.postgresql.sql_files import drop, install

LIMIT = Path(__file__).parents[1] / "sql" / "limit.sql"


class Migration(migrations.Migration):
    atomic = False  # see install
    dependencies = (("tasks", "0015_priority_index"),)
    operations = (install(LIMIT, undo=drop(LIMIT)),)
