"""Which migrations of this version the database lacks."""

from time import monotonic

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

SECONDS = 3  # between two looks


def missing_migrations() -> list[str]:
    """Their names, in the order in which `migrate` applies them."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


class Known:
    """The same, remembered: for some seconds, and for good once there are none."""

    def __init__(self) -> None:
        self.names: list[str] | None = None
        self.until = 0.0

    def missing(self) -> list[str]:
        if self.names is None or (self.names and monotonic() >= self.until):
            self.names, self.until = missing_migrations(), monotonic() + SECONDS
        return self.names
