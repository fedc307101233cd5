"""Tasks as a file. PostgreSQL formats each row (COPY), and all rows come from one snapshot."""

from collections.abc import Iterator

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet

from tasks.models import Task
from tasks.rows import TAGS
from tasks.transfer.csv_rows import FORMULA, SAFE
from tasks.transfer.records import COLUMNS, may_be_empty
from tasks.transfer.sql import FIELDS, OWN_REFERENCE, RAW, TIMES, columns

TABLES = "FROM tasks_task AS task LEFT JOIN tasks_reference AS known ON known.task_id = task.id"
REFERENCE = f"coalesce(known.reference, {OWN_REFERENCE})"
AS_JSON = columns({**TIMES, "reference": REFERENCE, "tags": TAGS})
# PostgreSQL would write t for true and "" for an empty text; csv_rows says how CSV has them.
TEXTS = {field.name: f"task.{field.name}::text" for field in FIELDS}
BACKSLASHES = {
    name: f"repeat('\\', (task.{name} ~ '^\\\\*$')::int) || task.{name}" for name in filter(may_be_empty, COLUMNS)
}
CELL = """CASE WHEN name ~ '[,"\\r\\n]' THEN '"' || replace(name, '"', '""') || '"' ELSE name END"""
CELLS = f"(SELECT string_agg({CELL}, ',' ORDER BY place) FROM unnest({TAGS}) WITH ORDINALITY AS each (name, place))"
AS_CSV = {**TEXTS, **TIMES, **BACKSLASHES, "reference": REFERENCE, "tags": CELLS}
BEFORE_FORMULA = "^(?={})".format(FORMULA.replace("'", "''"))
AS_SAFE_CSV = {name: f"regexp_replace({cell}, '{BEFORE_FORMULA}', '''')" for name, cell in AS_CSV.items()}


def dump(file_format: str, tasks: QuerySet[Task] | None = None, *, spreadsheet_safe: bool = False) -> Iterator[bytes]:
    """Yields the beginning of the file, a piece for each task, and the end. Without a queryset, exports all tasks.

    `spreadsheet_safe` concerns only CSV: see csv_rows.
    """
    where, params = chosen(tasks)
    if file_format == "csv":
        cells, also, none = (AS_SAFE_CSV, f",{SAFE}", ", NULL") if spreadsheet_safe else (AS_CSV, "", "")
        yield f"{','.join(COLUMNS)}{also}\n".encode()
        yield from rows(f"COPY (SELECT {columns(cells)}{none} {TABLES} {where}) TO STDOUT (FORMAT csv)", params)
        yield b""
    else:
        objects = f"SELECT row_to_json(task) FROM (SELECT {AS_JSON} {TABLES} {where}) AS task"
        found = rows(f"COPY ({objects}) TO STDOUT ({RAW})", params)
        yield b"[" if file_format == "json" else b""
        yield from items(found) if file_format == "json" else found
        yield b"\n]\n" if file_format == "json" else b""


def chosen(tasks: QuerySet[Task] | None) -> tuple[str, tuple[object, ...]]:
    """Orders by id, as an import creates tasks: exporting an imported file gives the same file."""
    if tasks is None:
        return "ORDER BY task.id", ()
    try:
        sql, params = tasks.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return "WHERE false", ()
    return f"WHERE task.id IN ({sql}) ORDER BY task.id", params


def rows(statement: str, params: tuple[object, ...]) -> Iterator[bytes]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # the reader sets the pace
        with cursor.copy(statement, params or None) as copy:
            for row in copy:
                yield bytes(row)


def items(found: Iterator[bytes]) -> Iterator[bytes]:
    before = b"\n"
    for row in found:
        yield before + row.rstrip(b"\n")
        before = b",\n"
