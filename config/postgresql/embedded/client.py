"""What a process does that wants the server: count as a user, see to it that a keeper lives, wait, leave."""

import atexit
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import locks, place
from .errors import KEEPER, ServerUnavailable, last_line
from .server import find_running

START_LIMIT = 60.0
STOP_LIMIT = 10.0
POLL = 0.02
# What `keeper.main` exits with when the server can't run; killed by a signal it is replaced instead.
KEEPER_GAVE_UP = 1
ADVICE = "Set DATABASE_URL to use a PostgreSQL of your own."


@dataclass
class _Use:
    users: int
    process: int
    keeper: int = 0


_uses: dict[Path, _Use] = {}
_guard = threading.Lock()


def is_user(folder: Path) -> bool:
    return folder in _uses


def ensure_running(folder: Path) -> None:
    """Return once the server accepts connections; from then on this process and its forks count as users."""
    with _guard:
        deadline = time.monotonic() + START_LIMIT
        try:
            use = _uses.get(folder) or _join(folder, deadline)
            _await_server(folder, use, deadline)
        except (OSError, ServerUnavailable) as error:
            raise ServerUnavailable(f"The embedded PostgreSQL can't run: {error}. {ADVICE}") from error


def release() -> None:
    """Stop counting as a user; when that was the last one, return once the server has stopped.

    In a process that was forked after ensure_running() it does nothing: the lock is its parent's.
    """
    for folder, use in list(_uses.items()):
        if use.process == os.getpid():
            del _uses[folder]
            # Closed, not unlocked: forked workers that still run share this lock.
            os.close(use.users)
            _await_stop(folder)
            if use.keeper:
                with suppress(ChildProcessError):
                    os.waitpid(use.keeper, os.WNOHANG)


def _join(folder: Path, deadline: float) -> _Use:
    place.prepare(folder)
    users = locks.open_file(folder / place.USERS_LOCK)
    # A keeper that is about to stop the server holds this lock until it has.
    while not locks.try_lock(users, locks.SHARED):
        if time.monotonic() > deadline:
            os.close(users)
            raise ServerUnavailable(f"it is being stopped, and that takes more than {START_LIMIT:.0f} s")
        time.sleep(POLL)
    atexit.unregister(release)
    atexit.register(release)
    return _uses.setdefault(folder, _Use(users, os.getpid()))


def _await_server(folder: Path, use: _Use, deadline: float) -> None:
    keeper = None
    while True:
        if keeper and keeper.poll() == KEEPER_GAVE_UP:
            raise ServerUnavailable(last_line(folder / place.LOG, KEEPER))
        # A keeper that gives up lets go of its lock first: wait for its status instead of starting another.
        if keeper is None or keeper.poll() is not None:
            keeper = _spawn_keeper_if_none(folder) or keeper
        if _accepts_connections(folder):
            break
        if time.monotonic() > deadline:
            raise ServerUnavailable(f"no answer for {START_LIMIT:.0f} s: {last_line(folder / place.LOG)}")
        time.sleep(POLL)
    if keeper:
        use.keeper = keeper.pid
        _forget(keeper)


def _spawn_keeper_if_none(folder: Path) -> subprocess.Popen[bytes] | None:
    lock = locks.open_file(folder / place.KEEPER_LOCK)
    try:
        return _spawn_keeper(folder, lock) if locks.try_lock(lock, locks.EXCLUSIVE) else None
    finally:
        os.close(lock)


def _spawn_keeper(folder: Path, lock: int) -> subprocess.Popen[bytes]:
    log = locks.open_file(folder / place.LOG, os.O_APPEND)
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    try:
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", f"{__package__}.keeper", str(folder), str(lock)],
            cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C must reach the web server only: its last requests still need the database.
            start_new_session=True,
            pass_fds=[lock],
        )
    finally:
        os.close(log)


def _forget(keeper: subprocess.Popen[bytes]) -> None:
    """Let the keeper outlive us: Popen must not warn of a child that still runs."""
    keeper.poll()
    keeper.returncode = keeper.returncode or 0


def _accepts_connections(folder: Path) -> bool:
    sockets = place.socket_folder(folder)
    if not (sockets / place.SOCKET).exists():
        return False
    import psycopg  # noqa: PLC0415 - the keeper imports this package and has no use for it

    try:
        psycopg.connect(
            host=str(sockets), port=place.PORT, user=place.USER, dbname="postgres", connect_timeout=5
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def _await_stop(folder: Path) -> None:
    users = locks.open_file(folder / place.USERS_LOCK)
    keeper = locks.open_file(folder / place.KEEPER_LOCK)
    deadline = time.monotonic() + STOP_LIMIT
    adopter = None
    while time.monotonic() < deadline and not _has_users(users):
        if locks.try_lock(keeper, locks.SHARED):
            locks.unlock(keeper)
            if adopter or not find_running(folder.resolve() / place.DATA):
                break
            # The keeper was killed: a new one takes its server over and finds no user.
            adopter = _spawn_keeper_if_none(folder)
        time.sleep(POLL)
    if adopter:
        _forget(adopter)
    os.close(keeper)
    os.close(users)


def _has_users(users: int) -> bool:
    """Tell whether a process shares the lock; a keeper that is stopping the server holds it for itself."""
    if locks.try_lock(users, locks.EXCLUSIVE):
        locks.unlock(users)
        return False
    if locks.try_lock(users, locks.SHARED):
        locks.unlock(users)
        return True
    return False
