"""A task in a file: the fields of the API, and those that only an import can set."""

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rest_framework import serializers

from config.api.errors import InvalidBody
from config.api.faults import MAX_FAULTS, Fault
from config.api.fields import CharField, DateTimeField
from config.api.parsers import Members, with_faults
from tasks.serializers import TaskSerializer
from tasks.transfer.models import REFERENCE_LENGTH

# The column of a file of invalid rows that has the errors. It is for people; an import ignores it.
NOTE = "error"
# The API returns id and updated_at and ignores them in a request body.
IGNORED = (NOTE, "id", "updated_at")
MOST_UNKNOWN = 5  # fields of a row that are each compared with the known ones, which is slow
Values = dict[str, Any]  # the validated record: a value for each of COLUMNS


class TimeField(DateTimeField):
    """A date-time as in the API's filters. A space may replace the T."""

    default_error_messages = {"invalid": "Expected a date-time with its offset from UTC, such as 2026-11-22T16:00:00Z."}

    def to_internal_value(self, value: Any) -> datetime.datetime:
        return super().to_internal_value(value.replace(" ", "T", 1) if isinstance(value, str) else value)


class ImportSerializer(TaskSerializer):
    reference = CharField(max_length=REFERENCE_LENGTH, allow_null=True, default=None)
    completed_at = TimeField(allow_null=True, default=None)
    created_at = TimeField(allow_null=True, default=None)

    class Meta(TaskSerializer.Meta):
        # The database sets id and updated_at; a reference identifies the task instead of its id.
        fields: tuple[str, ...] = (  # type: ignore[assignment]  # one more or less than the base's
            "reference",
            *(name for name in TaskSerializer.Meta.fields if name not in ("id", "updated_at")),
        )
        read_only_fields: tuple[str, ...] = ()  # type: ignore[assignment]

    def validate(self, attrs: Values) -> Values:
        if attrs["completed_at"] and not attrs["completed"]:
            raise serializers.ValidationError({"completed_at": "Must be empty unless completed is true."})
        return attrs


COLUMNS = ImportSerializer.Meta.fields


def may_be_empty(name: str) -> bool:
    """Whether the column accepts an empty text, which differs from null."""
    return getattr(ImportSerializer.shared().fields[name], "allow_blank", False)


class RowFault(NamedTuple):
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line:,}{self.column and ', '}{self.column}: {self.reason}"


class BadFile(Exception):  # noqa: N818 - it is the file that is bad
    """The file can't be read; the message says where and why."""


@dataclass(slots=True)
class Record:
    """A task as the file has it, with JSON values. `reason` is an error of the whole row."""

    line: int
    values: dict[str, Any]
    reason: str = ""
    faults: list[RowFault] = field(default_factory=list)
    places: list[str] = field(default_factory=list)  # besides the line: the file in a zip file

    @property
    def note(self) -> str:
        """Its errors, for the column NOTE."""
        return "; ".join(f"{column}: {reason}" if column else reason for _, column, reason in self.faults)


def good(records: Iterator[Record], refuse: Callable[[Record], None]) -> Iterator[tuple[int, Values]]:
    """Yields the valid rows with their lines. Passes the other records to `refuse`."""
    for record in records:
        values = checked(record)
        if values is None:
            if record.places:
                place = ", ".join(record.places)
                record.faults = [each._replace(reason=f"{each.reason} ({place})") for each in record.faults]
            refuse(record)
        else:
            yield record.line, values


def checked(record: Record) -> Values | None:
    """The validated values, or None if the record is invalid; record.faults then has every error."""
    if record.reason:
        record.faults.append(RowFault(record.line, "", record.reason))
    unknown = [name for name in record.values if name not in COLUMNS] if len(record.values) > MOST_UNKNOWN else []
    if len(unknown) > MOST_UNKNOWN and not record.faults:
        names = ", ".join(repr(name[:50]) for name in unknown[:10])
        reason = f"Unknown fields, {len(unknown):,} of them, such as {names}. Known fields: {', '.join(COLUMNS)}."
        record.faults.append(RowFault(record.line, "", reason))
    if record.faults:
        return None
    members = record.values if isinstance(record.values, Members) else with_faults(Members(record.values))
    try:
        values: Values = ImportSerializer.shared().run_validation(members)
    except InvalidBody as exc:
        record.faults = faults_of(record.line, exc.faults[:MAX_FAULTS])
        return None
    return values


def faults_of(line: int, faults: Iterable[Fault]) -> list[RowFault]:
    return [RowFault(line, column_of(fault["pointer"]), fault["detail"]) for fault in faults]


def column_of(pointer: str) -> str:
    """The field that a JSON Pointer (RFC 6901) leads to or into."""
    return pointer.removeprefix("/").partition("/")[0].replace("~1", "/").replace("~0", "~")
