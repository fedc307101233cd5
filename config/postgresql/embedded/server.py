"""The server as a process: started, waited for, stopped. Who calls holds the folder's lock.

PostgreSQL's processes inherit server.lock, locked. As long as one of them lives, or initdb still writes, nobody
starts another on the same data, whatever a killed one's files say.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from . import cluster
from .files import POLL, ServerUnavailable, open_file, read_reason, try_lock
from .place import DATA, PORT, USER, socket_folder

LOCK = "server.lock"
PROC = Path("/proc")
START_LIMIT = 60.0
# A fast shutdown writes a checkpoint, which a slow disk may stretch.
STOP_LIMIT = 60.0


def start(folder: Path) -> None:
    """Return once the server accepts connections, whoever started it."""
    deadline = time.monotonic() + START_LIMIT
    child = None
    with open_file(folder / LOCK) as lock:
        while not _accepts_connections(folder):
            if child is None and try_lock(lock):
                child = cluster.serve(folder, lock)
                deadline = time.monotonic() + START_LIMIT  # without the making of a cluster: a slow machine needs long
            if child and child.poll() is not None:
                raise ServerUnavailable(f"PostgreSQL ended: {read_reason(folder)}")
            if time.monotonic() > deadline:
                raise ServerUnavailable(f"no answer for {START_LIMIT:.0f} s: {read_reason(folder)}")
            time.sleep(POLL)
    if child:
        forget(child)


def stop(folder: Path) -> None:
    """End sessions and stop cleanly; past the limit stop at once, which recovery makes good."""
    with open_file(folder / LOCK) as lock:
        for number in (signal.SIGINT, signal.SIGQUIT):
            deadline = time.monotonic() + STOP_LIMIT
            while time.monotonic() < deadline:
                if try_lock(lock):
                    return
                # Again and again, for it may only be starting; one that stops already takes no notice.
                if pid := find_pid(folder):
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                time.sleep(POLL)


def _accepts_connections(folder: Path) -> bool:
    from psycopg import conninfo, pq  # noqa: PLC0415 - the keeper has no use for it

    address = conninfo.make_conninfo(
        host=str(socket_folder(folder)), port=PORT, user=USER, dbname="postgres", connect_timeout=5
    )
    return pq.PGconn.ping(address.encode()) == pq.Ping.OK


def find_pid(folder: Path) -> int | None:
    """Give the server's pid, if the pid file names one and does not lie."""
    data = folder.resolve() / DATA
    try:
        pid = int((data / cluster.PID_FILE).read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    # By its command line: in a container root may not read another account's /proc/PID/cwd.
    return pid if f"postgres -D {data} -c " in read_command(pid) else None


def read_command(pid: int) -> str:
    """Give the arguments of a process, joined by blanks; empty when it is gone or a zombie."""
    if (PROC / "self").exists():
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - own list


def forget(process: subprocess.Popen[bytes]) -> None:
    """Let the process outlive us: Popen must not warn of a child that still runs."""
    process.returncode = process.returncode or 0
