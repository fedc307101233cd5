"""The README's session and commands, run."""

import re
import subprocess

import pytest

from tests.servers import ROOT, Server

README = (ROOT / "README.md").read_text()
CONSOLE = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def exchanges() -> list[tuple[str, str]]:
    """Each command of the README's console blocks with the answer that is printed below it."""
    pairs = []
    for exchange in re.split(r"^\$ ", "\n".join(CONSOLE), flags=re.MULTILINE)[1:]:
        command, _, answer = exchange.partition("\n")
        pairs.append((command, answer.strip()))
    return pairs


def without_times(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_the_session_answers_what_the_readme_shows(server: Server) -> None:
    for command, answer in exchanges():
        local = command.replace("http://127.0.0.1:8000", server.url)
        done = subprocess.run(["bash", "-c", local], capture_output=True, text=True, check=True)
        assert without_times(done.stdout.strip()) == without_times(answer), command


def test_the_session_covers_the_five_endpoints() -> None:
    commands = [command for command, _ in exchanges()]
    for pattern in (r"/tasks/ .*-d", r"/tasks/\?", r"-X PATCH .*/tasks/\d", r"curl -s \S+/tasks/\d$", r"-X DELETE"):
        assert any(re.search(pattern, command) for command in commands), pattern


def test_every_make_target_that_the_readme_names_exists() -> None:
    listed = set(re.findall(r"^make (\w+)", subprocess.check_output(["make"], cwd=ROOT, text=True), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)", README, re.MULTILINE))
    named = {one or other for one, other in named}
    assert {"run", "test", "check"} <= named <= listed
    assert {"help", "run", "test", "faults", "check", "format", "lock", "seed", "clean"} == listed


def test_every_file_that_the_readme_names_exists() -> None:
    for path in re.findall(r"`((?:tasks|tests|config|requirements)/[\w./]*)`", README):
        assert (ROOT / path).exists(), path
