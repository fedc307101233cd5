"""Prepared statements for what every request does, sent with psycopg's libpq wrapper.

PostgreSQL parses a prepared statement once per connection. Nothing is converted on the way: parameters and results are
PostgreSQL's text format.
"""

import datetime
import hashlib
import json
import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from django.db.backends.utils import debug_transaction
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from config.postgresql.base import current

# Per connection, because a backend keeps up to about 100 KB for each. The least recently used one makes room.
MOST_PREPARED = 50
NOT_LOGGED = nullcontext()
Text = bytes | None


class Statement:
    """One statement, with %(name)s for each parameter, and %% for a percent sign."""

    def __init__(
        self, template: str, *, prepare: bool = True, plan_each_time: bool = False, plan_once: bool = False
    ) -> None:
        """With `plan_each_time` PostgreSQL makes a plan for the values of each run: the best index depends on them.

        With `plan_once` it never does. By itself it compares estimates, which leave out that planning takes longer.
        """
        numbers, self.plan_each_time = Numbers(), plan_each_time
        self.planning = PLAN_EACH_TIME if plan_each_time else PLAN_ONCE if plan_once else None
        self.sql = template % numbers
        self.parameters = tuple(numbers)
        self.bytes = self.sql.encode()
        self.name = hashlib.md5(self.bytes, usedforsecurity=False).hexdigest().encode() if prepare else b""

    def run(self, values: Mapping[str, Any], guard: "Call | None" = None) -> PGresult:
        """Runs the statement on this thread's connection.

        `guard` runs before it, in the same transaction and the same round trip. If the guard fails, this statement
        does not run. Raises what Django's cursors raise.
        """
        database = current()
        raw = connected(database)
        with database.wrap_database_errors, logged(database, self.sql):
            parameters = self.texts(values)
            opening = Call(opening_of(database), {}) if starts(raw) and database.opening else None
            before = [each for each in (opening, self.planning, guard) if each]
            if before:
                calls = [*((each.statement, each.statement.texts(each.values)) for each in before), (self, parameters)]
                return together(raw, *((prepared(database, raw, one), one, texts) for one, texts in calls))
            if not (name := prepared(database, raw, self)):
                return checked(raw, raw.pgconn.exec_params(self.bytes, parameters))
            return checked(raw, raw.pgconn.exec_prepared(name, parameters))  # type: ignore[arg-type]  # it accepts None

    def run_by_row(self, values: Mapping[str, Any]) -> Iterator[PGresult]:
        """The same with a result per row, so that memory never holds a large result twice. Read it to the end."""
        database = current()
        raw = connected(database)
        with database.wrap_database_errors, logged(database, self.sql):
            if begins := bool(starts(raw) and database.opening):
                begin(database, raw)
            send(raw, b"" if self.plan_each_time else prepared(database, raw, self), self, self.texts(values))
            raw.pgconn.set_single_row_mode()
            try:
                while (result := received(raw)) is not None:
                    yield checked(raw, result)
            finally:  # after an error, the rest of the results must still be read
                while received(raw) is not None:
                    pass
                if begins:
                    raw.pgconn.exec_(b"COMMIT")

    def texts(self, values: Mapping[str, Any]) -> tuple[Text, ...]:
        return tuple(text_of(values[name]) for name in self.parameters)


class Numbers(dict[str, str]):
    """Numbers the parameters in the order of their names in the statement."""

    def __missing__(self, name: str) -> str:
        self[name] = f"${len(self) + 1}"
        return self[name]


@dataclass(frozen=True, slots=True)
class Call:
    """A statement with the values of its parameters."""

    statement: Statement
    values: Mapping[str, Any]


# For this transaction only. Preparing the statement is still worth it: parsing it would take a third of its time.
PLAN_EACH_TIME, PLAN_ONCE = (
    Call(Statement(f"SELECT set_config('plan_cache_mode', 'force_{mode}_plan', true)"), {})
    for mode in ("custom", "generic")
)


def starts(raw: "psycopg.Connection[Any]") -> bool:
    """Whether the next statement begins a transaction."""
    return raw.pgconn.transaction_status == TransactionStatus.IDLE


def begin(database: Any, raw: "psycopg.Connection[Any]") -> None:
    checked(raw, raw.pgconn.exec_(f"BEGIN; {database.opening}".encode()))


