"""Tasks as a file, written by PostgreSQL itself: a COPY, row by row, in one snapshot."""

from collections.abc import Iterator

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet

from tasks.models import Task
from tasks.transfer.csv_rows import HEADER
from tasks.transfer.sql import EXPORT_CSV, EXPORT_JSON, RAW


def dump(form: str, tasks: QuerySet[Task] | None = None) -> Iterator[bytes]:
    """The file in pieces: its beginning, a piece for each task, its end. All tasks, unless a queryset says which."""
    where, params = chosen(tasks)
    if form == "csv":
        yield f"{HEADER}\n".encode()
        yield from rows(f"COPY ({EXPORT_CSV} {where}) TO STDOUT (FORMAT csv)", params)
        yield b""
    else:
        found = rows(f"COPY (SELECT row_to_json(task) FROM ({EXPORT_JSON} {where}) AS task) TO STDOUT ({RAW})", params)
        yield b"[" if form == "json" else b""
        yield from items(found) if form == "json" else found
        yield b"\n]\n" if form == "json" else b""


def chosen(tasks: QuerySet[Task] | None) -> tuple[str, tuple[object, ...]]:
    """In the order of their ids, which is that of an import: what is exported of it again comes out the same."""
    if tasks is None:
        return "ORDER BY task.id", ()
    try:
        sql, params = tasks.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return "WHERE false", ()
    return f"WHERE task.id IN ({sql}) ORDER BY task.id", params


def rows(statement: str, params: tuple[object, ...]) -> Iterator[bytes]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # it takes as long as its reader
        with cursor.copy(statement, params or None) as copy:
            for row in copy:
                yield bytes(row)


def items(found: Iterator[bytes]) -> Iterator[bytes]:
    before = b"\n"
    for row in found:
        yield before + row.rstrip(b"\n")
        before = b",\n"
