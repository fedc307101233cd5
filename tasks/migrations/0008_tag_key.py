"""Tags are compared by their folded names. Tags that are the same by this rule are merged into the oldest of them.

It locks the table of tags, which is small: 100,000 are rewritten in about a second. Its undo leaves the column: the
functions of write.sql, which the older version calls too, need it.
"""

from pathlib import Path
from typing import Any

from django.db import migrations, models

from config.postgresql.sql_files import install
from config.text import BLANK, CONTROL, HAS_CONTROL, IS_HIDDEN, IS_VISIBLE
from tasks.models import Folded, is_line

WRITE = Path(__file__).parents[1] / "sql" / "write.sql"
UNIQUE = models.UniqueConstraint(fields=("key",), name="tag_name_unique")
LINE = models.CheckConstraint(condition=is_line("name", is_name=True), name="tag_name_line")
KEY = models.GeneratedField(expression=Folded("name"), output_field=models.TextField(), db_persist=True)
ONE_LINE = f"regexp_replace(name, '[{BLANK}]*[{CONTROL}][{CONTROL}{BLANK}]*', ' ', 'g')"
CLEANED = f"btrim(regexp_replace({ONE_LINE}, '{IS_HIDDEN}', '', 'g'))"
STEPS: list[Any] = [
    "LOCK TABLE tasks_tag IN SHARE ROW EXCLUSIVE MODE",
    "ALTER TABLE tasks_tag DROP CONSTRAINT IF EXISTS tag_name_unique",
    "DROP INDEX IF EXISTS tag_name_unique",
    f"""
    UPDATE tasks_tag SET name = CASE WHEN {CLEANED} ~ '{IS_VISIBLE}' THEN {CLEANED} ELSE 'tag ' || id END
     WHERE name ~ '{HAS_CONTROL}' OR name ~ '{IS_HIDDEN}' OR name !~ '{IS_VISIBLE}'""",  # noqa: S608 - of constants
    """
    CREATE TEMPORARY TABLE same_tag ON COMMIT DROP AS
    SELECT id, first FROM (SELECT id, min(id) OVER (PARTITION BY tasks_folded(name)) AS first FROM tasks_tag) AS tag
     WHERE id <> first""",
    # Removes links before it adds any, so that no task ever has too many tags.
    """
    WITH taken AS (DELETE FROM tasks_task_tags USING same_tag WHERE tag_id = same_tag.id RETURNING task_id, first)
    INSERT INTO tasks_task_tags (task_id, tag_id) SELECT DISTINCT task_id, first FROM taken ON CONFLICT DO NOTHING""",
    "DELETE FROM tasks_tag USING same_tag WHERE tasks_tag.id = same_tag.id",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "ALTER TABLE tasks_tag ADD COLUMN IF NOT EXISTS key text GENERATED ALWAYS AS (tasks_folded(name)) STORED",
    "ALTER TABLE tasks_tag ADD CONSTRAINT tag_name_unique UNIQUE (key)",
]


class Migration(migrations.Migration):
    dependencies = (("tasks", "0007_lines_of_all"),)
    operations = (
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(STEPS, migrations.RunSQL.noop)],
            [
                migrations.RemoveConstraint("Tag", "tag_name_unique"),
                migrations.AddField("Tag", "key", KEY),
                migrations.AddConstraint("Tag", UNIQUE),
                migrations.AlterModelOptions("Tag", {"ordering": ("key",)}),
            ],
        ),
        migrations.AddConstraint("Tag", LINE),
        install(WRITE),
    )
