"""The text of an uploaded or named file: UTF-8, plain or compressed with gzip. Raises BadFile for anything else."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from tasks.transfer.records import BadFile

LONGEST_LINE = 1 << 20  # characters; ten times the longest task
GZIP, ZIPS = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")  # the second is an empty zip file
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Source:
    """Reads the file as text. `most` limits the number of bytes after decompression."""

    def __init__(self, file: BinaryIO, most: int | None = None) -> None:
        self.most = most
        self.decompressed = 0
        self.line_breaks = 0  # in the text that was read
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        head = file.read(4)
        self.file = file
        self.is_zip = head.startswith(ZIPS)  # tasks.transfer.archive reads it
        if head.startswith(UTF16):
            raise BadFile("The text is UTF-16, not UTF-8. Save the file as UTF-8.")
        self.stream = cast("BinaryIO", Rest(head, file))
        if head.startswith(GZIP):
            self.stream = cast("BinaryIO", gzip.GzipFile(fileobj=self.stream))

    def lines(self) -> Iterator[str]:
        """The lines, each with its line break."""
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
        """Text of about `size` bytes; an empty string at the end of the file."""
        text, chunk = "", b"."
        while chunk and not text:
            try:
                chunk = self.stream.read(size)
                text = self.decoder.decode(chunk, final=not chunk)
            except EOFError:
                raise BadFile("The gzip file is cut off.") from None
            except (gzip.BadGzipFile, zlib.error):
                raise BadFile("The gzip file is damaged.") from None
            except UnicodeDecodeError as exc:
                line = 1 + self.line_breaks + exc.object.count(b"\n", 0, exc.start)
                raise BadFile(f"line {line:,}: The text is not UTF-8. Save the file as UTF-8.") from None
            self.decompressed += len(chunk)
            self.line_breaks += text.count("\n")
            if self.most is not None and self.decompressed > self.most:
                raise BadFile(f"The decompressed file is larger than {self.most:,} bytes.")
        return text


class Rest:
    """A file whose first bytes, `head`, were read before."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self.head = head
        self.file = file

    def read(self, size: int) -> bytes:
        if not self.head:
            return self.file.read(size)
        head, self.head = self.head[:size], self.head[size:]
        return head
