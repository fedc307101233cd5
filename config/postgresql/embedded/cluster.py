"""The database cluster: created atomically, served with the settings of a private server."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import IO, Any

from . import locales, programs
from .files import LOG, ServerUnavailable, open_file, read_reason
from .place import DATA, DATABASE, PORT, SOCKET, USER, owner, socket_folder

PID_FILE = "postmaster.pid"


def serve(folder: Path, lock: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start PostgreSQL, which holds the lock until its last process has ended."""
    sockets = socket_folder(folder).resolve()
    folder = folder.resolve()
    data = folder / DATA
    (folder / LOG).unlink(missing_ok=True)
    found = programs.find(owner(folder), read_major(data), folder)
    if not data.exists():
        create(folder, found, lock)
    # A file of a dead server may name the pid of a living process. PostgreSQL would then refuse to start.
    for stale in (data / PID_FILE, sockets / SOCKET, sockets / f"{SOCKET}.lock"):
        stale.unlink(missing_ok=True)
    command = [found.path("postgres"), "-D", str(data), *server_options(sockets)]
    with open_file(folder / LOG) as log:
        options = process_options(folder, log, lock)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)  # noqa: S603 - our own command


def create(folder: Path, found: programs.Programs, lock: IO[bytes]) -> None:
    new = folder / f"{DATA}.new"
    shutil.rmtree(new, ignore_errors=True)
    initdb = ["--username", USER, "--auth=trust", "--encoding=UTF8", *locales.initdb_options(found.major)]
    run([found.path("initdb"), "-D", str(new), *initdb], folder, lock)
    single = ["--single", "-D", str(new), "-c", "exit_on_error=on", "postgres"]
    run([found.path("postgres"), *single], folder, lock, f"CREATE DATABASE {DATABASE};\n")
    new.rename(folder / DATA)
    sync(folder)


def run(command: list[str], folder: Path, lock: IO[bytes], text: str = "") -> None:
    with open_file(folder / LOG) as log:
        options = process_options(folder, log, lock)
        finished = subprocess.run(command, input=text.encode(), check=False, **options)  # noqa: S603 - our own command
    if finished.returncode:
        raise ServerUnavailable(f"{Path(command[0]).name} failed: {read_reason(folder)}")


def process_options(folder: Path, log: IO[bytes], *inherited: IO[bytes]) -> dict[str, Any]:
    return {
        "cwd": "/",
        "env": environment(),
        "stdout": log,
        "stderr": log,
        "pass_fds": [file.fileno() for file in inherited],
        # Ctrl-C must reach only the web server, whose last requests still need the database.
        "start_new_session": True,
        **owner(folder).process_options(),
    }


def read_major(data: Path) -> int | None:
    version = data / "PG_VERSION"
    return int(version.read_text()) if version.exists() else None


def server_options(sockets: Path) -> list[str]:
    quoted = str(sockets).replace('"', '""')
    settings = {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # Errors of statements go to the client only: in the log they could fill the disk.
        "log_min_messages": "log",
        "log_checkpoints": "off",
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def environment() -> dict[str, str]:
    """Withhold PG* variables, which the server would obey, and secrets, which its account could read."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C"}


def sync(folder: Path) -> None:
    """Make a rename in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
