"""Todoist's CSV and Vikunja's JSON are mapped as docs/import-export.md says."""

import io
import json
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tasks.transfer.formats import read
from tasks.transfer.records import BadFile, RowFault, Values, checked
from tasks.transfer.source import Source

HEADER = (
    "TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,DURATION_UNIT,DEADLINE,"
    "DEADLINE_LANG\n"
)
REPLACED = "Titles replaced, because nothing could be seen in them"


def mapped(text: str, file_format: str = "csv") -> tuple[list[Values], list[RowFault], Counter[str]]:
    reading = read(Source(io.BytesIO(text.encode())), file_format)
    records = list(reading.records)
    rows = [row for row in map(checked, records) if row]
    assert reading.of == ("Todoist's CSV" if file_format == "csv" else "Vikunja's JSON")
    return rows, [fault for record in records for fault in record.faults], reading.notices.left


def todoist(*lines: str) -> list[Values]:
    rows, faults, _ = mapped(HEADER + "\r\n".join(lines))
    assert not faults
    return rows


def test_a_todoist_task_with_every_column() -> None:
    rows, faults, left = mapped(
        HEADER
        + "meta,view_style=list,,,,,,,,,,,,\n"
        + "section,Kitchen,,,,,,,,,,,,\n"
        + 'task,Fix the @house tap @urgent,"Washer, worn",1,1,Sam (1),Kai (2),2026-10-05 15:30,en,Europe/London,30,'
        + "minute,Oct 20 2026,en\n"
        + "note,Hardware shop,,,,Sam (1),,,,,,,,\n"
        + "note,Open late,,,,,,,,,,,,\n"
        + ",,,,,,,,,,,,,\n"
        + "task,Buy a washer,,4,2,,,,en,,,,,\n"
    )
    first, second = rows
    assert not faults
    assert (first["title"], first["due_date"], first["tags"]) == (
        "Fix the tap",
        date(2026, 10, 5),
        ["house", "urgent", "Kitchen"],
    )
    assert (first["priority"], second["priority"]) == (1, None)
    assert first["description"] == (
        "Washer, worn\n\nDate: 2026-10-05 15:30 (Europe/London)\nDeadline: Oct 20 2026\nResponsible: Kai (2)\n"
        "Duration: 30 minute\nComment: Hardware shop (Sam (1))\nComment: Open late"
    )
    assert (second["title"], second["tags"], second["description"]) == (
        "Buy a washer",
        ["Kitchen"],
        "Subtask of: Fix the tap",
    )
    assert left == {"a meta row": 1, "AUTHOR of a task": 1}


@pytest.mark.parametrize(
    ("text", "due", "note"),
    [
        ("2026-10-05", "2026-10-05", None),
        ("Oct 5 2026", "2026-10-05", None),
        ("5 October 2026", "2026-10-05", None),
        ("2026-10-05T15:30:00", "2026-10-05", "Date: 2026-10-05T15:30:00"),
        ('"October 5, 2026"', "2026-10-05", None),
        ("every monday at 9am", None, "Date: every monday at 9am"),
        ("Foo 5 2026", None, "Date: Foo 5 2026"),
        ("", None, None),
    ],
)
def test_a_todoist_date_is_the_due_date_or_a_line_of_text(text: str, due: str | None, note: str | None) -> None:
    (row,) = todoist(f"task,Call,,,1,,,{text},en,,,,,")
    assert (row["due_date"], row["description"]) == (due and date.fromisoformat(due), note)


def test_a_todoist_deadline_without_a_date_is_the_due_date() -> None:
    (row,) = todoist("task,Call,,,1,,,,,,,,2026-10-09,en")
    assert (row["due_date"], row["description"]) == (date(2026, 10, 9), "Deadline: 2026-10-09")


def test_an_indented_todoist_task_is_a_subtask_of_the_one_above() -> None:
    rows = todoist(
        *(f"task,{name},,4,{depth},,,,,,,," + "," for name, depth in [("A", 1), ("B", 2), ("C", 3), ("D", 2)])
    )
    assert [row["description"] for row in rows] == [None, "Subtask of: A", "Subtask of: B", "Subtask of: A"]


def test_what_is_too_long_or_too_many_goes_into_the_description() -> None:
    section, labels = "s" * 51, " ".join(f"@l{number}" for number in range(21))
    (long, many) = todoist(
        f"section,{section},,,,,,,,,,,,", f"task,{'t' * 300},Text", f"task,Many {labels},,,,,,,,,,,,"
    )
    assert (len(long["title"]), long["title"][-2:]) == (200, "t…")
    assert long["description"] == f"Text\n\nTitle: {'t' * 300}\nSection: {section}"
    assert (len(many["tags"]), many["description"]) == (20, f"Label: l20\nSection: {section}")


