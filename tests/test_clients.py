"""openapi.yaml as tools read it: linters find nothing; generated clients compile, and what they send arrives."""

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
from tests.test_document import patterns

CLIENTS = ROOT / "tests/clients"
DOCUMENT = ROOT / "openapi.yaml"
BIN = Path(sys.executable).parent
INT64_MAX = 2**63 - 1
JAVASCRIPT_MAX = 2**53 - 1  # the greatest integer that a number of JavaScript's holds for sure
LOCKED = ("--quiet", "--no-compile", "--no-deps", "--only-binary", ":all:", "--require-hashes")
# npm by itself tries for minutes.
SOON = ("--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-timeout=20000")
COMPILES = "import json, re2, sys; [re2.compile(each) for each in json.loads(sys.argv[1])]"
COMPILES_IN_JAVASCRIPT = 'for (const each of JSON.parse(process.argv[1])) new RegExp(each, "u");'
LINTERS = {
    "redocly": ("lint", "--config", CLIENTS / "redocly.yaml"),
    "spectral": ("lint", "--ruleset", CLIENTS / "spectral.yaml", "--fail-severity", "hint"),
}
GENERATORS = {
    "openapi-typescript": ("openapi.yaml", "--output", "tasks.d.ts"),
    "openapi-ts": (),
    "orval": (),
}


def run(*command: str | Path, folder: Path, **variables: str) -> str:
    """What the command prints; if it fails, so does the test, with all that it said."""
    path = os.pathsep.join(map(str, (folder / "node_modules/.bin", folder / "python/bin", BIN, os.environ["PATH"])))
    environment = unmeasured() | {"PATH": path} | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{command}\n{said}"
    return said


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the document and what the locks in tests/clients name: python/ and node_modules/."""
    folder = tmp_path_factory.mktemp("tools")
    shutil.copy(DOCUMENT, folder)
    shutil.copytree(CLIENTS / "typescript", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    run(sys.executable, "-m", "venv", "--without-pip", "python", folder=folder)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", "python/bin/python", "install")
    run(*pip, *LOCKED, "-r", CLIENTS / "requirements.txt", folder=folder)
    try:
        run("npm", "ci", *SOON, folder=folder)
    except AssertionError:
        if not registry_answers(folder):
            pytest.skip("npm can't reach its registry")
        raise
    return folder


def registry_answers(folder: Path) -> bool:
    probe = (folder / "python/bin/npm", "view", "openapi-fetch", "version", "--prefer-online")
    return subprocess.run([*probe, *SOON], cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("linter", LINTERS)
def test_a_linter_finds_nothing(tools: Path, linter: str) -> None:
    run(linter, *LINTERS[linter], "openapi.yaml", folder=tools)


@pytest.mark.slow
def test_every_pattern_compiles_in_re2_and_in_javascript(tools: Path) -> None:
    found = json.dumps(sorted(patterns()))
    run("python/bin/python", "-c", COMPILES, found, folder=tools)
    run("node", "-e", COMPILES_IN_JAVASCRIPT, found, folder=tools)


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
def test_typescript_clients_are_generated_typed_and_used(server: Server, tools: Path) -> None:
    for generator, arguments in GENERATORS.items():
        said = run(generator, *arguments, folder=tools)
        assert "warn" not in said.lower(), said
    run("tsc", folder=tools)
    run("tsc", "--project", "tsconfig.generated.json", folder=tools)
    make_task("The last one", id=JAVASCRIPT_MAX)
    for program in ("program", "hey-api", "orval"):
        run("node", f"{program}.js", server.url, str(JAVASCRIPT_MAX), folder=tools)


@pytest.mark.slow
def test_an_agent_gets_its_tools_from_the_document(server: Server, tools: Path) -> None:
    token = make_token(make_user("robot", "view", "add", "change", "delete"))
    program = CLIENTS / "mcp/program.py"
    run("python/bin/python", program, folder=tools, TASKS_URL=server.url, TASKS_TOKEN=token)


def test_the_lock_of_the_typescript_clients_has_exact_versions_and_names_no_host() -> None:
    folder = CLIENTS / "typescript"
    assert '"resolved"' not in (folder / "package-lock.json").read_text()
    package = json.loads((folder / "package.json").read_text())
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
