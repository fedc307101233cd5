"""What imports remember, and the file that staff look at before an import. New tables: nobody waits."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("tasks", "0011_indexes_of_figures"),
    ]

    operations = [
        migrations.CreateModel(
            name="Upload",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("name", models.TextField()),
                ("content", models.BinaryField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"db_table": "tasks_upload", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Reference",
            fields=[
                ("task_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("reference", models.CharField(max_length=200)),
            ],
            options={
                "db_table": "tasks_reference",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("reference",), name="reference_unique")],
            },
        ),
    ]
