"""What an import makes of a file: each format, each fault with its place, and the same rules as the API's."""

import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.api.errors import InvalidBody
from tasks.serializers import TaskSerializer
from tasks.transfer.csv_rows import cell_of, description_of, tags_of
from tasks.transfer.formats import format_of, read
from tasks.transfer.json_stream import JSONStream
from tasks.transfer.rows import BadFile, Record, Row, checked
from tasks.transfer.source import Source

HEADER = "reference,title,description,completed,completed_at,due_date,tags,created_at\n"


def rows_of(text: str | bytes, form: str) -> tuple[list[Row], list[str]]:
    """The good rows, and what is wrong with the others."""
    content = text.encode() if isinstance(text, str) else text
    records = list(read(Source(io.BytesIO(content)), form).records)
    found = [row for row in map(checked, records) if row]
    return found, [str(fault) for record in records for fault in record.faults]


def good(text: str | bytes, form: str) -> list[Row]:
    rows, faults = rows_of(text, form)
    assert faults == []
    return rows


def refusal(text: str | bytes, form: str = "csv", most: int | None = None) -> str:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(BadFile) as caught:
        list(read(Source(io.BytesIO(content), most), form).records)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.csv", "csv"), ("A.CSV.GZ", "csv"), ("a.ndjson", "jsonl"), ("a.json.gz", "json"), ("-", None), ("csv", None)],
)
def test_the_suffix_says_the_format(name: str, form: str | None) -> None:
    assert format_of(name) == form


def test_a_row_of_csv_can_have_every_column() -> None:
    line = (
        'r1," Buy, milk ",two\nlines,TRUE,2026-01-01T02:00:00+02:00,2026-12-01,"home, ""a, b"",x",2025-01-01 00:00:00Z'
    )
    quoted = line.replace("two\nlines", '"two\nlines"')
    (row,) = good(HEADER + quoted + "\n", "csv")
    assert row == Row(
        "r1", "Buy, milk", "two\nlines", "t", "2026-01-01T00:00:00+00:00", "2026-12-01", ["home", "a, b", "x"],
        "2025-01-01T00:00:00+00:00",
    )  # fmt: skip


def test_columns_may_be_few_and_in_any_order_and_lines_may_end_as_windows_ends_them() -> None:
    rows = good("\ufefftags,title\r\na,One\r\n\r\n,Two\r\n", "csv")
    assert [(row.title, row.tags, row.completed, row.description) for row in rows] == [
        ("One", ["a"], "f", None),
        ("Two", (), "f", None),
    ]


@given(st.text("\\a", max_size=5))
def test_an_empty_description_is_told_from_none(text: str) -> None:
    assert description_of(cell_of("description", text)) == text


@given(st.lists(st.text('a,"\r\n ', min_size=1).filter(lambda name: name == name.strip()), min_size=1))
def test_tags_survive_their_cell(names: list[str]) -> None:
    cell = cell_of("tags", names)
    assert tags_of(cell) == names


@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_every_fault_is_named_by_line_column_and_reason(form: str) -> None:
    values: list[dict[str, Any]] = [
        {"title": "Good"},
        {"title": " ", "description": "x" * 10_001, "completed": "yes", "due_date": "2026-02-30", "tags": ["a", "A"]},
        {"completed_at": "2026-01-01T00:00:00", "created_at": "0001-01-01T00:00:00+14:00", "reference": "r" * 201},
        {"title": "Open", "completed": False, "completed_at": "2026-01-01T00:00:00Z"},
        {"title": "x" * 201, "tags": ["t" * 51]},
        {"title": "Many", "tags": [str(number) for number in range(21)]},
    ]
    if form == "csv":
        lines = [",".join(f'"{cell_of(n, v.get(n))}"' for n in HEADER.strip().split(",")) for v in values]
        text = HEADER + "\n".join(lines)
    else:
        lines = [json.dumps(each) for each in values]
        text = "\n".join(lines) if form == "jsonl" else "[" + ",\n".join(lines) + "]"
    rows, faults = rows_of(text, form)
    first = 2 if form == "csv" else 1
    assert [row.title for row in rows] == ["Good"]
    assert faults == [
        f"line {first + number}, {fault}"
        for number, fault in [
            (1, "title: This may not be blank."),
            (1, "description: Put at most 10,000 characters; these are 10,001."),
            (1, "completed: Put true or false."),
            (1, "due_date: Put a date like 2026-11-22."),
            (1, "tags: 'A' is in the list twice; capitals make no difference."),
            (2, "reference: Put at most 200 characters; these are 201."),
            (2, "completed_at: Put a time with its offset like 2026-11-22T16:00:00Z."),
            (2, "created_at: Put a time with its offset like 2026-11-22T16:00:00Z."),
            (2, "title: This is required."),
            (3, "completed_at: Leave it out, or set completed to true."),
            (4, "title: Put at most 200 characters; these are 201."),
            (4, "tags: Put at most 50 characters; these are 51."),
            (5, "tags: Put at most 20 names; these are 21."),
        ]
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"title": 1}', "title: Put a string."),
        ('{"title": "a\\u0000"}', "title: Null characters are not allowed."),
        ('{"title": "\\ud800"}', "title: Half of a surrogate pair is not a character."),
        ('{"title": "a", "tags": "a"}', "tags: Put a list of names."),
        ('{"title": "a", "tags": [1]}', "tags: Put a string."),
        ('{"title": "a", "completed": null}', "completed: Put true or false."),
    ],
)
def test_types_of_json_are_taken_as_they_are(line: str, fault: str) -> None:
    assert rows_of(line, "jsonl") == ([], [f"line 1, {fault}"])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[1]", "Put an object with the members of a task."),
        ('{"title": "a", "title": "b"}', "title is in it twice."),
        ('{"title": ', "This is not JSON: Expecting value, character 10."),
        (f'{{"title": {"9" * 5000}}}', "A number in it is too long, or it is nested too deep."),
        (f'{{"title": {"[" * 100_000}', "A number in it is too long, or it is nested too deep."),
    ],
)
def test_a_line_that_is_no_task_is_one_bad_row(line: str, fault: str) -> None:
    rows, faults = rows_of(f'{{"title": "Good"}}\n\n{line}\n{{"title": "Good too", "error": "was"}}', "jsonl")
    assert [row.title for row in rows] == ["Good", "Good too"]
    assert faults == [f"line 3: {fault}"]


