"""Detects the format of a file and reads its tasks."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from tasks.transfer.csv_rows import CSVWriter, own_records, read_csv
from tasks.transfer.foreign.todoist import is_todoist, todoist_records
from tasks.transfer.foreign.vikunja import is_vikunja, vikunja_records
from tasks.transfer.json_rows import JSONLinesWriter, JSONWriter, array_records, is_page, lines_records, page_records
from tasks.transfer.json_stream import JSONStream
from tasks.transfer.records import Record
from tasks.transfer.source import Source

WRITERS: dict[str, Any] = {"csv": CSVWriter, "jsonl": JSONLinesWriter, "json": JSONWriter}
FORMATS = tuple(WRITERS)
UNKNOWN_FORMAT = "FILE must end in .csv, .jsonl or .json (or one of these and .gz). Otherwise add --format."
SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}


@dataclass
class Reading:
    """What a file contains. `left` counts, by name, what the mapping of another system's format does not carry over."""

    of: str
    records: Iterator[Record]
    left: Counter[str] = field(default_factory=Counter)

    @property
    def not_carried_over(self) -> list[tuple[str, int]]:
        return sorted(self.left.items())


def format_of(name: str) -> str | None:
    """The format that the suffix names, with or without .gz."""
    return SUFFIXES.get(PurePath(name.lower().removesuffix(".gz")).suffix)


def read(source: Source, file_format: str) -> Reading:
    """Raises BadFile, as does the iteration over its records."""
    if file_format == "csv":
        header, rows = read_csv(source.lines())
        if is_todoist(header):
            left: Counter[str] = Counter()
            return Reading("Todoist's CSV", todoist_records(header, rows, left), left)
        return Reading("CSV", own_records(header, rows))
    if file_format == "jsonl":
        return Reading("JSON Lines", lines_records(source.lines()))
    left, stream = Counter(), JSONStream(source)
    if is_page(stream):
        return Reading("a page of the API", ended(stream, page_records(stream, left)), left)
    if is_vikunja(stream):
        return Reading("Vikunja's JSON", ended(stream, vikunja_records(stream, left)), left)
    return Reading("JSON", ended(stream, array_records(stream)))


def ended(stream: JSONStream, records: Iterator[Record]) -> Iterator[Record]:
    """The records; any text after the array, or the page that has it, is an error."""
    yield from records
    if stream.peek():
        raise stream.refusal("There is text after the end of the array or object.")


def reason_of(exc: OSError) -> str:
    """Why a file could not be opened, read or written, without the number that Python puts before it."""
    reason = exc.strerror or str(exc)
    return f"{exc.filename}: {reason}." if exc.filename else f"{reason}."
