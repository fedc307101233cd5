"""CSV (RFC 4180). An empty cell means that the row has no value for the column.

Two columns have rules of their own. `description` can be null or empty: an empty cell is null and a backslash is an
empty text, so a text of only backslashes is written with one more. `tags` is a line of CSV within the cell: names are
separated by commas, and a name with a comma, quote or line break is quoted.
"""

import csv
import re
from collections.abc import Callable, Iterator
from typing import Any

from rest_framework import serializers

from config.api.parsers import Members
from tasks.transfer.records import COLUMNS, NOTE, BadFile, ImportSerializer, Record, may_be_empty

BOOLEANS = {"true": True, "false": False}
NUMBER = re.compile("-?[0-9]{1,20}")
BACKSLASHES = re.compile(r"\\+")
SPECIAL = re.compile(r'[,"\r\n]')
OTHER_SEPARATOR = re.compile(r"[;\t|]")
# By a part of the message of Python's csv module, which names its own parameters.
REASONS = {
    "new-line": "A carriage return (CR) stands without a line feed. Lines must end in LF or CRLF,"
    " and a cell with a line break must be quoted.",
    "end of data": "A quoted cell begins in this row and has no closing quote.",
    "limit": f"A cell is longer than {csv.field_size_limit():,} characters.",
    "expected after": "A closing quote must be followed by a comma or the end of the line;"
    ' inside a quoted cell, write "" for a quote.',
}


def read_csv(lines: Iterator[str]) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header and the other rows, each with its line number. Empty lines are skipped."""
    reader = csv.reader(lines, strict=True)
    rows = numbered(reader)
    first, header = next(rows, (0, []))
    if not header:
        raise BadFile("The file is empty. The first line must name the columns.")
    if len(header) == 1 and (found := OTHER_SEPARATOR.search(header[0])):
        separator = "tabs" if found[0] == "\t" else found[0]
        raise BadFile(f"line {first:,}: The columns are separated by {separator} and must be separated by ,.")
    if twice := {name for name in header if header.count(name) > 1}:
        raise BadFile(f"line {first:,}: The header has two columns {shown(sorted(twice))}.")
    return header, rows


def numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as exc:
            reason = next((REASONS[part] for part in REASONS if part in str(exc)), "This is not CSV.")
            raise BadFile(f"line {line:,}: {reason}") from None
        if cells is None:
            return
        if cells:
            yield line, cells
        line = reader.line_num + 1


def own_records(header: list[str], rows: Iterator[tuple[int, list[str]]]) -> Iterator[Record]:
    unknown = [name for name in header if name not in (*COLUMNS, NOTE)]
    if unknown or "title" not in header:
        one_or_more = "Unknown columns" if len(unknown) > 1 else "Unknown column"
        wrong = f"{one_or_more} {shown(unknown)}" if unknown else "The required column title is missing"
        raise BadFile(f"line 1: {wrong}. Known columns: {', '.join(COLUMNS)}.")
    columns = [(place, name, reader_of(name)) for place, name in enumerate(header) if name != NOTE]
    for line, cells in rows:
        if len(cells) != len(header):
            yield Record(line, dict(enumerate(cells)), wrong_length(cells, header))  # type: ignore[arg-type]  # no names
            continue
        values = {name: value_of(cells[place]) for place, name, value_of in columns if cells[place]}
        # A NUL character is the only error that a text from CSV can contain: without one, the check can be skipped.
        yield Record(line, values if "\0" in "".join(cells) else Members(values))


def shown(names: list[str]) -> str:
    """Names from a header, which may be anything and of any length."""
    return ", ".join(repr(name[:50]) for name in names[:10])


def wrong_length(cells: list[str], header: list[str]) -> str:
    reason = f"Expected {len(header)} cells, as in the header; this row has {len(cells)}."
    return f"{reason} A cell that contains a comma must be quoted." if len(cells) > len(header) else reason


def reader_of(name: str) -> Callable[[str], Any]:
    """A function that converts a cell of this column to a JSON value; text that it can't convert, the field refuses."""
    match ImportSerializer.shared().fields[name]:
        case serializers.BooleanField():
            return lambda cell: BOOLEANS.get(cell.lower(), cell)
        case serializers.IntegerField():
            return lambda cell: int(cell) if NUMBER.fullmatch(cell) else cell
        case serializers.ListField():
            return tags_of
        case serializers.CharField(allow_blank=True):
            return lambda cell: cell[1:] if BACKSLASHES.fullmatch(cell) else cell
    return str


def tags_of(cell: str) -> list[str] | str:
    if '"' not in cell:
        return cell.split(",")
    try:
        return next(csv.reader([cell], strict=True, skipinitialspace=True))
    except csv.Error:
        return cell


class CSVWriter:
    """Writes bad rows. The first column has the errors of the row; the cells follow in their order."""

    def __init__(self, file: Any) -> None:
        self.writer = csv.writer(file, lineterminator="\n")
        self.writer.writerow((NOTE, *COLUMNS))

    def write(self, record: Record) -> None:
        values: dict[Any, Any] = record.values
        named = [cell_of(name, values.get(name)) for name in COLUMNS]
        self.writer.writerow([record.note, *(values.values() if 0 in values else named)])

    def close(self) -> None:
        """CSV needs no closing text."""


def cell_of(name: str, value: Any) -> str:
    """The cell for this JSON value."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return ",".join(map(tag_cell, map(str, value)))
        case str() if may_be_empty(name) and not value.strip("\\"):
            return f"\\{value}"
    return str(value)


def tag_cell(name: str) -> str:
    return f'"{name.replace(chr(34), chr(34) * 2)}"' if SPECIAL.search(name) else name
