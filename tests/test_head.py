"""HEAD: the status and headers of a GET, on a real server, whose log has no complaint about it."""

import http.client
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tests.browser import session_of
from tests.factories import make_task
from tests.servers import Server, running_server

PATHS = (
    "/health",
    "/health/ready",
    "/tasks/",
    "/tasks/?complete=true",
    "/tasks/changes",
    "/tasks/999999",
    "/tasks%2F7",
    "/tasks/?#fragment",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/nothing",
    "/static/tasks/admin.css",
    "/static/nothing.css",
    "/admin/",
    "/admin/login/",
    "/admin/tasks/task/",
    "/admin/tasks/task/export/csv/",
)
EACH_TIME_ANOTHER = {"Date", "Expires", "X-Request-ID", "Set-Cookie", "Content-Security-Policy"}


def ask(server: Server, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers that are the same each time, and the rest of the connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, headers=headers | {"Connection": "close"})
    answer = connection.getresponse()
    kept = {name: value for name, value in answer.getheaders() if name not in EACH_TIME_ANOTHER}
    rest = answer.fp.read() if method == "HEAD" else answer.read()  # http.client reads no body of a HEAD
    connection.close()
    return answer.status, kept, rest


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_head_answers_as_get_does_without_a_body_or_a_warning(alice: User, tmp_path: Path) -> None:
    task = make_task("Buy milk")
    senders: tuple[dict[str, str], ...] = ({}, {"Cookie": f"sessionid={session_of(alice)}"}, {"Host": "evil.example"})
    with running_server(tmp_path / "log") as server:
        for headers in senders:
            for path in (*PATHS, f"/tasks/{task.pk}"):
                status, expected, body = ask(server, "GET", path, headers)
                got = ask(server, "HEAD", path, headers)
                expected.pop("Transfer-Encoding", None)  # of a body whose length is not known, such as an export
                assert got == (status, expected, b""), path
                assert "Content-Length" not in expected or int(expected["Content-Length"]) == len(body), path
    log = (tmp_path / "log").read_text()
    assert "HEAD /health " in log
    assert "no-body" not in log
