from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class ServiceConfig(AppConfig):
    name = "config"
    verbose_name = "Service"

    def ready(self) -> None:
        pre_migrate.connect(_no_statement_timeout, sender=self)
        post_migrate.connect(_no_statement_timeout, sender=self)


def _no_statement_timeout(using: str, **kwargs: object) -> None:
    """An index on a large table takes longer than a request may.

    `lock_timeout` stays: nobody queues behind a migration that waits for its lock.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
