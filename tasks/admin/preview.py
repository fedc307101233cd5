"""The preview of an import: what importing an uploaded file would do."""

import datetime
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

from django.utils.html import format_html
from django.utils.text import Truncator

from tasks.serializers import TaskSerializer
from tasks.transfer import load
from tasks.transfer.formats import WRITERS, Reading, format_of, read
from tasks.transfer.models import Upload
from tasks.transfer.records import COLUMNS, BadFile, Record, RowFault, Values, good
from tasks.transfer.source import Source

LARGEST = 10 * 1024 * 1024  # bytes of a file, also after decompression
# Reading and writing as many takes 6 s of one core, half of the time that a request may take (patience.py).
MOST_ROWS, MOST_TAGS = 25_000, 50_000
TOO_MANY = "It has more than {:,} {}. Use manage.py import_tasks, or divide the file."
MOST_FAULTS, FIRST_ROWS = 100, 10  # on the page
# The fields that an API client can write.
SHOWN = [name for name in COLUMNS if name not in ("reference", *TaskSerializer.Meta.read_only_fields)]


@dataclass
class Preview:
    """What importing the upload would do, or has done."""

    upload: Upload
    check: Callable[[], None]  # called for each row; may raise an exception to stop
    bad_file: TextIO | None = None
    reading: Reading | None = None
    outcome: load.Outcome | None = None
    error: str = ""
    rows: int = 0
    tags: int = 0
    bad: int = 0
    faults: list[RowFault] = field(default_factory=list)
    first: list[list[tuple[str, str]]] = field(default_factory=list)  # the name and text of each cell
    columns = [name.replace("_", " ").capitalize() for name in SHOWN]

    @property
    def version(self) -> str:
        """Changes with anything that the page shows."""
        return f"{self.upload.at.timestamp()} {self.bad} {self.outcome and self.outcome.version}"

    def look(self, *, keep: bool = False) -> "Preview":
        """Reads the file and compares it with the tasks, in the current transaction, without changing any task."""
        writer: Any = None

        def refuse(record: Record) -> None:
            self.bad += 1
            self.faults += record.faults[: MOST_FAULTS - len(self.faults)]
            if writer:
                writer.write(record)

        try:
            self.reading = read(Source(io.BytesIO(self.upload.content), LARGEST), format_of(self.upload.name) or "")
            writer = self.bad_file and WRITERS[self.reading.file_format](self.bad_file)
            load.stage(self._shown(good(self._counted(self.reading.records), refuse)), refuse)
            self.outcome = load.compare(keep=keep)
        except BadFile as exc:
            self.error = str(exc)
        if writer:
            writer.close()
        return self

    def _counted(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            self.check()
            self.rows += 1
            if self.rows > MOST_ROWS:
                raise BadFile(TOO_MANY.format(MOST_ROWS, "rows"))
            yield record

    def _shown(self, rows: Iterator[tuple[int, Values]]) -> Iterator[tuple[int, Values]]:
        for line, row in rows:
            self.tags += len(row["tags"])
            if self.tags > MOST_TAGS:
                raise BadFile(TOO_MANY.format(MOST_TAGS, "tags"))
            if len(self.first) < FIRST_ROWS:
                self.first.append([(label, cell(row[name])) for label, name in zip(self.columns, SHOWN, strict=True)])
            yield line, row


def cell(value: Any) -> str:
    """The value of a row as HTML."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(value)
        case datetime.date():
            return format_html("<time>{}</time>", value)
    return Truncator(value).chars(80)
