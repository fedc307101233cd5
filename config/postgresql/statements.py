"""Statements that each connection prepares once, sent over psycopg's libpq: for the few that serve every request.

PostgreSQL parses and plans such a statement once per connection, and nothing is converted on the way: parameters go
in, and values come out, as PostgreSQL's own text.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection
from django.db.backends.utils import debug_transaction
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

NAMES = count(1)
# The names of what a connection has prepared; forgotten with it.
PREPARED: WeakKeyDictionary[psycopg.Connection[Any], set[bytes]] = WeakKeyDictionary()


class Statement:
    """One statement, with $1, $2, ... for its parameters.

    With `prepare` false it is planned for the values of each run: they decide which index is right.
    """

    def __init__(self, sql: str, *, prepare: bool = True) -> None:
        self.sql, self.name = sql, f"tasks_{next(NAMES)}".encode() if prepare else b""

    def run(self, *parameters: bytes | None) -> PGresult:
        """Run it on this thread's connection. Raises what Django's cursors raise."""
        raw = connected()
        with connection.wrap_database_errors, debug_transaction(connection, self.sql):
            if not self.name:
                return checked(raw, raw.pgconn.exec_params(self.sql.encode(), parameters))
            self._prepare(raw)
            return checked(raw, raw.pgconn.exec_prepared(self.name, parameters))  # type: ignore[arg-type]  # it takes None

    def run_by_row(self, *parameters: bytes | None) -> Iterator[PGresult]:
        """The same, with a result for each row, to be read to the end: what is many times a row is never held."""
        raw = connected()
        with connection.wrap_database_errors, debug_transaction(connection, self.sql):
            raw.pgconn.send_query_params(self.sql.encode(), parameters)
            raw.pgconn.set_single_row_mode()
            try:
                while (result := raw.pgconn.get_result()) is not None:
                    yield checked(raw, result)
            finally:  # of an error, PostgreSQL tells before the end of the results
                while raw.pgconn.get_result() is not None:
                    pass

    def _prepare(self, raw: psycopg.Connection[Any]) -> None:
        names = PREPARED.setdefault(raw, set())
        if self.name not in names:
            checked(raw, raw.pgconn.prepare(self.name, self.sql.encode()))
            names.add(self.name)


def connected() -> "psycopg.Connection[Any]":
    """The connection of this thread, as Django's cursors begin with it."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    if not raw.autocommit and raw.pgconn.transaction_status == TransactionStatus.IDLE:
        with connection.wrap_database_errors:
            checked(raw, raw.pgconn.exec_(b"BEGIN"))
    return raw


def checked(raw: psycopg.Connection[Any], result: PGresult) -> PGresult:
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.SINGLE_TUPLE, ExecStatus.COMMAND_OK):
        return result
    if raw.pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError(raw.pgconn.get_error_message())
    raise psycopg.errors.error_from_result(result)
