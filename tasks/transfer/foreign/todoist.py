"""Todoist's CSV, from the export of a project or a backup. docs/import-export.md has the mapping as a table."""

import datetime
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tasks.transfer.csv_rows import shown, wrong_length
from tasks.transfer.foreign.draft import Draft
from tasks.transfer.records import BadFile, Record

COLUMNS = (
    "TYPE", "CONTENT", "DESCRIPTION", "PRIORITY", "INDENT", "AUTHOR", "RESPONSIBLE", "DATE", "DATE_LANG", "TIMEZONE",
    "DURATION", "DURATION_UNIT", "DEADLINE", "DEADLINE_LANG",
)  # fmt: skip
PRIORITIES, UNSET = {"1": 1, "2": 2, "3": 3}, "4"
LABEL = re.compile(r"(?:^|(?<=\s))@(\S+)")
DATE_FORMATS = ("%Y-%m-%d", "%b %d %Y", "%d %b %Y", "%B %d %Y", "%d %B %Y")
DATE_AND_TIME = re.compile(r"(.*?\b[0-9]{4}|[0-9-]{10})(?:[T ]+(?:@ ?|at )?([0-9]{1,2}:[0-9]{2}.*))?")


def is_todoist(header: list[str]) -> bool:
    return set(COLUMNS[:2]) <= set(header)


def todoist_records(header: list[str], rows: Iterable[tuple[int, list[str]]], left: Counter[str]) -> Iterator[Record]:
    """The tasks, each with its comments. `left` counts what is not carried over."""
    if unknown := [name for name in header if name not in COLUMNS]:
        raise BadFile(f"line 1: Todoist's CSV has no column {shown(unknown)}. Known columns: {', '.join(COLUMNS)}.")
    reader = TodoistReader(left)
    for line, cells in rows:
        if len(cells) > len(header):
            raise BadFile(f"line {line:,}: {wrong_length(cells, header)}")
        yield from reader.take(line, {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell})
    yield from reader.done()


class TodoistReader:
    def __init__(self, left: Counter[str]) -> None:
        self.left = left
        self.section = ""
        self.parents: list[str] = []
        self.line = 0
        self.draft: Draft | None = None

    def take(self, line: int, row: dict[str, str]) -> Iterator[Record]:
        """Yields the task before this row if the row does not belong to it."""
        kind = row.get("TYPE", "")
        if kind == "note" and self.draft:
            self.draft.note("Comment", self._comment(row))
        elif kind in ("task", "section"):
            yield from self.done()
            if kind == "section":
                self.section, self.parents = row.get("CONTENT", ""), []
            else:
                self.line, self.draft = line, self._draft(row)
        elif kind:
            self.left[f"a {kind} row"] += 1
        elif row:
            yield Record(line, {"title": row.get("CONTENT", "")}, "TYPE must be task, section, note or meta.")

    def done(self) -> Iterator[Record]:
        if self.draft:
            yield Record(self.line, self.draft.finished())
            self.draft = None

    def _comment(self, row: dict[str, str]) -> str:
        text, author = row.get("CONTENT", ""), row.get("AUTHOR")
        return f"{text} ({author})" if author else text

    def _draft(self, row: dict[str, str]) -> Draft:
        content = row.get("CONTENT", "")
        title = " ".join(LABEL.sub("", content).split()) if LABEL.search(content) else content
        draft = Draft(title or content, row.get("DESCRIPTION"))
        for label in LABEL.findall(content):
            draft.tag(label, "Label")
        draft.tag(self.section, "Section")
        priority = row.get("PRIORITY", UNSET)
        if priority in PRIORITIES:
            draft.values["priority"] = PRIORITIES[priority]
        elif priority != UNSET:
            draft.note("Priority", priority)
        self._indent(draft, row.get("INDENT", "1"))
        self._dates(draft, row)
        if "RESPONSIBLE" in row:
            draft.note("Responsible", row["RESPONSIBLE"])
        if "DURATION" in row:
            draft.note("Duration", f"{row['DURATION']} {row.get('DURATION_UNIT', '')}".strip())
        if "AUTHOR" in row:
            self.left["AUTHOR of a task"] += 1
        return draft

    def _indent(self, draft: Draft, indent: str) -> None:
        depth = int(indent) - 1 if indent.isascii() and indent.isdecimal() and len(indent) == 1 else 0
        self.parents = [*self.parents[: max(depth, 0)], draft.title]
        if len(self.parents) > 1:
            draft.note("Subtask of", self.parents[-2])

    def _dates(self, draft: Draft, row: dict[str, str]) -> None:
        """The day becomes the due date. A time of day, or text that is not a date, goes into the description."""
        date, deadline = row.get("DATE", ""), row.get("DEADLINE", "")
        day, is_whole = day_of(date)
        if day:
            draft.values["due_date"] = day
        if date and not is_whole:
            draft.note("Date", f"{date} ({row['TIMEZONE']})" if "TIMEZONE" in row else date)
            if not day:
                self.left["DATE that is not a date, kept in the description"] += 1
        if deadline:
            last, _ = day_of(deadline)
            if last and not date:
                draft.values["due_date"] = last
            draft.note("Deadline", deadline)


def day_of(text: str) -> tuple[str | None, bool]:
    """The day in this text, or None, and whether the text is only a day."""
    found = DATE_AND_TIME.fullmatch(text)
    for each in DATE_FORMATS if found else ():
        try:
            day = datetime.datetime.strptime(found[1].replace(",", ""), each).date()  # type: ignore[index]  # noqa: DTZ007 - a day
        except ValueError:
            continue
        return day.isoformat(), found[2] is None  # type: ignore[index]
    return None, False