def test_an_unknown_member_is_named_with_those_that_are_known() -> None:
    _, faults = rows_of('{"title": "a", "done": true}', "jsonl")
    known = HEADER.strip().replace(",", ", ")
    assert faults == [f"line 1, done: Not a column here. Known are {known}."]


def test_quotes_in_a_cell_of_tags_that_are_not_closed_are_a_fault() -> None:
    assert rows_of('title,tags\nA,"""a"\n', "csv") == ([], ["line 2, tags: Put a list of names."])


def test_a_row_of_another_length_is_one_bad_row() -> None:
    rows, faults = rows_of("title,tags\na,b,c\nGood,\n", "csv")
    assert [row.title for row in rows] == ["Good"]
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
        ("[" * 100_000, "This is nested too deep."),
        (f"[{'9' * 5000}]", "line 1: Exceeds the limit"),
        (b'[{"title": "\xe4"}]', "The text is not UTF-8"),
    ],
)
def test_json_that_can_not_be_read_is_refused_with_the_place(text: str | bytes, message: str) -> None:
    assert message in refusal(text, "json")


def test_a_line_without_end_is_not_read_to_its_end() -> None:
    assert refusal("\n" + "x" * (1 << 21), "jsonl") == "line 2: This line is longer than 1,048,576 bytes."


def test_what_is_packed_is_unpacked_up_to_a_bound() -> None:
    bomb = gzip.compress(b"title\n" + b"a\n" * 50_000)
    assert len(good(bomb, "csv")) == 50_000
    assert refusal(bomb, most=1000) == "Unpacked it is larger than 1,000 bytes."


@pytest.mark.parametrize("size", [1, 7, 1 << 18])
def test_json_is_read_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("tasks.transfer.json_stream.CHUNK", size)
    tasks = [{"title": f"Nº {number}", "tags": ["ä", "]"], "description": '"\\\n'} for number in range(50)]
    rows = good(json.dumps(tasks, indent=1, ensure_ascii=False), "json")
    assert [row.title for row in rows] == [task["title"] for task in tasks]
    stream = JSONStream(Source(io.BytesIO(b" [12 , 345,{}]")))
    assert [(line, stream.value()) for line in stream.items()] == [(1, 12), (1, 345), (1, {})]


def test_a_value_that_is_too_long_to_be_a_task_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.transfer.json_stream.CHUNK", 10)
    stream = JSONStream(Source(io.BytesIO(b'"' + b"x" * 1000 + b'"')))
    with pytest.raises(BadFile, match="This is not JSON: Unterminated string"):
        stream.value(longest=100)
    assert len(stream.buffer) < 150


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
    row = checked(Record(1, body))
    try:
        values = TaskSerializer().run_validation(body)
    except InvalidBody:
        assert row is None
        return
    assert row is not None
    assert (row.title, row.description, row.completed == "t", list(row.tags)) == (
        values["title"], values["description"], values["completed"], values["tags"],
    )  # fmt: skip
    assert row.due_date == (values["due_date"] and values["due_date"].isoformat())
