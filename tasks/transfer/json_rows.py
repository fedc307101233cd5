"""JSON Lines, an object per line, and JSON, an array of objects."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from config.api.parsers import read_json
from tasks.transfer.foreign.unread import refuse_json
from tasks.transfer.json_stream import TOO_DEEP, JSONStream, not_json
from tasks.transfer.records import IGNORED, NOTE, BadFile, Record, RowFault

TEXT = "text"  # the name under which an invalid row keeps what is not an object
TOO_LONG = 10**21
RESULTS, NEXT = "results", "next"
PAGE = re.compile(r'\{\s*"(count|next|previous|results)"\s*:')
KINDS = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}


def lines_records(lines: Iterator[str]) -> Iterator[Record]:
    empty = True
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        if empty and text.startswith("["):
            raise BadFile(f"line {number:,}: Expected one object per line; this is an array. Its format is json.")
        empty = False
        try:
            value = read_json(text)
        except json.JSONDecodeError as exc:
            place = RowFault(number, f"character {exc.colno:,}", not_json(exc))
            yield Record(number, {TEXT: text}, faults=[place])
        except ValueError as exc:
            yield Record(number, {TEXT: text}, f"This is not JSON: {exc}.")
        except RecursionError:
            yield Record(number, {TEXT: text}, TOO_DEEP)
        else:
            yield as_record(number, value)


def array_records(stream: JSONStream) -> Iterator[Record]:
    for line in stream.items():
        yield as_record(line, stream.value())


def page_records(stream: JSONStream, left: Counter[str]) -> Iterator[Record]:
    """The results of a page that the API returned."""
    found = False
    for name in stream.members():
        if name == RESULTS:
            found = True
            yield from array_records(stream)
        elif stream.value() and name == NEXT:
            left["the next page"] += 1
    if not found:
        raise stream.refusal("The page of the API has no field results.")


def is_page(stream: JSONStream) -> bool:
    """Whether it is a page of the API. Raises BadFile if it is no array either."""
    letter = stream.peek()
    if not letter:
        raise BadFile("The file is empty. Expected an array of tasks, or [] for no tasks.")
    beginning = stream.text[stream.at :]
    if PAGE.match(beginning):
        return True
    if letter in "[{":
        refuse_json(beginning)
    if letter != "[":
        found = "this is an object" if letter == "{" else f"found {letter!r}"
        hint = "For one object per line, the format is jsonl."
        raise stream.refusal(f"Expected an array of tasks; {found}. {hint}")
    return False


def as_record(line: int, value: Any) -> Record:
    if not isinstance(value, dict):
        reason = f"Expected an object with the fields of a task; this is {KINDS[type(value)]}."
        return Record(line, {TEXT: json.dumps(value)}, reason)
    for name in IGNORED:
        value.pop(name, None)
    return Record(line, value)


class JSONWriter:
    """Writes invalid rows. The first field of each has its errors."""

    first, between, last, nothing = "[\n", ",\n", "\n]\n", "[]\n"

    def __init__(self, file: Any) -> None:
        self.file = file
        self.before = self.first

    def write(self, record: Record) -> None:
        text = json.dumps({NOTE: record.note, **record.values})
        # The reader turned a number that is too long into Infinity, which JSON does not have.
        text = json.dumps(json.loads(text, parse_constant=lambda _: TOO_LONG))
        self.file.write(self.before + text)
        self.before = self.between

    def close(self) -> None:
        self.file.write(self.nothing if self.before == self.first else self.last)


class JSONLinesWriter(JSONWriter):
    first, between, last, nothing = "", "\n", "\n", ""
