"""The check of every answer against the OpenAPI document fails where it should."""

import json
from typing import Any

import pytest

from config.api.errors import problem
from tasks.serializers import EXAMPLE
from tests.contract import check, check_words

JSON = {"Content-Type": "application/json"}
PROBLEM = {"Content-Type": "application/problem+json"}


def answer(**changes: Any) -> bytes:
    return json.dumps(EXAMPLE | changes).encode()


def test_what_is_documented_passes() -> None:
    check("GET", "/tasks/17", 200, JSON, answer())
    check("POST", "/tasks", 201, JSON | {"Location": "/tasks/17"}, answer())
    check("DELETE", "/tasks/17/", 204, {}, b"")
    missing = problem("not_found", "Task not found")
    check("GET", "/tasks/0", 404, dict(missing.items()), missing.content)
    check("PUT", "/tasks/17", 405, {"Allow": "GET"}, b"")
    crash = problem("internal_error", "The service failed.")
    check("GET", "/tasks/17", 500, dict(crash.items()), crash.content)


@pytest.mark.parametrize(
    ("method", "path", "status", "headers", "content"),
    [
        ("GET", "/tasks/17", 201, JSON, answer()),
        ("GET", "/tasks/17", 409, PROBLEM, problem("not_found", "").content),
        ("GET", "/tasks/17", 200, JSON, answer(extra=1)),
        ("GET", "/tasks/17", 200, JSON, answer(id="17")),
        ("GET", "/tasks/17", 200, JSON, answer(created_at="yesterday")),
        ("GET", "/tasks/17", 200, JSON, b"{}"),
        ("GET", "/tasks/17", 200, JSON | {"X-Secret": "1"}, answer()),
        ("GET", "/tasks/17", 200, {"Content-Type": "text/html"}, answer()),
        ("GET", "/tasks/0", 200, JSON, answer()),
        ("DELETE", "/tasks/17", 204, {}, b"gone"),
        ("PUT", "/tasks/17", 200, JSON, answer()),
        ("PUT", "/tasks/17", 405, {}, b""),
    ],
)
def test_what_is_not_documented_fails(
    method: str, path: str, status: int, headers: dict[str, str], content: bytes
) -> None:
    with pytest.raises(AssertionError):
        check(method, path, status, headers, content)


@pytest.mark.parametrize(
    "detail",
    [
        "",
        "must be true or false.",
        "Must be true or false",
        f"Must not be {'x' * 200}.",
        'Expected a list of items but got type "str".',
        "The body is not JSON: Expecting value: line 1 column 1 (char 0).",
        "Invalid chunk size: b'zz'.",
    ],
)
def test_a_detail_that_is_not_a_short_sentence_of_ours_fails(detail: str) -> None:
    check_words({"detail": "The query string is invalid; see errors.", "errors": [{"detail": "Must be a string."}]})
    with pytest.raises(AssertionError):
        check_words({"detail": "The query string is invalid; see errors.", "errors": [{"detail": detail}]})
