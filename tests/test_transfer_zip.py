"""The zip files of Todoist and Vikunja are imported as they are, and others are refused within bounds."""

import io
import json
import os
import re
import struct
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tasks.models import Task
from tasks.transfer import archive
from tasks.transfer.formats import Reading, read
from tasks.transfer.records import BadFile, Record, good
from tasks.transfer.source import Source
from tests.test_admin_transfer import BAD, confirm, upload

HEADER = "TYPE,CONTENT,PRIORITY\n"
HOME, WORK = f"{HEADER}section,Shed,\ntask,Sort nails @tools,1\n", f"{HEADER}task,Sort nails,4\n"
DATA = json.dumps(
    [{"title": "Home", "tasks": [{"id": 9, "title": "Read the meter", "created": "2026-01-13T14:59:49Z"}]}]
)
TODOIST = {"Home [2203306141].csv": HOME, "Work [6Crg8jQ886Wh4P5g].csv": WORK}
VIKUNJA = {"data.json": DATA, "files/4": "an attachment", "filters.json": "[]", "VERSION": "v1.1.0"}


def packed(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as file:
        for name, text in files.items():
            file.writestr(name, text)
    return content.getvalue()


def reading_of(content: bytes, most: int | None = None, file_format: str = "zip") -> Reading:
    return read(Source(io.BytesIO(content), most), file_format)


def tasks_in(content: bytes) -> list[tuple[str, list[str]]]:
    bad: list[Record] = []
    rows = [(row["title"], row["tags"]) for _, row in good(reading_of(content).records, bad.append)]
    assert not bad
    return rows


def refusal(content: bytes, most: int | None = None) -> str:
    with pytest.raises(BadFile) as caught:
        list(reading_of(content, most).records)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("Home.csv", "Home"),
        ("Home [2203306141].csv", "Home"),
        ("Home [6Crg8jQ886Wh4P5g].csv", "Home"),
        ("Home [old].csv", "Home [old]"),
        ("Home [old] [2203306141].csv", "Home [old]"),
        ("v1.2 Größe [2203306141].CSV", "v1.2 Größe"),
        ("backup/../../Home.csv", "Home"),
        ("/etc/Home.csv", "Home"),
        ("Ho\u200bme\n.csv", "Home"),
    ],
)
def test_the_name_of_a_todoist_file_becomes_a_tag(name: str, project: str) -> None:
    assert tasks_in(packed({name: WORK})) == [("Sort nails", [project])]


def test_a_name_in_utf_8_without_its_flag_is_read() -> None:
    content = packed({"Gr____e.csv": WORK}).replace(b"Gr____e", "Größe".encode())
    assert tasks_in(content) == [("Sort nails", ["Größe"])]
    assert tasks_in(packed({"Gr_n.csv": WORK}).replace(b"Gr_n", "Grün".encode("cp437"))) == [("Sort nails", ["Grün"])]


def test_each_project_of_todoist_is_read_and_other_files_are_counted() -> None:
    content = packed({**TODOIST, "Empty.csv": "", "read me.txt": "a", "__MACOSX/._Home.csv": "b", "folder/": ""})
    assert tasks_in(content) == [("Sort nails", ["tools", "Shed", "Home"]), ("Sort nails", ["Work"])]
    reading = reading_of(content)
    assert (reading.of, reading.file_format) == ("Todoist's CSV in a zip file", "csv")
    assert reading.not_carried_over == [("another file in the zip file", 1)]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("folder", ["", "vikunja-export/"])
def test_the_data_of_vikunja_is_read_and_other_files_are_counted(method: int, folder: str) -> None:
    content = packed({folder + name: text for name, text in VIKUNJA.items()}, method)
    assert tasks_in(content) == [("Read the meter", ["Home"])]
    assert reading_of(content).not_carried_over == [("another file in the zip file", 2)]


def test_a_bad_row_names_its_file() -> None:
    bad: list[Record] = []
    content = packed({**TODOIST, "Bad.csv": f"{HEADER}task,,1\n"})
    assert len(list(good(reading_of(content).records, bad.append))) == 2
    assert [str(fault) for fault in bad[0].faults] == ["line 2, title: Must contain a visible character. (Bad.csv)"]


