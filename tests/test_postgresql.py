"""A connection that ended while it was idle fails no request, and noticing it costs no query."""

import json
from collections import deque

import psycopg
import pytest
from django.db import DataError, OperationalError, ProgrammingError, close_old_connections, connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from config.postgresql.statements import MOST_PREPARED, Call, Statement
from tests.servers import database_url
from tests.waiting import in_thread

ASLEEP = "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep({})' AND wait_event = 'PgSleep'"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _health_is_checked() -> None:
    connection.ensure_connection()
    connection.health_check_enabled = True  # type: ignore[attr-defined]  # as CONN_HEALTH_CHECKS does in a deployment


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
        return pid


def test_a_terminated_backend_is_noticed(api: APIClient) -> None:
    before = backend()
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (before,))
    close_old_connections()  # as at the beginning of each request
    assert api.get("/tasks/").status_code == 200
    assert backend() != before


def test_a_connection_that_was_closed_is_noticed(api: APIClient) -> None:
    before = backend()
    connection.connection.close()
    close_old_connections()
    assert api.get("/tasks/").status_code == 200
    assert backend() != before


def test_a_healthy_connection_is_kept_without_a_query(api: APIClient) -> None:
    before = backend()
    close_old_connections()
    with CaptureQueriesContext(connection) as queries:
        assert api.get("/tasks/").status_code == 200
    assert len(queries) == 1
    assert backend() == before


def test_a_connection_with_unread_messages_is_checked_and_kept(api: APIClient) -> None:
    before = backend()
    with connection.cursor() as cursor:
        cursor.execute("LISTEN something")
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("NOTIFY something")
    close_old_connections()
    assert api.get("/tasks/").status_code == 200
    assert backend() == before


def test_a_write_on_a_connection_that_dies_is_a_503_and_is_not_sent_again(api: APIClient) -> None:
    """Nobody knows whether the write arrived. The client finds out with the same Idempotency-Key."""
    before = backend()
    connection.health_check_done = True  # type: ignore[attr-defined]  # it was healthy a moment ago
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (before,))
    answer = api.post("/tasks/", {"title": "A"})
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer["Retry-After"] == "1"
    close_old_connections()
    assert api.get("/tasks/").json()["count"] == 0


def test_a_statement_raises_what_a_cursor_raises() -> None:
    with pytest.raises(DataError, match="division by zero"):
        Statement("SELECT 1 / %(zero)s::integer").run({"zero": 0})
    with pytest.raises(ProgrammingError, match="nothing_like_it"):
        Statement("SELECT 1 FROM nothing_like_it", prepare=False).run({})


def test_an_error_after_the_first_rows_is_raised_and_leaves_the_connection_usable() -> None:
    statement = Statement("SELECT 1 / (100000 - n) FROM generate_series(1, 200000) n", prepare=False)
    results = statement.run_by_row({})
    assert next(results).ntuples == 1
    with pytest.raises(DataError):
        deque(results)
    assert Statement("SELECT 1", prepare=False).run({}).ntuples == 1


def test_rows_that_are_not_read_to_the_end_leave_the_connection_usable() -> None:
    results = Statement("SELECT generate_series(1, 1000)", prepare=False).run_by_row({})
    assert next(results).ntuples == 1
    results.close()  # type: ignore[attr-defined]  # a generator
    assert Statement("SELECT 1", prepare=False).run({}).ntuples == 1


def test_a_connection_keeps_only_the_newest_prepared_statements() -> None:
    statements = [Statement(f"SELECT {number}") for number in range(MOST_PREPARED + 20)]
    for statement in statements:
        assert statement.run({}).get_value(0, 0) == statement.sql.split()[1].encode()
        statements[0].run({})  # recently used, so it stays
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement ~ '^SELECT [0-9]+$'")
        kept = {row[0] for row in cursor.fetchall()}
    assert kept == {statement.sql for statement in (statements[0], *statements[-MOST_PREPARED + 1 :])}


def test_a_guard_that_fails_keeps_a_statement_from_running() -> None:
    guard = Call(Statement("SELECT 1 / %(zero)s::integer"), {"zero": 0})
    for prepare in (True, False):
        insert = Statement("INSERT INTO tasks_tag (name) VALUES (%(name)s)", prepare=prepare)
        with pytest.raises(DataError, match="division by zero"):
            insert.run({"name": "home"}, guard)
        insert.run({"name": f"{prepare}"}, Call(guard.statement, {"zero": 1}))
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM tasks_tag ORDER BY name")
        assert cursor.fetchall() == [("False",), ("True",)]


def end_sleeper(function: str, seconds: int) -> None:
    """Waits until a session sleeps for this long, and calls this function of PostgreSQL for its backend."""
    with connection.cursor() as cursor:
        cursor.execute(ASLEEP.format(seconds))
        while not (found := cursor.fetchall()):
            cursor.execute(ASLEEP.format(seconds))
        cursor.execute(f"SELECT {function}(%s)", found[0])


def test_other_threads_run_while_one_waits_for_a_statement() -> None:
    """Also with a guard: psycopg's way of waiting for a result in a pipeline would stop all threads."""

    def sleep() -> None:
        with pytest.raises(OperationalError, match="canceling statement"):
            Statement("SELECT pg_sleep(30)").run({}, Call(Statement("SELECT 1"), {}))

    waiting = in_thread(sleep)
    end_sleeper("pg_cancel_backend", 30)
    waiting.join()


def test_an_array_and_an_object_arrive_as_they_are() -> None:
    names = ["a", 'b"c', "d\\e", "{f,g}", "null", " ü "]
    found = Statement("SELECT to_json(%(names)s::text[]), %(object)s::jsonb").run(
        {"names": names, "object": {"a": "ü\u2028"}}
    )
    assert json.loads(found.get_value(0, 0) or b"") == names
    assert json.loads(found.get_value(0, 1) or b"") == {"a": "ü\u2028"}


def test_a_server_that_dies_during_a_guarded_statement_is_an_operational_error() -> None:
    def sleep() -> None:
        with pytest.raises(OperationalError):
            Statement("SELECT pg_sleep(31)").run({}, Call(Statement("SELECT 1"), {}))
        close_old_connections()  # as each request begins
        assert Statement("SELECT 2").run({}, Call(Statement("SELECT 1"), {})).get_value(0, 0) == b"2"

    waiting = in_thread(sleep)
    end_sleeper("pg_terminate_backend", 31)
    waiting.join()
