"""A task in a file: what the API takes of one, and what an import alone can set."""

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rest_framework import serializers

from config.api.errors import InvalidBody
from config.api.faults import Fault
from config.api.fields import CharField, DateTimeField
from config.api.parsers import Members, with_faults
from tasks.serializers import TaskSerializer
from tasks.transfer.models import REFERENCE_LENGTH

# What a bad row says about itself in the file of the rows that were left out. It is read by people alone.
NOTE = "error"
Values = dict[str, Any]  # what the serializer makes of a record: a value for each of COLUMNS


class TimeField(DateTimeField):
    """A time as the API's filters take it, also with a blank in place of the T."""

    default_error_messages = {"invalid": "Put a time with its offset like 2026-11-22T16:00:00Z."}

    def to_internal_value(self, value: Any) -> datetime.datetime:
        return super().to_internal_value(value.replace(" ", "T", 1) if isinstance(value, str) else value)


class ImportSerializer(TaskSerializer):
    reference = CharField(max_length=REFERENCE_LENGTH, allow_null=True, default=None)
    completed_at = TimeField(allow_null=True, default=None)
    created_at = TimeField(allow_null=True, default=None)

    class Meta(TaskSerializer.Meta):
        # A reference stands for the id, which is the database's, as is the time of the last change.
        fields: tuple[str, ...] = (  # type: ignore[assignment]  # one more or less than the base's
            "reference",
            *(name for name in TaskSerializer.Meta.fields if name not in ("id", "updated_at")),
        )
        read_only_fields: tuple[str, ...] = ()  # type: ignore[assignment]

    def validate(self, attrs: Values) -> Values:
        if attrs["completed_at"] and not attrs["completed"]:
            raise serializers.ValidationError({"completed_at": "Leave it out, or set completed to true."})
        return attrs


COLUMNS = ImportSerializer.Meta.fields


def may_be_empty(name: str) -> bool:
    """Whether the column takes the empty text, which is not null."""
    return getattr(ImportSerializer.shared().fields[name], "allow_blank", False)


class RowFault(NamedTuple):
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line:,}{self.column and ', '}{self.column}: {self.reason}"


class BadFile(Exception):  # noqa: N818 - it is the file that is bad
    """The file as a whole can't be read; the text says where and why."""


@dataclass(slots=True)
class Record:
    """A task as the file has it. `values` are those of JSON; `reason` says what is wrong with the row as a whole."""

    line: int
    values: dict[str, Any]
    reason: str = ""
    faults: list[RowFault] = field(default_factory=list)

    @property
    def note(self) -> str:
        """Its faults as they stand beside it."""
        return "; ".join(f"{column}: {reason}" if column else reason for _, column, reason in self.faults)


def good(records: Iterator[Record], refuse: Callable[[Record], None]) -> Iterator[tuple[int, Values]]:
    """What can be taken, with its lines; `refuse` gets the other records."""
    for record in records:
        values = checked(record)
        if values is None:
            refuse(record)
        else:
            yield record.line, values


def checked(record: Record) -> Values | None:
    """None where it is bad; then record.faults says all that is wrong with it."""
    if record.reason:
        record.faults.append(RowFault(record.line, "", record.reason))
    if record.faults:
        return None
    members = record.values if isinstance(record.values, Members) else with_faults(Members(record.values))
    try:
        values: Values = ImportSerializer.shared().run_validation(members)
    except InvalidBody as exc:
        record.faults = faults_of(record.line, exc.faults)
        return None
    return values


def faults_of(line: int, faults: Iterable[Fault]) -> list[RowFault]:
    return [RowFault(line, column_of(fault["pointer"]), fault["detail"]) for fault in faults]


def column_of(pointer: str) -> str:
    """The member that a JSON Pointer (RFC 6901) leads to, or into."""
    return pointer.removeprefix("/").partition("/")[0].replace("~1", "/").replace("~0", "~")
