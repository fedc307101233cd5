"""JSON Lines, an object per line, and JSON, an array of objects."""

import json
from collections.abc import Iterator
from typing import Any

from tasks.transfer.json_stream import DECODER, REPEATED, JSONStream
from tasks.transfer.rows import NOTE, Record

TEXT = "text"  # under this name, what is no object at all


def lines_records(lines: Iterator[str]) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        try:
            value = DECODER.decode(text)
        except json.JSONDecodeError as exc:
            yield Record(number, {TEXT: text}, f"This is not JSON: {exc.msg}, character {exc.colno:,}.")
        except (ValueError, RecursionError):
            yield Record(number, {TEXT: text}, "A number in it is too long, or it is nested too deep.")
        else:
            yield as_record(number, value)


def array_records(stream: JSONStream) -> Iterator[Record]:
    for line in stream.items():
        yield as_record(line, stream.value())


def as_record(line: int, value: Any) -> Record:
    if not isinstance(value, dict):
        return Record(line, {TEXT: json.dumps(value)}, "Put an object with the members of a task.")
    value.pop(NOTE, None)
    if REPEATED in value:
        return Record(line, value, f"{value.pop(REPEATED)} is in it twice.")
    return Record(line, value)


class JSONLinesWriter:
    """Bad rows, each with what is wrong with it as its first member."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def write(self, values: dict[str, Any], note: str) -> None:
        self.file.write(json.dumps({NOTE: note, **values}) + "\n")

    def close(self) -> None:
        """There is no end to write."""


class JSONWriter:
    """The same as an array."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.before = "[\n"

    def write(self, values: dict[str, Any], note: str) -> None:
        self.file.write(self.before + json.dumps({NOTE: note, **values}))
        self.before = ",\n"

    def close(self) -> None:
        self.file.write("[]\n" if self.before == "[\n" else "\n]\n")
