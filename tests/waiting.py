"""Two at once: one in a thread of its own, which waits for the other."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    """Work that has begun, on a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def await_lock_waiter() -> None:
    """Return when another session of this database waits for a lock."""
    with connection.cursor() as cursor:
        for _ in range(500):
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else the transaction sees what it saw first
            cursor.execute(
                "SELECT pg_sleep(0.01), count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[1]:
                return
    raise AssertionError("nobody waits")
