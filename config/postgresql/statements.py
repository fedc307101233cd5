"""Statements that each connection prepares once, sent over psycopg's libpq: for the few that serve every request.

PostgreSQL parses such a statement once per connection, and nothing is converted on the way: parameters go in, and
values come out, as PostgreSQL's own text.
"""

import datetime
import hashlib
import json
import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import debug_transaction
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

# Of one connection: a backend keeps up to some 100 KB for each. The one that was not used for longest makes room.
MOST_PREPARED = 50
NOT_LOGGED = nullcontext()
Text = bytes | None


class Statement:
    """One statement, with %(name)s for each parameter, and %% for a percent sign."""

    def __init__(self, template: str, *, prepare: bool = True, plan_each_time: bool = False) -> None:
        """With `plan_each_time` it is planned for the values of each run, which decide which index is right."""
        numbers, self.plan_each_time = Numbers(), plan_each_time
        self.sql = template % numbers
        self.parameters = tuple(numbers)
        self.bytes = self.sql.encode()
        self.name = hashlib.md5(self.bytes, usedforsecurity=False).hexdigest().encode() if prepare else b""

    def run(self, values: Mapping[str, Any], guard: "Call | None" = None) -> PGresult:
        """Run it on this thread's connection, after `guard` and in one transaction with it, in one round trip.

        Where the guard fails, this does nothing. Raises what Django's cursors raise.
        """
        database = connections[DEFAULT_DB_ALIAS]
        raw = connected(database)
        with database.wrap_database_errors, logged(database, self.sql):
            parameters = self.texts(values)
            before = [each for each in (PLAN_EACH_TIME if self.plan_each_time else None, guard) if each]
            if before:
                calls = [*((each.statement, each.statement.texts(each.values)) for each in before), (self, parameters)]
                return together(raw, *((prepared(database, raw, one), one, texts) for one, texts in calls))
            if not self.name:
                return checked(raw, raw.pgconn.exec_params(self.bytes, parameters))
            name = prepared(database, raw, self)
            return checked(raw, raw.pgconn.exec_prepared(name, parameters))  # type: ignore[arg-type]  # it takes None

    def run_by_row(self, values: Mapping[str, Any]) -> Iterator[PGresult]:
        """The same with a result for each row, to be read to the end: what is many times a row is never held twice."""
        database = connections[DEFAULT_DB_ALIAS]
        raw = connected(database)
        with database.wrap_database_errors, logged(database, self.sql):
            send(raw, b"" if self.plan_each_time else prepared(database, raw, self), self, self.texts(values))
            raw.pgconn.set_single_row_mode()
            try:
                while (result := received(raw)) is not None:
                    yield checked(raw, result)
            finally:  # of an error, PostgreSQL tells before the end of the results
                while received(raw) is not None:
                    pass

    def texts(self, values: Mapping[str, Any]) -> tuple[Text, ...]:
        return tuple(text_of(values[name]) for name in self.parameters)


class Numbers(dict[str, str]):
    """Gives each name of a parameter its number, in the order in which they come."""

    def __missing__(self, name: str) -> str:
        self[name] = f"${len(self) + 1}"
        return self[name]


@dataclass(frozen=True, slots=True)
class Call:
    """A statement with the values of its parameters."""

    statement: Statement
    values: Mapping[str, Any]


# For the transaction alone. To prepare a statement all the same saves a third of its time, which reading it takes.
PLAN_EACH_TIME = Call(Statement("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"), {})


def prepared(database: Any, raw: "psycopg.Connection[Any]", statement: Statement) -> bytes:
    """The name of the statement, which this connection has prepared; empty where it is not to be."""
    names = database.prepared
    if not statement.name:
        return b""
    if statement.name in names:
        names.move_to_end(statement.name)
        return statement.name
    if len(names) >= MOST_PREPARED:
        oldest, _ = names.popitem(last=False)
        checked(raw, raw.pgconn.exec_(b'DEALLOCATE "%s"' % oldest))
    checked(raw, raw.pgconn.prepare(statement.name, statement.bytes))
    names[statement.name] = None
    return statement.name


def send(raw: "psycopg.Connection[Any]", name: bytes, statement: Statement, parameters: Sequence[Text]) -> None:
    if name:
        raw.pgconn.send_query_prepared(name, parameters)
    else:
        raw.pgconn.send_query_params(statement.bytes, parameters)


def together(raw: "psycopg.Connection[Any]", *calls: tuple[bytes, Statement, Sequence[Text]]) -> PGresult:
    """What the last of these statements gives; after one that fails, none runs."""
    pgconn, results = raw.pgconn, []
    pgconn.enter_pipeline_mode()
    try:
        for call in calls:
            send(raw, *call)
        pgconn.pipeline_sync()
        while (result := received(raw)) is None or result.status != ExecStatus.PIPELINE_SYNC:
            if result is not None:  # None ends the results of one statement
                results.append(result)
            elif pgconn.status == ConnStatus.BAD:  # pragma: no cover - libpq has told so before, by an error
                raise psycopg.OperationalError(pgconn.get_error_message())  # noqa: TRY301 - it closes the connection
        pgconn.exit_pipeline_mode()
    except BaseException:
        raw.close()  # in the middle of a pipeline it is of no use to anybody
        raise
    return [checked(raw, result) for result in results][-1]


def received(raw: "psycopg.Connection[Any]") -> PGresult | None:
    """The next result. psycopg's get_result() alone would let no other thread run while it waits."""
    pgconn = raw.pgconn
    while pgconn.is_busy():
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN)
        poll.poll()
        pgconn.consume_input()
    return pgconn.get_result()


def logged(database: Any, sql: str) -> AbstractContextManager[Any]:
    """For the log of statements, and for what tests count."""
    return debug_transaction(database, sql) if database.queries_logged else NOT_LOGGED


def connected(database: Any) -> "psycopg.Connection[Any]":
    """The connection of this thread, as Django's cursors begin with it."""
    database.close_if_health_check_failed()
    database.ensure_connection()
    raw: psycopg.Connection[Any] = database.connection
    if not raw.autocommit and raw.pgconn.transaction_status == TransactionStatus.IDLE:
        with database.wrap_database_errors:
            checked(raw, raw.pgconn.exec_(b"BEGIN"))
    return raw


def checked(raw: "psycopg.Connection[Any]", result: PGresult) -> PGresult:
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.SINGLE_TUPLE, ExecStatus.COMMAND_OK):
        return result
    if raw.pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError(raw.pgconn.get_error_message())
    raise psycopg.errors.error_from_result(result)


def text_of(value: Any) -> Text:  # noqa: PLR0911 - a case for each type
    """As PostgreSQL reads it: an array for a list, JSON for a mapping."""
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
