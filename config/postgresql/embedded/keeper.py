"""The process that owns the server: starts it, restarts it, and stops it when its last user is gone.

Run by `client` as `python -m config.postgresql.embedded.keeper FOLDER LOCK`, where LOCK is the descriptor of
keeper.lock, already held: so one keeper exists from the moment a client decides on it, and no second.
"""

import os
import signal
import sys
import time
from pathlib import Path
from subprocess import SubprocessError

from . import locks
from .cluster import Cluster
from .errors import KEEPER, ServerUnavailable, last_line
from .place import LOG, USERS_LOCK
from .server import Server, find_running

TICK = 0.1
# Backends of a killed server may hold its shared memory for a while, during which a new one ends at once.
MAX_QUICK_ENDS = 8
QUICK = 5.0
MAX_LOG_BYTES = 5_000_000


def main(folder: Path, lock: int) -> int:
    os.set_inheritable(lock, False)
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    os.umask(0o077)
    users = locks.open_file(folder / USERS_LOCK)
    try:
        Keeper(folder, lock, users).run()
    except (ServerUnavailable, OSError, SubprocessError) as error:
        print(f"{KEEPER}{error}", file=sys.stderr)  # noqa: T201 - stderr is the log, where the client looks
        return 1
    finally:
        # In this order: a client that gets users.lock may start the next keeper at once.
        os.close(lock)
        os.close(users)
    return 0


class Keeper:
    def __init__(self, folder: Path, lock: int, users: int) -> None:
        self.cluster = Cluster(folder, lock)
        self.log = self.cluster.place / LOG
        self.users = users
        self.told_to_stop = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note_signal)

    def run(self) -> None:
        quick_ends = 0
        server = find_running(self.cluster.data)
        while server or not self._is_done():
            server = server or self.cluster.start()
            started = time.monotonic()
            self._watch(server)
            if server.is_alive():
                server.stop()
                return
            server = None
            quick_ends = quick_ends + 1 if time.monotonic() - started < QUICK else 1
            if quick_ends > MAX_QUICK_ENDS:
                raise ServerUnavailable(f"PostgreSQL ended {quick_ends} times in a row: {last_line(self.log)}")
            time.sleep(min(0.05 * 2**quick_ends, 2))

    def _watch(self, server: Server) -> None:
        while server.is_alive() and not self._is_done():
            if self.log.stat().st_size > MAX_LOG_BYTES:
                os.truncate(self.log, 0)
            time.sleep(TICK)

    def _is_done(self) -> bool:
        # Once taken the lock is kept: who comes now waits until the server has stopped.
        return self.told_to_stop or locks.try_lock(self.users, locks.EXCLUSIVE)

    def _note_signal(self, *_: object) -> None:
        self.told_to_stop = True


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
