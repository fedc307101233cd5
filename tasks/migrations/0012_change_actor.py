"""The index on the actor of changes also has the operation, for the list of what one actor created or deleted.

Requests continue meanwhile; if interrupted, it can be run again.
"""

from typing import Any

from django.db import migrations, models

OLD, NEW = "change_actor", "change_actor_operation"
INDEX = models.Index(fields=("actor", "operation", "id"), name=NEW)
# An index that an interruption left invalid would be in the way of the next attempt.
STEPS: list[Any] = [
    f"DROP INDEX CONCURRENTLY IF EXISTS {NEW}",
    f"CREATE INDEX CONCURRENTLY {NEW} ON tasks_change (actor, operation, id)",
    f"DROP INDEX CONCURRENTLY IF EXISTS {OLD}",
]
UNDO: list[Any] = [
    f"DROP INDEX CONCURRENTLY IF EXISTS {OLD}",
    f"CREATE INDEX CONCURRENTLY {OLD} ON tasks_change (actor, id)",
    f"DROP INDEX CONCURRENTLY IF EXISTS {NEW}",
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("tasks", "0011_changes"),)
    operations = (
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(STEPS, UNDO)],
            [migrations.RemoveIndex("Change", OLD), migrations.AddIndex("Change", INDEX)],
        ),
    )
