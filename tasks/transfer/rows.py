"""What may stand in a row: the rules of the API's bodies, for values that came from a file."""

import datetime
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from config.api.fields import DATE, case_folded
from tasks.models import DESCRIPTION_LENGTH, TAG_LENGTH, TAGS_PER_TASK, TITLE_LENGTH
from tasks.transfer.models import REFERENCE_LENGTH

TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")
# What a bad row says about itself in the file of the rows that were left out. It is read by people alone.
NOTE = "error"


class Fault(NamedTuple):
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line:,}{self.column and ', '}{self.column}: {self.reason}"

    def note(self) -> str:
        """As it stands beside the row."""
        return f"{self.column}: {self.reason}" if self.column else self.reason


class BadFile(Exception):  # noqa: N818 - it is the file that is bad
    """The file as a whole can't be read; the text says where and why."""


@dataclass(slots=True)
class Record:
    """A task as the file has it. `values` are those of JSON; `reason` says what is wrong with the row as a whole."""

    line: int
    values: dict[str, Any]
    reason: str = ""
    faults: list[Fault] = field(default_factory=list)


class Row(NamedTuple):
    """A task that the database takes, each value as COPY reads it, or None."""

    reference: str | None
    title: str
    description: str | None
    completed: str
    completed_at: str | None
    due_date: str | None
    tags: Sequence[str]
    created_at: str | None


COLUMNS = Row._fields
KNOWN = frozenset((*COLUMNS, NOTE))


def checked(record: Record) -> Row | None:
    """The row, or None where it is bad; then record.faults says all that is wrong with it."""
    values = record.values
    if record.reason:
        record.faults.append(Fault(record.line, "", record.reason))
        return None
    row: dict[str, Any] = {}
    for name, check, default in CHECKS:
        try:
            row[name] = check(values[name]) if name in values else default
        except ValueError as exc:
            record.faults.append(Fault(record.line, name, str(exc)))
    if not values.keys() <= KNOWN:
        record.faults += [Fault(record.line, name, NOT_KNOWN) for name in values if name not in KNOWN]
    if "title" not in values:
        record.faults.append(Fault(record.line, "title", "This is required."))
    if row.get("completed_at") and row.get("completed") == "f":
        record.faults.append(Fault(record.line, "completed_at", "Leave it out, or set completed to true."))
    return None if record.faults else Row(**row)


NOT_KNOWN = f"Not a column here. Known are {', '.join(COLUMNS)}."


def text(value: Any, most: int) -> str:
    if not isinstance(value, str):
        raise ValueError("Put a string.")  # noqa: TRY004 - for the caller all that is wrong is a ValueError
    if len(value) > most:
        raise ValueError(f"Put at most {most:,} characters; these are {len(value):,}.")
    if "\0" in value:
        raise ValueError("Null characters are not allowed.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("Half of a surrogate pair is not a character.") from None
    return value


def short(value: Any, most: int) -> str:
    trimmed = text(value.strip() if isinstance(value, str) else value, most)
    if not trimmed:
        raise ValueError("This may not be blank.")
    return trimmed


def reference(value: Any) -> str | None:
    return None if value is None else short(value, REFERENCE_LENGTH)


def title(value: Any) -> str:
    return short(value, TITLE_LENGTH)


def description(value: Any) -> str | None:
    return None if value is None else text(value, DESCRIPTION_LENGTH)


def completed(value: Any) -> str:
    if not isinstance(value, bool):
        raise ValueError("Put true or false.")  # noqa: TRY004 - see text
    return "t" if value else "f"


def due_date(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and DATE.fullmatch(value):
        try:
            datetime.date.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise ValueError("Put a date like 2026-11-22.")


def time(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and TIME.fullmatch(value):
        try:
            # As UTC, or PostgreSQL makes a year before 1 or after 9999 of it.
            return datetime.datetime.fromisoformat(value).astimezone(datetime.UTC).isoformat()
        except (ValueError, OverflowError):
            pass
    raise ValueError("Put a time with its offset like 2026-11-22T16:00:00Z.")


def tags(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError("Put a list of names.")  # noqa: TRY004 - see text
    if len(value) > TAGS_PER_TASK:
        raise ValueError(f"Put at most {TAGS_PER_TASK} names; these are {len(value):,}.")
    names = [short(name, TAG_LENGTH) for name in value]
    if len(names) > 1 and len(set(map(folded, names))) < len(names):
        raise ValueError(f"{twice(names)!r} is in the list twice; capitals make no difference.")
    return names


def folded(name: str) -> str:
    return name.lower() if name.isascii() else case_folded(name)


def twice(names: list[str]) -> str:
    keys = list(map(folded, names))
    return next(name for place, name in enumerate(names) if keys[place] in keys[:place])


# Each with what stands for it where it is not given.
CHECKS: tuple[tuple[str, Callable[[Any], Any], Any], ...] = (
    ("reference", reference, None),
    ("title", title, None),
    ("description", description, None),
    ("completed", completed, "f"),
    ("completed_at", time, None),
    ("due_date", due_date, None),
    ("tags", tags, ()),
    ("created_at", time, None),
)


def good(records: Iterator[Record], refuse: Callable[[Record], None]) -> Iterator[tuple[int, Row]]:
    """The rows that can be taken, with their lines; `refuse` gets the others."""
    for record in records:
        row = checked(record)
        if row is None:
            refuse(record)
        else:
            yield record.line, row
