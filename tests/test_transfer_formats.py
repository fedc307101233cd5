"""How an import reads a file: each format, each error with its place, and the rules of the API."""

import gzip
import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from config.api.errors import InvalidBody
from config.api.fields import DateTimeField
from config.api.parsers import Members, with_faults
from tasks.serializers import TaskSerializer
from tasks.transfer import records
from tasks.transfer.csv_rows import cell_of, reader_of
from tasks.transfer.formats import format_of, read
from tasks.transfer.json_stream import JSONStream
from tasks.transfer.records import COLUMNS, BadFile, ImportSerializer, Record, Values, checked
from tasks.transfer.source import Source

HEADER = "reference,title,description,completed,completed_at,due_date,tags,created_at\n"


def says(**body: Any) -> str:
    """The detail of the only error that the API finds in this body."""
    with pytest.raises(InvalidBody) as caught:
        TaskSerializer().run_validation(with_faults(Members({"title": "A", **body})))
    ((detail,),) = [[fault["detail"] for fault in caught.value.faults]]
    return detail


def no_time(text: str) -> str:
    """What the API says about a date-time that does not exist."""
    with pytest.raises(ValidationError) as caught:
        DateTimeField().run_validation(text)
    return str(caught.value.detail[0])  # type: ignore[index]  # a list


def rows_of(text: str | bytes, file_format: str) -> tuple[list[Values], list[str]]:
    """The good rows, and the errors of the others."""
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
def test_the_suffix_names_the_format(name: str, file_format: str | None) -> None:
    assert format_of(name) == file_format


def test_a_csv_row_can_have_every_column() -> None:
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


def test_columns_are_optional_and_in_any_order_and_lines_may_end_in_crlf() -> None:
    rows = good("\ufefftags,title\r\na,One\r\n\r\n,Two\r\n", "csv")
    assert [(row["title"], row["tags"], row["completed"], row["description"]) for row in rows] == [
        ("One", ["a"], False, None),
        ("Two", [], False, None),
    ]


@given(st.text("\\a", max_size=5))
def test_an_empty_description_differs_from_none(text: str) -> None:
    assert reader_of("description")(cell_of("description", text)) == text


@given(st.lists(st.text('a,"\r\n ', min_size=1).filter(lambda name: name == name.strip()), min_size=1))
def test_tags_are_read_back_from_their_cell(names: list[str]) -> None:
    cell = cell_of("tags", names)
    assert reader_of("tags")(cell) == names


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "json"])
def test_every_error_has_its_line_column_and_reason(file_format: str) -> None:
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
            (2, "completed_at: Expected a date-time with its offset from UTC, such as 2026-11-22T16:00:00Z."),
            (2, f"created_at: {no_time(values[2]['created_at'])}"),
            (3, "completed_at: Must be empty unless completed is true."),
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
def test_json_types_are_not_converted(name: str, value: object) -> None:
    line = json.dumps({"title": "A", name: value})
    assert rows_of(line, "jsonl") == ([], [f"line 1, {name}: {says(**{name: value})}"])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[1]", ": Expected an object with the fields of a task; this is an array."),
        ("1.5", ": Expected an object with the fields of a task; this is a number."),
        ('{"title": "a", "title": "b"}', ", title: "),
        ('{"title": ', ", character 10: This is not JSON: expected a value here, where the text ends."),
        ("{'title': 'a'}", ', character 2: This is not JSON: expected a field name in double quotes here; found "\'".'),
        ('{"title" = "a"}', ", character 10: This is not JSON: expected a colon here; found '='."),
        (
            '{"title": "a" "tags": []}',
            ", character 15: This is not JSON: expected a comma or the closing bracket here; found",
        ),
        ('{"completed": False}', ", character 15: This is not JSON: expected a value here; found 'False'."),
        (
            '{"title": "a}',
            ", character 11: This is not JSON: expected a closing quote for the string that starts here.",
        ),
        ('{"title": "a"} {}', ", character 16: This is not JSON: expected the end of the text here."),
        ('{"title": NaN}', ": This is not JSON: NaN is "),
        (f'{{"title": {"9" * 5000}}}', ", title: "),
        (f'{{"title": {"[" * 32}{"]" * 32}}}', ": This is nested deeper than 32."),
        (f'{{"title": {"[" * 100_000}', ": This is nested deeper than 32."),
    ],
)
def test_a_line_that_is_not_a_task_is_one_bad_row(line: str, fault: str) -> None:
    rows, faults = rows_of(f'{{"title": "Good"}}\n\n{line}\n{{"title": "Good too", "error": "was"}}', "jsonl")
    assert [row["title"] for row in rows] == ["Good", "Good too"]
    assert faults[0].startswith(f"line 3{fault}")


