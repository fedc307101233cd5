"""Exports all tasks to a file that import_tasks reads."""

import gzip
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management import BaseCommand, CommandError
from tqdm import tqdm

from tasks.transfer.dump import dump
from tasks.transfer.formats import FORMATS, UNKNOWN_FORMAT, format_of, reason_of


class Command(BaseCommand):
    help = "Export all tasks as CSV, JSON Lines or JSON, compressed with gzip if the name of the file ends in .gz."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the file to write, or - for stdout")
        parser.add_argument("--format", choices=FORMATS, help="default: by the suffix of FILE")
        safe_help = "in CSV, write a cell that a spreadsheet would take for a formula as text"
        parser.add_argument("--spreadsheet-safe", action="store_true", help=safe_help)

    def handle(self, *args: Any, **options: Any) -> None:
        name, started, count = options["file"], time.monotonic(), -2  # dump() also yields a beginning and an end
        file_format = options["format"] or format_of(name)
        if not file_format:
            raise CommandError(UNKNOWN_FORMAT)
        safe = options["spreadsheet_safe"]
        if safe and file_format != "csv":
            raise CommandError("--spreadsheet-safe is only for CSV.")
        try:
            with written(name) as file, tqdm(unit=" tasks", unit_scale=True, disable=None) as bar:
                for piece in dump(file_format, spreadsheet_safe=safe):
                    file.write(piece)
                    bar.update()
                    count += 1
        except KeyboardInterrupt:
            raise CommandError("Interrupted. No file was written.", returncode=130) from None
        except OSError as exc:
            raise CommandError(f"{reason_of(exc)} No file was written.") from None
        seconds = time.monotonic() - started
        self.stderr.write(f"Tasks exported: {count:,} in {seconds:.1f} s ({count / seconds:,.0f} per second)")


@contextmanager
def written(name: str) -> Iterator[BinaryIO]:
    """Opens a file that gets this name only when it is complete."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = Path(f"{name}.part")
    try:
        with part.open("wb") as file:
            if name.lower().endswith(".gz"):
                # Without a name and a time in its header, the same tasks give the same bytes.
                with gzip.GzipFile("", "wb", 6, file, mtime=0) as compressed:
                    yield cast("BinaryIO", compressed)
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(name)
    finally:
        part.unlink(missing_ok=True)
