"""What an import makes of a file: each format, each fault with its place, and the same rules as the API's."""

import gzip
import io
import json
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.api.errors import InvalidBody
from config.api.parsers import Members, with_faults
from tasks.serializers import TaskSerializer
from tasks.transfer.csv_rows import cell_of, reader_of
from tasks.transfer.formats import format_of, read
from tasks.transfer.json_stream import JSONStream
from tasks.transfer.records import COLUMNS, BadFile, ImportSerializer, Record, Values, checked
from tasks.transfer.source import Source

HEADER = "reference,title,description,completed,completed_at,due_date,tags,created_at\n"


def says(**body: Any) -> str:
    """What the API says about the one fault of this body."""
    with pytest.raises(InvalidBody) as caught:
        TaskSerializer().run_validation(with_faults(Members({"title": "A", **body})))
    ((detail,),) = [[fault["detail"] for fault in caught.value.faults]]
    return detail


def rows_of(text: str | bytes, file_format: str) -> tuple[list[Values], list[str]]:
    """The good rows, and what is wrong with the others."""
    content = text.encode() if isinstance(text, str) else text
    records = list(read(Source(io.BytesIO(content)), file_format).records)
    found = [row for row in map(checked, records) if row]
    return found, [str(fault) for record in records for fault in record.faults]


def good(text: str | bytes, file_format: str) -> list[Values]:
    rows, faults = rows_of(text, file_format)
    assert faults == []
    return rows


def refusal(text: str | bytes, file_format: str = "csv", most: int | None = None) -> str:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(BadFile) as caught:
        list(read(Source(io.BytesIO(content), most), file_format).records)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "file_format"),
    [("a.csv", "csv"), ("A.CSV.GZ", "csv"), ("a.ndjson", "jsonl"), ("a.json.gz", "json"), ("-", None), ("csv", None)],
)
def test_the_suffix_says_the_format(name: str, file_format: str | None) -> None:
    assert format_of(name) == file_format


def test_a_row_of_csv_can_have_every_column() -> None:
    line = (
        'r1," Buy, milk ",two\nlines,TRUE,2026-01-01T02:00:00+02:00,2026-12-01,"home, ""a, b"",x",2025-01-01 00:00:00Z'
    )
    quoted = line.replace("two\nlines", '"two\nlines"')
    (row,) = good(HEADER + quoted + "\n", "csv")
    expected = {
        "reference": "r1", "title": "Buy, milk", "description": "two\nlines", "completed": True,
        "completed_at": datetime(2026, 1, 1, tzinfo=UTC), "due_date": date(2026, 12, 1), "tags": ["home", "a, b", "x"],
        "created_at": datetime(2025, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    assert row.items() >= expected.items()


def test_columns_may_be_few_and_in_any_order_and_lines_may_end_as_windows_ends_them() -> None:
    rows = good("\ufefftags,title\r\na,One\r\n\r\n,Two\r\n", "csv")
    assert [(row["title"], row["tags"], row["completed"], row["description"]) for row in rows] == [
        ("One", ["a"], False, None),
        ("Two", [], False, None),
    ]


@given(st.text("\\a", max_size=5))
def test_an_empty_description_is_told_from_none(text: str) -> None:
    assert reader_of("description")(cell_of("description", text)) == text


@given(st.lists(st.text('a,"\r\n ', min_size=1).filter(lambda name: name == name.strip()), min_size=1))
def test_tags_survive_their_cell(names: list[str]) -> None:
    cell = cell_of("tags", names)
    assert reader_of("tags")(cell) == names


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "json"])
def test_every_fault_is_named_by_line_column_and_reason(file_format: str) -> None:
    values: list[dict[str, Any]] = [
        {"title": "Good"},
        {"title": " ", "description": "x" * 10_001, "completed": "yes", "due_date": "2026-02-30", "tags": ["a", "A"]},
        {"completed_at": "2026-01-01T00:00:00", "created_at": "0001-01-01T00:00:00+14:00", "reference": "r" * 201},
        {"title": "Open", "completed": False, "completed_at": "2026-01-01T00:00:00Z"},
        {"title": "x" * 201, "tags": ["t" * 51]},
        {"title": "Many", "tags": [str(number) for number in range(21)]},
    ]
    if file_format == "csv":
        lines = [",".join(f'"{cell_of(n, v.get(n))}"' for n in HEADER.strip().split(",")) for v in values]
        text = HEADER + "\n".join(lines)
    else:
        lines = [json.dumps(each) for each in values]
        text = "\n".join(lines) if file_format == "jsonl" else "[" + ",\n".join(lines) + "]"
    rows, faults = rows_of(text, file_format)
    first = 2 if file_format == "csv" else 1
    assert [row["title"] for row in rows] == ["Good"]
    assert faults == [
        f"line {first + number}, {fault}"
        for number, fault in [
            *((1, f"{name}: {says(**{name: value})}") for name, value in values[1].items()),
            (2, f"reference: {says(title='r' * 201)}"),
            (2, f"title: {ImportSerializer.shared().fields['title'].error_messages['required']}"),
            (2, "completed_at: Put a time with its offset like 2026-11-22T16:00:00Z."),
            (2, "created_at: The date-time 0001-01-01T00:00:00+14:00 does not exist."),
            (3, "completed_at: Leave it out, or set completed to true."),
            (4, f"title: {says(title='x' * 201)}"),
            (4, f"tags: {says(tags=['t' * 51])}"),
            (5, f"tags: {says(tags=values[5]['tags'])}"),
        ]
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", 1),
        ("title", None),
        ("title", "a\0"),
        ("title", "\ud800"),
        ("description", "a\0"),
        ("tags", "a"),
        ("tags", [1]),
        ("completed", None),
        ("completed", 1),
    ],
)
def test_types_of_json_are_taken_as_they_are(name: str, value: object) -> None:
    line = json.dumps({"title": "A", name: value})
    assert rows_of(line, "jsonl") == ([], [f"line 1, {name}: {says(**{name: value})}"])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[1]", ": Put an object with the members of a task."),
        ('{"title": "a", "title": "b"}', ", title: Must be given only once."),
        ('{"title": ', ": This is not JSON: Expecting value, character 10."),
        ('{"title": NaN}', ": This is not JSON: NaN is not a JSON value."),
        (f'{{"title": {"9" * 5000}}}', ", title: "),
        (f'{{"title": {"[" * 32}{"]" * 32}}}', ": This is nested deeper than 32."),
        (f'{{"title": {"[" * 100_000}', ": This is nested deeper than 32."),
    ],
)
def test_a_line_that_is_no_task_is_one_bad_row(line: str, fault: str) -> None:
    rows, faults = rows_of(f'{{"title": "Good"}}\n\n{line}\n{{"title": "Good too", "error": "was"}}', "jsonl")
    assert [row["title"] for row in rows] == ["Good", "Good too"]
    assert fault in faults[0]
    assert faults[0].startswith("line 3")