def test_a_todoist_priority_is_kept_and_its_default_is_none() -> None:
    rows = todoist(*(f"task,Call,,{priority},,,,,,,,,," for priority in ("1", "2", "3", "4", "", "high")))
    assert [row["priority"] for row in rows] == [1, 2, 3, None, None, None]
    assert [row["description"] for row in rows] == [None, None, None, None, None, "Priority: high"]


def test_a_todoist_title_with_only_labels_is_kept() -> None:
    (row,) = todoist("task,@home @HOME,,,,,,,,,,,,")
    assert (row["title"], row["tags"]) == ("@home @HOME", ["home"])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("TYPE,CONTENT,COLOUR\ntask,A,red\n", {"COLOUR of a task": 1}),
        ("TYPE,CONTENT,COLOUR\ntask,A,\n", {}),
        ("TYPE,CONTENT,,IS_COLLAPSED\nsection,S,,True\ntask,A,x,False\n", {"a column without a name of a task": 1}),
        ("TYPE,CONTENT,DESCRIPTION\nsection,S,Text\ntask,A,\n", {"DESCRIPTION of a section": 1}),
        ("TYPE,CONTENT,PRIORITY\ntask,A,\nreminder,B,1\n,,4\n", {"a reminder row": 1, "a row without TYPE": 1}),
        ("type, content,Labels\nTask,A,x\n", {"LABELS of a task": 1}),
        ("TYPE,CONTENT,DATE,DUE_DATE\ntask,A,,2026-10-05\n", {"DUE_DATE of a task": 1}),
    ],
)
def test_what_todoists_csv_has_beyond_the_mapping_is_counted(text: str, left: dict[str, int]) -> None:
    rows, faults, found = mapped(text)
    assert ([row["title"] for row in rows], faults, found) == (["A"], [], left)


def test_names_in_the_report_are_short_lines_and_not_endless() -> None:
    text = "TYPE,CONTENT\n" + "".join(f'"x{number}\n{"y" * 99}",\n' for number in range(60))
    _, _, left = mapped(text)
    assert (left["anything else"], len(left), {"\n" in name for name in left}) == (10, 51, {False})
    assert max(map(len, left)) == 60


def test_todoists_older_columns_have_the_same_meaning() -> None:
    rows, _, left = mapped(
        "TYPE,CONTENT,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DUE_DATE,DUE_DATE_LANG\n"
        "task,A,1,1,,,5 Okt 2026,de\ntask,B,4,2,,,in 3 days,en\n"
    )
    assert [(row["due_date"], row["description"]) for row in rows] == [
        (date(2026, 10, 5), None),
        (None, "Subtask of: A\nDate: in 3 days"),
    ]
    assert left == {"DATE that is not a date, kept in the description": 1}


def test_a_surplus_cell_with_text_is_a_bad_row_and_an_empty_one_is_none() -> None:
    rows, faults, left = mapped(
        "TYPE,CONTENT\ntask,A,, \ntask,B,b\nnote,Of B\nnote,Two,three\nsection,S,s\ntask,C\nmeta,x,y\n"
    )
    assert [(row["title"], row["tags"], row["description"]) for row in rows] == [("A", [], None), ("C", ["S"], None)]
    assert sorted(line for line, _, _ in faults) == [3, 5, 6, 8]
    assert faults[0].reason.startswith("Expected 2 cells, as in the header; this row has 3.")
    assert not left


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        ("Thin,Kim (1),2025-06-08T07:02:05.000000Z", "Comment: Thin (Kim (1), 2025-06-08T07:02:05.000000Z)"),
        ("Thin,,2025-06-08", "Comment: Thin (2025-06-08)"),
        ("Thin,Kim (1),", "Comment: Thin (Kim (1))"),
        ("Thin,,", "Comment: Thin"),
    ],
)
def test_the_author_and_date_of_a_todoist_comment_are_kept(cells: str, line: str) -> None:
    rows, _, left = mapped(f"TYPE,CONTENT,AUTHOR,DATE\nnote,Of the project,,\ntask,Oil,,\nnote,{cells}\n")
    assert (rows[0]["description"], left) == (line, {"a note row": 1})


