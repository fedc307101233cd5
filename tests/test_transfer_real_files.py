"""Files with the shape of real exports and templates of Todoist and Vikunja, of several years; the contents are new."""

import io
import json
from datetime import date
from typing import Any

import pytest

from tasks.transfer.formats import read
from tasks.transfer.records import Record, good
from tasks.transfer.source import Source

Expected = list[tuple[str, str | None, list[str], str | None]]  # title, due date, tags, description
AUTHOR, NO_DAY = "AUTHOR of a task", "DATE that is not a date, kept in the description"
NOW = (
    "TYPE,CONTENT,DESCRIPTION,IS_COLLAPSED,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,"
    "DURATION_UNIT,DEADLINE,DEADLINE_LANG\r\n"
)
TODOIST: dict[str, tuple[str, Expected, dict[str, int]]] = {
    "2017: nine columns, a row of commas after each task, notes of several lines, attachments": (
        (
            "TYPE,CONTENT,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE\n"
            "task,* Not to tick off,4,1,Ida (184),,,en,Europe/Berlin\n,,,,,,,,\n"
            'task,"Ask, then order @30min @/garden",2,2,Ida (184),,4 Jan,en,Europe/Berlin\n'
            'note,"First line\n\nthird, with a comma",,,Ida (184),,,,\n'
            'note," [[file {""file_type"":""text\\/csv"",""file_name"":""a.csv""}]]",,,Ida (184),,,,\n,,,,,,,,'
        ),
        [
            ("* Not to tick off", None, [], None),
            (
                "Ask, then order",
                None,
                ["30min", "/garden"],
                (
                    "Subtask of: * Not to tick off\nDate: 4 Jan (Europe/Berlin)\n"
                    "Comment: First line\n\nthird, with a comma (Ida (184))\n"
                    'Comment: [[file {"file_type":"text\\/csv","file_name":"a.csv"}]] (Ida (184))'
                ),
            ),
        ],
        {AUTHOR: 2, NO_DAY: 1},
    ),
    "2017: curly quotes and symbols": (
        (
            "TYPE,CONTENT,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE\n"
            'task,"what is a “comma""?",4,1,,,,en,\nnote,⇱⤴︎↗︎,,,,,,,\ntask,😎🍉↗︎,4,2,,,,en,\n'
        ),
        [('what is a “comma"?', None, [], "Comment: ⇱⤴︎↗︎"), ("😎🍉↗︎", None, [], 'Subtask of: what is a “comma"?')],
        {},
    ),
    "a template of eight columns, with surplus commas": (
        (
            "TYPE,CONTENT,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DUE_DATE,DUE_DATE_LANG\n"
            "section,1️⃣ Review,,,,,,\ntask,Empty the inbox,1,1,,,,,\ntask,File the rest,2,2,,,every monday,en\n"
        ),
        [
            ("Empty the inbox", None, ["1️⃣ Review"], None),
            ("File the rest", None, ["1️⃣ Review"], "Subtask of: Empty the inbox\nDate: every monday"),
        ],
        {NO_DAY: 1},
    ),
    "a template of fifteen columns, with an indented section": (
        NOW + "section,Plan,,,,1,,,,,,,,,\r\ntask,Write the agenda,,,4,1,,,today at 05:30,en,,15,minute,,\r\n",
        [("Write the agenda", None, ["Plan"], "Date: today at 05:30\nDuration: 15 minute")],
        {NO_DAY: 1},
    ),
    "2026: a German project with a dated comment, an empty section and a deadline": (
        NOW + "meta,view_style=list,,,,,,,,,,,,,\r\n,,,,,,,,,,,,,,\r\n"
        "task,Tür ölen @Haus,Mit Leinöl,,2,1,,,jährlich,de,Europe/Berlin,,,,\r\n"
        "note,Reicht nicht,,,,,Ida (184),,2018-06-08T07:02:05.000000Z,,,,,,\r\n,,,,,,,,,,,,,,\r\n"
        "section,Leer,,False,,,,,,,,,,,\r\nsection,Ofen,,True,,,,,,,,,,,\r\n"
        "task,fegen,,,1,1,Ida (184),,5. Okt. 2026,de,Europe/Berlin,,,12.10.2026,de\r\n",
        [
            (
                "Tür ölen",
                None,
                ["Haus"],
                (
                    "Mit Leinöl\n\nDate: jährlich (Europe/Berlin)\n"
                    "Comment: Reicht nicht (Ida (184), 2018-06-08T07:02:05.000000Z)"
                ),
            ),
            ("fegen", "2026-10-05", ["Ofen"], "Deadline: 12.10.2026"),
        ],
        {"a meta row": 1, NO_DAY: 1, AUTHOR: 1},
    ),
    "2025: DURATION_UNIT None, and a view in two cells": (
        NOW.replace("IS_COLLAPSED,", "") + "meta,view_style,board,,,,,,,,,,,\r\n"
        "task,Buy compost,,4,2,Kai (48),,,en,Africa/Cairo,,None,,\r\n"
        "task,Sow,,3,1,Kai (48),,tomorrow 18:00,en,Africa/Cairo,,,Oct 9 2026,en\r\n",
        [
            ("Buy compost", None, [], None),
            ("Sow", None, [], "Date: tomorrow 18:00 (Africa/Cairo)\nDeadline: Oct 9 2026"),
        ],
        {"a meta row": 1, AUTHOR: 2, NO_DAY: 1},
    ),
    "columns of another exporter, labels in one of them, indented by 0": (
        (
            "TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,DATE,TIMEZONE,LABELS,ATTACHMENTS\n"
            "task,Book the hall,,4,0,2024-01-15,America/New_York,client; launch,\n"
            "note,Ask Ines,,,,,,,https://files.example/brief.pdf\n"
        ),
        [("Book the hall", "2024-01-15", [], "Comment: Ask Ines")],
        {"LABELS of a task": 1, "ATTACHMENTS of a note": 1},
    ),
    "columns in another order, lower case, with a byte order mark": (
        "\ufefftype,priority,content,date,date_lang\ntask,1,Ring Otto,Mon Oct 5 2026,en\n",
        [("Ring Otto", "2026-10-05", [], None)],
        {},
    ),
}
NONE = "0001-01-01T00:00:00Z"
BARE = {
    "done": False, "done_at": NONE, "due_date": NONE, "reminders": None, "repeat_after": 0, "repeat_mode": 0,
    "priority": 0, "start_date": NONE, "end_date": NONE, "assignees": None, "labels": None, "hex_color": "",
    "percent_done": 0, "related_tasks": {}, "attachments": None, "created": "2026-01-13T14:59:49Z", "updated": NONE,
    "created_by": None, "description": "",
}  # fmt: skip
VIKUNJA: dict[str, tuple[list[dict[str, Any]], Expected, dict[str, int]]] = {
    "0.24: views, buckets, reactions and related tasks": (
        [
            {
                "id": 1, "title": "Inbox", "description": "", "identifier": "", "hex_color": "", "parent_project_id": 0,
                "owner": None, "is_archived": False, "background_information": None, "is_favorite": False,
                "position": 65536, "views": [{"id": 1, "title": "List", "filter": "done = false"}],
                "max_permission": None,
                "tasks": [
                    BARE | {
                        "id": 5, "title": "Pay\nrent", "repeat_mode": 1, "due_date": "2026-02-01T11:00:00Z",
                        "related_tasks": {"subtask": [{"id": 6}]}, "reactions": {"👍": [{"id": 1}]},
                        "is_favorite": True,
                        "comments": [{"comment": "By card", "author": None, "created": "2026-01-14T08:00:00Z"}],
                    }
                ],
                "buckets": [{"id": 1, "title": "To do"}],
            }
        ],
        [
            (
                "Pay rent",
                "2026-02-01",
                ["Inbox"],
                "Due: 2026-02-01T11:00:00Z\nRepeats: monthly\nComment: By card (unknown, 2026-01-14T08:00:00Z)",
            )
        ],
        {
            "buckets of a project": 1, "related_tasks of a task": 1, "reactions of a task": 1,
            "is_favorite of a task": 1,
        },
    ),
    "0.18: lists, positions and a repetition from completion": (
        [
            {
                "id": 3, "title": "Home", "is_archived": True,
                "tasks": [
                    BARE | {
                        "id": 8, "title": "Water", "list_id": 3, "kanban_position": 1.5, "repeat_after": 259_200,
                        "repeat_mode": 2, "labels": [{"title": "ga\u200brden"}], "mystery": 1,
                    }
                ],
            },
            {"id": 4, "title": "Empty", "tasks": None},
        ],
        [("Water", None, ["garden", "Home"], "Repeats: 3 days after completion")],
        {"is_archived of a project": 1, "mystery of a task": 1},
    ),
}  # fmt: skip


def imported(text: str, file_format: str) -> tuple[Expected, dict[str, int]]:
    bad: list[Record] = []
    reading = read(Source(io.BytesIO(text.encode())), file_format)
    rows = [row for _, row in good(reading.records, bad.append)]
    assert not bad
    found = [
        (row["title"], date.isoformat(row["due_date"]) if row["due_date"] else None, row["tags"], row["description"])
        for row in rows
    ]
    return found, dict(reading.not_carried_over)


@pytest.mark.parametrize("name", TODOIST)
def test_a_file_of_todoist_is_imported_without_a_bad_row(name: str) -> None:
    text, tasks, left = TODOIST[name]
    assert imported(text, "csv") == (tasks, left)


@pytest.mark.parametrize("name", VIKUNJA)
def test_a_file_of_vikunja_is_imported_without_a_bad_row(name: str) -> None:
    projects, tasks, left = VIKUNJA[name]
    assert imported(json.dumps(projects), "json") == (tasks, left)
