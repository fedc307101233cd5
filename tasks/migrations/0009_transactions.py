"""The number of a transaction in the history stays unique when the database is restored into another cluster.

Numbers that were recorded before are much smaller, so none is equal to a new one.
"""

from pathlib import Path

from django.db import migrations

from config.postgresql.sql_files import install

HISTORY = Path(__file__).parents[1] / "sql" / "history.sql"


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0008_tag_key"),)
    operations = (install(HISTORY),)