def test_an_unknown_member_is_named_with_those_that_are_known() -> None:
    _, (fault,) = rows_of('{"title": "a", "don/e": true}', "jsonl")
    assert re.fullmatch(r"line 1, don/e: .* Accepted are .*\.", fault)
    assert all(name in fault for name in COLUMNS)


@pytest.mark.parametrize("header", ["title,description", "CONTENT,TYPE"])
def test_a_null_character_in_csv_is_a_bad_row(header: str) -> None:
    rows, faults = rows_of(f"{header}\na\0,task\nGood,task\n", "csv")
    assert [row["title"] for row in rows] == ["Good"]
    assert faults == [f"line 2, title: {says(title='a' + chr(0))}"]


def test_quotes_in_a_cell_of_tags_that_are_not_closed_are_a_fault() -> None:
    assert rows_of('title,tags\nA,"""a"\n', "csv") == ([], [f"line 2, tags: {says(tags='a')}"])


def test_a_row_of_another_length_is_one_bad_row() -> None:
    rows, faults = rows_of("title,tags\na,b,c\nGood,\n", "csv")
    assert [row["title"] for row in rows] == ["Good"]
    assert faults == ["line 2: It has 3 cells, and the header 2."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The file is empty: its first line has to name the columns."),
        ("a,title\n", "line 1: It has no columns 'a' here. Known are"),
        ("tags\n", "line 1: There is no column title. Known are"),
        ("title,title\n", "line 1: Columns that come twice: title."),
        ('title\na\n"b\n', "line 3: This is not CSV, or a quote is not closed: unexpected end of data."),
        (b"title\na\n\xe4\n", "line 3: The text is not UTF-8: save it as UTF-8."),
        ("title\na\n".encode("utf-16"), "The text is not UTF-8: save it as UTF-8."),
        (b"\x1f\x8bnonsense", "The gzip file is cut off or damaged"),
        (gzip.compress(b"title\nabc\n", mtime=0)[:-9], "The gzip file is cut off or damaged"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_with_the_reason(text: str | bytes, message: str) -> None:
    assert message in refusal(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The file is empty: put [] for no tasks."),
        ("{}", "line 1: Expected '['; found '{'."),
        ('[{"title": "a"}\n{}]', "line 2: Expected ',' or ']'; found '{'."),
        ('[{"title": "a"},\n', "line 2: The file ends in the middle of this: it may be cut off."),
        ('[{"title": "a"}', "line 1: Expected ',' or ']'; the file ends here: it may be cut off."),
        ("[\n{'title'", "line 2, character 2: This is not JSON: Expecting property name enclosed in double quotes."),
        ("[] []", "line 1: The array has ended; there is more behind it."),
        ("[" * 100_000, "This is nested deeper than 32."),
        ("[\n" + "[" * 33 + "]" * 33, "line 2: This is nested deeper than 32."),
        ("[\n[1, -Infinity]", "line 2: This is not JSON: -Infinity is not a JSON value."),
        ("[" + '{"tasks": [], "child_projects": [' * 10_000, "line 1: This is nested deeper than 32."),
        (b'[{"title": "\xe4"}]', "The text is not UTF-8"),
    ],
)
def test_json_that_can_not_be_read_is_refused_with_the_place(text: str | bytes, message: str) -> None:
    assert message in refusal(text, "json")


def test_a_line_without_end_is_not_read_to_its_end() -> None:
    assert refusal("\n" + "x" * (1 << 21), "jsonl") == "line 2: This line is longer than 1,048,576 characters."


def test_what_is_packed_is_unpacked_up_to_a_bound() -> None:
    bomb = gzip.compress(b"title\n" + b"a\n" * 50_000)
    assert len(good(bomb, "csv")) == 50_000
    assert refusal(bomb, most=1000) == "Unpacked it is larger than 1,000 bytes."


@pytest.mark.parametrize("size", [1, 7, 1 << 18])
def test_json_is_read_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("tasks.transfer.json_stream.CHUNK", size)
    tasks = [{"title": f"Nº {number}", "tags": ["ä", "]"], "description": '"\\\n'} for number in range(50)]
    rows = good(json.dumps(tasks, indent=1, ensure_ascii=False), "json")
    assert [row["title"] for row in rows] == [task["title"] for task in tasks]
    stream = JSONStream(Source(io.BytesIO(b" [12 , 345,{}, 1.5e+2,\n1.25]")))
    assert [(line, stream.value()) for line in stream.items()] == [(1, 12), (1, 345), (1, {}), (1, 150), (2, 1.25)]
    with pytest.raises(BadFile, match="line 3, character 9: This is not JSON: Expecting"):
        good(b'[\n{"title": "a"},\n{"a": 1 2}]', "json")


def test_a_value_that_is_too_long_to_be_a_task_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.transfer.json_stream.CHUNK", 10)
    monkeypatch.setattr("tasks.transfer.json_stream.LONGEST", 100)
    stream = JSONStream(Source(io.BytesIO(b'"' + b"x" * 1000 + b'"')))
    with pytest.raises(BadFile, match="This is not JSON: Unterminated string"):
        stream.value()
    assert len(stream.text) < 150


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, "", " ", "a", "\x00", "\ud800", "x" * 200, "é" * 201, [], {}, [1], ["a"]]
)
TEXT = st.text(st.characters(codec=None), max_size=12)
DATES = st.dates().map(str) | st.sampled_from(
    ["2026-2-3", "0000-01-01", "2026-02-30", "20260101", "2026-01-01T00:00:00"]
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "title": TEXT | ODD,
        "description": TEXT | ODD | st.sampled_from(["x" * 10_000, "x" * 10_001]),
        "completed": st.booleans() | ODD,
        "due_date": DATES | ODD,
        "tags": st.lists(TEXT | st.sampled_from(["İ", "i̇", "ΟΔΟΣ", "οδος", "A", "a", "x" * 51]), max_size=22) | ODD,
    },
)


@given(BODIES)
@example({"title": "a", "tags": ["ΟΔΟΣ", "οδοσ"]})
def test_a_row_is_taken_exactly_where_the_api_takes_the_body(body: dict[str, Any]) -> None:
    record, faults = Record(1, body), []
    row = checked(record)
    values: dict[str, Any] = {}
    try:
        values = TaskSerializer().run_validation(with_faults(Members(body)))
    except InvalidBody as exc:
        faults = exc.faults
    assert [fault.reason for fault in record.faults] == [fault["detail"] for fault in faults]
    assert (row or {}).items() >= values.items()
    assert (row is None) == bool(faults)
