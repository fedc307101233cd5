"""Titles of several lines become one line, as the history shows. It can be interrupted and run again."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

from config.text import BLANK, CONTROL, HAS_CONTROL, IS_VISIBLE

FOLD = f"""
    UPDATE tasks_task
       SET title = CASE WHEN title ~ '{IS_VISIBLE}'
                        THEN btrim(regexp_replace(title, '[{BLANK}]*[{CONTROL}][{CONTROL}{BLANK}]*', ' ', 'g'))
                        ELSE 'No title' END
     WHERE title ~ '{HAS_CONTROL}' OR title !~ '{IS_VISIBLE}'"""  # noqa: S608 - of constants


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0006_lines"),)
    operations = (
        migrations.RunSQL(FOLD, migrations.RunSQL.noop),
        ValidateConstraint("Task", "task_title_line"),
    )
