"""How far the history was trimmed."""

from pathlib import Path

from django.db import migrations, models

from config.postgresql.sql_files import drop, install

TRIMMED = Path(__file__).parents[1] / "sql" / "trimmed.sql"


class Migration(migrations.Migration):
    dependencies = (("tasks", "0008_tag_key"),)
    operations = (
        migrations.CreateModel(
            "Trimmed",
            [
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("change", models.BigIntegerField()),
                ("transaction", models.BigIntegerField()),
            ],
            {"db_table": "tasks_trimmed"},
        ),
        install(TRIMMED, undo=drop(TRIMMED)),
    )
