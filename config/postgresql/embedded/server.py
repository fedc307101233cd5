"""One running PostgreSQL: a child of the keeper, or an orphan that an earlier keeper left."""

import os
import signal
import subprocess
import time
from pathlib import Path

PID_FILE = "postmaster.pid"
PROC = Path("/proc")
# A fast shutdown writes a checkpoint, which a slow disk may stretch.
STOP_LIMIT = 60.0


class Server:
    def __init__(self, data: Path, pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self.data = data
        self.pid = pid
        self.child = child

    def is_alive(self) -> bool:
        if self.child:
            return self.child.poll() is None
        return is_postmaster(self.pid, self.data)

    def stop(self) -> None:
        """End sessions and stop cleanly; past the limit stop at once, which recovery makes good."""
        os.kill(self.pid, signal.SIGINT)
        deadline = time.monotonic() + STOP_LIMIT
        while self.is_alive():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGQUIT)
            time.sleep(0.02)


def find_running(data: Path) -> Server | None:
    """Give the server that runs on this data folder, if its pid file names one and does not lie."""
    pid = read_pid(data)
    return Server(data, pid) if pid and is_postmaster(pid, data) else None


def read_pid(data: Path) -> int | None:
    try:
        return int((data / PID_FILE).read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def is_postmaster(pid: int, data: Path) -> bool:
    """Tell by its command line: in a container root may not read another account's /proc/PID/cwd."""
    return f"postgres -D {data} -c " in command_line(pid)


def command_line(pid: int) -> str:
    """Give the arguments of a process, joined by blanks; empty when it is gone or a zombie."""
    if (PROC / "self").exists():
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - own list
