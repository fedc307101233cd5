"""Reads JSON of any size in pieces: one item of an array, or one field of an object, at a time."""

import json
import re
from collections.abc import Iterator
from typing import Any

from config.api.parsers import DECODER, MAX_DEPTH, expected_by, with_faults
from tasks.transfer.records import BadFile
from tasks.transfer.source import Source

CHUNK = 1 << 18
LONGEST = 1 << 22  # characters of one value, which is held in memory
TOO_DEEP = f"This is nested deeper than {MAX_DEPTH}."
TO_FIRST = re.compile(r"[ \t\n\r]*\[?[ \t\n\r]*")
FOUND = re.compile(r"\w{1,20}|.", re.DOTALL)


class JSONStream:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text, self.at = "", 0  # the text that is being read, and the position in it
        self.line, self.column = 1, 1  # of that position
        self.ended = False

    def peek(self) -> str:
        """The next character that is not whitespace, which stays to be read; "" at the end."""
        while self.at < len(self.text) or self._more():
            letter = self.text[self.at]
            if letter not in " \t\n\r":
                return letter
            self._go(self.at + 1)
        return ""

    def expect(self, *letters: str) -> str:
        letter = self.peek()
        if letter not in letters or not letter:
            found = f"found {letter!r}" if letter else "the file ends here: it may be cut off"
            raise self.refusal(f"Expected {' or '.join(letters)}; {found}.")
        self._go(self.at + 1)
        return letter

    def items(self, opening: str = "[", closing: str = "]") -> Iterator[int]:
        """Yields the line of each item of an array. The caller must read the item."""
        self.expect(opening)
        if self.peek() == closing:
            self.expect(closing)
            return
        while True:
            self.peek()
            yield self.line
            if self.expect(",", closing) == closing:
                return

    def members(self) -> Iterator[str]:
        """Yields the name of each field of an object. The caller must read the value."""
        for _ in self.items("{", "}"):
            if self.peek() != '"':
                self.expect('"')
            name = self.value()
            self.expect(":")
            yield name

    def value(self) -> Any:
        """Reads the next value completely."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
                with_faults(value, self.text[self.at : end])
            except json.JSONDecodeError as exc:
                if len(self.text) > LONGEST or not self._more():
                    raise self._not_json(exc) from None
            except ValueError as exc:
                raise self.refusal(f"This is not JSON: {exc}.") from None
            except RecursionError:
                raise self.refusal(TOO_DEEP) from None
            else:
                # A number may continue in the next chunk; up to two characters of it ("." or "e+") are left here.
                if end + 2 < len(self.text) or not self._more():
                    self._go(end)
                    return value

    def first_item(self, longest: int) -> Any:
        """The first item of an array, which stays to be read; None if there is none, or none within `longest`."""
        while len(self.text) <= longest and self._more():
            pass
        try:
            return DECODER.raw_decode(self.text, TO_FIRST.match(self.text).end())[0]  # type: ignore[union-attr]  # or ""
        except (ValueError, RecursionError):
            return None

    def refusal(self, reason: str) -> BadFile:
        return BadFile(f"line {self.line:,}, character {self.column:,}: {reason}")

    def _not_json(self, exc: json.JSONDecodeError) -> BadFile:
        if self.ended and exc.pos >= len(self.text.rstrip()):
            return self.refusal("The file ends before this value does: it may be cut off.")
        self._go(exc.pos)
        return self.refusal(not_json(exc))

    def _go(self, end: int) -> None:
        passed = self.text[self.at : end]
        self.line += passed.count("\n")
        self.column = len(passed) - passed.rfind("\n") if "\n" in passed else self.column + len(passed)
        self.at = end

    def _more(self) -> bool:
        """Reads the next chunk and drops the text before the position. False at the end of the file."""
        if chunk := "" if self.ended else self.source.read(CHUNK):
            self.text, self.at = self.text[self.at :] + chunk, 0
        self.ended = not chunk
        return not self.ended


def not_json(exc: json.JSONDecodeError) -> str:
    """What is wrong at the place that the exception names."""
    found = FOUND.match(exc.doc, exc.pos)
    if not exc.msg.startswith("Expecting"):
        what = "here"
    else:
        what = f"here; found {found[0]!r}" if found else "here, where the text ends"
    return f"This is not JSON: {expected_by(exc)} {what}."
