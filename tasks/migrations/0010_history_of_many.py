"""The history of thousands of tasks that one statement changes, in time that grows with their number.

A connection keeps the plan that the trigger made for its first statement. That for one task compared each row before
with each row after: 5,000 tasks took 5 seconds. Who replaces tasks_task_record() has to set this again.
"""

from django.db import migrations

LINEAR = "ALTER FUNCTION tasks_task_record() SET enable_nestloop = off"
AS_BEFORE = "ALTER FUNCTION tasks_task_record() RESET enable_nestloop"


class Migration(migrations.Migration):
    dependencies = (("tasks", "0009_indexes_of_lists"),)
    operations = (migrations.RunSQL(LINEAR, AS_BEFORE),)