@pytest.mark.parametrize(
    ("title", "description", "expected", "changed"),
    [
        ("Book\r\nflights", "", "Book flights", "Titles put on one line"),
        ("Book \x1f\u2028 flights\t", "", "Book flights", "Titles put on one line"),
        ("Book  flights\n", "", "Book  flights", None),
        (
            "\u200b\u2800",
            "\u3164\n One\ttwo \nThree",
            "One two",
            REPLACED,
        ),
        ("\u200b\n\u3164", "\u200b", "(no title)", REPLACED),
        ("", "Text", "Text", REPLACED),
    ],
)
def test_a_title_becomes_one_visible_line_and_the_report_says_so(
    title: str, description: str, expected: str, changed: str | None
) -> None:
    vikunja_file = json.dumps([{"tasks": [{"id": 1, "title": title, "description": description}]}])
    todoist_file = f'TYPE,CONTENT,DESCRIPTION\ntask,"{title}","{description}"\n'
    for text, file_format in ((vikunja_file, "json"), (todoist_file, "csv")):
        reading = read(Source(io.BytesIO(text.encode())), file_format)
        (row,) = filter(None, map(checked, reading.records))
        assert (row["title"], row["description"]) == (expected, description or None)
        assert reading.changed == ([(changed, 1)] if changed else [])


@pytest.mark.parametrize(
    ("label", "tags", "description"),
    [
        ("Two\nlines", ["Two lines"], None),
        ("ho\u200bme\u00ad", ["home"], None),
        ("a\u200b\u200d", ["a"], None),
        ("\u200b", [], None),
        ("👩\u200d🔧", ["👩\u200d🔧"], None),
        ("می\u200cخواهم", ["می\u200cخواهم"], None),
        ("l" * 51, [], f"Label: {'l' * 51}"),
        ("\u200b" * 300 + "a", [], f"Label: {chr(0x200B) * 300}a"),
    ],
)
def test_a_tag_loses_what_a_tag_can_not_have(label: str, tags: list[str], description: str | None) -> None:
    text = json.dumps([{"tasks": [{"id": 1, "title": "A", "labels": [{"title": label}]}]}])
    reading = read(Source(io.BytesIO(text.encode())), "json")
    (row,) = filter(None, map(checked, reading.records))
    assert (row["tags"], row["description"]) == (tags, description)
    is_changed = label not in tags and not description
    assert reading.changed == ([("Tags without their line breaks or invisible characters", 1)] if is_changed else [])


def test_a_todoist_title_of_a_label_and_nothing_to_see_is_the_label() -> None:
    (row,) = todoist('task,"@home \u200b",,,,,,,,,,,,')
    assert (row["title"], row["tags"]) == ("@home \u200b", ["home"])


def test_bad_todoist_rows_do_not_affect_the_others() -> None:
    rows, faults, _ = mapped(HEADER + ",What is this,,,,,,,,,,,,\ntask,,,,,,,,,,,,,\ntask,Good,,,,,,,,,,,,\n")
    assert [row["title"] for row in rows] == ["Good"]
    assert faults[0] == (2, "", "TYPE must be task, section, note or meta.")
    assert faults[1][:2] == (3, "title")


NONE = "0001-01-01T00:00:00Z"
VIKUNJA = {
    "id": 7, "title": "Buy milk", "description": "<p>Two</p>", "done": True, "done_at": "2026-01-03T10:00:00Z",
    "due_date": "2026-01-02T00:00:00Z", "reminders": None, "project_id": 1, "repeat_after": 86400, "repeat_mode": 0,
    "priority": 4, "start_date": "2026-01-01T00:00:00Z", "end_date": NONE, "percent_done": 0.5, "hex_color": "ff0000",
    "assignees": [{"id": 1, "username": "anna"}], "labels": [{"id": 1, "title": "Home"}], "identifier": "#1",
    "index": 1, "related_tasks": {}, "attachments": [{"id": 3}], "created": "2025-12-01T08:00:00Z", "updated": NONE,
    "comments": [{"comment": "Oat milk", "author": {"username": "bob"}, "created": "2026-01-01T09:00:00Z"}],
}  # fmt: skip
PROJECT = {"id": 1, "title": "Household", "description": "Ours", "is_archived": False, "tasks": [VIKUNJA]}


def vikunja(*tasks: dict[str, Any]) -> list[Values]:
    rows, faults, _ = mapped(json.dumps([{"id": 1, "title": "", "tasks": tasks}]), "json")
    assert not faults
    return rows


def test_a_vikunja_task_with_every_field() -> None:
    (row,), faults, left = mapped(json.dumps([PROJECT, {"id": 2, "title": "Empty", "tasks": None}], indent=1), "json")
    assert not faults
    expected = {
        "reference": "vikunja:7:2025-12-01T08:00:00Z",
        "title": "Buy milk",
        "description": "<p>Two</p>\n\nStart: 2026-01-01T00:00:00Z\nDone: 50%\n"
        "Repeats: every 1 day\nAssignees: anna\nComment: Oat milk (bob, 2026-01-01T09:00:00Z)",
        "completed": True,
        "completed_at": datetime(2026, 1, 3, 10, tzinfo=UTC),
        "due_date": date(2026, 1, 2),
        "priority": 1,
        "tags": ["Home", "Household"],
        "created_at": datetime(2025, 12, 1, 8, tzinfo=UTC),
    }
    assert row.items() >= expected.items()
    assert left == {"hex_color of a task": 1, "attachments of a task": 1, "description of a project": 1}


