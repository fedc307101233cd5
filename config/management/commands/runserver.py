from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands import runserver

from config.server import local_trial


class Command(runserver.Command):
    """Django's runserver. In a local trial, it first creates the tables and the account, as `make run` does."""

    def inner_run(self, *args: Any, **options: Any) -> None:
        if settings.LOCAL_TRIAL:
            local_trial.refuse_other_machines(self.addr)  # type: ignore[attr-defined]  # handle() sets it
            local_trial.prepare()
        super().inner_run(*args, **options)
