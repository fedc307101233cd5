"""A file as text, whatever it is packed in; what is wrong with it is said in words."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from tasks.transfer.records import BadFile

LONGEST_LINE = 1 << 20  # characters; ten times what a task can take


class Source:
    """UTF-8 out of a file, unpacked where it begins as gzip does. `most` bounds the unpacked bytes."""

    def __init__(self, file: BinaryIO, most: int | None = None) -> None:
        self.most = most
        self.unpacked = 0
        self.breaks = 0  # of lines, in what was read
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        head = file.read(2)
        self.stream = cast("BinaryIO", Rest(head, file))
        if head == b"\x1f\x8b":
            self.stream = cast("BinaryIO", gzip.GzipFile(fileobj=self.stream))

    def lines(self) -> Iterator[str]:
        """Each with its line break."""
        number, rest = 1, ""
        while text := self.read(1 << 18):
            *whole, rest = (rest + text).split("\n")
            for line in whole:
                yield line + "\n"
            number += len(whole)
            if len(rest) > LONGEST_LINE:
                raise BadFile(f"line {number:,}: This line is longer than {LONGEST_LINE:,} characters.")
        if rest:
            yield rest

    def read(self, size: int) -> str:
        """About so much text; "" at the end."""
        text, chunk = "", b"."
        while chunk and not text:
            try:
                chunk = self.stream.read(size)
                text = self.decoder.decode(chunk, final=not chunk)
            except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
                raise BadFile(f"The gzip file is cut off or damaged: {exc}.") from None
            except UnicodeDecodeError as exc:
                line = 1 + self.breaks + exc.object.count(b"\n", 0, exc.start)
                raise BadFile(f"line {line:,}: The text is not UTF-8: save it as UTF-8.") from None
            self.unpacked += len(chunk)
            self.breaks += text.count("\n")
            if self.most is not None and self.unpacked > self.most:
                raise BadFile(f"Unpacked it is larger than {self.most:,} bytes.")
        return text


class Rest:
    """A file whose first bytes were read already."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self.head = head
        self.file = file

    def read(self, size: int = -1) -> bytes:
        head, self.head = self.head, b""
        return head + self.file.read(max(size - len(head), 0)) if head else self.file.read(size)
