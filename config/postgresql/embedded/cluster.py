"""The database cluster: made in one step, started with the settings of a private server."""

import locale
import os
import shutil
import subprocess
from pathlib import Path

from . import programs
from .errors import ServerUnavailable, last_line
from .place import DATA, DATABASE, LOG, PORT, SOCKET, USER, owner, socket_folder
from .server import PID_FILE, Server

BUILTIN_LOCALES = 17


class Cluster:
    def __init__(self, folder: Path, lock: int) -> None:
        self.place = folder.resolve()
        self.data = self.place / DATA
        self.sockets = socket_folder(folder).resolve()
        self.account = owner(self.place)
        self.lock = lock

    def start(self) -> Server:
        """Start PostgreSQL; nobody else may be about to, and none may be running."""
        found = programs.find(self.account, read_major(self.data), self.place)
        if not self.data.exists():
            self._create(found)
        # A file left by a dead server may name a living process; PostgreSQL would then refuse to start.
        for stale in (self.data / PID_FILE, self.sockets / SOCKET, self.sockets / f"{SOCKET}.lock"):
            stale.unlink(missing_ok=True)
        command = [found.path("postgres"), "-D", str(self.data), *server_options(self.sockets)]
        child = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd="/", env=environment(), stdin=subprocess.DEVNULL, **self.account.process_options()
        )
        return Server(self.data, child.pid, child)

    def _create(self, found: programs.Programs) -> None:
        new = self.data.with_name(f"{DATA}.new")
        shutil.rmtree(new, ignore_errors=True)
        initdb = ["--username", USER, "--auth=trust", "--encoding=UTF8", *locale_options(found.major)]
        self._run([found.path("initdb"), "-D", str(new), *initdb])
        single = ["--single", "-D", str(new), "-c", "exit_on_error=on", "postgres"]
        self._run([found.path("postgres"), *single], f"CREATE DATABASE {DATABASE};\n")
        new.rename(self.data)
        sync(self.place)

    def _run(self, command: list[str], text: str = "") -> None:
        finished = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd="/",
            env=environment(),
            input=text.encode(),
            check=False,
            # Outlives a killed keeper: the next one must not begin while initdb still writes.
            pass_fds=[self.lock],
            **self.account.process_options(),
        )
        if finished.returncode:
            raise ServerUnavailable(f"{Path(command[0]).name} failed: {last_line(self.place / LOG)}")


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
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def locale_options(major: int) -> list[str]:
    """Choose rules by which lower('Ä') is 'ä', the same on every machine where that is possible."""
    if major >= BUILTIN_LOCALES:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    known = [name for name in ("C.UTF-8", "en_US.UTF-8", "UTF-8") if has_locale(name)]
    return ["--locale=C", *(f"--lc-ctype={name}" for name in known[:1])]


def has_locale(name: str) -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_CTYPE, before)
    return True


def environment() -> dict[str, str]:
    """Give the server no PG* variable, which it would obey, and no secret, which its account could read."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C"}


def sync(folder: Path) -> None:
    """Make a rename in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
