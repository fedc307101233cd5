import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

from config.checks import the_database_can_hold_every_text

LOCK = 0x6D696772617465  # the advisory lock of migrate; no other lock here has this number
SECONDS = 0.5  # between two attempts
ATTEMPTS = 20


class Command(migrate.Command):
    """Django's migrate, one at a time: of two instances that start together, the second one waits.

    PostgreSQL releases the lock when the connection ends, also after a crash. A migration that waits for a lock longer
    than lock_timeout, so that requests would queue behind it, is run again: every migration can be.
    """

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """Without the checks of the database: one reports that migrations are missing."""
        return super().get_check_kwargs(options) | {"databases": None}

    def handle(self, *args: Any, **options: Any) -> None:
        flaws = [] if options["skip_checks"] else the_database_can_hold_every_text([options["database"]])
        if flaws:
            raise CommandError("\n".join(map(str, flaws)))
        with self._locked(options["database"], options["verbosity"]):
            failures = 0
            while True:
                try:
                    super().handle(*args, **options)
                except OperationalError as exc:
                    failures += 1
                    if failures == ATTEMPTS or not isinstance(exc.__cause__, LockNotAvailable):
                        raise
                    self.stdout.write("Requests hold a lock that a migration needs: trying again.")
                    time.sleep(SECONDS)
                else:
                    break

    @contextmanager
    def _locked(self, database: str, verbosity: int) -> Iterator[None]:
        """Holds the lock by a transaction of a second connection: behind a pooler, a session may end at any time.

        It asks again and again: CREATE INDEX CONCURRENTLY would wait for a statement that waits for the lock.
        """
        holder = connections[database].copy()
        try:
            holder.set_autocommit(False)
            is_told = False
            while not _has_lock(holder):
                holder.rollback()
                if verbosity and not is_told:
                    self.stdout.write("Another migrate is running on this database: waiting until it ends.")
                is_told = True
                time.sleep(SECONDS)
            yield
        finally:
            holder.close()


def _has_lock(holder: Any) -> bool:
    with holder.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])
