"""Work in a second thread that waits for the first, and how long a promise may take."""

import os
import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def patience(seconds: float) -> float:
    """The promised time, or proportionally longer while other tests or programs keep the cores busy."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return seconds * max(workers, os.getloadavg()[0] / (os.cpu_count() or 1))


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    """Starts work in a thread with its own connection."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def await_lock_waiter() -> None:
    """Waits until another session of this database waits for a lock."""
    with connection.cursor() as cursor:
        for _ in range(6000):
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # otherwise the transaction keeps seeing the first result
            cursor.execute(
                "SELECT pg_sleep(0.01), count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[1]:
                return
    raise AssertionError("nobody waits")
