"""From here on, a title is one line in which something can be seen. The next migration looks at those that exist."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

from tasks.models import is_line


class Migration(migrations.Migration):
    dependencies = (("tasks", "0005_words_of_all"),)
    operations = (
        AddConstraintNotValid("Task", models.CheckConstraint(condition=is_line("title"), name="task_title_line")),
    )
