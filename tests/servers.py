"""Real servers for tests: gunicorn as a deployment runs it, on a port of its own."""

import contextlib
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Server:
    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    """Below those that the kernel gives to clients, one of which would have it before a server that starts."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def database_url() -> str:
    """The URL of the database that the tests run on."""
    settings = connection.settings_dict
    password = f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else ""
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    return f"postgresql://{settings['USER']}{password}@{quote(settings['HOST'], safe='')}{port}/{settings['NAME']}"


def copy_checkout(target: Path) -> None:
    """What git would clone, with the environment that is installed already."""
    files = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).split()
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, target / file)
    (target / ".venv").symlink_to(ROOT / ".venv")


def unmeasured() -> dict[str, str]:
    """The environment of a program that runs nothing of ours: to measure its coverage would slow it down."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}


def await_answer(url: str, process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Return when `url` answers, with whatever status; fail when the process ended or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended: {process.communicate()}"
        with contextlib.suppress(OSError, http.client.HTTPException):
            try:
                urllib.request.urlopen(url, timeout=5).close()
            except HTTPError as answer:
                answer.close()
            return
        time.sleep(0.02)
    raise AssertionError(f"{url} did not answer within {seconds} s")


def stop(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What Ctrl-C does; then stdout and stderr, whole."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextlib.contextmanager
def running_server(log: Path | None = None, **variables: str) -> Iterator[Server]:
    """One whose output can be read once it has stopped, or goes to `log`: a pipe that is full would stop it."""
    port = free_port()
    with log.open("w") if log else contextlib.nullcontext() as output:
        server = Server(start_gunicorn(output or subprocess.PIPE, **{"BIND": f"127.0.0.1:{port}"} | variables), port)
    try:
        await_answer(f"{server.url}/health", server.process)
        yield server
    finally:
        stop(server.process)


def start_gunicorn(output: IO[str] | int = subprocess.PIPE, **variables: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "SECRET_KEY": settings.SECRET_KEY,  # a session that a test makes is good there too
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "API_ANONYMOUS": "write",
        **variables,
    }
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.Popen(
        [Path(sys.executable).with_name("gunicorn"), "-c", "config/gunicorn.py", "config.wsgi"],
        cwd=ROOT,
        env=environment,
        stdout=output,
        stderr=output,
        text=True,
    )
