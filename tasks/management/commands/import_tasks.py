"""Imports tasks from a file: all rows or none, or with --skip-invalid the valid ones."""

import os
import sys
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import transaction
from tqdm import tqdm

from tasks.transfer import load
from tasks.transfer.formats import FORMATS, UNKNOWN_FORMAT, WRITERS, ZIP, Reading, format_of, read, reason_of
from tasks.transfer.records import BadFile, Record, good
from tasks.transfer.source import Source

WORTH_A_VACUUM = 10_000  # tasks; for fewer, autovacuum is soon enough


class Command(BaseCommand):
    help = (
        "Import tasks from CSV, JSON Lines, JSON, Todoist's CSV or Vikunja's data.json, each also compressed with gzip,"
        " or from the zip file of Todoist or Vikunja."
        " If a row is invalid, nothing is imported. A row that was imported before is skipped."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the file to read, or - for stdin")
        parser.add_argument("--format", choices=(*FORMATS, ZIP), help="default: by the suffix of FILE")
        parser.add_argument("--dry-run", action="store_true", help="report what an import would do, and import nothing")
        parser.add_argument("--skip-invalid", metavar="FILE", help="import the valid rows, write the others to FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        job = Job(self.stderr, options)
        try:
            outcome = job.run()
        except BadFile as exc:
            raise CommandError(f"{exc} Nothing was imported.") from None
        except OSError as exc:
            raise CommandError(f"{reason_of(exc)} Nothing was imported.") from None
        except load.Busy:
            raise CommandError("Another import is running. Nothing was imported.") from None
        except KeyboardInterrupt:
            # During the commit, nobody knows whether the commit came first.
            lost = "Run it again to see whether the file was imported." if job.wrote else "Nothing was imported."
            raise CommandError(f"Interrupted. {lost}", returncode=130) from None
        self.report(job, outcome, time.monotonic() - started)
        if outcome.created >= WORTH_A_VACUUM and not options["dry_run"]:
            load.vacuum()

    def report(self, job: "Job", outcome: load.Outcome, seconds: float) -> None:
        rate = f" in {seconds:.1f} s ({(outcome.created + outcome.existing) / seconds:,.0f} per second)"
        would = "that would be imported" if job.dry_run else "imported"
        self.stdout.write(
            f"{job.reading.of}. Tasks {would}: {outcome.created:,}{rate}; already there: {outcome.existing:,}"
        )
        if job.bad:
            written = "that would be written" if job.dry_run else "written"
            self.stdout.write(f"Invalid rows {written} to {job.skip_invalid}: {job.bad:,}")
        for name, count in job.reading.not_carried_over:
            self.stdout.write(f"Not carried over: {name} ({count:,})")
        for name, count in job.reading.changed:
            self.stdout.write(f"{name}: {count:,}")


class Job:
    reading: Reading

    def __init__(self, stderr: Any, options: dict[str, Any]) -> None:
        self.stderr = stderr
        self.file: str = options["file"]
        self.dry_run: bool = options["dry_run"]
        self.skip_invalid: str | None = options["skip_invalid"]
        self.file_format: str = options["format"] or format_of(self.file) or ""
        if not self.file_format:
            raise CommandError(UNKNOWN_FORMAT)
        self.bad = 0
        self.wrote = False
        self.writer: Any = None

    def run(self) -> load.Outcome:
        with ExitStack() as stack:
            file = sys.stdin.buffer if self.file == "-" else stack.enter_context(Path(self.file).open("rb"))
            size = os.fstat(file.fileno()).st_size or None  # 0 for a pipe: its size is unknown
            bar = tqdm.wrapattr(file, "read", total=size, disable=None, desc="reading", leave=False)
            watched: Any = stack.enter_context(bar)
            self.reading = read(Source(watched), self.file_format)
            if self.skip_invalid:
                self.open_bad(Path(self.skip_invalid), file, stack)
            outcome = self.transact()
            if self.writer:
                self.writer.close()
            return outcome

    def open_bad(self, path: Path, file: Any, stack: ExitStack) -> None:
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            raise CommandError(f"--skip-invalid names the file that is imported, {path}. Nothing was imported.")
        if not self.dry_run:
            self.writer = WRITERS[self.reading.file_format](stack.enter_context(path.open("w", newline="")))
        elif path.is_file() or path.is_dir():
            path.open("a").close()  # raises what the import would
        elif not path.exists():
            path.open("x").close()
            path.unlink()

    def transact(self) -> load.Outcome:
        with transaction.atomic(durable=True):
            if not self.dry_run:
                load.lock()
            load.stage(good(self.reading.records, self.refuse), self.refuse)
            if self.bad and not self.skip_invalid:
                happened = "would be" if self.dry_run else "was"
                hint = "Add --skip-invalid FILE to import the valid rows and write the invalid ones to FILE."
                raise CommandError(f"Invalid rows: {self.bad:,}. Nothing {happened} imported. {hint}")
            outcome = load.compare(keep=not self.dry_run)
            if not self.dry_run:
                self.write(outcome.created)
        return outcome

    def write(self, total: int) -> None:
        with tqdm(total=total, unit=" tasks", unit_scale=True, disable=None, desc="writing") as bar:
            for size in load.write():
                bar.update(size)
        self.wrote = True

    def refuse(self, record: Record) -> None:
        self.bad += 1
        for fault in record.faults:
            self.stderr.write(str(fault))
        if self.writer:
            self.writer.write(record)
