"""The text of an uploaded or named file: UTF-8, or UTF-16 with a byte order mark, plain or compressed with gzip.

Raises BadFile for anything else.
"""

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeVar, cast

from tasks.transfer.records import BadFile

T = TypeVar("T")
LONGEST_LINE = 1 << 20  # characters; ten times the longest task
HEAD = 4  # bytes that tell the kind of a file
GZIP, OLE = b"\x1f\x8b", b"\xd0\xcf\x11\xe0"
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an empty zip file
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LINE_BREAK = re.compile(r"\r\n|\n|\r(?!\Z)")
NOT_UTF8 = (
    "The text is not UTF-8 but another encoding, such as Windows-1252. Save the file as UTF-8 (in Excel: CSV UTF-8)."
)
NO_TEXT = "This is not text, or it is UTF-16 without a byte order mark. Save the file as UTF-8."
WORKBOOK = "This is an Excel workbook. Save it as CSV UTF-8."


class Source:
    """Reads the file as text. `most` limits the number of bytes after decompression."""

    def __init__(self, file: BinaryIO, most: int | None = None) -> None:
        self.most = most
        self.decompressed = 0
        self.line_breaks = 0  # in the text that was read
        self.file = file
        head, self.stream = peeked(file)
        self.is_zip = head.startswith(ZIPS)  # tasks.transfer.archive reads it
        if head.startswith(GZIP):
            self.stream = cast("BinaryIO", gzip.GzipFile(fileobj=self.stream))
            head, self.stream = self._of_gzip(lambda: peeked(self.stream))
        if head == OLE:
            raise BadFile(WORKBOOK)
        self.encoding = "utf-16" if head.startswith(UTF16) else "utf-8-sig"
        if b"\0" in head and self.encoding != "utf-16":
            raise BadFile(NO_TEXT)
        self.decoder = codecs.getincrementaldecoder(self.encoding)()

    def lines(self) -> Iterator[str]:
        """The lines, each with its line break. They end in CR only if the first line does."""
        number, rest, end = 1, "", ""
        while text := self.read(1 << 18):
            found = None if end else LINE_BREAK.search(text)
            end = end or (found[0][-1] if found else "")
            *whole, rest = (rest + text).split(end or "\n")
            for line in whole:
                yield line + end
            number += len(whole)
            if len(rest) > LONGEST_LINE:
                raise BadFile(f"line {number:,}: This line is longer than {LONGEST_LINE:,} characters.")
        if rest:
            yield rest

    def read(self, size: int) -> str:
        """Text of about `size` bytes; an empty string at the end of the file."""
        text, chunk = "", b"."
        while chunk and not text:
            chunk = self._of_gzip(lambda: self.stream.read(size))
            try:
                text = self.decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as exc:
                line = (
                    1
                    + self.line_breaks
                    + (exc.object.count(b"\n", 0, exc.start) or exc.object.count(b"\r", 0, exc.start))
                )
                reason = "The UTF-16 text is damaged or cut off." if self.encoding == "utf-16" else NOT_UTF8
                raise BadFile(f"line {line:,}: {reason}") from None
            self.decompressed += len(chunk)
            self.line_breaks += text.count("\n") or text.count("\r")
            if self.most is not None and self.decompressed > self.most:
                raise BadFile(f"The decompressed file is larger than {self.most:,} bytes.")
        return text

    def _of_gzip(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except EOFError:
            raise BadFile("The gzip file is cut off.") from None
        except (gzip.BadGzipFile, zlib.error):
            raise BadFile("The gzip file is damaged.") from None


def peeked(file: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first bytes of the file, and the file with them."""
    head = file.read(HEAD)
    return head, cast("BinaryIO", Rest(head, file))


class Rest:
    """A file whose first bytes, `head`, were read before."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self.head = head
        self.file = file

    def read(self, size: int) -> bytes:
        head, self.head = self.head[:size], self.head[size:]
        return head + self.file.read(size - len(head))
