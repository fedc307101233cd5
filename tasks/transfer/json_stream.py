"""JSON of any size, read piece by piece: an array's items one at a time, an object's members one at a time."""

import json
from collections.abc import Iterator
from typing import Any

from tasks.transfer.rows import BadFile
from tasks.transfer.source import Source

CHUNK = 1 << 18
LONGEST = 1 << 22  # characters of one value that is read at once
BLANK = " \t\n\r"


REPEATED = "\0"  # under this name an object has the name of a member that is given twice


def members_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        members[REPEATED] = next(name for place, name in enumerate(names) if name in names[:place])
    return members


DECODER = json.JSONDecoder(object_pairs_hook=members_of)


class JSONStream:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.buffer = ""
        self.at = 0
        self.lines, self.counted = 1, 0  # the line at the place up to which lines are counted
        self.ended = False

    @property
    def line(self) -> int:
        self.lines += self.buffer.count("\n", self.counted, self.at)
        self.counted = self.at
        return self.lines

    def peek(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            while self.at < len(self.buffer):
                letter = self.buffer[self.at]
                if letter not in BLANK:
                    return letter
                self.at += 1
            if not self._more():
                return ""

    def expect(self, *letters: str) -> str:
        letter = self.peek()
        if letter not in letters or not letter:
            found = f"found {letter!r}" if letter else "the file ends here: it may be cut off"
            raise BadFile(f"line {self.line:,}: Expected {' or '.join(map(repr, letters))}; {found}.")
        self.at += 1
        return letter

    def items(self) -> Iterator[int]:
        """Of an array: the line of each item, which the caller has to consume."""
        self.expect("[")
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            self._drop()
            self.peek()
            yield self.line
            if self.expect(",", "]") == "]":
                return

    def members(self) -> Iterator[str]:
        """Of an object: the name of each member, whose value the caller has to consume."""
        self.expect("{")
        if self.peek() == "}":
            self.at += 1
            return
        while True:
            self._drop()
            if self.peek() != '"':
                self.expect('"')
            name = self.value()
            self.expect(":")
            yield name
            if self.expect(",", "}") == "}":
                return

    def value(self, longest: int = LONGEST) -> Any:
        """The next value as a whole."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self.buffer, self.at)
            except ValueError as exc:
                if len(self.buffer) > longest or not self._more():
                    raise BadFile(self._reason(exc)) from None
            except RecursionError:
                raise BadFile(f"line {self.line:,}: This is nested too deep.") from None
            else:
                # A number may go on in the next chunk.
                if end < len(self.buffer) or not self._more():
                    self.at = end
                    return value

    def first_item(self, longest: int) -> Any:
        """Of an array: its first item, and all stays to be read; None where there is none, or none so short."""
        if self.peek() != "[":
            return None
        start = self.at
        try:
            self.at += 1
            return self.value(longest)
        except BadFile:
            return None
        finally:
            self.at = start

    def _reason(self, exc: ValueError) -> str:
        if not isinstance(exc, json.JSONDecodeError):
            return f"line {self.line:,}: {exc}"
        if self.ended and exc.pos >= len(self.buffer.rstrip()):
            return f"line {self.line:,}: The file ends in the middle of this: it may be cut off."
        line = self.line + self.buffer.count("\n", self.at, exc.pos)
        column = exc.pos - self.buffer.rfind("\n", 0, exc.pos)
        return f"line {line:,}, character {column:,}: This is not JSON: {exc.msg}."

    def _drop(self) -> None:
        """Let go of what was read, from time to time."""
        if self.at > CHUNK:
            self.lines = self.line
            self.buffer, self.at, self.counted = self.buffer[self.at :], 0, 0

    def _more(self) -> bool:
        chunk = "" if self.ended else self.source.read(CHUNK)
        self.buffer += chunk
        self.ended = not chunk
        return not self.ended