def test_an_unknown_field_is_named_with_the_known_ones() -> None:
    _, (fault,) = rows_of('{"title": "a", "don/e": true}', "jsonl")
    assert fault.startswith("line 1, don/e: ")
    assert all(name in fault for name in COLUMNS)


def test_many_unknown_fields_are_one_error() -> None:
    fields = {f"x{number}" * 50: 1 for number in range(20)}
    _, (fault,) = rows_of(json.dumps({"title": "a", **fields}), "jsonl")
    assert fault.startswith("line 1: Unknown fields, 20 of them, such as 'x0x0")
    assert fault.endswith(f". Known fields: {', '.join(COLUMNS)}.")
    assert len(fault) < 1000


@pytest.mark.parametrize("header", ["title,description", "CONTENT,TYPE"])
def test_a_null_character_in_csv_is_a_bad_row(header: str) -> None:
    rows, faults = rows_of(f"{header}\na\0,task\nGood,task\n", "csv")
    assert [row["title"] for row in rows] == ["Good"]
    assert faults == [f"line 2, title: {says(title='a' + chr(0))}"]


def test_an_unclosed_quote_in_a_cell_of_tags_is_an_error() -> None:
    assert rows_of('title,tags\nA,"""a"\n', "csv") == ([], [f"line 2, tags: {says(tags='a')}"])


def test_a_row_with_too_many_or_too_few_cells_is_one_bad_row() -> None:
    rows, faults = rows_of("title,tags\na,b,c\nGood,\nd\n", "csv")
    assert [row["title"] for row in rows] == ["Good"]
    assert faults == [
        "line 2: Expected 2 cells, as in the header; this row has 3. A cell that contains a separator must be quoted.",
        "line 4: Expected 2 cells, as in the header; this row has 1.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The file is empty. The first line must name the columns."),
        ("a,title,b\n", "line 1: Unknown columns 'a', 'b'. Known columns: reference, title, "),
        ("tags\n", "line 1: The required column title is missing. Known columns: reference, title, "),
        ("title,title\n", "line 1: The header has two columns 'title'."),
        ("title|tags\nA|\n", "line 1: The columns are separated by | and must be separated by commas, ; or tabs."),
        ("title" + ",x" * 1000, "line 1: The header has 1,001 columns; expected at most 1,000."),
        ("title,due_date\nA\r,2026-12-31\n", "line 2: A carriage return (CR) stands without a line feed."),
        ('title\na\n"b\n', "line 3: A quoted cell begins in this row and has no closing quote."),
        ('title\n"a"b\n', "line 2: A closing quote must be followed by a separator or the end of the line;"),
        (f"title\n{'a' * 131_073}\n", "line 2: A cell is longer than 131,072 characters."),
        (b"PK\x03\x04", "The zip file is damaged or cut off."),
        (b"\x1f\x8bnonsense", "The gzip file is damaged."),
        (gzip.compress(b"title\nabc\n", mtime=0)[:-9], "The gzip file is cut off."),
    ],
)
def test_a_csv_file_that_cannot_be_read_is_refused_with_the_reason(text: str | bytes, message: str) -> None:
    assert message in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        b"title\na\n\xe4\n",
        "title\na\nÄrger\n".encode("cp1252"),
        "title\ra\rCafé\r".encode("mac-roman"),
        gzip.compress("title\na\n買う\n".encode("shift-jis"), mtime=0),
    ],
)
def test_another_encoding_is_named_with_what_to_do(text: bytes) -> None:
    assert refusal(text) == (
        "line 3: The text is not UTF-8 but another encoding, such as Windows-1252."
        " Save the file as UTF-8 (in Excel: CSV UTF-8)."
    )


