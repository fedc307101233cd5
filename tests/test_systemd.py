"""The systemd units that docs/operations.md shows."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

from config import gunicorn
from tests.servers import ROOT
from tests.test_readme import PAGES

GUIDE = PAGES["docs/operations.md"]
UNITS = dict(re.findall(r"`/etc/systemd/system/([\w.-]+)`:\n\n```ini\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL))
FOLDER = "/srv/tasks-api"


def setting(unit: str, section: str, name: str) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names are case-sensitive
    parser.read_string(UNITS[unit])
    return parser[section][name]


def test_the_units_run_what_there_is() -> None:
    assert len(UNITS) == GUIDE.count("```ini") == 3
    command = setting("tasks-api.service", "Service", "ExecStart").removeprefix(f"{FOLDER}/")
    assert f"\n{command}\n" in GUIDE  # "Deploy" starts it by hand
    *_, manage, name = setting("tasks-api-housekeeping.service", "Service", "ExecStart").split()
    assert manage == "manage.py"
    assert name in get_commands()
    assert f"systemctl enable --now tasks-api {'tasks-api-housekeeping.timer'}`" in GUIDE


def test_the_service_is_killed_as_a_group_after_its_requests_had_their_time() -> None:
    assert setting("tasks-api.service", "Service", "KillMode") == "mixed"
    assert int(setting("tasks-api.service", "Service", "TimeoutStopSec")) > gunicorn.graceful_timeout
    assert setting("tasks-api.service", "Service", "Restart") == "always"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for name, text in UNITS.items():
        (tmp_path / name).write_text(text.replace(FOLDER, str(ROOT)))
    command = ["systemd-analyze", "verify", "--recursive-errors=no", *(str(tmp_path / name) for name in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