EXPECTED = "Expected data.json, as in Vikunja's export, or CSV files of projects, as in Todoist's backup"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, f"{EXPECTED}; the zip file contains nothing."),
        ({"VERSION": "v1.1.0"}, f"{EXPECTED}; the zip file contains nothing."),
        ({"Takeout/Tasks/Tasks.json": "{}"}, f"{EXPECTED}; the zip file contains 'Tasks.json'."),
        ({"inner.zip": packed(TODOIST)}, f"{EXPECTED}; the zip file contains 'inner.zip'."),
        ({"data.json": packed(TODOIST)}, f"data.json: This is a zip file inside a zip file. {EXPECTED}."),
        ({"data.json": '[{"title": "A"}]'}, "data.json: This is JSON, not Vikunja's JSON. Extract data.json or "),
        ({"data.json": "{}"}, "data.json: line 1, character 1: "),
        ({"A.csv": "title\nA\n"}, "A.csv: This is CSV, not Todoist's CSV. Extract data.json or the CSV files"),
        ({**TODOIST, "A.csv": f'{HEADER}task,"A\n'}, "A.csv: line 2: A quoted cell begins in this row"),
        ({"A.csv": HEADER + "task,A,1\n" * 200_000}, "A.csv is compressed to less than 1/200 of its size."),
        ({"A.csv": WORK.encode("latin-1") + b"\xe4"}, "A.csv: line 3: The text is not UTF-8"),
    ],
)
def test_a_zip_file_of_something_else_is_refused_with_what_was_expected(
    files: dict[str, str | bytes], message: str
) -> None:
    assert refusal(packed(files)).startswith(message)


def test_an_encrypted_file_and_an_unknown_compression_are_refused() -> None:
    content = bytearray(packed(TODOIST))
    directory = content.index(b"PK\1\2")
    content[directory + 8] |= 1
    assert refusal(bytes(content)).startswith("The zip file is encrypted. Extract data.json or the CSV files")
    assert refusal(packed(TODOIST, zipfile.ZIP_BZIP2)).startswith(
        "Home [2203306141].csv is compressed in an unknown way."
    )


def test_a_zip_file_is_bounded_in_size_and_number_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(TODOIST)
    size = len(HOME) + len(WORK)
    assert len(list(reading_of(content, size).records)) == 2
    assert refusal(content, size - 1) == f"The decompressed files are larger than {size - 1:,} bytes."
    monkeypatch.setattr(archive, "MOST_FILES", 1)
    assert refusal(content).startswith("The zip file has more than 1 files.")
    monkeypatch.setattr(archive, "DIRECTORY", 10)
    assert refusal(content).startswith("The zip file is larger than 4 GB or has too many files.")


def test_a_file_is_not_read_beyond_the_size_that_it_declares() -> None:
    content = bytearray(packed({"A.csv": WORK + "task,B,1\n" * 9}))
    directory = content.index(b"PK\1\2")
    struct.pack_into("<L", content, directory + 24, len(WORK))
    assert refusal(bytes(content)) == "A.csv: The zip file is damaged or cut off."


@pytest.mark.parametrize("cut", [slice(0, 60), slice(0, -1), slice(9, None)])
def test_a_damaged_zip_file_is_refused(cut: slice) -> None:
    content = packed(TODOIST)
    assert refusal(b"PK\3\4" + content[4:][cut]).endswith("The zip file is damaged or cut off.")


def test_a_damaged_list_of_files_is_refused() -> None:
    assert refusal(packed(TODOIST).replace(b"PK\1\2", b"PK\1\0", 1)) == "The zip file is damaged or cut off."


@pytest.mark.parametrize("place", [0, 26])
def test_a_damaged_file_in_a_zip_file_is_refused(place: int) -> None:
    content = bytearray(packed(TODOIST))
    start = content.index(b"PK\3\4", 4) + place
    content[start : start + 2] = b"\xff\xff"
    assert refusal(bytes(content)).endswith("The zip file is damaged or cut off.")


def test_zip_as_the_format_of_another_file_is_refused() -> None:
    with pytest.raises(BadFile, match=re.escape(f"This is not a zip file. {EXPECTED}.")):
        reading_of(b"title\nA\n")


