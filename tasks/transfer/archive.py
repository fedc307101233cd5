"""The zip file that Vikunja or Todoist hands out, read in place: nothing is written, and names are only text."""

import contextlib
import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from tasks.transfer.foreign.draft import one_line
from tasks.transfer.records import BadFile
from tasks.transfer.source import Source

MOST_FILES = 10_000
UNPACKED = 1 << 30  # bytes of the files that are read, if the caller has no limit
PIPED = 1 << 26  # bytes; the contents are at the end of a zip file, so what comes from a pipe is held in memory
DIRECTORY = 1 << 22  # bytes of the list of files
RATIO, SMALL = 200, 1 << 20  # a larger file that is compressed more than this is a bomb
VIKUNJA, TODOIST = "data.json", ".csv"
EXPECTED = "Expected data.json, as in Vikunja's export, or CSV files of projects, as in Todoist's backup"
EXTRACT = "Extract data.json or the CSV files from it and import them."
DAMAGED = "The zip file is damaged or cut off."
DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)  # ValueError: a negative place
ENCRYPTED, UTF8 = 1, 1 << 11  # flags of a file
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
NO_CONTENT = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|VERSION$)|/$")  # folders, and what is no data
TODOIST_ID = re.compile(r"\s*\[(?:[0-9]{5,}|[0-9A-Za-z]{16})\]$")


@dataclass
class Archive:
    """The files to read, in their order, and how many others there are."""

    file: zipfile.ZipFile
    files: list[zipfile.ZipInfo]
    others: int

    @property
    def file_format(self) -> str:
        return "json" if self.files[0].filename.endswith(VIKUNJA) else "csv"

    def source(self, info: zipfile.ZipInfo) -> Source:
        try:
            source = Source(Member(self.file.open(info)), info.file_size)  # type: ignore[arg-type]  # it only reads
        except DAMAGES:
            raise BadFile(DAMAGED) from None
        if source.is_zip:
            raise BadFile(f"This is a zip file inside a zip file. {EXPECTED}.")
        return source


class Member:
    def __init__(self, file: Any) -> None:
        self.file = file

    def read(self, size: int) -> bytes:
        try:
            content: bytes = self.file.read(size)
        except DAMAGES:
            raise BadFile(DAMAGED) from None
        return content


def opened(source: Source) -> Archive:
    """Raises BadFile for anything but a sound zip file of Vikunja or Todoist within the limits."""
    file = seekable(source)
    require_short_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGES:
        raise BadFile(DAMAGED) from None
    found = [info for info in archive.infolist() if info.file_size and not NO_CONTENT.search(info.filename)]
    if len(archive.infolist()) > MOST_FILES:
        raise BadFile(f"The zip file has more than {MOST_FILES:,} files. {EXTRACT}")
    files = [info for info in found if PurePosixPath(info.filename).name == VIKUNJA][:1]
    files = files or [info for info in found if info.filename.lower().endswith(TODOIST)]
    if not files:
        names = ", ".join(repr(name_of(info)) for info in found[:5]) or "nothing"
        raise BadFile(f"{EXPECTED}; the zip file contains {names}.")
    require_small(files, UNPACKED if source.most is None else source.most)
    return Archive(archive, files, len(found) - len(files))


def seekable(source: Source) -> BinaryIO:
    """The file from its beginning."""
    if source.file.seekable():
        return source.file
    content = io.BytesIO()
    while chunk := source.stream.read(1 << 18):
        content.write(chunk)
        if content.tell() > PIPED:
            raise BadFile(f"From a pipe, a zip file may have at most {PIPED:,} bytes. Name the file instead.")
    return content


def require_short_directory(file: BinaryIO) -> None:
    """Python reads the list of all files at once. Files of 4 GB and more (zip64) have another one."""
    file.seek(max(file.seek(0, io.SEEK_END) - (1 << 16) - 22, 0))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise BadFile(DAMAGED)
    (size,) = struct.unpack_from("<L", tail, at + 12)
    if size > DIRECTORY or b"PK\6\7" in tail[:at][-20:]:
        raise BadFile(f"The zip file is larger than 4 GB or has too many files. {EXTRACT}")


def require_small(files: list[zipfile.ZipInfo], most: int) -> None:
    """Python's zipfile reads no more of a file than the size that it declares."""
    for info in files:
        if info.flag_bits & ENCRYPTED:
            raise BadFile(f"The zip file is encrypted. {EXTRACT}")
        if info.compress_type not in METHODS:
            raise BadFile(f"{name_of(info)} is compressed in an unknown way. {EXTRACT}")
        if info.file_size > max(SMALL, info.compress_size * RATIO):
            raise BadFile(f"{name_of(info)} is compressed to less than 1/{RATIO} of its size. {EXTRACT}")
    if sum(info.file_size for info in files) > most:
        raise BadFile(f"The decompressed files are larger than {most:,} bytes.")


def name_of(info: zipfile.ZipInfo) -> str:
    """The name of the file without its folder."""
    name = info.filename
    if not info.flag_bits & UTF8:  # then Python assumes code page 437; macOS writes UTF-8 without the flag
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return one_line(PurePosixPath(name).name)[:255]


def project_of(name: str) -> str:
    """The project of a CSV file of Todoist: its name without the suffix and Todoist's id."""
    return TODOIST_ID.sub("", PurePosixPath(name).stem)
