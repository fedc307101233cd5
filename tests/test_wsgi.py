"""The request target and the body, which are checked before Django. test_hostile.py tests them with a server."""

import io
import json
import subprocess
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from config.api.responses import JSONParts
from config.server.handler import Handler
from config.server.responses import send
from config.wsgi import application, read_body, refuse_prefix, refuse_target
from tests.factories import make_task
from tests.servers import Server, start_gunicorn


def environ(target: str = "/tasks/", body: bytes = b"", **variables: str) -> dict[str, Any]:
    base = {"REQUEST_METHOD": "GET", "RAW_URI": target, "PATH_INFO": target, "SERVER_PROTOCOL": "HTTP/1.1"}
    base |= {"HTTP_HOST": "localhost"}
    return base | {"wsgi.input": io.BytesIO(body)} | variables


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/tasks/?a=%2F&b=://", None),
        ("http://127.0.0.1/tasks/", None),
        ("ftp://127.0.0.1/tasks/", 400),
        ("/tasks/#a", 400),
        ("/tasks%2F7", 404),
        ("/tasks%2f7?a", 404),
    ],
)
def test_a_target_that_could_be_read_in_two_ways_is_refused(target: str, status: int | None) -> None:
    answer = refuse_target(environ(target))
    assert (answer and answer.status_code) == status


def test_the_host_of_an_absolute_target_is_the_one_that_counts() -> None:
    given = environ("http://evil.example:80/tasks/")
    assert refuse_target(given) is None
    assert given["HTTP_HOST"] == "evil.example:80"


@pytest.mark.parametrize(
    ("proxies", "prefix", "status"), [(0, "/work", None), (1, "", None), (1, "/", None), (1, "/work", 400)]
)
def test_a_path_prefix_of_the_proxy_is_refused(
    settings: Settings, proxies: int, prefix: str, status: int | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    answer = refuse_prefix(environ(HTTP_X_FORWARDED_PREFIX=prefix))
    assert (answer and answer.status_code) == status
    assert (
        answer is None or "under the path prefix /work, which the service does not support" in answer.content.decode()
    )


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["SCRIPT_NAME", "FORCE_SCRIPT_NAME"])
def test_a_path_prefix_of_the_environment_stops_the_start(variable: str) -> None:
    _, shown = start_gunicorn(subprocess.PIPE, **{variable: "/work"}).communicate(timeout=60)
    assert f"tasks-api: {variable} is set, but the service can't run under a path prefix." in shown


@pytest.mark.parametrize(("protocol", "status"), [("HTTP/1.0", None), ("HTTP/1.1", 400)])
def test_a_request_without_host_is_one_of_http_1_0(protocol: str, status: int | None) -> None:
    given = environ(SERVER_PROTOCOL=protocol)
    del given["HTTP_HOST"]
    answer = refuse_target(given)
    assert (answer and answer.status_code) == status


@pytest.mark.parametrize(
    ("variables", "status"),
    [
        ({}, None),
        ({"CONTENT_LENGTH": ""}, None),
        ({"CONTENT_LENGTH": "4"}, None),
        ({"CONTENT_LENGTH": "5"}, 400),
        ({"CONTENT_LENGTH": str(10**100)}, None),  # Django's 413
        ({"HTTP_TRANSFER_ENCODING": "Chunked"}, None),
        ({"HTTP_TRANSFER_ENCODING": "gzip, chunked"}, 501),
    ],
)
def test_a_body_is_read_completely_or_not_at_all(variables: dict[str, str], status: int | None) -> None:
    answer = read_body(environ(body=b"body", **variables))
    assert (answer and answer.status_code) == status


def test_malformed_chunks_are_a_400() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("cut off")

    given = environ(HTTP_TRANSFER_ENCODING="chunked") | {"wsgi.input": Broken()}
    heads: list[str] = []
    [body] = application(given, lambda *head: heads.append(head[0]))  # type: ignore[arg-type]
    assert heads == ["400 Bad Request"]
    assert b"The request body ends before its last chunk." in body


def test_a_server_other_than_gunicorn_gets_a_plain_wsgi_answer() -> None:
    called: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        called.extend((status, headers))

    assert send(JSONParts([b"{", b"}"]), start_response) == [b"{", b"}"]
    assert called == ["200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")]]


@pytest.mark.django_db(transaction=True)
def test_a_long_answer_is_sent_completely(server: Server) -> None:
    for number in range(10):
        make_task(f"Task {number}", description="ä" * 10_000)
    for query in ("", "?limit=1000"):
        with urllib.request.urlopen(f"{server.url}/tasks/{query}", timeout=30) as answer:
            page = json.loads(answer.read())
        assert {task["description"] for task in page["results"]} == {"ä" * 10_000}
        assert len(page["results"]) == 10


def test_a_middleware_that_tracing_inserts_also_handles_api_requests(settings: Settings) -> None:
    settings.MIDDLEWARE = ["tests.test_wsgi.traced", *settings.MIDDLEWARE]
    handler = Handler()
    given = environ(REQUEST_METHOD="GET", PATH_INFO="/health", SERVER_NAME="localhost", SERVER_PORT="80")
    answer = handler.answer(given)
    assert answer is not None
    assert answer["X-Traced"] == "yes"


def traced(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        answer["X-Traced"] = "yes"
        return answer

    return middleware
