"""The log: one stream, one format, and the request id that the client got in each entry of its request."""

import json
import logging
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest
from django.db import connection

from config.server.logs import CURRENT_REQUEST, Formatter
from tests.factories import client_of, make_user
from tests.servers import ROOT, running_server, start_gunicorn, stop
from tests.wire import exchange, request

KEYS = ["time", "level", "request_id", "logger", "message"]
TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def call(url: str, **headers: str) -> tuple[int, str]:
    """Status and request id."""
    asked = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        answer = urllib.request.urlopen(asked, timeout=30)
    except HTTPError as refused:
        answer = refused
    with answer:
        return answer.status, answer.headers["X-Request-ID"]


def crash(url: str) -> tuple[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tasks_task RENAME TO gone")
        try:
            return call(url)
        finally:
            cursor.execute("ALTER TABLE gone RENAME TO tasks_task")


def entries(log: str, request_id: str) -> Iterator[dict[str, Any]]:
    return (found for found in map(json.loads, log.splitlines()) if found["request_id"] == request_id)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_each_line_is_json_with_the_request_id_that_the_client_got() -> None:
    cookie = client_of(make_user("bob", is_staff=True)).cookies["sessionid"].value
    with running_server(LOG_FORMAT="json", WEB_CONCURRENCY="1") as server:
        assert call(f"{server.url}/tasks/?limit=1", X_Request_ID="mine") == (200, "mine")
        assert b"400 Bad Request" in exchange(server.port, request('GET /x" HTTP/1.1'))
        status, crashed = crash(f"{server.url}/tasks/")
        assert status == 500
        status, refused = call(f"{server.url}/admin/auth/user/", Cookie=f"sessionid={cookie}")
        assert status == 403
        status, too_long = call(f"{server.url}/admin/login/?{'a&' * 1500}")
        assert status == 400
        out, log = stop(server.process)
    assert out == ""
    for line in log.splitlines():
        assert list(json.loads(line))[:5] == KEYS, line
        assert re.fullmatch(TIME, json.loads(line)["time"]), line
    [access] = entries(log, "mine")
    took = access.pop("milliseconds")
    assert {name: access[name] for name in access if name not in ("time", "bytes")} == {
        "level": "INFO",
        "request_id": "mine",
        "logger": "access",
        "message": f'127.0.0.1 "GET /tasks/?limit=1 HTTP/1.1" 200 {access["bytes"]} {took}ms',
        "address": "127.0.0.1",
        "method": "GET",
        "target": "/tasks/?limit=1",
        "status": 200,
    }
    failure, access = entries(log, crashed)
    assert (failure["level"], failure["logger"], access["status"]) == ("ERROR", "config.api.errors", 500)
    assert failure["traceback"].startswith("Traceback (most recent call last):\n")
    assert "UndefinedTable" in failure["traceback"]
    [access] = entries(log, refused)
    assert access["status"] == 403
    suspicious, access = entries(log, too_long)
    assert (suspicious["logger"], access["status"]) == ("django.security.TooManyFieldsSent", 400)
    assert "traceback" not in suspicious
    [without_host] = (found for found in entries(log, "-") if found["logger"] == "access" and found["status"] == 400)
    assert without_host["message"].startswith('127.0.0.1 "GET /x\\" HTTP/1.1" 400 ')


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_as_text_each_entry_begins_with_a_time_and_further_lines_are_indented() -> None:
    with running_server(WEB_CONCURRENCY="1") as server:
        status, crashed = crash(f"{server.url}/tasks/")
        assert status == 500
        _, log = stop(server.process)
    wrong = [line for line in log.splitlines() if not re.match(rf"{TIME} [A-Z]+ \S+ [a-z.]+: | {{4}}", line)]
    assert wrong == []
    assert re.search(rf"^{TIME} ERROR {crashed} config\.api\.errors: internal error urn:", log, re.MULTILINE)
    assert re.search(rf'^{TIME} INFO {crashed} access: 127\.0\.0\.1 "GET /tasks/ HTTP/1\.1" 500 ', log, re.MULTILINE)
    assert "    Traceback (most recent call last):\n" in log


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_command_logs_in_the_same_format(tmp_path: Any) -> None:
    process = start_gunicorn(LOG_FORMAT="jsn")
    assert "LOG_FORMAT must be one of text, json, not 'jsn'." in process.communicate(timeout=60)[1]
    program = "import logging; logging.getLogger('config').warning('two\\nlines')"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", program],
        cwd=ROOT,
        env={"LOG_FORMAT": "json", "DATABASE_URL": "postgresql://h/n", "SECRET_KEY": "k" * 50, "ALLOWED_HOSTS": "a"},
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = done.stderr.splitlines()
    assert {name: json.loads(line)[name] for name in KEYS[1:]} == {
        "level": "WARNING",
        "request_id": "-",
        "logger": "config",
        "message": "two\nlines",
    }


@pytest.mark.parametrize("text", ["a\n2026-11-26T00:00:00.000Z INFO - access: forged", "a\r2026", "a\u20282026"])
def test_no_message_looks_like_another_entry(text: str) -> None:
    token = CURRENT_REQUEST.set("the-id")
    try:
        line = Formatter("text").format(logging.makeLogRecord({"msg": text, "name": "x", "levelname": "INFO"}))
    finally:
        CURRENT_REQUEST.reset(token)
    assert re.fullmatch(rf"{TIME} INFO the-id x: a\n    2026.*", line)
