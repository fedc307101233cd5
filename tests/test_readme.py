"""README.md and docs/: every session is run, and every name in them exists.

The ```console blocks of a page are typed into one shell, with a service on port 8000 that has no tasks, and its $TOKEN:
"$ " begins a command, and the lines after it are what it prints.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands, load_command_class

from tests.factories import make_member, make_token
from tests.pictures import MOST_BYTES
from tests.servers import ROOT, Server, database_url, running_server

BIN = Path(sys.executable).parent
PAGES = {
    str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
}
DOCUMENTS = PAGES | {name: (ROOT / name).read_text() for name in ("CHANGELOG.md", "SECURITY.md")}
README = PAGES["README.md"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    return [block for kind, block in FENCED.findall(text) if kind == language]


def exchanges(block: str) -> list[tuple[str, str]]:
    """Each command of a console block with the answer that is printed below it."""
    pairs = []
    for exchange in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, answer = re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", exchange, re.DOTALL).groups()  # type: ignore[union-attr]  # a block ends in a newline
        pairs.append((command, answer.strip()))
    return pairs


def session_of(page: str) -> list[tuple[str, str]]:
    return [exchange for block in blocks(PAGES[page], "console") for exchange in exchanges(block)]


def replay(commands: list[str], server: Server, **variables: str) -> list[str]:
    """What a terminal shows after each of these commands, typed into one shell that has these variables."""
    script = "".join(f"{command}\nprintf '\\0'\n" for command in ["exec 2>&1", *commands])
    environment = os.environ | variables | {"DATABASE_URL": database_url(), "PATH": f"{BIN}:{os.environ['PATH']}"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = ["bash", "-c", script.replace("http://127.0.0.1:8000", server.url)]
    shown = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
    return [each.strip() for each in shown.replace(server.url, "http://127.0.0.1:8000").split("\0")[1:-1]]


def without_times(text: str) -> str:
    text = re.sub(r"in [\d.]+ s \([\d,]+ per second\)", "in TIME", text)
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:[\d.]+Z| UTC)", "TIME", text)


def masked(text: str) -> str:
    """Without what differs from run to run: times, cursors, entity tags, digests, request ids and the ids of tokens."""
    text = re.sub(r"cursor=[\w-]+", "CURSOR", without_times(text))
    text = re.sub(r'\\?"[0-9a-f]{12,14}\\?"', "ETAG", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return re.sub(r"[0-9a-f]{32}", "DIGEST", re.sub(r"\([0-9A-Za-z]{12}\)", "(TOKEN)", text))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", [page for page in PAGES if session_of(page)])
def test_a_session_prints_what_the_page_shows(page: str, server: Server) -> None:
    call_command("flush", verbosity=0, interactive=False)  # so that the first task is number 1
    session, token = session_of(page), make_token(make_member("client", "Task admins"))
    for (command, answer), shown in zip(
        session, replay([command for command, _ in session], server, TOKEN=token), strict=True
    ):
        assert masked(shown) == masked(answer), command


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_token_from_the_command_line_opens_what_is_closed_to_strangers() -> None:
    create, read = (command for command, _ in session_of("docs/operations.md") if "TOKEN" in command)
    with running_server(API_ANONYMOUS="none") as server:
        _, with_token, _, without = replay([create, read, "TOKEN=", read], server)
    assert (with_token, without) == ("200", "401")


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len(README.splitlines()) <= 130


def test_the_session_covers_the_five_endpoints() -> None:
    commands = [command for command, _ in session_of("README.md")]
    for pattern in (r"/tasks/ .*-d", r"/tasks/\?", r"-X PATCH .*/tasks/\d", r"-w \S+ \S+/tasks/\d\)?$", r"-X DELETE"):
        assert any(re.search(pattern, command) for command in commands), pattern


def test_every_make_target_that_the_pages_name_exists() -> None:
    listed = set(re.findall(r"^make ([\w-]+)", subprocess.check_output(["make"], cwd=ROOT, text=True), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", "\n".join(DOCUMENTS.values()), re.MULTILINE))
    assert named == listed - {"help"}


def test_every_management_command_that_the_pages_name_exists_with_its_options() -> None:
    named = re.findall(r"manage\.py ([a-z_]+)([^`|\n]*)", "\n".join(DOCUMENTS.values()))
    assert len(named) > 10
    for name, rest in named:
        command = load_command_class(get_commands()[name], name)
        options = {option for action in command.create_parser("", name)._actions for option in action.option_strings}
        assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= options, f"{name}{rest}"


def test_every_file_that_the_pages_name_exists() -> None:
    files = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).split()
    names = {file.rpartition("/")[2] for file in files}
    for page, text in DOCUMENTS.items():
        for path in re.findall(r"`((?:tasks|tests|config|requirements|docs)/[\w./-]*)`", text):
            assert (ROOT / path).exists(), f"{path} in {page}"
        for name in re.findall(r"`([\w-]+\.(?:py|sql|yaml|md))`", text):
            assert name in names, f"{name} in {page}"


def anchors_in(text: str) -> set[str]:
    """The names that headings get, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_between_the_pages_leads_somewhere() -> None:
    for page, text in DOCUMENTS.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", text)):
            path, _, anchor = target.partition("#")
            if re.match(r"\w+://|/", target):  # another site, or a page of the service
                continue
            file = ROOT / Path(page).parent / path if path else ROOT / page
            assert file.exists(), f"{target} in {page}"
            assert not anchor or anchor in anchors_in(file.read_text()), f"{target} in {page}"


def test_the_readme_leads_to_every_page_and_picture() -> None:
    for path in (ROOT / "docs").iterdir():
        assert f"](docs/{path.name})" in README, path
        assert path.suffix == ".md" or path.stat().st_size <= MOST_BYTES, path
