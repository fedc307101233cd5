"""`make run` on a fresh clone, as a newcomer uses it: real processes, a real PostgreSQL, nothing configured."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.management.commands import runserver as staticfiles_runserver
from pytest_django import Settings

from config.management.commands import runserver
from config.server import local_trial
from tests.servers import ROOT, await_answer, copy_checkout, free_port, running_server, stop
from tests.waiting import patience

Run = Callable[..., subprocess.Popen[str]]
pytestmark = pytest.mark.slow
STEPS = re.compile(r"^Creating the (?:database in|tables)", re.MULTILINE)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    clone = tmp_path_factory.mktemp("home") / "fresh-clone"
    copy_checkout(clone)
    yield clone
    for measured in clone.glob(".coverage.*"):
        shutil.move(measured, ROOT)
    shutil.rmtree((clone / ".local/postgres").resolve(), ignore_errors=True)


@pytest.fixture
def run(clone: Path) -> Iterator[Run]:
    started = []

    def start(*command: str, **variables: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COV", "HOME", "LANG"))}
        process = subprocess.Popen(
            command,
            cwd=clone,
            env=kept | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def call(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def processes_of(clone: Path) -> list[str]:
    """Command lines of what runs from this clone: its keeper, and PostgreSQL on its data."""
    data = str((clone / ".local/postgres").resolve())
    lines = [process / "cmdline" for process in Path("/proc").iterdir() if process.name.isdigit()]
    commands = [line.read_bytes().replace(b"\0", b" ").decode() for line in lines if line.exists()]
    return [command for command in commands if data in command or str(clone) in command]


def ctrl_c(process: subprocess.Popen[str]) -> tuple[str, str]:
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    return process.communicate(timeout=60)


needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are found through /proc")


@needs_proc
def test_a_newcomer_gets_a_working_service_that_ctrl_c_stops_whole(clone: Path, run: Run) -> None:
    port = free_port()
    first = run("make", "run", f"PORT={port}")
    await_answer(f"http://127.0.0.1:{port}/health/ready", first)
    taken = run("make", "run", f"PORT={port}")
    assert "is not available: Address already in use" in taken.communicate(timeout=60)[1]
    out, _ = ctrl_c(first)
    assert re.search(r"account admin with the password \S{16} ", out)
    assert STEPS.findall(out) == ["Creating the database in", "Creating the tables"]
    assert all(f"http://127.0.0.1:{port}/{page}" in out for page in ("docs", "admin/", "tasks/"))
    assert processes_of(clone) == []

    started = time.monotonic()
    second = run("make", "run", f"PORT={port}")
    await_answer(f"http://127.0.0.1:{port}/tasks/", second)
    assert time.monotonic() - started < patience(30)  # a clock is noise here
    curl = re.search(r"try +(curl .*)", out)
    assert curl
    made = json.loads(subprocess.check_output(["bash", "-c", curl[1]], stderr=subprocess.DEVNULL))
    assert made["title"] == "Buy milk"
    out, _ = ctrl_c(second)
    assert "Created the staff account" not in out
    assert not STEPS.findall(out)

    third = run("make", "run", f"PORT={port}")
    await_answer(f"http://127.0.0.1:{port}/tasks/", third)
    assert call(f"http://127.0.0.1:{port}/tasks/{made['id']}") == made
    ctrl_c(third)
    assert processes_of(clone) == []


def test_nothing_acknowledged_is_lost_when_everything_is_killed(clone: Path, run: Run) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/tasks/"
    server = run("make", "run", f"PORT={port}")
    await_answer(url, server)
    made = call(url, {"title": "Acknowledged"})
    postmaster = int((clone / ".local/postgres/data/postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    os.killpg(server.pid, signal.SIGKILL)
    server.communicate()
    again = run("make", "run", f"PORT={port}")
    await_answer(url, again)
    assert call(f"{url}{made['id']}") == made
    ctrl_c(again)


def test_runserver_needs_no_configuration_either(clone: Path, run: Run) -> None:
    port = free_port()
    shutil.rmtree((clone / ".local/postgres").resolve())
    server = run(".venv/bin/python", "manage.py", "runserver", "--noreload", str(port))
    await_answer(f"http://127.0.0.1:{port}/tasks/", server)
    assert call(f"http://127.0.0.1:{port}/tasks/")["count"] == 0
    out, _ = ctrl_c(server)
    assert "Created the staff account" in out


def test_runserver_in_a_deployment_migrates_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    settings.LOCAL_TRIAL = False
    monkeypatch.setattr(local_trial, "prepare", lambda: served.append("prepared"))
    monkeypatch.setattr(staticfiles_runserver.Command, "inner_run", lambda *_: served.append("served"))
    runserver.Command().inner_run()
    assert served == ["served"]


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "-c", "config/gunicorn.py", "config.wsgi"),
        ("gunicorn", "--bind", "[::]:8000", "-c", "config/gunicorn.py", "config.wsgi"),
        ("python", "manage.py", "runserver", "--noreload", "0.0.0.0:8000"),
    ],
)
def test_other_machines_are_not_served_by_omission(clone: Path, run: Run, command: tuple[str, ...]) -> None:
    refused = run(f".venv/bin/{command[0]}", *command[1:], BIND="0.0.0.0:8000")
    _, shown = refused.communicate(timeout=60)
    assert shown.startswith("tasks-api: BIND is on ")
    assert "without DATABASE_URL everyone may write every task" in shown
    assert refused.returncode == 1
    assert shown.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "tasks.example.com", "0"])
def test_an_address_of_the_network_is_refused_unless_api_anonymous_is_set(settings: Settings, host: str) -> None:
    settings.LOOPBACK_ONLY = False
    local_trial.refuse_other_machines(host)
    settings.LOOPBACK_ONLY = True
    with pytest.raises(SystemExit, match=f"BIND is on {host}, "):
        local_trial.refuse_other_machines(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_decision(settings: Settings, host: str) -> None:
    settings.LOOPBACK_ONLY = True
    local_trial.refuse_other_machines(host)


@pytest.mark.django_db(transaction=True)
def test_gunicorn_in_a_deployment_logs_a_line_per_request() -> None:
    with running_server() as server:
        call(f"{server.url}/tasks/")
        out, err = stop(server.process)
    assert '"GET /tasks/ HTTP/1.1" 200' in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.django_db
def test_there_is_one_account_and_it_is_made_once() -> None:
    assert local_trial._new_account() is not None
    assert local_trial._new_account() is None


def test_a_unix_socket_needs_no_look_at_ports() -> None:
    local_trial.refuse_used_port("unix:/run/tasks.sock")


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("[::]:8000", "http://[::1]:8000"),
        ("[fd00::1]:8000", "http://[fd00::1]:8000"),
    ],
)
def test_the_greeting_has_addresses_that_can_be_opened(
    bind: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    local_trial.greet(bind)
    out = capsys.readouterr().out
    assert re.findall(r"http://\S+", out) == [f"{address}{path}" for path in ("/docs", "/admin/", "/tasks/")]


def test_the_greeting_of_a_unix_socket_is_a_line_for_curl_that_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "our tasks.sock"
    for bind in (f"unix:{path}", f"unix://{path}"):
        local_trial.greet(bind)
        curl = re.search(r"try +(curl .*)", capsys.readouterr().out)
        assert curl
        with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as threads:
            listener.bind(str(path))
            listener.listen()
            done = threads.submit(subprocess.check_output, ["bash", "-c", curl[1]], stderr=subprocess.DEVNULL)
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(1000).startswith(b"POST /tasks/ HTTP/1.1\r\nHost: localhost\r\n")
                connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nmade")
            assert done.result() == b"made"
        path.unlink()
