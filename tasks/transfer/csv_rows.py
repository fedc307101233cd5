"""CSV (RFC 4180). An empty cell means that the row has no value for the column.

Two columns have rules of their own. `description` can be null or empty: an empty cell is null and a backslash is an
empty text, so a text of only backslashes is written with one more. `tags` is a line of CSV within the cell: names are
separated by commas, and a name with a comma, quote or line break is quoted.

A file with the column SAFE was written for a spreadsheet: a cell that would be a formula there has an apostrophe before
it, and so has a cell that begins with apostrophes and would be a formula without them.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from rest_framework import serializers

from config.api.parsers import Members
from tasks.transfer.foreign.unread import refuse_csv
from tasks.transfer.records import COLUMNS, IGNORED, NOTE, BadFile, ImportSerializer, Record, may_be_empty

BOOLEANS = {"true": True, "false": False}
NUMBER = re.compile("-?[0-9]{1,20}")
BACKSLASHES = re.compile(r"\\+")
SPECIAL = re.compile(r'[,"\r\n]')
SAFE = "spreadsheet_safe"
# Also the full-width forms of = + - @, which Excel accepts in East Asian locales. PostgreSQL uses it too.
FORMULA = r"'*[=+@\t\r\n\uff0b\uff0d\uff1d\uff20-]"
IS_FORMULA = re.compile(FORMULA)
SEPARATORS = ",;\t"
SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\s*", re.IGNORECASE)  # Excel's way to name it
MOST_COLUMNS = 1000
# By a part of the message of Python's csv module, which names its own parameters.
REASONS = {
    "new-line": "A carriage return (CR) stands without a line feed. Lines must end in LF or CRLF,"
    " and a cell with a line break must be quoted.",
    "end of data": "A quoted cell begins in this row and has no closing quote.",
    "limit": f"A cell is longer than {csv.field_size_limit():,} characters.",
    "expected after": "A closing quote must be followed by a separator or the end of the line;"
    ' inside a quoted cell, write "" for a quote.',
}


def read_csv(lines: Iterator[str]) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header and the other rows, each with its line number. Rows without any text are skipped."""
    separator, lines = separated(lines)
    rows = numbered(csv.reader(lines, delimiter=separator, strict=True))
    first, header = next(rows, (0, []))
    while header and not header[-1]:
        header.pop()
    if not header:
        raise BadFile("The file is empty. The first line must name the columns.")
    refuse_csv(header)
    if len(header) == 1 and "|" in header[0]:
        raise BadFile(f"line {first:,}: The columns are separated by | and must be separated by commas, ; or tabs.")
    if len(header) > MOST_COLUMNS:
        raise BadFile(f"line {first:,}: The header has {len(header):,} columns; expected at most {MOST_COLUMNS:,}.")
    if twice := sorted(name for name, times in Counter(header).items() if times > 1):
        raise BadFile(f"line {first:,}: The header has two columns {shown(twice)}.")
    return header, rows


def separated(lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    """What separates the cells of the first line that has text, and the lines."""
    before: list[str] = []
    for line in lines:
        if named := SEPARATOR_LINE.fullmatch(line):
            return named[1], chain(before, ["\n"], lines)
        before.append(line)
        if line.strip(' "\r\n' + SEPARATORS):
            return max(SEPARATORS, key=line.count), chain(before, lines)
    return ",", iter(before)


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
        if any(cells):
            yield line, cells
        line = reader.line_num + 1


def own_records(header: list[str], rows: Iterator[tuple[int, list[str]]]) -> Iterator[Record]:
    unknown = [name for name in header if name not in (*COLUMNS, *IGNORED, SAFE)]
    if unknown or "title" not in header:
        one_or_more = "Unknown columns" if len(unknown) > 1 else "Unknown column"
        wrong = f"{one_or_more} {shown(unknown)}" if unknown else "The required column title is missing"
        raise BadFile(f"line 1: {wrong}. Known columns: {', '.join(COLUMNS)}.")
    columns = [(place, name, reader_of(name)) for place, name in enumerate(header) if name in COLUMNS]
    safe = SAFE in header
    for line, row in rows:
        cells = [cell[1:] if cell[:1] == "'" and IS_FORMULA.match(cell) else cell for cell in row] if safe else row
        if len(cells) > len(header) and not any(cells[len(header) :]):
            del cells[len(header) :]
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
    return f"{reason} A cell that contains a separator must be quoted." if len(cells) > len(header) else reason


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
    """Writes invalid rows. The first column has the errors of the row; the cells follow in their order."""

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
