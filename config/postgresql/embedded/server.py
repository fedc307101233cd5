"""Starts the server process, waits for it, and stops it. The caller holds the lock of the folder.

PostgreSQL's processes inherit the locked file server.lock. While one of them lives, or initdb still writes, no process
starts another server on the same data, whatever the files of a killed server say.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from . import cluster, locales
from .files import POLL, ServerUnavailable, open_file, read_reason, try_lock
from .place import DATA, PORT, USER, socket_folder

LOCK = "server.lock"
PROC = Path("/proc")
START_LIMIT = 60.0
# A fast shutdown writes a checkpoint, which takes long on a slow disk.
STOP_LIMIT = 60.0


def start(folder: Path) -> None:
    """Start the server unless it runs, and return once it accepts connections."""
    deadline = time.monotonic() + START_LIMIT
    child = None
    with open_file(folder / LOCK) as lock:
        while not _accepts_connections(folder):
            if child is None and try_lock(lock):
                child = cluster.serve(folder, lock)
                deadline = (
                    time.monotonic() + START_LIMIT
                )  # creating the cluster does not count: it takes long on a slow machine
            if child and child.poll() is not None:
                raise ServerUnavailable(f"PostgreSQL ended: {read_reason(folder)}")
            if time.monotonic() > deadline:
                raise ServerUnavailable(f"PostgreSQL has not answered for {START_LIMIT:.0f} s: {read_reason(folder)}")
            time.sleep(POLL)
    locales.bring_over(folder)
    if child:
        forget(child)


def stop(folder: Path) -> None:
    """End all sessions and stop cleanly. After the limit stop at once; the next start then recovers the data."""
    with open_file(folder / LOCK) as lock:
        for number in (signal.SIGINT, signal.SIGQUIT):
            deadline = time.monotonic() + STOP_LIMIT
            while time.monotonic() < deadline:
                if try_lock(lock):
                    return
                # Repeated, because a starting server may miss the signal. A stopping server ignores it.
                if pid := find_pid(folder):
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                time.sleep(POLL)


def _accepts_connections(folder: Path) -> bool:
    from psycopg import conninfo, pq  # noqa: PLC0415 - the keeper does not need it

    address = conninfo.make_conninfo(
        host=str(socket_folder(folder)), port=PORT, user=USER, dbname="postgres", connect_timeout=5
    )
    return pq.PGconn.ping(address.encode()) == pq.Ping.OK


def find_pid(folder: Path) -> int | None:
    """Return the server's pid, if the pid file names one and that process is the server."""
    data = folder.resolve() / DATA
    try:
        pid = int((data / cluster.PID_FILE).read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    # Compares the command line: in a container root may not read another account's /proc/PID/cwd.
    return pid if f"postgres -D {data} -c " in read_command(pid) else None


def read_command(pid: int) -> str:
    """Return the arguments of a process, joined by blanks; empty if it has ended or is a zombie."""
    if (PROC / "self").exists():
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - own list


def forget(process: subprocess.Popen[bytes]) -> None:
    """Let the process outlive this one, without Popen's warning about a child that still runs."""
    process.returncode = process.returncode or 0
