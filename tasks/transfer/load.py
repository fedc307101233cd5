"""Rows into the database: a COPY into a temporary table, and from there set by set, under the triggers of any write.

All of it is one transaction, which the caller begins: all of the file or nothing of it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection

from tasks.transfer import sql
from tasks.transfer.records import COLUMNS, Record, RowFault, Values

BATCH = 20_000  # tasks at a time, between two moves of the progress bar
LOCK = 0x7461736B73  # of imports: no number of another lock here


class Busy(Exception):  # noqa: N818 - what the caller is told
    """Another import is under way."""


@dataclass
class Outcome:
    made: int
    there: int
    version: str  # of what would be made: the rows of the file that are


def stage(rows: Iterator[tuple[int, Values]], refuse: Callable[[Record], None]) -> None:
    """Bring the rows into the temporary table; `refuse` gets those whose reference came before in the file."""
    with connection.cursor() as cursor:
        cursor.execute(f"{sql.SETTINGS}; {sql.STAGE}")
        cursor.execute("TABLE stage")
        types = [column.type_code for column in cursor.description]
        with cursor.copy("COPY stage FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(types)
            for number, (line, row) in enumerate(rows, start=1):
                copy.write_row((number, line, *map(row.__getitem__, COLUMNS)))
        cursor.execute(f"{sql.NAME}; ANALYZE stage")
        with cursor.copy(sql.REPEATS) as copy:
            for line in copy:
                repeat = json.loads(bytes(line))
                values = repeat["values"]
                reason = f"{values['reference']!r} is in line {repeat['before']:,} too."
                refuse(Record(repeat["line"], values, faults=[RowFault(repeat["line"], "reference", reason)]))
        cursor.execute(sql.DROP_REPEATS)


def compare(*, keep: bool) -> Outcome:
    """What the staged rows would make; `keep` it for write()."""
    with connection.cursor() as cursor:
        if keep:
            cursor.execute(sql.KEEP_FRESH)
        cursor.execute(f"{sql.COUNT} {'FROM fresh' if keep else sql.FRESH}")
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
        cursor.execute(sql.TAGS)
        cursor.execute(sql.PLANS.format("off"))
        cursor.execute("SELECT count(*) FROM fresh")
        (total,) = cursor.fetchone()
        for start in range(0, total, BATCH):
            for statement in sql.BATCHES:
                cursor.execute(statement, [start, start + BATCH])
            yield min(BATCH, total - start)
        cursor.execute(sql.PLANS.format("on"))


def vacuum() -> None:
    """After many rows: bring the statistics up to date, and empty the list of the search index's pending entries.

    With either left to autovacuum, the planner would avoid the index for the first minutes.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")  # nothing but maintenance waits behind it
        cursor.execute("VACUUM (ANALYZE) tasks_task, tasks_tag, tasks_task_tags, tasks_change")
        cursor.execute("RESET statement_timeout; RESET lock_timeout")
