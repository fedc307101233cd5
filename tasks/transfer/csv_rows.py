"""CSV (RFC 4180). An empty cell is a value that is not given.

Two cells need a rule of their own. A text that can be empty and is not null then (`description`) is a single backslash,
and one of nothing but backslashes gets one more. `tags` is a line of CSV in itself: names by comma, and one that has a
comma, a quote or a line break in it stands in quotes.
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


def read_csv(lines: Iterator[str]) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and the lines below it: each with its number and cells. Empty ones are left out."""
    reader = csv.reader(lines, strict=True)
    rows = numbered(reader)
    _, header = next(rows, (0, []))
    if not header:
        raise BadFile("The file is empty: its first line has to name the columns.")
    if twice := {name for name in header if header.count(name) > 1}:
        raise BadFile(f"line 1: Columns that come twice: {', '.join(sorted(twice))}.")
    return header, rows


def numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as exc:
            raise BadFile(f"line {line:,}: This is not CSV, or a quote is not closed: {exc}.") from None
        if cells is None:
            return
        if cells:
            yield line, cells
        line = reader.line_num + 1


def own_records(header: list[str], rows: Iterator[tuple[int, list[str]]]) -> Iterator[Record]:
    unknown = [name for name in header if name not in (*COLUMNS, NOTE)]
    if unknown or "title" not in header:
        wrong = f"It has no columns {', '.join(map(repr, unknown))} here" if unknown else "There is no column title"
        raise BadFile(f"line 1: {wrong}. Known are {', '.join(COLUMNS)}.")
    columns = [(place, name, reader_of(name)) for place, name in enumerate(header) if name != NOTE]
    for line, cells in rows:
        if len(cells) != len(header):
            reason = f"It has {len(cells)} cells, and the header {len(header)}."
            yield Record(line, dict(enumerate(cells)), reason)  # type: ignore[arg-type]  # cells without names
            continue
        values = {name: value_of(cells[place]) for place, name, value_of in columns if cells[place]}
        # Nothing but a null character could be a fault of the text: without one, there is none to be found.
        yield Record(line, values if "\0" in "".join(cells) else Members(values))


def reader_of(name: str) -> Callable[[str], Any]:
    """What makes a value of JSON of a cell in this column; what can't be one stays text, which its field refuses."""
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
    """Bad rows, with what is wrong with each in the first column: behind it, cells stay where they were."""

    def __init__(self, file: Any) -> None:
        self.writer = csv.writer(file, lineterminator="\n")
        self.writer.writerow((NOTE, *COLUMNS))

    def write(self, record: Record) -> None:
        values: dict[Any, Any] = record.values
        named = [cell_of(name, values.get(name)) for name in COLUMNS]
        self.writer.writerow([record.note, *(values.values() if 0 in values else named)])

    def close(self) -> None:
        """CSV has no end."""


def cell_of(name: str, value: Any) -> str:
    """The cell in which this value of JSON stands."""
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
