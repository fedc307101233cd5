"""The README's session and commands, run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.servers import ROOT, Server, database_url, running_server

BIN = Path(sys.executable).parent
README = (ROOT / "README.md").read_text()
SESSION, TOKEN, TRANSFER = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def exchanges(block: str) -> list[tuple[str, str]]:
    """Each command of a console block with the answer that is printed below it."""
    pairs = []
    for exchange in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, answer = exchange.partition("\n")
        pairs.append((command, answer.strip()))
    return pairs


def without_times(text: str) -> str:
    text = re.sub(r"in [\d.]+ s \([\d,]+ per second\)", "in TIME", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_session_answers_what_the_readme_shows(server: Server) -> None:
    call_command("flush", verbosity=0, interactive=False)  # so that the first task is number 1
    for command, answer in exchanges(SESSION):
        local = command.replace("http://127.0.0.1:8000", server.url)
        done = subprocess.run(["bash", "-c", local], capture_output=True, text=True, check=True)
        assert without_times(done.stdout.strip()) == without_times(answer), command


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_token_from_the_command_line_opens_what_is_closed_to_strangers() -> None:
    (create, made), (curl, status) = exchanges(TOKEN)
    with running_server(API_ANONYMOUS="none") as server:
        script = f"{create}\n{curl}\nTOKEN=\n{curl}".replace("http://127.0.0.1:8000", server.url)
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        done = subprocess.run(
            ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
    assert done.stdout.split() == [status, "401"]
    assert made.partition("(")[0] == done.stderr.partition("(")[0] == "Token nightly import "


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_what_goes_in_comes_out_as_the_readme_shows() -> None:
    environment = os.environ | {"DATABASE_URL": database_url(), "PATH": f"{BIN}:{os.environ['PATH']}"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    for command, answer in exchanges(TRANSFER):
        done = subprocess.run(
            ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        assert re.sub("[0-9a-f]{32}", "DIGEST", without_times(done.stdout.strip())) == without_times(answer), command


def test_the_session_covers_the_five_endpoints() -> None:
    commands = [command for command, _ in exchanges(SESSION)]
    for pattern in (r"/tasks/ .*-d", r"/tasks/\?", r"-X PATCH .*/tasks/\d", r"curl -s \S+/tasks/\d$", r"-X DELETE"):
        assert any(re.search(pattern, command) for command in commands), pattern


def test_every_make_target_that_the_readme_names_exists() -> None:
    listed = set(re.findall(r"^make ([\w-]+)", subprocess.check_output(["make"], cwd=ROOT, text=True), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", README, re.MULTILINE))
    named = {one or other for one, other in named}
    assert {"run", "test", "check"} <= named <= listed
    assert {
        "help",
        "run",
        "test",
        "test-fast",
        "faults",
        "bench",
        "check",
        "audit",
        "format",
        "lock",
        "seed",
        "clean",
    } == listed


def test_every_file_that_the_readme_names_exists() -> None:
    for path in re.findall(r"`((?:tasks|tests|config|requirements)/[\w./]*)`", README):
        assert (ROOT / path).exists(), path
