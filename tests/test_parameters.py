"""What each transaction begins with: who signs it and, behind a pooler, the timeouts.

tests/test_pooler.py runs a real pooler.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.db.utils import ProgrammingError

from config.postgresql.base import DatabaseWrapper, current
from config.postgresql.statements import Call, Statement
from tasks.models import Task
from tests.factories import make_tasks

pytestmark = pytest.mark.django_db(transaction=True)
LIMITS = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
ACTOR = "SELECT current_setting('tasks.actor', true)"
NAME = "a'b% c\\d"


def pool(monkeypatch: pytest.MonkeyPatch, message: str = "FATAL:  unsupported startup parameter: options") -> None:
    """New connections go through what is like a pooler: it refuses options, and keeps no prepared statements."""
    connect = psycopg.connect

    def refuse_options(**options: Any) -> Any:
        if "options" in options:
            raise psycopg.OperationalError(message)
        return connect(**options)

    connection.close()
    monkeypatch.setattr(psycopg, "connect", refuse_options)
    monkeypatch.setitem(connection.settings_dict, "PARAMETERS", {"statement_timeout": "7s", "lock_timeout": "8s"})


@pytest.fixture(autouse=True)
def _no_connection_is_kept() -> Iterator[None]:
    yield
    connection.close()


@pytest.fixture(params=[False, True], ids=["direct", "pooled"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> DatabaseWrapper:
    if request.param:
        pool(monkeypatch)
    connection.ensure_connection()
    assert (current().pooled, current().prepares) == (request.param, not request.param)
    return current()


def asked(sql: str, params: Any = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()


def test_every_kind_of_statement_is_signed(database: DatabaseWrapper) -> None:
    with database.restoring_parameters(**{"tasks.actor": NAME}):
        assert asked(ACTOR) == (NAME,)
        assert asked(f"{ACTOR}, %s", ["100%"]) == (NAME, "100%")
        assert Statement(ACTOR).run({}, Call(Statement("SELECT 1"), {})).get_value(0, 0) == NAME.encode()
        assert [row.get_value(0, 0) for row in Statement(ACTOR).run_by_row({})][:1] == [NAME.encode()]
        with transaction.atomic():
            assert Statement(ACTOR).run({}).get_value(0, 0) == NAME.encode()
            assert asked(ACTOR) == (NAME,)
        with transaction.atomic():
            assert asked(ACTOR) == (NAME,)
    assert asked(ACTOR) in [("",), (None,)]
    assert Statement(ACTOR).run({}).get_value(0, 0) in (b"", None)


def test_behind_a_pooler_each_transaction_has_the_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    pool(monkeypatch)
    assert asked(LIMITS) == ("7s", "8s")
    assert Statement(LIMITS).run({}).get_value(0, 0) == b"7s"
    assert [row.get_value(0, 1) for row in Statement(LIMITS).run_by_row({})][:1] == [b"8s"]
    with transaction.atomic():
        assert asked(LIMITS) == ("7s", "8s")
    assert asked("SELECT count(*) FROM pg_prepared_statements") == (0,)


def test_an_error_among_rows_ends_the_transaction(database: DatabaseWrapper) -> None:
    with database.restoring_parameters(**{"tasks.actor": "a"}):
        results = Statement("SELECT 1 / (3 - n) FROM generate_series(1, 5) n").run_by_row({})
        with pytest.raises(DataError):
            list(results)
        assert asked(ACTOR) == ("a",)


def test_a_vacuum_has_its_timeouts_on_a_direct_connection_only_and_leaves_nothing(database: DatabaseWrapper) -> None:
    before = asked(LIMITS)
    with database.restoring_parameters(lock_timeout="3s"):
        asked_limits = asked(LIMITS)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM tasks_tag")
            with pytest.raises(ProgrammingError):
                cursor.execute("VACUUM nothing_like_it")
    assert asked_limits == (before[0], "3s")
    assert asked(LIMITS) == before


def test_an_iterator_needs_no_cursor_on_the_server(database: DatabaseWrapper) -> None:
    make_tasks(3)
    assert len(list(Task.objects.iterator(chunk_size=2))) == 3


def test_another_refusal_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pool(monkeypatch, "FATAL:  too many clients")
    with pytest.raises(OperationalError, match="too many clients"):
        connection.ensure_connection()
