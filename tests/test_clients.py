"""Typed clients, generated from openapi.yaml and used as they come: they compile, and what they send arrives."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import make_task, make_token, make_user
from tests.servers import ROOT, Server, unmeasured

CLIENTS = ROOT / "tests/clients"
DOCUMENT = ROOT / "openapi.yaml"
BIN = Path(sys.executable).parent
INT64_MAX = 2**63 - 1
JAVASCRIPT_MAX = 2**53 - 1  # the greatest integer that a number of JavaScript's holds for sure
# npm by itself tries for minutes.
SOON = ("--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-timeout=20000")


def run(*command: str | Path, folder: Path) -> str:
    """What the command prints; if it fails, so does the test, with all that it said."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env=unmeasured() | {"PATH": path}, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{command}\n{said}"
    return said


@pytest.mark.slow
def test_a_python_client_is_generated_without_a_warning_typed_and_used(server: Server, tmp_path: Path) -> None:
    generator = BIN / "openapi-python-client"
    client = tmp_path / "tasks_client"
    said = run(generator, "generate", "--path", DOCUMENT, "--meta", "none", "--output-path", client, folder=tmp_path)
    assert "warning" not in said.lower(), said
    shutil.copy(CLIENTS / "python/program.py", tmp_path)
    mypy = (sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=mypy", "--follow-imports=silent")
    run(*mypy, "program.py", folder=tmp_path)
    make_task("The last one", id=INT64_MAX)
    token = make_token(make_user("robot", "view", "add", "change", "delete"))
    run(sys.executable, "program.py", server.url, str(INT64_MAX), token, folder=tmp_path)


@pytest.mark.slow
def test_a_typescript_client_is_generated_typed_and_used(server: Server, tmp_path: Path) -> None:
    shutil.copytree(CLIENTS / "typescript", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    install_packages(tmp_path)
    programs = tmp_path / "node_modules/.bin"
    said = run(programs / "openapi-typescript", DOCUMENT, "--output", "tasks.d.ts", folder=tmp_path)
    assert "warn" not in said.lower(), said
    run(programs / "tsc", folder=tmp_path)
    make_task("The last one", id=JAVASCRIPT_MAX)
    run("node", "program.js", server.url, str(JAVASCRIPT_MAX), folder=tmp_path)


def install_packages(folder: Path) -> None:
    """As package-lock.json has them. What this machine lacks skips the test, what is wrong with the lock fails it."""
    for name in ("node", "npm"):
        if not shutil.which(name):
            pytest.skip(f"there is no {name} on this machine")
    version = run("node", "--version", folder=folder).strip()
    if int(version.removeprefix("v").partition(".")[0]) < 18:
        pytest.skip(f"node is {version}, and fetch came with v18")
    try:
        run("npm", "ci", "--no-audit", "--no-fund", *SOON, folder=folder)
    except AssertionError:
        if not registry_answers(folder):
            pytest.skip("npm can't reach its registry")
        raise


def registry_answers(folder: Path) -> bool:
    probe = ("npm", "view", "openapi-fetch", "version", "--prefer-online")
    return subprocess.run([*probe, *SOON], cwd=folder, capture_output=True, check=False).returncode == 0


def test_the_lock_of_the_typescript_client_has_exact_versions_and_names_no_host() -> None:
    folder = CLIENTS / "typescript"
    assert '"resolved"' not in (folder / "package-lock.json").read_text()
    package = json.loads((folder / "package.json").read_text())
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
