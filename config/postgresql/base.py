"""Django's PostgreSQL backend, for direct connections and for connection poolers such as PgBouncer.

A pooler may give each transaction another connection to PostgreSQL, so nothing can be set for a session. Here a
transaction begins with the parameters that it needs: who signs the changes, and behind a pooler the timeouts, which a
direct connection gets once, when it starts.
"""

import re
import select
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from config.postgresql.parameters import set_parameters, startup_options

# What poolers answer to startup options that they don't pass on. Others drop them, so one is read back.
REFUSED = re.compile("startup parameter|command-line options")
# What can't run in a transaction block, and so not after another statement.
OUTSIDE = re.compile(r"\s*(VACUUM|(CREATE( UNIQUE)? INDEX|DROP INDEX) CONCURRENTLY)\b", re.IGNORECASE)
PROBE = b"tasks_probe"


# ClientCursor is a base of Django's cursor, which the stubs don't say.
class SigningCursor(base.Cursor, psycopg.ClientCursor[Any]):
    """Sends the parameters of a transaction with its first statement, in one round trip."""

    database: "DatabaseWrapper | None" = None

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        opening = self.database.opening if self.database else ""
        if not opening or self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
            super().execute(query, params, **options)
        elif OUTSIDE.match(query):
            self._execute_outside(query)
        else:
            opening = opening if params is None else opening.replace("%", "%%")
            super().execute(f"{opening}; {query}", params, **options)
            self.nextset()
        return self

    def _execute_outside(self, query: str) -> None:
        """Behind a pooler with what the role has: its transactions have their own parameters."""
        parameters = {} if self.database.pooled else self.database.parameters  # type: ignore[union-attr]
        for name, value in parameters.items():
            super().execute(set_parameters(((name, value),), local=False))
        try:
            super().execute(query)
        finally:
            for name in parameters:
                super().execute(f"RESET {name}")


class DatabaseWrapper(base.DatabaseWrapper):
    health_check_done: bool
    pooled = False
    prepares = True  # whether a prepared statement is still there in the next transaction

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.parameters: dict[str, str] = {}  # what each transaction of this thread begins with

    @property
    def opening(self) -> str:
        """The statement that a transaction has to begin with, or nothing."""
        parameters = self.settings_dict.get("PARAMETERS", {}) | self.parameters if self.pooled else self.parameters
        return set_parameters(tuple(parameters.items())) if parameters else ""

    @contextmanager
    def restoring_parameters(self, **parameters: str) -> Iterator[None]:
        """Adds these, and at the end restores the ones before."""
        before = self.parameters
        self.parameters = before | parameters
        try:
            yield
        finally:
            self.parameters = before

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "cursor_factory": SigningCursor}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.prepared = OrderedDict[bytes, None]()  # names of statements, least recently used first
        options = startup_options(self.settings_dict.get("PARAMETERS", {}) | {"tasks.direct": "on"})
        try:
            raw = super().get_new_connection({**conn_params, "options": options})
            self.pooled = not passes_options(raw)
        except psycopg.OperationalError as error:
            if not REFUSED.search(str(error)):
                raise
            raw = super().get_new_connection(conn_params)
            self.pooled = True
        self.prepares = not self.pooled or keeps_prepared(raw)
        return raw

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = super().create_cursor(name)
        if not name:
            cursor.database = self
        return cursor

    def chunked_cursor(self) -> Any:
        """A cursor on the server ends with the transaction, behind a pooler."""
        self.ensure_connection()
        return self.cursor() if self.pooled else super().chunked_cursor()

    def close_if_health_check_failed(self) -> None:
        if self.connection and not self.health_check_done and self._is_silent():
            self.health_check_done = True
        super().close_if_health_check_failed()

    def _is_silent(self) -> bool:
        """Whether the socket has nothing to read, as on a healthy idle connection. A server that stops says so.

        If an idle connection has ended, its socket is readable: it has the end of the stream or a last message.
        Django's check sends a query at the beginning of each request, which costs as much as reading a task.
        """
        if self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)


def current(using: str = DEFAULT_DB_ALIAS) -> DatabaseWrapper:
    """The connection of this thread."""
    found: Any = connections[using]
    return cast("DatabaseWrapper", found)


def passes_options(raw: "psycopg.Connection[Any]") -> bool:
    return raw.pgconn.exec_(b"SELECT current_setting('tasks.direct', true)").get_value(0, 0) == b"on"


def keeps_prepared(raw: "psycopg.Connection[Any]") -> bool:
    """Whether a pooler keeps prepared statements: then it gives them other names, as PgBouncer does from 1.21 on."""
    raw.pgconn.exec_(b"BEGIN")  # so that all this happens on one connection of the pooler
    raw.pgconn.prepare(PROBE, b"SELECT count(*) FROM pg_prepared_statements WHERE name = '%s'" % PROBE)
    found = raw.pgconn.exec_prepared(PROBE, None).get_value(0, 0)
    raw.pgconn.close_prepared(PROBE)
    raw.pgconn.exec_(b"COMMIT")
    return found == b"0"
