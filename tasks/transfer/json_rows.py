"""JSON Lines, an object per line, and JSON, an array of objects."""

import json
from collections.abc import Iterator
from typing import Any

from config.api.parsers import read_json
from tasks.transfer.json_stream import TOO_DEEP, JSONStream
from tasks.transfer.records import NOTE, Record

TEXT = "text"  # under this name, what is no object at all
TOO_LONG = 10**21


def lines_records(lines: Iterator[str]) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        try:
            value = read_json(text)
        except json.JSONDecodeError as exc:
            yield Record(number, {TEXT: text}, f"This is not JSON: {exc.msg}, character {exc.colno:,}.")
        except ValueError as exc:
            yield Record(number, {TEXT: text}, f"This is not JSON: {exc}.")
        except RecursionError:
            yield Record(number, {TEXT: text}, TOO_DEEP)
        else:
            yield as_record(number, value)


def array_records(stream: JSONStream) -> Iterator[Record]:
    for line in stream.items():
        yield as_record(line, stream.value())


def as_record(line: int, value: Any) -> Record:
    if not isinstance(value, dict):
        return Record(line, {TEXT: json.dumps(value)}, "Put an object with the members of a task.")
    value.pop(NOTE, None)
    return Record(line, value)


class JSONWriter:
    """Bad rows, each with what is wrong with it as its first member."""

    first, between, last, nothing = "[\n", ",\n", "\n]\n", "[]\n"

    def __init__(self, file: Any) -> None:
        self.file = file
        self.before = self.first

    def write(self, record: Record) -> None:
        text = json.dumps({NOTE: record.note, **record.values})
        # A number that was too long has become Infinity, which is no JSON.
        text = json.dumps(json.loads(text, parse_constant=lambda _: TOO_LONG))
        self.file.write(self.before + text)
        self.before = self.between

    def close(self) -> None:
        self.file.write(self.nothing if self.before == self.first else self.last)


class JSONLinesWriter(JSONWriter):
    first, between, last, nothing = "", "\n", "\n", ""
