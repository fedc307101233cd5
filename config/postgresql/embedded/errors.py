"""What goes wrong, in one line."""

from pathlib import Path

# Marks the keeper's own last word among the lines that PostgreSQL, or a debugger of Python, writes to the log.
KEEPER = "keeper: "


class ServerUnavailable(Exception):  # noqa: N818 - named for what it tells, like HTTP's 503
    """The embedded server can't run; the message is one line that says why and what to do."""


def last_line(log: Path, start: str = "") -> str:
    """Give the last line of the log that begins with `start`, without it."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    found = [line.removeprefix(start) for line in lines if line.strip() and line.startswith(start)]
    return found[-1] if found else "it left no message"
