"""What the models can't say: functions and triggers, the indexes of the links, and the groups to begin with.

In one transaction, since nobody uses the tables yet. Undone, it leaves the groups.
"""

from pathlib import Path

from django.db import migrations

from config.postgresql.sql_files import drop, install
from tasks.groups import make_groups

FOLDER = Path(__file__).parents[1] / "sql"
FILES = [FOLDER / f"{name}.sql" for name in ("stamp", "limit")]
# For GET /tasks/?tag=, the admin's list by tags, and the number of tasks of a tag: one index instead of Django's two,
# whose names are Django's. What reads by task has the unique constraint's.
LINKS = """
    CREATE INDEX task_tags_by_tag ON tasks_task_tags (tag_id, task_id);
    DROP INDEX tasks_task_tags_tag_id_dc501020, tasks_task_tags_task_id_7f3deefe"""
UNDO_LINKS = """
    CREATE INDEX tasks_task_tags_tag_id_dc501020 ON tasks_task_tags (tag_id);
    CREATE INDEX tasks_task_tags_task_id_7f3deefe ON tasks_task_tags (task_id);
    DROP INDEX task_tags_by_tag"""


class Migration(migrations.Migration):
    replaces = [("tasks", "0006_groups")]
    dependencies = (
        # By the last of the names that are replaced: so Django refuses a database that has only some of them applied.
        ("tasks", "0016_limit_of_tags"),
        ("tokens", "0003_sql_files"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    )
    operations = (
        migrations.RunSQL(LINKS, UNDO_LINKS),
        install(*FILES, undo=drop(*FOLDER.glob("*.sql"))),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    )
