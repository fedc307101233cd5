"""Deletes what has expired; a timer runs it daily (docs/operations.md)."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import BaseCommand, CommandParser
from django.db.models import Model, QuerySet
from django.utils import timezone

from config.accounts.logins.models import WINDOW, Attempts
from config.idempotency.models import StoredAnswer
from tasks.management.commands.trim_history import days, trim
from tasks.transfer.models import Upload

BATCH = 10_000  # rows per statement, which then stays far below the statement timeout


class Command(BaseCommand):
    help = (
        "Delete what has expired: sessions, counted logins, uploads that nobody imported, and idempotency keys."
        " With --history-older-than, old changes of tasks too."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--history-older-than",
            type=days,
            metavar="DAYS",
            help="also keep only the changes of the last DAYS days in the history, as trim_history does",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name, count in self._delete(options["history_older_than"]).items():
            if options["verbosity"]:
                self.stdout.write(f"{name} deleted: {count:,}")

    def _delete(self, history_days: int | None) -> dict[str, int]:
        now = timezone.now()
        keys = now - timedelta(hours=settings.IDEMPOTENCY_KEY_HOURS)
        uploads = now - timedelta(seconds=settings.SESSION_COOKIE_AGE)  # the session of the upload is over
        deleted = {
            "Sessions": delete(Session.objects.filter(expire_date__lt=now)),
            "Counted logins": delete(Attempts.objects.filter(since__lte=now - WINDOW)),
            "Uploads": delete(Upload.objects.filter(at__lt=uploads)),
            "Idempotency keys": delete(StoredAnswer.objects.filter(created_at__lt=keys)),
        }
        if history_days:
            deleted["Changes"] = sum(trim(now - timedelta(days=history_days)))
        return deleted


def delete(rows: QuerySet[Model]) -> int:
    """The number of deleted rows. Commits after each batch."""
    total = 0
    while count := rows.filter(pk__in=rows.values("pk")[:BATCH]).delete()[0]:
        total += count
    return total
