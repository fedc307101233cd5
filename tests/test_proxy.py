"""Which forwarded headers the server trusts behind proxies, over TCP and over a Unix socket."""

import contextlib
import http.client
import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from wsgiref.simple_server import demo_app

import pytest

from config.server.proxy import address_of, behind_proxies, believe
from tests.servers import running_server, start_gunicorn, stop

TASK = '{"title": "A"}'
FORWARDED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "tasks.example.com",
}


class SocketConnection(http.client.HTTPConnection):
    """HTTP over the Unix socket at `path`, as from a proxy on the same machine."""

    def __init__(self, path: Path) -> None:
        super().__init__("127.0.0.1", timeout=30)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def environ(**headers: str) -> dict[str, Any]:
    """A request from the nearest proxy, 10.0.0.1."""
    base = {"REMOTE_ADDR": "10.0.0.1", "wsgi.url_scheme": "http", "HTTP_HOST": "127.0.0.1:8000"}
    return base | {f"HTTP_X_FORWARDED_{name}": value for name, value in headers.items()}


def believed(count: int, **headers: str) -> tuple[str, str, str]:
    """Address, scheme and host if `count` proxies are trusted."""
    given = environ(**headers)
    believe(given, count)
    return given["REMOTE_ADDR"], given["wsgi.url_scheme"], given["HTTP_HOST"]


def ask(
    connection: http.client.HTTPConnection, target: str, body: str | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, Any]:
    """Status, headers and JSON of a GET, or of a POST of `body`. Closes the connection."""
    with contextlib.closing(connection):
        kind = {"Content-Type": "application/json"}
        connection.request("POST" if body else "GET", target, body, kind | headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())


def await_socket(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_without_proxies_the_application_is_not_even_wrapped() -> None:
    assert behind_proxies(demo_app, 0) is demo_app


def test_the_values_of_the_trusted_proxies_are_counted_from_the_right() -> None:
    chain = {"FOR": "6.6.6.6, 203.0.113.9, 10.0.0.2", "PROTO": "ftp, https,http", "HOST": "evil, a.example,b.example"}
    assert believed(1, **chain) == ("10.0.0.2", "http", "b.example")
    assert believed(2, **chain) == ("203.0.113.9", "https", "a.example")


def test_a_header_with_fewer_values_than_proxies_is_ignored() -> None:
    assert believed(2, FOR="203.0.113.9", PROTO="https", HOST="a.example") == believed(2)
    assert believed(2) == ("10.0.0.1", "http", "127.0.0.1:8000")


@pytest.mark.parametrize("text", ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "1.2.3.400", "[::1", "::g", "::1]:8"])
def test_an_invalid_address_is_ignored(text: str) -> None:
    assert believed(1, FOR=f"6.6.6.6, {text}")[0] == "10.0.0.1"


def test_an_address_with_a_zone_is_ignored() -> None:
    assert address_of('fe80::1%" 200 forged line') is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:DB8:0::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_an_address_is_logged_and_counted_in_its_canonical_form(text: str, address: str) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize(("text", "scheme"), [("HTTPS", "https"), ("http", "http"), ("wss", "http"), ("", "http")])
def test_a_scheme_other_than_http_and_https_is_ignored(text: str, scheme: str) -> None:
    assert believed(1, PROTO=text)[1] == scheme


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_one_proxy_is_trusted_and_values_forged_by_the_client_are_not() -> None:
    forged = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "gopher, https"}
    with running_server(TRUSTED_PROXIES="1", ALLOWED_HOSTS="127.0.0.1,tasks.example.com") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        status, headers, task = ask(connection, "/tasks/", TASK, **FORWARDED | forged)
        assert (status, headers["Location"]) == (201, f"https://tasks.example.com/tasks/{task['id']}")
        assert headers["Strict-Transport-Security"]
        ask(connection, "/tasks/", TASK, **FORWARDED)
        page = ask(connection, "/tasks/?limit=1&offset=0", **FORWARDED)[2]
        assert page["next"] == "https://tasks.example.com/tasks/?limit=1&offset=1"
        assert ask(connection, "/tasks/", **FORWARDED | {"X-Forwarded-Host": "evil.example"})[0] == 400
        _, log = stop(server.process)
    assert log.count('203.0.113.9 "POST /tasks/ HTTP/1.1" 201') == 2
    assert "6.6.6.6" not in log


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_without_trusted_proxies_nobody_is_trusted_even_on_loopback() -> None:
    with running_server() as server:
        forged = FORWARDED | {"X-Forwarded-Protocol": "ssl", "X-Forwarded-Ssl": "on"}
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        status, headers, task = ask(connection, "/tasks/", TASK, **forged)
        assert (status, headers["Location"]) == (201, f"{server.url}/tasks/{task['id']}")
        assert "Strict-Transport-Security" not in headers
        _, log = stop(server.process)
    assert '127.0.0.1 "POST /tasks/ HTTP/1.1" 201' in log
    assert "203.0.113.9" not in log


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("proxies", "url", "address"),
    [("0", "http://127.0.0.1", "-"), ("1", "https://localhost", "203.0.113.9")],
)
def test_a_proxy_on_a_unix_socket_is_trusted_like_any_other(
    tmp_path: Path, proxies: str, url: str, address: str
) -> None:
    path = tmp_path / "tasks.sock"
    process = start_gunicorn(BIND=f"unix:{path}", TRUSTED_PROXIES=proxies, WEB_CONCURRENCY="1")
    try:
        await_socket(path, process)
        forwarded = FORWARDED | {"X-Forwarded-Host": "localhost"}
        status, headers, task = ask(SocketConnection(path), "/tasks/", TASK, **forwarded)
    finally:
        _, log = stop(process)
    assert (status, headers["Location"]) == (201, f"{url}/tasks/{task['id']}")
    assert f' access: {address} "POST /tasks/ HTTP/1.1" 201' in log
