"""Names of the operations for people. Changes the state of the models, and nothing in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0002_triggers_and_groups")]

    operations = [
        migrations.AlterField(
            model_name="change",
            name="operation",
            field=models.CharField(
                max_length=6, choices={"insert": "created", "update": "updated", "delete": "deleted"}
            ),
        ),
    ]
