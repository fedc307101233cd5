"""Files that processes share: locks, which the kernel releases when a process ends, and the log of the server."""

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

POLL = 0.02
LOG = "postgres.log"


class ServerUnavailable(Exception):  # noqa: N818 - named after HTTP's 503
    """The embedded server can't run. The message is one line that says why and what to do."""


def open_file(path: Path) -> IO[bytes]:
    """Open a file for appending. A new file has mode 0600."""
    # Root must not follow a link that the unprivileged owner of the folder may have created.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "ab")


def try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(folder: Path, limit: float) -> Iterator[None]:
    """Hold the lock under which a process joins, leaves, starts or stops the server in `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + limit
    with open_file(folder.with_name(f"{folder.name}.lock")) as file:
        while not try_lock(file):
            if time.monotonic() > deadline:
                raise ServerUnavailable(f"another process has been starting or stopping it for {limit:.0f} s")
            time.sleep(POLL)
        try:
            yield
        finally:
            # Closing is not enough: another thread may have forked, and the child has the file open.
            fcntl.flock(file, fcntl.LOCK_UN)


def read_reason(folder: Path) -> str:
    """Return the last line of the log that reports a failure, or else its last line."""
    log = folder / LOG
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    failures = [line for line in lines if re.search(r"FATAL|PANIC|error:", line)]
    return ([*lines, *failures] or ["its log is empty"])[-1]
