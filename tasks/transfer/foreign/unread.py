"""Exports of other systems that an import can't read. They are recognized, so that the refusal names the system."""

import re
from collections.abc import Iterable

from tasks.transfer.records import BadFile

# By columns that no other system has together.
COLUMNS = (
    ("TickTick", {"List Name", "Is Check list"}),
    ("Microsoft To Do or Outlook", {"Subject", "Due Date"}),
    ("Trello", {"Card ID"}),
    ("Trello", {"Card Name"}),
)
TICKTICK_DATE = "Date: "  # the first line of its backup, before the columns
# By fields and values at the beginning of the file.
FIELDS = {
    "TickTick": re.compile(r'"(isAllDay|isFloating)"\s*:'),
    "Microsoft To Do": re.compile(r'"(@odata\.\w+|lastModifiedDateTime|wellknownListName)"\s*:'),
    "Trello": re.compile(r'"(idBoard|idList|idOrganization|idMemberCreator|idMembers|descData)"\s*:'),
    "Google Tasks": re.compile(r'"kind"\s*:\s*"tasks#'),
}
BEGINNING = 10_000  # characters


def refuse_csv(header: list[str]) -> None:
    names = set(header)
    _refuse(system for system, columns in COLUMNS if columns <= names)
    _refuse(["TickTick"] if header[0].startswith(TICKTICK_DATE) else [])


def refuse_json(text: str) -> None:
    beginning = text[:BEGINNING]
    _refuse(system for system, field in FIELDS.items() if field.search(beginning))


def _refuse(systems: Iterable[str]) -> None:
    for system in systems:
        hint = "Save its tasks as CSV with a column title, and optionally description, due_date, priority and tags."
        raise BadFile(f"This is an export of {system}, which an import can't read. {hint}")