def run(file: object, **options: Any) -> str:
    """What the command prints, without the time it took."""
    stdout = io.StringIO()
    call_command("import_tasks", str(file), stdout=stdout, stderr=stdout, **options)
    return re.sub(r" in [\d.]+ s \([\d,]+ per second\)", "", stdout.getvalue())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("file_format", [None, "zip", "csv", "jsonl", "json"])
def test_the_command_imports_a_zip_file_once_whatever_the_format(tmp_path: Path, file_format: str | None) -> None:
    for files in (TODOIST, VIKUNJA):
        file = tmp_path / "export.zip"
        file.write_bytes(packed(files))
        count = len(tasks_in(file.read_bytes()))
        assert f"imported: {count}; already there: 0" in run(file, format=file_format)
        assert f"imported: 0; already there: {count}" in run(file, format=file_format)
    assert "Not carried over: another file in the zip file (2)" in run(file)


@pytest.mark.django_db(transaction=True)
def test_bad_rows_of_a_zip_file_are_written_in_the_format_of_its_files(tmp_path: Path) -> None:
    file, bad = tmp_path / "export.zip", tmp_path / "bad"
    file.write_bytes(packed({"Home.csv": f'{HEADER}task,"A\nb",1\ntask,,1\n'}))
    said = run(file, skip_invalid=str(bad))
    assert said.splitlines() == [
        "line 4, title: Must contain a visible character. (Home.csv)",
        "Todoist's CSV in a zip file. Tasks imported: 1; already there: 0",
        f"Invalid rows written to {bad}: 1",
        "Titles put on one line: 1",
    ]
    assert bad.read_text().startswith("error,reference,title,")
    file.write_bytes(packed({"data.json": '[{"tasks": [{"title": "No id"}]}]'}))
    run(file, skip_invalid=str(bad))
    assert json.loads(bad.read_text())[0]["title"] == "No id"


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sends bytes to stdin through a pipe, which can't be read twice."""
    threads = []

    def send(content: bytes) -> None:
        reader, writer = os.pipe()
        monkeypatch.setattr(sys, "stdin", os.fdopen(reader))

        def write() -> None:
            with os.fdopen(writer, "wb") as file:
                file.write(content)

        threads.append(threading.Thread(target=write))
        threads[-1].start()

    yield send
    for thread in threads:
        thread.join()
    sys.stdin.close()


@pytest.mark.django_db(transaction=True)
def test_a_zip_file_from_a_pipe_is_held_in_memory_up_to_a_limit(pipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(packed(TODOIST))
    assert "imported: 2;" in run("-", format="zip")
    sys.stdin.close()
    monkeypatch.setattr(archive, "PIPED", 10)
    pipe(packed(TODOIST))
    with pytest.raises(CommandError, match="From a pipe, a zip file may have at most 10 bytes"):
        run("-", format="zip")


@pytest.mark.django_db(transaction=True)
def test_staff_preview_and_import_a_zip_file(staff: Client) -> None:
    content = packed({**TODOIST, "Bad.csv": f'{HEADER}task,"A\nb",1\ntask,,1\n'})
    page = upload(staff, content, "Backup.ZIP")
    assert "Backup.ZIP is Todoist's CSV in a zip file. Tasks to create: 3" in page
    assert "Titles put on one line: 1" in page
    assert "4 title Must contain a visible character. (Bad.csv)" in page
    answer = staff.get(BAD)
    assert answer["Content-Disposition"].endswith('.csv"')
    assert "Must contain a visible character. (Bad.csv)" in answer.content.decode()
    confirm(staff)
    assert Task.objects.count() == 3
    assert "Tasks to create: 0 Existing tasks, left unchanged: 3" in upload(staff, content, "backup.zip")


@pytest.mark.django_db(transaction=True)
def test_staff_see_why_a_zip_file_is_refused(staff: Client) -> None:
    assert f"export.zip can’t be imported. {EXPECTED}; the zip file contains 'a'." in upload(
        staff, packed({"a": "b"}), "export.zip"
    )
    assert staff.get(BAD).content == b""
