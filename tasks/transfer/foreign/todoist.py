"""Todoist's CSV, from the export of a project or a backup. docs/import-export.md has the mapping as a table."""

import re
from collections.abc import Iterable, Iterator

from tasks.transfer.csv_rows import wrong_length
from tasks.transfer.foreign.dates import day_of
from tasks.transfer.foreign.draft import Draft, Notices
from tasks.transfer.records import Record

REQUIRED = {"TYPE", "CONTENT"}
OLD_NAMES = {"DUE_DATE": "DATE", "DUE_DATE_LANG": "DATE_LANG"}
# The columns that become something here, by the type of the row.
CARRIED = {
    "task": {"CONTENT", "DESCRIPTION", "RESPONSIBLE", "DATE", "DURATION", "DEADLINE"},
    "section": {"CONTENT"},
    "note": {"CONTENT", "AUTHOR", "DATE"},
}
# What is folded in the app, and what only explains another column; sections and comments have some of them too.
DROPPED = {
    "TYPE", "IS_COLLAPSED", "PRIORITY", "INDENT", "DATE_LANG", "TIMEZONE", "DURATION_UNIT", "DEADLINE_LANG",
}  # fmt: skip
PRIORITIES, UNSET = {"1": 1, "2": 2, "3": 3}, "4"
LABEL = re.compile(r"(?:^|(?<=\s))@(\S+)")


def names_of(header: list[str]) -> list[str]:
    names = [name.strip().upper() for name in header]
    return [name if (now := OLD_NAMES.get(name, name)) in names else now for name in names]


def is_todoist(header: list[str]) -> bool:
    return set(names_of(header)) >= REQUIRED


def todoist_records(
    header: list[str], rows: Iterable[tuple[int, list[str]]], notices: Notices, project: str = ""
) -> Iterator[Record]:
    """The tasks, each with its comments. `project` becomes a tag of each."""
    names, reader = names_of(header), TodoistReader(notices, project)
    for line, cells in rows:
        row = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()}
        surplus = any(cell.strip() for cell in cells[len(header) :])
        yield from reader.take(line, row, wrong_length(cells, header) if surplus else "")
    yield from reader.done()


class TodoistReader:
    def __init__(self, notices: Notices, project: str) -> None:
        self.notices = notices
        self.project = project
        self.section = ""
        self.parents: list[str] = []
        self.line = 0
        self.reason = ""
        self.draft: Draft | None = None

    def take(self, line: int, row: dict[str, str], reason: str) -> Iterator[Record]:
        """Yields the task before this row if the row does not belong to it. `reason` is an error of the row."""
        kind, content = row.get("TYPE", "").lower(), row.get("CONTENT", "")
        if kind in ("task", "section"):
            yield from self.done()
        if kind == "task":
            self.line, self.reason, self.draft = line, reason, self._draft(row)
        elif kind == "section":
            self.section, self.parents = content, []
        elif not kind and content:
            reason = reason or "TYPE must be task, section, note or meta."
        elif kind == "note" and self.draft and not reason:
            self.draft.note("Comment", comment(row))
        elif row and not reason:
            self.notices.leave(f"a {kind} row" if kind else "a row without TYPE")
        if reason and kind != "task":
            yield Record(line, {"title": content}, reason)
        for name in row.keys() - DROPPED - CARRIED.get(kind, row.keys()):
            self.notices.leave(f"{name or 'a column without a name'} of a {kind}")

    def done(self) -> Iterator[Record]:
        if self.draft:
            yield Record(self.line, self.draft.finished(), self.reason)
            self.draft = None

    def _draft(self, row: dict[str, str]) -> Draft:
        draft = Draft(row.get("CONTENT", ""), row.get("DESCRIPTION"), self.notices)
        if labels := LABEL.findall(draft.title):
            draft.rename(LABEL.sub("", draft.title))
        for label in labels:
            draft.tag(label, "Label")
        draft.tag(self.section, "Section")
        draft.tag(self.project, "Project")
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
        return draft

    def _indent(self, draft: Draft, indent: str) -> None:
        depth = int(indent) - 1 if indent.isascii() and indent.isdecimal() and len(indent) == 1 else 0
        self.parents = [*self.parents[: max(depth, 0)], draft.title]
        if len(self.parents) > 1:
            draft.note("Subtask of", self.parents[-2])

    def _dates(self, draft: Draft, row: dict[str, str]) -> None:
        """The day becomes the due date. A time of day, or text that is not a date, goes into the description."""
        date, deadline = row.get("DATE", ""), row.get("DEADLINE", "")
        day, is_whole = day_of(date, row.get("DATE_LANG", ""))
        if day:
            draft.values["due_date"] = day
        if date and not is_whole:
            draft.note("Date", f"{date} ({row['TIMEZONE']})" if "TIMEZONE" in row else date)
            if not day:
                self.notices.leave("DATE that is not a date, kept in the description")
        if deadline:
            last, _ = day_of(deadline, row.get("DEADLINE_LANG", ""))
            if last and not date:
                draft.values["due_date"] = last
            draft.note("Deadline", deadline)


def comment(row: dict[str, str]) -> str:
    text, about = row.get("CONTENT", ""), ", ".join(row[name] for name in ("AUTHOR", "DATE") if name in row)
    return f"{text} ({about})" if about else text
