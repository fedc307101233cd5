from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from config.postgresql.base import current


class ServiceConfig(AppConfig):
    name = "config"
    verbose_name = "Service"

    def ready(self) -> None:
        from config import checks  # noqa: F401, PLC0415 - registers them, and needs the models

        pre_migrate.connect(_lift_statement_timeout)
        post_migrate.connect(_restore_statement_timeout)


def _lift_statement_timeout(using: str, **kwargs: object) -> None:
    """Creating an index on a large table takes longer than the timeout of a request.

    `lock_timeout` stays, so that requests don't queue behind a migration that waits for a lock.
    """
    current(using).parameters["statement_timeout"] = "0"


def _restore_statement_timeout(using: str, **kwargs: object) -> None:
    current(using).parameters.pop("statement_timeout", None)