def opening_of(database: Any) -> Statement:
    """The parameters of a transaction as a statement. With the id of a request, it comes only once."""
    return parsed(database.opening, prepare=not database.parameters)


@lru_cache(maxsize=64)
def parsed(sql: str, *, prepare: bool) -> Statement:
    return Statement(sql.replace("%", "%%"), prepare=prepare)


def prepared(database: Any, raw: "psycopg.Connection[Any]", statement: Statement) -> bytes:
    """Prepares the statement on this connection unless it is prepared. Returns its name, or b"" if it has none."""
    names = database.prepared
    if not statement.name or not database.prepares:
        return b""
    if statement.name in names:
        names.move_to_end(statement.name)
        return statement.name
    if len(names) >= MOST_PREPARED:
        oldest, _ = names.popitem(last=False)
        checked(raw, raw.pgconn.close_prepared(oldest))
    checked(raw, raw.pgconn.prepare(statement.name, statement.bytes))
    names[statement.name] = None
    return statement.name


def send(raw: "psycopg.Connection[Any]", name: bytes, statement: Statement, parameters: Sequence[Text]) -> None:
    if name:
        raw.pgconn.send_query_prepared(name, parameters)
    else:
        raw.pgconn.send_query_params(statement.bytes, parameters)


def together(raw: "psycopg.Connection[Any]", *calls: tuple[bytes, Statement, Sequence[Text]]) -> PGresult:
    """Runs the statements in one round trip. If one fails, the rest don't run. Returns the result of the last one."""
    pgconn, results = raw.pgconn, []
    pgconn.enter_pipeline_mode()
    try:
        for call in calls:
            send(raw, *call)
        pgconn.pipeline_sync()
        while (result := received(raw)) is None or result.status != ExecStatus.PIPELINE_SYNC:
            if result is not None:  # None ends the results of one statement
                results.append(result)
            elif pgconn.status == ConnStatus.BAD:  # pragma: no cover - libpq has raised an error before
                raise psycopg.OperationalError(pgconn.get_error_message())  # noqa: TRY301 - the except below closes the connection
        pgconn.exit_pipeline_mode()
    except BaseException:
        raw.close()  # a connection in the middle of a pipeline is unusable
        raise
    return [checked(raw, result) for result in results][-1]


def received(raw: "psycopg.Connection[Any]") -> PGresult | None:
    """The next result. psycopg's get_result() by itself blocks all other threads while it waits."""
    pgconn = raw.pgconn
    while pgconn.is_busy():
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN)
        poll.poll()
        pgconn.consume_input()
    return pgconn.get_result()


def logged(database: Any, sql: str) -> AbstractContextManager[Any]:
    """Records the statement for Django's log and for tests that count statements."""
    return debug_transaction(database, sql) if database.queries_logged else NOT_LOGGED


def connected(database: Any) -> "psycopg.Connection[Any]":
    """The connection of this thread, prepared in the same way as for Django's cursors."""
    database.close_if_health_check_failed()
    database.ensure_connection()
    raw: psycopg.Connection[Any] = database.connection
    if not raw.autocommit and starts(raw):
        with database.wrap_database_errors:
            begin(database, raw)
    return raw


def checked(raw: "psycopg.Connection[Any]", result: PGresult) -> PGresult:
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.SINGLE_TUPLE, ExecStatus.COMMAND_OK):
        return result
    if raw.pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError(raw.pgconn.get_error_message())
    raise psycopg.errors.error_from_result(result)


def text_of(value: Any) -> Text:  # noqa: PLR0911 - a case for each type
    """PostgreSQL's text format: an array for a list, JSON for a dict."""
    match value:
        case None:
            return None
        case str():
            return value.encode()
        case bool():
            return b"true" if value else b"false"
        case datetime.date():
            return value.isoformat().encode()
        case dict():
            return json.dumps(value, ensure_ascii=False, default=str).encode()
        case list() | tuple() | frozenset():
            escaped = (str(each).replace("\\", "\\\\").replace('"', '\\"') for each in value)
            quoted = (f'"{each}"' for each in escaped)
            return f"{{{','.join(quoted)}}}".encode()
    return str(value).encode()