def test_what_looks_like_no_text_is_refused_by_its_kind() -> None:
    assert refusal("title\n".encode("utf-16-le")).startswith("This is not text, or it is UTF-16 without a byte order")
    assert refusal("title\na\n".encode("utf-16")[:-1]) == "line 2: The UTF-16 text is damaged or cut off."
    assert refusal(b"\xd0\xcf\x11\xe0\xa1\xb1") == "This is an Excel workbook. Save it as CSV UTF-8."


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_line_ends_and_utf16_are_found_out(end: str, separator: str, encoding: str) -> None:
    lines = ["title,tags,description", '"A, b","x,y","one\ntwo"', "", "Ä,,\\", ""]
    text = (
        end.join(lines).replace("title,tags,", separator.join(("title", "tags", ""))).replace('","', f'"{separator}"')
    )
    rows = good(text.replace("Ä,,", separator.join(("Ä", "", ""))).encode(encoding), "csv")
    assert [(row["title"], row["tags"], row["description"]) for row in rows] == [
        ("A, b", ["x", "y"], "one\ntwo"),
        ("Ä", [], ""),
    ]


def test_excels_line_with_the_separator_is_followed_and_counted() -> None:
    rows, faults = rows_of("sep=;\r\ntitle;tags\r\nA, b;x\r\n;\r\n;y\r\n", "csv")
    assert [(row["title"], row["tags"]) for row in rows] == [("A, b", ["x"])]
    assert [fault.partition(":")[0] for fault in faults] == ["line 5, title"]


@pytest.mark.parametrize(
    "text",
    [
        "title,due_date,tags\nA,,\n,,\n\n,,\n",
        "title,\nA,\n",
        "title,,,\nA,,,\n,,,\n",
        "title\nA,,\n,\n",
        "\n,,\ntitle,tags\nA,,,,,\n",
        "title;tags;\r\nA;;\r\n;;;;\r\n",
    ],
)
def test_empty_rows_and_surplus_empty_cells_are_ignored(text: str) -> None:
    assert [row["title"] for row in good(text, "csv")] == ["A"]


def test_a_surplus_cell_with_text_is_one_bad_row() -> None:
    rows, faults = rows_of("title,tags,\nGood,x,\nBad,x,y\n", "csv")
    assert [row["title"] for row in rows] == ["Good"]
    assert faults == [
        "line 3: Expected 2 cells, as in the header; this row has 3. A cell that contains a separator must be quoted."
    ]


@pytest.mark.parametrize(
    ("system", "text"),
    [
        ("TickTick", '"Date: 2026-05-01+0000"\n"Version: 7.1"\n"Folder Name","List Name","Title"\n'),
        ("TickTick", "Folder Name,List Name,Title,Kind,Tags,Content,Is Check list,Start Date,Due Date\n"),
        ("TickTick", '[{"id": "1", "title": "A", "isAllDay": true}]'),
        ("Microsoft To Do or Outlook", '"Subject","Start Date","Due Date","% Complete"\n'),
        ("Microsoft To Do", '{"@odata.context": "https://example.org", "value": []}'),
        ("Microsoft To Do", '[{"importance": "low", "title": "A", "lastModifiedDateTime": "2026-05-01"}]'),
        ("Trello", "Card ID,Card Name,Card URL,Card Description,Labels\n"),
        ("Trello", "Board;Card Name;List\n"),
        ("Trello", '{"id": "5", "name": "B", "idOrganization": null, "cards": []}'),
        ("Trello", '[{"id": "5", "name": "A", "idList": "7"}]'),
        ("Google Tasks", '{"kind": "tasks#taskLists", "items": []}'),
        ("Google Tasks", '[{"kind":"tasks#task", "title": "A"}]'),
    ],
)
def test_an_export_of_a_system_that_is_not_read_is_refused_by_name(system: str, text: str) -> None:
    said = refusal(text, "json" if text[0] in "[{" else "csv")
    assert said.startswith(f"This is an export of {system}, which an import can't read. Save its tasks as CSV with a")


