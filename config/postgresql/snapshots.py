"""Points in time for readers that must miss no change: which transactions a reader has seen, not how late it is.

A transaction that began earlier can commit later, so neither a time nor a number says what is still to come. A snapshot
does (pg_current_snapshot): each transaction is in it or not. Rows carry the number of the transaction that wrote them.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Any, Self

from django.db.models import BigIntegerField

from config.postgresql.keyset import decoded, encoded

# A longer list would not fit into a URL. Then the point says that nothing since the oldest of them was seen: its reader
# gets some changes twice, and misses none.
MOST_RUNNING = 100
MAX = BigIntegerField.MAX_BIGINT
NOWHERE = (-MAX, -MAX)


@dataclass(frozen=True)
class Snapshot:
    """The transactions before `end`, without those that were `running`."""

    end: int
    running: tuple[int, ...] = ()

    @classmethod
    def of(cls, end: int, running: list[int]) -> Self:
        """A transaction after `end` has changed nothing yet: after a crash, another one can get its number."""
        earlier = sorted(each for each in running if each < end)
        return cls(end, tuple(earlier)) if len(earlier) <= MOST_RUNNING else cls(earlier[0])

    @property
    def oldest(self) -> int:
        """The first transaction that may be missing."""
        return self.running[0] if self.running else self.end

    def has(self, transaction: int) -> bool:
        return transaction < self.end and transaction not in self.running


@dataclass(frozen=True)
class Point:
    """What a reader has seen: all of `since`, and of what `until` has more, the rows up to `last`.

    `database` and `proof` say which database this was: its identity, and the number and time of its last change.
    """

    database: int
    proof: tuple[int, int]
    since: Snapshot
    until: Snapshot | None = None
    last: tuple[int, int] | None = None  # transaction and id

    def text(self) -> str:
        """The point for a URL, with a checksum: a damaged point must not pass for another one."""
        snapshots = [each and [each.end, *each.running] for each in (self.since, self.until)]
        content = json.dumps([self.database, self.proof, *snapshots, self.last], separators=(",", ":")).encode()
        return encoded(content + checksum(content))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError if `text` is not that of a point."""
        try:
            database, proof, since, until, last = json.loads(checked(decoded(text)))
            return cls(
                number(database),
                pair(proof),
                snapshot(since),
                snapshot(until) if until else None,
                pair(last) if last else None,
            )
        except (ValueError, TypeError, RecursionError) as exc:
            raise ValueError(text) from exc

    @property
    def values(self) -> dict[str, Any]:
        """Parameters for a statement that reads what is new, in the order of transaction and id.

        It is in `late`, transactions that were running, each from an id on, and in what follows transaction `start`
        and id `start_id`, before `until` and not `until_running`. An index finds it without reading anything else.
        """
        last, until = self.last or NOWHERE, self.until
        late = [each for each in self.since.running if each >= last[0] and (not until or until.has(each))]
        start, start_id = max(last, (self.since.end - 1, MAX))
        return {
            "late": late,
            "late_after": [last[1] if each == last[0] else -MAX for each in late],
            "start": start,
            "start_id": start_id,
            "since": self.since.end,
            "since_running": self.since.running,
            "until": until and until.end,
            "until_running": until.running if until else (),
            "proof": self.proof[0],
            "proof_at": self.proof[1],
        }


def checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4)


def checked(raw: bytes) -> bytes:
    if raw[-4:] != checksum(raw[:-4]):
        raise ValueError(raw)
    return raw[:-4]


def number(value: Any) -> int:
    if not isinstance(value, int) or not -MAX <= value <= MAX:
        raise ValueError(value)
    return value


def pair(values: Any) -> tuple[int, int]:
    first, second = map(number, values)
    return first, second


def snapshot(values: Any) -> Snapshot:
    end, *running = map(number, values)
    return Snapshot(end, tuple(running))


def identity_of(*tables: str) -> str:
    """SQL for a number that is another one where transactions or rows have another past.

    It is of the cluster, the database, the timeline, which a promotion and a recovery to a point in time begin, and the
    files of the tables: TRUNCATE, a restore of their dump and a rewrite of all rows replace them and fire no trigger. A
    standby does not know which transactions run on its primary: there it fails as a write does.
    """
    timeline = """CASE WHEN pg_is_in_recovery() THEN pg_current_xact_id()::text
                       ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END"""
    files = ", ".join(f"pg_relation_filenode('{table}'::regclass)" for table in tables)
    return f"""hashtextextended(concat_ws(' ', (SELECT system_identifier FROM pg_control_system()),
        (SELECT oid FROM pg_database WHERE datname = current_database()), {timeline}, {files}), 0)"""  # noqa: S608 - of constants
