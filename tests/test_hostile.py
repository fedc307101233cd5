"""Requests of attackers and of careless clients, byte by byte, to a real gunicorn."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests import hostile_api, hostile_bodies, hostile_http
from tests.factories import make_task
from tests.hostile_http import CLOSES, MIB, WAITS, A, Case
from tests.servers import database_url, running_server
from tests.wire import Answer, answers, chunks, exchange, get, request, send_chunks, send_json

pytestmark = pytest.mark.django_db  # creates the database; the server writes to it
CASES = [*hostile_http.CASES, *hostile_api.CASES, *hostile_bodies.CASES]
TABLES = "SELECT xmin::text, t::text FROM tasks_task t UNION ALL SELECT xmin::text, t::text FROM tasks_tag t ORDER BY 2"


@dataclass
class Target:
    """The server, its log, and direct access to its database."""

    port: int
    log: list[str]
    database: psycopg.Connection[tuple[Any, ...]]

    def answers(self, *pieces: bytes, methods: tuple[str, ...] = ("GET",)) -> list[Answer]:
        return answers(exchange(self.port, *pieces), *methods)

    def rows(self) -> list[tuple[Any, ...]]:
        """Every row with the transaction that wrote it, which shows even a write that changes nothing."""
        return self.database.execute(TABLES).fetchall()


@pytest.fixture(scope="module")
def target(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Target]:
    """One server for all cases, with the tasks 7 and 2^63 - 1. New ids start at 1000."""
    with django_db_blocker.unblock():
        make_task("Buy milk", id=7, tags=("home",))
        make_task("The last one", id=2**63 - 1)
        connection.cursor().execute("SELECT setval(pg_get_serial_sequence('tasks_task', 'id'), 1000)")
        connection.close()
    log: list[str] = []
    with psycopg.connect(database_url(), autocommit=True) as database, running_server() as server:
        streams = (server.process.stdout, server.process.stderr)
        readers = [threading.Thread(target=_drain, args=(stream, log)) for stream in streams]
        server.process.stdout = server.process.stderr = None
        for reader in readers:
            reader.start()
        yield Target(server.port, log, database)
    for reader in readers:
        reader.join()
    with django_db_blocker.unblock():
        call_command("flush", verbosity=0, interactive=False)  # the history too
        connection.close()


def _drain(stream: Any, log: list[str]) -> None:
    """Reads the pipe, because a full one would stop the server."""
    with stream:
        log.extend(stream)


def places(answer: Answer) -> set[str]:
    return {fault.get("pointer", fault.get("parameter")) for fault in answer.json.get("errors", ())}


@pytest.mark.parametrize("case", CASES, ids=[ascii(case.name)[1:60] for case in CASES])
def test_a_hostile_request_gets_the_answer_of_the_contract(target: Target, case: Case) -> None:
    before = target.rows()
    if case.status == WAITS:
        with pytest.raises(TimeoutError):
            exchange(target.port, case.raw, half_close=False, patience=0.2)
    elif case.status == CLOSES:
        assert exchange(target.port, case.raw) == b""
    else:
        [answer] = target.answers(case.raw, methods=(case.raw.lstrip().split(b" ")[0].decode("latin-1"),))
        assert answer.status == case.status, answer.body[:500]
        if answer.body and case.status not in (200, 302):
            assert answer.json.get("code", "") == case.code
            assert not case.names or places(answer) == set(case.names)
    assert case.writes or target.rows() == before


INJECTIONS = [
    "'; DROP TABLE tasks_task; --",
    '" OR ""="',
    "%s %(title)s {} {0} %%",
    "{{7*7}} ${7*7} #{7*7} <%= 7*7 %>",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]></title><!--",
    "\\ \\n \\u0041 \\\\ / \\/",
    "a\r\nSet-Cookie: x=y",
    "a\u2028\u2029\u200b\u202e\ufeff\ufffd\uffff",
    "Zalgo\u0301\u0302\u0303 Å Å ﬁ İıſ",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "../../etc/passwd\u0001\u001b[2J\u007f",
    "+AGE- =cmd|' /C calc'!A0 @SUM(1)",
    "null", "NaN", "undefined", "0", "-1", "1e999", "true", "[]", "{}",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("escaped", [True, False])
def test_a_text_comes_back_as_it_was_sent(target: Target, text: str, escaped: bool) -> None:
    line = "".join(filter(str.isprintable, text))  # a title and a tag are one line
    sent = {"title": line, "description": text, "tags": [line[:50]]}
    [made] = target.answers(send_json(json.dumps(sent, ensure_ascii=escaped)), methods=("POST",))
    assert made.status == 201
    [read] = target.answers(get(f"/tasks/{made.json['id']}"))
    for answer in (made, read):
        assert {name: answer.json[name] for name in sent} == sent
    target.answers(get(f"/tasks/{made.json['id']}", method="DELETE"), methods=("DELETE",))


def test_no_client_decides_the_scheme(target: Target) -> None:
    """Not even one on loopback. test_proxy.py has the effect of TRUSTED_PROXIES."""
    forged = ("X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example")
    [answer] = target.answers(send_json(A, *forged), methods=("POST",))
    assert answer.headers["location"] == f"http://127.0.0.1/tasks/{answer.json['id']}"


def test_nothing_a_client_sends_is_echoed_in_a_header(target: Target) -> None:
    [answer] = target.answers(get("/tasks/7", "Accept: application/json;charset=utf-7;x=y", "X-Request-ID: evil\tid"))
    assert answer.headers["content-type"] == "application/json"
    assert "evil" not in str(answer.headers)


def test_pipelined_requests_are_answered_in_their_order(target: Target) -> None:
    raw = get("/tasks/7") + send_json(A) + get("/nothing") + send_chunks(chunks(A)) + get("/tasks/?limit=0")
    found = target.answers(raw + get("/health"), methods=("GET", "POST", "GET", "POST", "GET", "GET"))
    assert [answer.status for answer in found] == [200, 201, 404, 201, 400, 200]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (send_json("x" * 100_000, "Content-Type: text/plain"), 415),
        (send_json("{"), 400),
        (send_json(A, line="POST /nothing HTTP/1.1"), 404),
        (send_json(A, line="PUT /tasks/7 HTTP/1.1"), 405),
        (send_json(A, line="DELETE /tasks/1 HTTP/1.1"), 404),
        (send_json(A, line="GET /tasks/?limit=0 HTTP/1.1"), 400),
        (send_json("GET /evil HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "Accept: text/html"), 406),
        (send_chunks(chunks(" " * MIB, " ")), 413),
    ],
)
def test_after_an_error_the_connection_continues_after_the_body(target: Target, raw: bytes, status: int) -> None:
    found = target.answers(raw, get("/health"), methods=(raw.split(b" ")[0].decode(), "GET"))
    assert [answer.status for answer in found] == [status, 200]


def test_a_body_too_large_to_skip_closes_the_connection(target: Target) -> None:
    [answer] = target.answers(send_json(" " * 8 * MIB) + get("/health"), methods=("POST",))
    assert answer.status == 413


@pytest.mark.parametrize(
    "raw",
    [
        send_json(A, "Transfer-Encoding: chunked"),
        send_json(A, "Content-Length: 0"),
        send_chunks(f"1\r\n{A}\r\n0\r\n\r\n"),
        request("GET /tasks/ HTTP/1.1", "Host: 127.0.0.1", "A b: c"),
    ],
)
def test_what_follows_a_request_without_a_clear_end_is_not_read(target: Target, raw: bytes) -> None:
    """Otherwise a proxy and this server could see different requests (request smuggling)."""
    before = target.rows()
    [answer] = target.answers(raw + get("/tasks/7", method="DELETE"), methods=("POST",))
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert target.rows() == before


def test_a_client_that_expects_100_continue_gets_it(target: Target) -> None:
    head = send_json(A, "Expect: 100-continue").removesuffix(A.encode())
    received = exchange(target.port, head, A.encode())
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert [answer.status for answer in answers(received, "POST")] == [201]


def test_a_request_that_arrives_byte_by_byte_is_one_request(target: Target) -> None:
    [answer] = target.answers(*(bytes([byte]) for byte in send_json(A)), methods=("POST",))
    assert answer.status == 201


def test_the_server_still_runs_and_logged_no_crash(target: Target) -> None:
    """The last test, after all requests above."""
    [answer] = target.answers(get("/health"))
    assert answer.json == {"status": "ok"}
    log = "".join(target.log)
    assert log.count("Booting worker") == 2
    assert not [sign for sign in ("internal error", "Error handling", "Exception in", "TIMEOUT") if sign in log]
