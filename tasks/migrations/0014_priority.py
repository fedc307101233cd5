"""The priority of a task. A nullable column rewrites no table, and the constraint holds for what is written then."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("tasks", "0013_sql_files"),)
    operations = (
        migrations.AddField(
            "task",
            "priority",
            models.SmallIntegerField(
                blank=True, choices=[(1, "1 (highest)"), (2, "2"), (3, "3"), (4, "4 (lowest)")], null=True
            ),
        ),
        AddConstraintNotValid(
            "task",
            models.CheckConstraint(
                condition=models.Q(priority__range=(1, 4)),
                name="task_priority_range",
            ),
        ),
    )
