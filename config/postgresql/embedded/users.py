"""Who uses the server: every process that has the pipe open for writing, forks included. Nothing is written to it.

The kernel closes the pipe of a process that ends, however it ends. The last user stops the server as it leaves; where
it was killed, the keeper does, a process that waits at the other end of the pipe. While nobody is at that end, the
pipe can't be opened for writing: so a user learns that it has to start a keeper.
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
ADVICE = "Set DATABASE_URL to use a PostgreSQL of your own."


class _Use(NamedTuple):
    pipe: int
    process: int
    keeper: subprocess.Popen[bytes] | None


_uses: dict[Path, _Use] = {}


def is_user(folder: Path) -> bool:
    return folder in _uses


def ensure_running(folder: Path) -> None:
    """Return once the server accepts connections; from then on this process and its forks count as users."""
    try:
        with locked(folder, WAIT_LIMIT):
            place.prepare(folder)
            _join(folder)
            server.start(folder)
    except (OSError, ServerUnavailable) as error:
        raise ServerUnavailable(f"The embedded PostgreSQL can't run: {error}. {ADVICE}") from error


@atexit.register
def release() -> None:
    """Stop counting as a user; when that was the last one, return once the server has stopped.

    In a process that was forked after ensure_running() it does nothing: the use is its parent's.
    """
    for folder, use in list(_uses.items()):
        if use.process == os.getpid():
            del _uses[folder]
            os.close(use.pipe)
            # Where this process can't stop the server, the keeper does.
            with suppress(OSError, ServerUnavailable), locked(folder, WAIT_LIMIT):
                if not in_use(folder):
                    server.stop(folder)
                    if use.keeper:
                        use.keeper.kill()
                        use.keeper.wait()
            if use.keeper:
                server.forget(use.keeper)


def keep(path: str, pipe: int) -> None:
    """Do what the keeper does: wait until the last user is gone, then stop the server."""
    folder = Path(path)
    os.set_blocking(pipe, True)
    while True:
        os.read(pipe, 1)  # returns when no process has the pipe open for writing
        with locked(folder, math.inf):
            if not in_use(folder):
                server.stop(folder)
                # Within the lock: who comes next must see that there is no keeper.
                os.close(pipe)
                return


def in_use(folder: Path) -> bool:
    """Tell whether a process has the pipe open for writing; the caller holds the lock."""
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
    except OSError:  # ENXIO: nobody reads from it
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
