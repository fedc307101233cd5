"""All tasks as a file, which an import takes as it is."""

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
from tasks.transfer.formats import FORMATS, UNKNOWN_FORMAT, format_of


class Command(BaseCommand):
    help = "Export all tasks as CSV, JSON Lines or JSON; packed by gzip where the name of the file ends in .gz."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="what to write; - for stdout")
        parser.add_argument("--format", choices=FORMATS, help="where the suffix of FILE does not say it")

    def handle(self, *args: Any, **options: Any) -> None:
        name, started, count = options["file"], time.monotonic(), -2  # its beginning and its end are no tasks
        file_format = options["format"] or format_of(name)
        if not file_format:
            raise CommandError(UNKNOWN_FORMAT)
        try:
            with written(name) as file, tqdm(unit=" tasks", unit_scale=True, disable=None) as bar:
                for piece in dump(file_format):
                    file.write(piece)
                    bar.update()
                    count += 1
        except KeyboardInterrupt:
            raise CommandError("Interrupted. No file was written.", returncode=130) from None
        except OSError as exc:
            raise CommandError(f"{exc} No file was written.") from None
        seconds = time.monotonic() - started
        self.stderr.write(f"Tasks exported: {count:,} in {seconds:.1f} s ({count / seconds:,.0f} per second)")


@contextmanager
def written(name: str) -> Iterator[BinaryIO]:
    """The file, which has its name only when it is whole."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = Path(f"{name}.part")
    try:
        with part.open("wb") as file:
            if name.lower().endswith(".gz"):
                # Without a name and a time in it, the same tasks make the same file.
                with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(name)
    finally:
        part.unlink(missing_ok=True)
