"""The functions and triggers from their files, as they were; and one goes that nothing uses since migration 0007."""

from pathlib import Path

from django.db import migrations

from config.postgresql.sql_files import install

SQL = Path(__file__).parents[1] / "sql"
DROP = "DROP FUNCTION IF EXISTS tasks_difference(jsonb, jsonb)"
UNDO_DROP = """
    CREATE OR REPLACE FUNCTION tasks_difference(one jsonb, other jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
        SELECT coalesce(jsonb_object_agg(key, value), '{}')
          FROM jsonb_each(one) WHERE value IS DISTINCT FROM other -> key
    $$"""


class Migration(migrations.Migration):
    atomic = False  # see install
    dependencies = (("tasks", "0012_transfer"),)
    operations = (
        install(SQL / "stamp.sql", SQL / "touch.sql"),
        migrations.RunSQL(DROP, UNDO_DROP),
    )
