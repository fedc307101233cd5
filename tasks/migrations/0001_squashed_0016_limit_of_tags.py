"""The tables. What the models can't say comes with 0002."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.core.validators import MaxLengthValidator
from django.db import migrations, models
from django.db.models.functions import Length, Lower, Now
from django.db.models.lookups import LessThanOrEqual

from tasks.models import DueKey, PriorityKey

ID = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))
TRIMMED = r"^[^ \t\n\r\f\v](.*[^ \t\n\r\f\v])?$"
OPEN = models.Q(completed=False)
REPLACED = """
    0001_initial 0002_triggers 0003_change 0004_history_triggers 0005_change_indexes 0007_cheaper_history
    0008_indexes_of_orders 0009_indexes_of_lists 0010_history_of_many 0011_indexes_of_figures 0012_transfer
    0013_sql_files 0014_priority 0015_priority_index 0016_limit_of_tags
"""  # and 0006_groups, by 0002


class Migration(migrations.Migration):
    initial = True
    replaces = [("tasks", name) for name in REPLACED.split()]
    dependencies = (migrations.swappable_dependency(settings.AUTH_USER_MODEL),)
    operations = (
        migrations.CreateModel(
            "Tag",
            [ID, ("name", models.CharField(max_length=50))],
            {
                "ordering": (Lower("name"),),
                "constraints": [
                    models.UniqueConstraint(Lower("name"), name="tag_name_unique"),
                    models.CheckConstraint(condition=models.Q(name__regex=TRIMMED), name="tag_name_trimmed"),
                ],
            },
        ),
        migrations.CreateModel(
            "Task",
            [
                ID,
                ("title", models.CharField(max_length=200)),
                ("description", models.TextField(null=True, blank=True, validators=[MaxLengthValidator(10_000)])),
                ("completed", models.BooleanField(default=False, db_default=False)),
                ("completed_at", models.DateTimeField(null=True, editable=False)),
                ("due_date", models.DateField(null=True, blank=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
                (
                    "priority",
                    models.SmallIntegerField(
                        null=True, blank=True, choices={1: "1 (highest)", 2: "2", 3: "3", 4: "4 (lowest)"}
                    ),
                ),
                ("tags", models.ManyToManyField("tasks.tag", related_name="tasks", blank=True)),
            ],
            {
                "ordering": ("-created_at", "-id"),
                "indexes": [
                    models.Index(fields=["created_at", "id"], name="task_created"),
                    models.Index(fields=["updated_at", "id"], name="task_updated"),
                    models.Index(DueKey("due_date"), "id", name="task_due_key"),
                    models.Index(PriorityKey("priority"), "id", name="task_priority_key"),
                    models.Index(fields=["title", "id"], name="task_title"),
                    models.Index(fields=["created_at", "id"], name="task_open", condition=OPEN),
                    models.Index(DueKey("due_date"), "id", include=["due_date"], name="task_open_due", condition=OPEN),
                    models.Index(
                        fields=["completed_at"],
                        include=["due_date"],
                        name="task_completed",
                        condition=models.Q(completed_at__isnull=False),
                    ),
                    GinIndex(SearchVector("title", "description", config="simple"), name="task_search"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(title__regex=TRIMMED), name="task_title_trimmed"),
                    models.CheckConstraint(
                        condition=LessThanOrEqual(Length("description"), 10_000), name="task_description_length"
                    ),
                    models.CheckConstraint(condition=models.Q(priority__range=(1, 4)), name="task_priority_range"),
                    models.CheckConstraint(
                        condition=models.Q(completed=True, completed_at__isnull=False)
                        | models.Q(completed=False, completed_at__isnull=True),
                        name="task_completed_at_follows",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            "Change",
            [
                ID,
                ("task_id", models.BigIntegerField(null=True)),
                ("tag_id", models.BigIntegerField(null=True)),
                (
                    "operation",
                    models.CharField(
                        max_length=6, choices={"insert": "made", "update": "changed", "delete": "deleted"}
                    ),
                ),
                ("at", models.DateTimeField()),
                ("transaction", models.BigIntegerField()),
                ("actor", models.TextField()),
                ("request", models.TextField(blank=True)),
                ("old", models.JSONField()),
                ("new", models.JSONField()),
            ],
            {
                "db_table": "tasks_change",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        fields=["task_id", "id"], name="change_task", condition=models.Q(task_id__isnull=False)
                    ),
                    models.Index(fields=["at"], include=["actor", "operation"], name="change_at_who"),
                    models.Index(fields=["actor", "id"], name="change_actor"),
                    models.Index(
                        fields=["operation", "id"],
                        name="change_rarer_operation",
                        condition=~models.Q(operation="update"),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            "Upload",
            [
                (
                    "user",
                    models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, serialize=False),
                ),
                ("name", models.TextField()),
                ("content", models.BinaryField()),
                ("at", models.DateTimeField(db_default=Now())),
            ],
            {"db_table": "tasks_upload", "default_permissions": ()},
        ),
        migrations.CreateModel(
            "Reference",
            [
                ("task_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("reference", models.CharField(max_length=200)),
            ],
            {
                "db_table": "tasks_reference",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("reference",), name="reference_unique")],
            },
        ),
    )
