"""Statements that each connection prepares once, sent over psycopg's libpq: for the few that serve every request.

PostgreSQL parses and plans such a statement once per connection, and nothing is converted on the way: parameters go
in, and values come out, as PostgreSQL's own text.
"""

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
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        raw: psycopg.Connection[Any] = connection.connection
        with connection.wrap_database_errors, debug_transaction(connection, self.sql):
            if not raw.autocommit and raw.pgconn.transaction_status == TransactionStatus.IDLE:
                checked(raw, raw.pgconn.exec_(b"BEGIN"))  # as psycopg's cursors do
            if not self.name:
                return checked(raw, raw.pgconn.exec_params(self.sql.encode(), parameters))
            self._prepare(raw)
            return checked(raw, raw.pgconn.exec_prepared(self.name, parameters))  # type: ignore[arg-type]  # it takes None

    def _prepare(self, raw: psycopg.Connection[Any]) -> None:
        names = PREPARED.setdefault(raw, set())
        if self.name not in names:
            checked(raw, raw.pgconn.prepare(self.name, self.sql.encode()))
            names.add(self.name)


def checked(raw: psycopg.Connection[Any], result: PGresult) -> PGresult:
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return result
    if raw.pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError(raw.pgconn.get_error_message())
    raise psycopg.errors.error_from_result(result)
