"""Rows into the database: a COPY into a temporary table, and from there set by set, under the triggers of any write.

All of it is one transaction, which the caller begins: all of the file or nothing of it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db import connection
from django.db.backends.utils import CursorWrapper

from tasks.transfer.rows import Fault, Record, Row
from tasks.transfer.sql import (
    BATCH,
    BATCHES,
    COPY,
    COUNT,
    DROP_REPEATS,
    FRESH,
    KEEP_FRESH,
    NAME,
    PLANS,
    REPEATS,
    SETTINGS,
    STAGE,
    TAGS,
)

LOCK = 0x7461736B73  # of imports: no number of another lock here


class Busy(Exception):  # noqa: N818 - what the caller is told
    """Another import is under way."""


@dataclass
class Outcome:
    made: int
    there: int
    version: str  # of what would be made: the rows of the file that are


def stage(rows: Iterator[tuple[int, Row]], refuse: Callable[[Record], None]) -> None:
    """Bring the rows into the temporary table; `refuse` gets those whose reference came before in the file."""
    with connection.cursor() as cursor:
        cursor.execute(f"{SETTINGS}; {STAGE}")
        with cursor.copy(COPY) as copy:
            number = 0
            while lines := [copy_line(number := number + 1, line, row) for line, row in islice(rows, 500)]:
                copy.write("".join(lines))
        cursor.execute(f"{NAME}; ANALYZE stage")
        with cursor.copy(REPEATS) as copy:
            for line in copy:
                repeat = json.loads(bytes(line))
                values = repeat["values"]
                reason = f"{values['reference']!r} is in line {repeat['before']:,} too."
                fault = Fault(repeat["line"], "reference", reason)
                refuse(Record(repeat["line"], values, faults=[fault]))
        cursor.execute(DROP_REPEATS)


def compare(*, keep: bool) -> Outcome:
    """What the staged rows would make; `keep` it for write()."""
    with connection.cursor() as cursor:
        if keep:
            cursor.execute(KEEP_FRESH)
        cursor.execute(f"{COUNT} {'FROM fresh' if keep else FRESH}")
        made, version, staged = cursor.fetchone()
    return Outcome(made, staged - made, version)


def lock() -> None:
    """One import at a time, until the transaction ends. Raises Busy."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise Busy


def write() -> Iterator[int]:
    """Make the tasks that were kept, and give the size of each batch."""
    with connection.cursor() as cursor:
        cursor.execute(TAGS)
        cursor.execute(PLANS.format("off"))
        for first, last, size in batches(cursor):
            for statement in BATCHES:
                cursor.execute(statement, [first, last])
            yield size
        cursor.execute(PLANS.format("on"))


def batches(cursor: CursorWrapper) -> list[tuple[int, int, int]]:
    """The first and the last row of each, and how many it has."""
    cursor.execute(
        """SELECT min(row), max(row), count(*)
             FROM (SELECT row, (row_number() OVER (ORDER BY row) - 1) / %s AS batch FROM fresh) AS numbered
            GROUP BY batch ORDER BY batch""",
        [BATCH],
    )
    return list(cursor.fetchall())


def copy_line(number: int, line: int, row: Row) -> str:
    """As COPY reads it."""
    reference, title, description, completed, completed_at, due_date, tags, created_at = row
    return "\t".join(
        (
            f"{number}\t{line}",
            escaped(reference),
            escaped(title),
            escaped(description),
            completed,
            completed_at or NULL,
            due_date or NULL,
            array(tags) if tags else "{}",
            f"{created_at or NULL}\n",
        )
    )


NULL = r"\N"


def escaped(text: str | None) -> str:
    if text is None:
        return NULL
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def array(names: Sequence[str]) -> str:
    quoted = '","'.join(name.replace("\\", r"\\").replace('"', r"\"") for name in names)
    return escaped(f'{{"{quoted}"}}')
