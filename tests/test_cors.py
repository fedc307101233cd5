"""CORS: pages on the listed origins may call the API, and nothing else."""

import contextlib
from collections.abc import Iterator

import pytest
from django.conf import settings

from tests import wire
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow
PAGE = "https://app.example.com"
ORIGIN = f"Origin: {PAGE}"
LARGE = 1024 * 1024 + 1
PREFLIGHT = ("Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: authorization,if-match")


@contextlib.contextmanager
def called_from_a_page(anonymous: str) -> Iterator[Server]:
    """A server that pages of another origin may call. None of the answers needs its database, which is not running."""
    away = "postgresql://tasks@127.0.0.1:1/away"
    origins = f"{PAGE}, http://localhost:5173"
    with running_server(CORS_ALLOWED_ORIGINS=origins, API_ANONYMOUS=anonymous, DATABASE_URL=away) as server:
        yield server


@pytest.fixture(scope="module")
def cors() -> Iterator[Server]:
    with called_from_a_page("write") as server:
        yield server


def ask(server: Server, line: str, *headers: str, body: bytes = b"") -> wire.Answer:
    sent = wire.request(f"{line} HTTP/1.1", wire.HOST, "Connection: close", *headers, body=body)
    [answer] = wire.answers(wire.exchange(server.port, sent, half_close=False), line.split(maxsplit=1)[0])
    return answer


def names(answer: wire.Answer, header: str) -> set[str]:
    return {name.strip().lower() for name in answer.headers[header].split(",")}


def test_a_preflight_is_answered_on_both_forms_of_a_path(cors: Server) -> None:
    for path in ("/tasks", "/tasks/", "/tasks/1", "/tasks/1/", "/health", "/openapi.json"):
        answer = ask(cors, f"OPTIONS {path}", ORIGIN, *PREFLIGHT)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert names(answer, "access-control-allow-methods") == {"get", "post", "patch", "delete", "head", "options"}
        assert names(answer, "access-control-allow-headers") == {
            *("authorization", "content-type", "if-match", "if-none-match", "idempotency-key", "x-request-id")
        }
        assert "access-control-allow-credentials" not in answer.headers


def assert_readable(answer: wire.Answer) -> None:
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "origin" in names(answer, "vary")
    assert names(answer, "access-control-expose-headers") == {
        *("etag", "location", "idempotency-replayed", "retry-after", "x-request-id")
    }


def test_the_page_can_read_every_answer_including_errors(cors: Server) -> None:
    answers = {
        200: ask(cors, "GET /health", ORIGIN),
        400: ask(cors, "GET /health?unknown=1", ORIGIN),
        404: ask(cors, "GET /tasks/x", ORIGIN),
        405: ask(cors, "POST /openapi.json", ORIGIN),
        503: ask(cors, "GET /tasks/", ORIGIN),
    }
    for status, answer in answers.items():
        assert answer.status == status
        assert_readable(answer)


@pytest.mark.django_db(transaction=True)
def test_the_page_can_read_the_error_of_a_body_that_is_too_large() -> None:
    with running_server(CORS_ALLOWED_ORIGINS=PAGE) as server:
        sent = ask(server, "POST /tasks/", ORIGIN, wire.JSON, f"Content-Length: {LARGE}", body=b" " * LARGE)
        assert sent.status == 413
        assert_readable(sent)


def test_without_anonymous_access_a_401_can_be_read_and_a_preflight_is_answered() -> None:
    with called_from_a_page("none") as server:
        refusal = ask(server, "GET /tasks/", ORIGIN)
        assert refusal.status in (401, 403)
        assert_readable(refusal)
        assert ask(server, "OPTIONS /tasks/", ORIGIN, *PREFLIGHT).headers["access-control-allow-origin"] == PAGE


def test_another_origin_gets_no_permission_and_the_answer_varies_by_origin(cors: Server) -> None:
    for origin in ("https://app.example.com.evil.example", "http://app.example.com", "null", "https://[", ""):
        answer = ask(cors, "GET /health", f"Origin: {origin}")
        assert answer.status == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "origin" in names(answer, "vary")


def test_the_admin_and_the_docs_have_no_cors(cors: Server) -> None:
    for line in ("GET /admin/login/", "OPTIONS /admin/login/", "GET /docs", "GET /", "OPTIONS /tasksx", "GET /healthy"):
        answer = ask(cors, line, ORIGIN, *PREFLIGHT)
        assert not [name for name in answer.headers if name.startswith("access-control-")], line


def test_without_a_list_there_is_no_cors() -> None:
    assert not [name for name in settings.MIDDLEWARE if "cors" in name]
