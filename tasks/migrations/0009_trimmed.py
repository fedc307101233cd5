"""How far the history was trimmed. Before the next migration adds a column, the history leaves it out."""

from pathlib import Path

from django.db import migrations, models

from config.postgresql.sql_files import drop, install

HISTORY, TRIMMED = (Path(__file__).parents[1] / "sql" / f"{name}.sql" for name in ("history", "trimmed"))


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0008_tag_key"),)
    operations = (
        install(HISTORY),
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
