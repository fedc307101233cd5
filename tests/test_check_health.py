"""`manage.py check_health`: what the HEALTHCHECK of the container runs."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.servers import Server, free_port

HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
UNHEALTHY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nwhy?"


def check(listener: socket.socket, answer: bytes) -> str:
    """What the command asks a service that gives this answer."""
    listener.listen()
    with listener, ThreadPoolExecutor(1) as threads:
        done = threads.submit(call_command, "check_health")
        connection, _ = listener.accept()
        with connection:
            asked = connection.recv(1000).decode()
            connection.sendall(answer)
        done.result()
    return asked


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("bind", ["127.0.0.1:{}", "0.0.0.0:{}"])
def test_a_service_that_runs_is_healthy(server: Server, settings: Settings, bind: str) -> None:
    settings.BIND, settings.ALLOWED_HOSTS = bind.format(server.port), ["127.0.0.1"]
    call_command("check_health")


@pytest.mark.parametrize(
    ("allowed", "host"), [("*", "localhost"), (".example.com", "example.com"), ("10.0.0.7", "10.0.0.7")]
)
def test_the_request_names_an_allowed_host(settings: Settings, tmp_path: Path, allowed: str, host: str) -> None:
    settings.BIND, settings.ALLOWED_HOSTS = f"unix:{tmp_path / 'socket'}", [allowed, "other"]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    asked = check(listener, HEALTHY)
    assert asked.startswith("GET /health/ready HTTP/1.1\r\n")
    assert f"Host: {host}\r\n" in asked


def test_a_503_is_an_error_that_quotes_it(settings: Settings, tmp_path: Path) -> None:
    settings.BIND = f"unix:{tmp_path / 'socket'}"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    with pytest.raises(CommandError, match=r"socket answers 503: why\?"):
        check(listener, UNHEALTHY)


def test_no_service_is_an_error(settings: Settings) -> None:
    settings.BIND = f"127.0.0.1:{free_port()}"
    with pytest.raises(CommandError, match=r"^127\.0\.0\.1:\d+ does not answer: .*refused"):
        call_command("check_health")