def test_a_vikunja_priority_is_mapped_from_highest_to_lowest() -> None:
    rows = vikunja(*({"id": 1, "title": "A", "priority": priority} for priority in (5, 4, 3, 2, 1, 0, None, 6)))
    assert [row["priority"] for row in rows] == [1, 1, 2, 3, 4, None, None, None]
    assert [row["description"] for row in rows][-2:] == [None, "Priority: 6"]


def test_an_unset_vikunja_time_is_none_and_a_time_of_day_is_kept() -> None:
    plain, repeats, due = vikunja(
        {"id": 1, "title": "A", "description": "", "done": False, "done_at": NONE, "due_date": NONE},
        {"id": 2, "title": "B", "done": False, "done_at": "2026-01-03T10:00:00Z"},
        {"id": 3, "title": "C", "due_date": "2026-01-02T21:30:00+01:00"},
    )
    assert (plain["description"], plain["completed"], plain["completed_at"], plain["due_date"]) == (
        None,
        False,
        None,
        None,
    )
    assert (repeats["description"], repeats["completed_at"]) == ("Last done: 2026-01-03T10:00:00Z", None)
    assert (due["due_date"], due["description"]) == (date(2026, 1, 2), "Due: 2026-01-02T21:30:00+01:00")


@pytest.mark.parametrize(
    ("after", "mode", "line"),
    [
        (0, 0, None),
        (None, None, None),
        (604_800, 0, "Repeats: every 7 days"),
        (3_600, None, "Repeats: every 1 hour"),
        (90, 0, "Repeats: every 90 seconds"),
        (0.5, 0, "Repeats: every 0.5 seconds"),
        (0, 1, "Repeats: monthly"),
        (86_400, 1, "Repeats: monthly"),
        (0, 2, None),
        (172_800, 2, "Repeats: 2 days after completion"),
        (5_400, 2, "Repeats: 90 minutes after completion"),
        (86_400, 3, "Repeats: every 1 day (mode 3)"),
    ],
)
def test_when_a_vikunja_task_repeats_is_a_line_of_the_description(after: Any, mode: Any, line: str | None) -> None:
    (row,) = vikunja({"id": 1, "title": "A", "repeat_after": after, "repeat_mode": mode})
    assert row["description"] == line


def test_unknown_vikunja_fields_are_counted() -> None:
    task = {"id": 1, "title": "A", "mood": "good", "energy": 0, "repeat_after": "soon"}
    _, faults, left = mapped(
        json.dumps([{"colour": "red", "tasks": [{"id": 2, "title": "B", "mood": "bad"}, task]}]), "json"
    )
    assert left == {"colour of a project": 1, "mood of a task": 2}
    assert [str(fault) for fault in faults] == ["line 1: This is not a Vikunja task: a field has the wrong type."]


@pytest.mark.parametrize("text", ['[{"tasks": [], 7: 1}]', '[{"tasks": null}, {7}]'])
def test_a_vikunja_project_that_is_not_an_object_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(BadFile, match="line 1"):
        list(read(Source(io.BytesIO(text.encode())), "json").records)


def test_nested_and_long_vikunja_projects_are_read() -> None:
    tasks = [{"id": number, "title": "x" * 200, "description": "y" * 9000} for number in range(60)]
    projects: list[dict[str, Any]] = [
        {"tasks": []},
        {},
        {"title": "Above", "child_projects": [{"title": "Below", "tasks": tasks}], "tasks": []},
    ]
    rows, faults, _ = mapped(json.dumps(projects), "json")
    assert (len(rows), faults) == (60, [])
    assert {tuple(row["tags"]) for row in rows} == {("Below",)}


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        (7, "This is not a Vikunja task: title is missing."),
        ({"id": 1}, "This is not a Vikunja task: title is missing."),
        ({"title": "No id"}, "This is not a Vikunja task: id is missing."),
        (
            {"id": 1, "title": "A", "labels": [1]},
            "This is not a Vikunja task: a field has the wrong type.",
        ),
        ({"id": 1, "title": "A", "created": "today"}, "created_at: Expected a date-time with its offset from UTC"),
        ({"id": 1, "title": "A", "comments": [{"comment": "\ud800"}]}, "comments: "),
    ],
)
def test_a_vikunja_task_that_is_malformed_is_a_bad_row(task: object, fault: str) -> None:
    rows, (found,), _ = mapped(json.dumps([{"tasks": [task, {"id": 2, "title": "Good"}]}]), "json")
    assert [row["title"] for row in rows] == ["Good"]
    assert fault in str(found)
