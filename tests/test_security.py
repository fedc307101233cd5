"""SECURITY.md: what it names exists."""

import re
import subprocess

from django.core.management import get_commands

from tests.servers import ROOT
from tests.test_settings import variables_in

PAGE = (ROOT / "SECURITY.md").read_text()


def test_every_variable_that_it_names_exists() -> None:
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", PAGE))
    assert {"SECRET_KEY", "DATABASE_URL", "SECRET_KEY_FILE", "DATABASE_URL_FILE"} <= named
    assert named <= variables_in((ROOT / ".env.example").read_text())


def test_every_command_that_it_names_exists() -> None:
    named = set(re.findall(r"manage\.py (\w+)", PAGE))
    assert {"check", "changepassword"} <= named <= get_commands().keys()


def test_every_make_target_that_it_names_exists() -> None:
    listed = subprocess.check_output(["make", "help"], cwd=ROOT, text=True)
    named = re.findall(r"`make (\w+)`", PAGE)
    assert named
    assert all(f"make {target} " in listed for target in named)
