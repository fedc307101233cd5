"""Writes the rows of a file to the database: a COPY into a temporary table, then INSERTs in batches, with all triggers.

The caller begins the transaction, so that an import writes everything or nothing.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection

from config.postgresql.base import current
from tasks.transfer import sql
from tasks.transfer.records import COLUMNS, Record, RowFault, Values

BATCH = 20_000  # tasks per INSERT, after which the progress bar moves
LOCK = 0x7461736B73  # the advisory lock of imports; no other lock here has this number


class Busy(Exception):  # noqa: N818 - it reports a state
    """Another import is running."""


@dataclass
class Outcome:
    created: int
    existing: int
    version: str  # a digest of the rows that would be created


def stage(rows: Iterator[tuple[int, Values]], refuse: Callable[[Record], None]) -> None:
    """Copies the rows into the temporary table. Passes a row to `refuse` if an earlier row has its reference."""
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
                reason = f"Line {repeat['before']:,} has the same reference, {values['reference']!r}."
                refuse(Record(repeat["line"], values, faults=[RowFault(repeat["line"], "reference", reason)]))
        cursor.execute(sql.DROP_REPEATS)


def compare(*, keep: bool) -> Outcome:
    """Finds the staged rows that are new. `keep` stores them for write()."""
    with connection.cursor() as cursor:
        if keep:
            cursor.execute(sql.KEEP_FRESH)
        cursor.execute(f"{sql.COUNT} {'FROM fresh' if keep else sql.FRESH}")
        created, version, staged = cursor.fetchone()
    return Outcome(created, staged - created, version)


def lock() -> None:
    """Keeps other imports away until the transaction ends. Raises Busy if one is running."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise Busy


def write() -> Iterator[int]:
    """Creates the tasks that compare() kept, and yields the size of each batch."""
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
    """Updates the statistics and empties the pending list of the search index, after many new rows.

    Until autovacuum did this, some minutes later, the planner would avoid the index.
    """
    # Only other maintenance waits for this.
    with current().restoring_parameters(statement_timeout="0", lock_timeout="0"), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) tasks_task, tasks_tag, tasks_task_tags, tasks_change")
