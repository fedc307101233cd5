"""The function and the triggers from their file, as they were."""

from pathlib import Path

from django.db import migrations

from config.postgresql.sql_files import install


class Migration(migrations.Migration):
    atomic = False  # see install
    dependencies = (("tokens", "0002_grants"),)
    operations = (install(Path(__file__).parents[1] / "sql" / "grants.sql"),)
