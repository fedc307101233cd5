"""Deletes old changes, so that the history does not grow forever."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.core.management import BaseCommand, CommandParser
from django.utils import timezone

from config.arguments import number
from tasks.history.models import Change

BATCH = 10_000
days = number("days", 36_500)


class Command(BaseCommand):
    help = (
        "Delete old changes from the history of tasks. Versions and deleted tasks from before then can no longer be"
        " restored; later ones can. A client that keeps a copy with GET /tasks/changes must start over if it has not"
        " read a deletion that was trimmed, so let it ask at least once in DAYS days."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=days, required=True, metavar="DAYS", help="keep the changes of the last DAYS days"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        trimmed = sum(trim(timezone.now() - timedelta(days=options["older_than"])))
        if options["verbosity"]:
            self.stdout.write(f"Changes deleted: {trimmed:,}")
            self.stdout.write(f"Days that a point of GET /tasks/changes stays usable: {options['older_than']:,}")


def trim(before: datetime) -> Iterator[int]:
    """Deletes older changes, oldest first, and yields the size of each batch.

    It deletes in the order of ids and stops before the first transaction that has a newer change: the tags of a deleted
    task are not deleted before the task.
    """
    last = 0
    while batch := list(Change.objects.filter(pk__gt=last).order_by("pk").only("at", "transaction")[:BATCH]):
        kept = next((change.transaction for change in batch if change.at >= before), None)
        old = list(takewhile(lambda change: change.at < before and change.transaction != kept, batch))  # noqa: B023
        if old:
            Change.objects.filter(pk__gt=last, pk__lte=old[-1].pk).delete()
            last = old[-1].pk
            yield len(old)
        if len(old) < len(batch):
            return
