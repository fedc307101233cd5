"""Where the server's files and its socket are, and which account it runs as."""

import hashlib
import os
import pwd
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .files import ServerUnavailable

DATABASE = USER = "tasks"
PORT = "5432"
SOCKET = f".s.PGSQL.{PORT}"
DATA = "data"

# sun_path holds 104 bytes on macOS and 108 on Linux.
MAX_SOCKET_PATH = 100
# Fixed, not $TMPDIR: every process must find the same socket.
SOCKETS = Path("/tmp")  # noqa: S108 - the folder in it is ours, 0700, and its owner is checked
STATE = Path("/var/lib")
PREFIX = "tasks-api-"


class Account(NamedTuple):
    uid: int
    gid: int

    def process_options(self) -> dict[str, Any]:
        """Return the arguments with which subprocess runs a program as this account."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def socket_folder(folder: Path) -> Path:
    """Return the folder of the socket: `folder`, or one under /tmp if libpq does not accept that path."""
    home = folder.parent.resolve() / folder.name
    # libpq reads a comma as the start of a second host.
    if len(os.fsencode(home / SOCKET)) <= MAX_SOCKET_PATH and "," not in str(home):
        return home
    return SOCKETS / f"{PREFIX}{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def prepare(folder: Path) -> None:
    """Create the folder and the folder of the socket, both owned by the account that PostgreSQL runs as."""
    if os.geteuid() == 0:
        _prepare_as_root(folder)
    else:
        folder.mkdir(mode=0o700, exist_ok=True)
    account = owner(folder)
    if os.geteuid() not in {0, account.uid}:
        raise ServerUnavailable(f"{folder} belongs to uid {account.uid}; use that account, or remove the folder")
    if (sockets := socket_folder(folder)).parent == SOCKETS:
        _prepare_socket_folder(sockets, account)


def owner(folder: Path) -> Account:
    status = folder.stat()
    return Account(status.st_uid, status.st_gid)


def can_reach(path: Path, account: Account) -> bool:
    """Whether the mode bits of `path` and of every folder above it give the account access."""
    real = path.resolve()
    return all(_may_enter(each.stat(), account) for each in [real, *real.parents])


def _may_enter(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _prepare_as_root(folder: Path) -> None:
    # A link whose target was deleted with a container, while the checkout stayed.
    if folder.is_symlink() and not folder.exists() and folder.readlink().name.startswith(PREFIX):
        folder.unlink()
    account = _choose_account(folder)
    if not folder.exists():
        if can_reach(folder.parent, account):
            folder.mkdir(mode=0o700)
        else:
            folder.symlink_to(tempfile.mkdtemp(prefix=PREFIX, dir=STATE))
    if not can_reach(folder.resolve().parent, account):
        raise ServerUnavailable(
            f"PostgreSQL runs as uid {account.uid}, which can't reach {folder}; move that to {STATE}, and link to it"
        )
    os.chown(folder, account.uid, account.gid)


def _choose_account(folder: Path) -> Account:
    if (folder / DATA).exists():
        account = owner(folder / DATA)
        if account.uid == 0:
            raise ServerUnavailable(
                f"{folder / DATA} belongs to root, but PostgreSQL refuses to run as root; chown it to nobody"
            )
        return account
    try:
        # PostgreSQL refuses to run as root, and initdb requires an account with a name.
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ServerUnavailable(
            "PostgreSQL refuses to run as root, and there is no account 'nobody' to run it as"
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def _prepare_socket_folder(sockets: Path, account: Account) -> None:
    with suppress(FileExistsError):
        sockets.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(sockets, account.uid, account.gid)
    status = sockets.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid or status.st_mode & 0o077:
        raise ServerUnavailable(f"{sockets} must be a folder that only uid {account.uid} may enter; remove it")
