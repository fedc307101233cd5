"""Detects the format of a file and reads its tasks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from tasks.transfer.archive import EXPECTED, EXTRACT, Archive, name_of, opened, project_of
from tasks.transfer.csv_rows import CSVWriter, own_records, read_csv
from tasks.transfer.foreign.draft import Notices
from tasks.transfer.foreign.todoist import is_todoist, todoist_records
from tasks.transfer.foreign.vikunja import is_vikunja, vikunja_records
from tasks.transfer.json_rows import JSONLinesWriter, JSONWriter, array_records, is_page, lines_records, page_records
from tasks.transfer.json_stream import JSONStream
from tasks.transfer.records import BadFile, Record
from tasks.transfer.source import Source

WRITERS: dict[str, Any] = {"csv": CSVWriter, "jsonl": JSONLinesWriter, "json": JSONWriter}
FORMATS = tuple(WRITERS)
ZIP = "zip"
TODOIST, VIKUNJA = "Todoist's CSV", "Vikunja's JSON"
UNKNOWN_FORMAT = "FILE must end in .csv, .jsonl, .json (or one of these and .gz) or .zip. Otherwise add --format."
SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".zip": ZIP}


@dataclass
class Reading:
    """What a file contains. `file_format` is the one in which its invalid rows are written."""

    of: str
    file_format: str
    records: Iterator[Record]
    notices: Notices = field(default_factory=Notices)

    @property
    def not_carried_over(self) -> list[tuple[str, int]]:
        return sorted(self.notices.left.items())

    @property
    def changed(self) -> list[tuple[str, int]]:
        return sorted(self.notices.changed.items())


def format_of(name: str) -> str | None:
    """The format that the suffix names, with or without .gz."""
    return SUFFIXES.get(PurePath(name.lower().removesuffix(".gz")).suffix)


def read(source: Source, file_format: str) -> Reading:
    """Raises BadFile, as does the iteration over its records. A zip file is recognized whatever the format."""
    if source.is_zip:
        return read_zip(opened(source))
    if file_format == ZIP:
        raise BadFile(f"This is not a zip file. {EXPECTED}.")
    return read_text(source, file_format, Notices())


def read_text(source: Source, file_format: str, notices: Notices, project: str = "") -> Reading:
    if file_format == "csv":
        header, rows = read_csv(source.lines())
        if is_todoist(header):
            return Reading(TODOIST, "csv", todoist_records(header, rows, notices, project), notices)
        return Reading("CSV", "csv", own_records(header, rows))
    if file_format == "jsonl":
        return Reading("JSON Lines", "jsonl", lines_records(source.lines()))
    stream = JSONStream(source)
    if is_page(stream):
        return Reading("a page of the API", "json", ended(stream, page_records(stream, notices.left)), notices)
    if is_vikunja(stream):
        return Reading(VIKUNJA, "json", ended(stream, vikunja_records(stream, notices)), notices)
    return Reading("JSON", "json", ended(stream, array_records(stream)))


def read_zip(archive: Archive) -> Reading:
    of = VIKUNJA if archive.file_format == "json" else TODOIST
    notices = Notices()
    notices.left.update({"another file in the zip file": archive.others} if archive.others else {})
    return Reading(f"{of} in a zip file", archive.file_format, zip_records(archive, of, notices), notices)


def zip_records(archive: Archive, of: str, notices: Notices) -> Iterator[Record]:
    for info in archive.files:
        name = name_of(info)
        try:
            source = archive.source(info)
            yield from named(name, of, read_text(source, archive.file_format, notices, project_of(name)))
        except BadFile as exc:
            raise BadFile(f"{name}: {exc}") from None


def named(name: str, of: str, reading: Reading) -> Iterator[Record]:
    """The records of a file in a zip file, each with its name."""
    if reading.of != of:
        raise BadFile(f"This is {reading.of}, not {of}. {EXTRACT}")
    for record in reading.records:
        record.places.append(name)
        yield record


def ended(stream: JSONStream, records: Iterator[Record]) -> Iterator[Record]:
    """The records, which may be on one line; any text after the array, or the page that has it, is an error."""
    line = task = 0
    for record in records:
        line, task = record.line, task + 1 if record.line == line else 1
        if task > 1:
            record.places.append(f"task {task:,} of the line")
        yield record
    if stream.peek():
        raise stream.refusal("There is text after the end of the array or object.")


def reason_of(exc: OSError) -> str:
    """Why a file could not be opened, read or written, without the number that Python puts before it."""
    reason = exc.strerror or str(exc)
    return f"{exc.filename}: {reason}." if exc.filename else f"{reason}."
