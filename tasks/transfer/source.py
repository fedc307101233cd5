"""A file as text, whatever it is packed in; what is wrong with it is said in words."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from tasks.transfer.rows import BadFile

LONGEST_LINE = 1 << 20  # bytes; ten times what a task can take
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Source:
    """UTF-8 out of a file, unpacked where it begins as gzip does. `most` bounds the unpacked bytes."""

    def __init__(self, file: BinaryIO, most: int | None = None) -> None:
        self.file = file
        self.most = most
        self.unpacked = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        head = file.read(2)
        self.stream: BinaryIO = cast("BinaryIO", Rest(head, file))
        if head == b"\x1f\x8b":
            self.stream = cast("BinaryIO", gzip.GzipFile(fileobj=self.stream))
        self.begun = False

    def lines(self) -> Iterator[str]:
        """Each with its line break."""
        number, rest = 1, b""
        while chunk := self._bytes(1 << 18):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield decoded(line, number) + "\n"
                number += 1
            if len(rest) > LONGEST_LINE:
                raise BadFile(f"line {number:,}: This line is longer than {LONGEST_LINE:,} bytes.")
        if rest:
            yield decoded(rest, number)

    def read(self, size: int) -> str:
        """About so much text; "" at the end."""
        while chunk := self._bytes(size):
            try:
                if text := self.decoder.decode(chunk):
                    return text
            except UnicodeDecodeError:
                raise BadFile(f"{NOT_UTF8} It ends to be so after {self.unpacked - len(chunk):,} bytes.") from None
        return ""

    def _bytes(self, size: int) -> bytes:
        try:
            chunk = self.stream.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
            raise BadFile(f"The gzip file is cut off or damaged: {exc}.") from None
        self.unpacked += len(chunk)
        if self.most is not None and self.unpacked > self.most:
            raise BadFile(f"Unpacked it is larger than {self.most:,} bytes.")
        if not self.begun:
            self.begun = True
            if chunk.startswith(UTF16):
                raise BadFile(NOT_UTF8)
            return chunk.removeprefix(codecs.BOM_UTF8)
        return chunk


NOT_UTF8 = "The text is not UTF-8: save it as UTF-8."


def decoded(line: bytes, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BadFile(f"line {number:,}: {NOT_UTF8}") from None


class Rest:
    """A file whose first bytes were read already."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self.head = head
        self.file = file

    def read(self, size: int = -1) -> bytes:
        head, self.head = self.head, b""
        return head + self.file.read(max(size - len(head), 0)) if head else self.file.read(size)
