"""JSON of any size, read piece by piece: an array's items one at a time, an object's members one at a time."""

import json
import re
from collections.abc import Iterator
from typing import Any

from config.api.parsers import DECODER, MAX_DEPTH, with_faults
from tasks.transfer.records import BadFile
from tasks.transfer.source import Source

CHUNK = 1 << 18
LONGEST = 1 << 22  # characters of one value, which is read at once
TOO_DEEP = f"This is nested deeper than {MAX_DEPTH}."
TO_FIRST = re.compile(r"[ \t\n\r]*\[?[ \t\n\r]*")


class JSONStream:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text, self.at = "", 0  # what was read last, and the place in it
        self.line, self.column = 1, 1  # of that place
        self.ended = False

    def peek(self) -> str:
        """The next character that is not blank; "" at the end."""
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
            raise self.refusal(f"Expected {' or '.join(map(repr, letters))}; {found}.")
        self._go(self.at + 1)
        return letter

    def items(self, opening: str = "[", closing: str = "]") -> Iterator[int]:
        """Of an array: the line of each item, which the caller has to consume."""
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
        """Of an object: the name of each member, whose value the caller has to consume."""
        for _ in self.items("{", "}"):
            if self.peek() != '"':
                self.expect('"')
            name = self.value()
            self.expect(":")
            yield name

    def value(self) -> Any:
        """The next value as a whole."""
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
                # In the next chunk a number may go on, of which even "." or "e+" is left over here.
                if end + 2 < len(self.text) or not self._more():
                    self._go(end)
                    return value

    def first_item(self, longest: int) -> Any:
        """The first item of an array, which stays to be read; None where there is none, or none so short."""
        while len(self.text) <= longest and self._more():
            pass
        try:
            return DECODER.raw_decode(self.text, TO_FIRST.match(self.text).end())[0]  # type: ignore[union-attr]  # or ""
        except (ValueError, RecursionError):
            return None

    def refusal(self, reason: str) -> BadFile:
        return BadFile(f"line {self.line:,}: {reason}")

    def _not_json(self, exc: json.JSONDecodeError) -> BadFile:
        if self.ended and exc.pos >= len(self.text.rstrip()):
            return self.refusal("The file ends in the middle of this: it may be cut off.")
        self._go(exc.pos)
        return BadFile(f"line {self.line:,}, character {self.column:,}: This is not JSON: {exc.msg}.")

    def _go(self, end: int) -> None:
        passed = self.text[self.at : end]
        self.line += passed.count("\n")
        self.column = len(passed) - passed.rfind("\n") if "\n" in passed else self.column + len(passed)
        self.at = end

    def _more(self) -> bool:
        """Reads on, and lets go of what was read before the place."""
        if chunk := "" if self.ended else self.source.read(CHUNK):
            self.text, self.at = self.text[self.at :] + chunk, 0
        self.ended = not chunk
        return not self.ended