def test_the_results_of_the_api_are_read_with_the_page_around_them_or_without() -> None:
    task = {"id": 2, "title": "Own", "due_date": "2026-12-01", "updated_at": "2026-11-22T16:00:00.000000Z"}
    page = {"count": 3, "next": None, "previous": None, "results": [task, {"title": "Two"}]}
    for text in (page, {"results": page["results"]}, page["results"]):
        assert [row["title"] for row in good(json.dumps(text, indent=1), "json")] == ["Own", "Two"]
    assert [row["title"] for row in good(json.dumps(task), "jsonl")] == ["Own"]
    assert [row["title"] for row in good("id,title,updated_at\n2,Own,x\n", "csv")] == ["Own"]
    reading = read(Source(io.BytesIO(json.dumps(page | {"next": "/tasks?offset=2"}).encode())), "json")
    assert (reading.of, len(list(reading.records))) == ("a page of the API", 2)
    assert reading.not_carried_over == [("the next page", 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"count": 2}', "line 1, character 13: The page of the API has no field results."),
        ('{"count": 0, "results": []} {}', "line 1, character 29: There is text after the end of the array or object."),
        ('{"results": {}}', "line 1, character 13: Expected [; found '{'."),
        ("", "The file is empty. Expected an array of tasks, or [] for no tasks."),
        ("{}", "line 1, character 1: Expected an array of tasks; this is an object."),
        ('{"tasks": []}', "; this is an object. For one object per line, the format is jsonl."),
        ("title\nA\n", "line 1, character 1: Expected an array of tasks; found 't'."),
        ('[{"title": "a"}\n{}]', "line 2, character 1: Expected , or ]; found '{'."),
        ('[{"title": "a"},\n', "line 2, character 1: The file ends before this value does: it may be cut off."),
        ('[{"title": "a"}', "line 1, character 16: Expected , or ]; the file ends here: it may be cut off."),
        (
            "[\n{'title'",
            'line 2, character 2: This is not JSON: expected a field name in double quotes here; found "\'".',
        ),
        ("[] []", "line 1, character 4: There is text after the end of the array or object."),
        ("[" * 100_000, "This is nested deeper than 32."),
        ("[\n" + "[" * 33 + "]" * 33, "line 2, character 1: This is nested deeper than 32."),
        ("[\n[1, -Infinity]", "line 2, character 1: This is not JSON: -Infinity is "),
        ("[" + '{"tasks": [], "child_projects": [' * 10_000, "This is nested deeper than 32."),
        (b'[{"title": "\xe4"}]', "The text is not UTF-8"),
    ],
)
def test_a_json_file_that_cannot_be_read_is_refused_with_the_place(text: str | bytes, message: str) -> None:
    assert message in refusal(text, "json")


def test_an_array_is_not_json_lines() -> None:
    assert refusal('\n[\n {"title": "A"}\n]', "jsonl") == (
        "line 2: Expected one object per line; this is an array. Its format is json."
    )


def test_a_line_that_is_too_long_is_not_read_to_its_end() -> None:
    assert refusal("\n" + "x" * (1 << 21), "jsonl") == "line 2: This line is longer than 1,048,576 characters."


def test_a_gzip_file_is_decompressed_up_to_a_limit() -> None:
    bomb = gzip.compress(b"title\n" + b"a\n" * 50_000)
    assert len(good(bomb, "csv")) == 50_000
    assert refusal(bomb, most=1000) == "The decompressed file is larger than 1,000 bytes."


@pytest.mark.parametrize("size", [1, 7, 1 << 18])
def test_json_is_read_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("tasks.transfer.json_stream.CHUNK", size)
    tasks = [{"title": f"Nº {number}", "tags": ["ä", "]"], "description": '"\\\n'} for number in range(50)]
    rows = good(json.dumps(tasks, indent=1, ensure_ascii=False), "json")
    assert [row["title"] for row in rows] == [task["title"] for task in tasks]
    stream = JSONStream(Source(io.BytesIO(b" [12 , 345,{}, 1.5e+2,\n1.25]")))
    assert [(line, stream.value()) for line in stream.items()] == [(1, 12), (1, 345), (1, {}), (1, 150), (2, 1.25)]
    with pytest.raises(BadFile, match="line 3, character 9: This is not JSON: expected"):
        good(b'[\n{"title": "a"},\n{"a": 1 2}]', "json")


def test_a_json_value_that_is_too_long_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.transfer.json_stream.CHUNK", 10)
    monkeypatch.setattr("tasks.transfer.json_stream.LONGEST", 100)
    stream = JSONStream(Source(io.BytesIO(b'"' + b"x" * 1000 + b'"')))
    with pytest.raises(BadFile, match="This is not JSON: expected a closing quote"):
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
def test_a_row_is_accepted_exactly_if_the_api_accepts_it_as_a_body(body: dict[str, Any]) -> None:
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


def test_an_error_says_which_task_of_a_line_it_is_about() -> None:
    text = '[{"title": ""}, {"title": "A"}, {"title": ""},\n{"title": ""}]'
    refused: list[Record] = []
    list(records.good(read(Source(io.BytesIO(text.encode())), "json").records, refused.append))
    wrong = "title: Must contain a visible character."
    assert [str(fault) for record in refused for fault in record.faults] == [
        f"line 1, {wrong}",
        f"line 1, {wrong} (task 3 of the line)",
        f"line 2, {wrong}",
    ]
