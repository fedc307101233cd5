"""The users of the server: every process that has the pipe open for writing, including forks. Nothing is written to it.

When a process ends, in whatever way, the kernel closes its pipe. The last user stops the server when it leaves. If it
was killed, the keeper stops the server: a process that waits at the other end of the pipe. Without a keeper the pipe
can't be opened for writing, which tells a user to start one.
"""

import atexit
import math
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from . import place, server
from .files import LOG, ServerUnavailable, locked, open_file

PIPE = "users.pipe"
WAIT_LIMIT = 120.0
ADVICE = "Set DATABASE_URL to use another PostgreSQL."


class _Use(NamedTuple):
    pipe: int
    process: int
    keeper: subprocess.Popen[bytes] | None


_uses: dict[Path, _Use] = {}


def is_user(folder: Path) -> bool:
    return folder in _uses


def ensure_running(folder: Path) -> None:
    """Start the server if needed, and count this process and its forks as users."""
    try:
        with locked(folder, WAIT_LIMIT):
            place.prepare(folder)
            _join(folder)
            server.start(folder)
    except (OSError, ServerUnavailable) as error:
        raise ServerUnavailable(f"The embedded PostgreSQL can't run: {error}. {ADVICE}") from error


@atexit.register
def release() -> None:
    """Stop counting as a user. If this was the last user, return once the server has stopped.

    Does nothing in a process that was forked after ensure_running(), because only its parent is the user.
    """
    for folder, use in list(_uses.items()):
        if use.process == os.getpid():
            del _uses[folder]
            os.close(use.pipe)
            # If this process can't stop the server, the keeper does.
            with suppress(OSError, ServerUnavailable), locked(folder, WAIT_LIMIT):
                if not in_use(folder):
                    server.stop(folder)
                    if use.keeper:
                        use.keeper.kill()
                        use.keeper.wait()
            if use.keeper:
                server.forget(use.keeper)


def keep(path: str, pipe: int) -> None:
    """Run the keeper: wait until the last user has ended, then stop the server."""
    folder = Path(path)
    os.set_blocking(pipe, True)
    while True:
        os.read(pipe, 1)  # returns when no process has the pipe open for writing
        with locked(folder, math.inf):
            if not in_use(folder):
                server.stop(folder)
                # Within the lock, so that the next user sees that there is no keeper.
                os.close(pipe)
                return


def in_use(folder: Path) -> bool:
    """Whether a process has the pipe open for writing. The caller holds the lock."""
    reader = _open_pipe(folder, os.O_RDONLY)
    try:
        return os.read(reader, 1) != b""
    except BlockingIOError:
        return True
    finally:
        os.close(reader)


def _join(folder: Path) -> None:
    before = _uses.get(folder)
    keeper = before.keeper if before else None
    if not (folder / PIPE).exists():
        os.mkfifo(folder / PIPE, 0o600)
    try:
        pipe = _open_pipe(folder, os.O_WRONLY)
    except OSError:  # ENXIO: no process reads from it
        reader = _open_pipe(folder, os.O_RDONLY)
        try:
            keeper = _spawn_keeper(folder, reader)
            pipe = _open_pipe(folder, os.O_WRONLY)
        finally:
            os.close(reader)
    _uses[folder] = _Use(pipe, os.getpid(), keeper)
    if before:
        os.close(before.pipe)


def _open_pipe(folder: Path, mode: int) -> int:
    return os.open(folder / PIPE, mode | os.O_NONBLOCK | os.O_NOFOLLOW)


def _spawn_keeper(folder: Path, reader: int) -> subprocess.Popen[bytes]:
    with open_file(folder / LOG) as log:
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-c", f"from {__name__} import keep; keep({str(folder)!r}, {reader})"],
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for its parent only
            pass_fds=[reader],
        )
