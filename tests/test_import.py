"""`manage.py import_tasks`: imports all rows or none, no row twice, and the history has every change."""

import gzip
import io
import json
import re
import signal
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tasks.models import Change, Reference, Tag, Task
from tasks.transfer import load
from tests.factories import make_task

# An import is a transaction of its own.
pytestmark = pytest.mark.django_db(transaction=True)

HINT = "Add --skip-invalid FILE to import the valid rows and write the invalid ones to FILE."
TASKS = 'reference,title,tags\nr1,Buy milk,"home,Shop"\nr2,Pay rent,HOME\n'


def write(folder: Path, text: str | bytes, name: str = "tasks.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def run(file: object, **options: Any) -> str:
    """What the command prints, without the time it took."""
    stdout, stderr = io.StringIO(), io.StringIO()
    call_command("import_tasks", str(file), stdout=stdout, stderr=stderr, **options)
    return re.sub(r" in [\d.]+ s \([\d,]+ per second\)", "", stderr.getvalue() + stdout.getvalue())


def refused(file: object, **options: Any) -> str:
    stderr = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("import_tasks", str(file), stderr=stderr, **options)
    return stderr.getvalue() + str(caught.value)


def contents() -> list[tuple[object, ...]]:
    tasks = Task.objects.order_by("id").prefetch_related("tags")
    return [(task.title, task.description, task.completed, task.tag_names()) for task in tasks]


def test_rows_become_tasks_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert run(write(tmp_path, TASKS)) == "CSV. Tasks imported: 2; already there: 0\n"
    assert contents() == [("Buy milk", None, False, ["home", "Shop"]), ("Pay rent", None, False, ["home"])]
    first, second = Task.objects.order_by("id")
    assert first.created_at == second.created_at == first.updated_at


def test_times_in_the_file_are_kept_and_a_completed_task_gets_one(tmp_path: Path) -> None:
    lines = [
        {"title": "A", "completed": True, "completed_at": "2020-01-02T00:00:00Z", "created_at": "2020-01-01T00:00:00Z"},
        {"title": "B", "completed": True, "description": "", "due_date": "2026-12-01"},
    ]
    run(write(tmp_path, "\n".join(map(json.dumps, lines)), "tasks.jsonl"))
    done, now = Task.objects.order_by("id")
    assert (str(done.created_at), str(done.completed_at)) == ("2020-01-01 00:00:00+00:00", "2020-01-02 00:00:00+00:00")
    assert now.completed_at is not None
    assert now.completed_at >= now.created_at
    assert (now.description, str(now.due_date)) == ("", "2026-12-01")


def test_importing_a_file_again_creates_nothing_and_overwrites_no_edit(tmp_path: Path) -> None:
    file = write(tmp_path, TASKS)
    run(file)
    Task.objects.filter(title="Buy milk").update(title="Bought")
    assert run(file) == "CSV. Tasks imported: 0; already there: 2\n"
    assert [title for title, *_ in contents()] == ["Bought", "Pay rent"]


def test_a_row_without_a_reference_is_recognized_by_its_values(tmp_path: Path) -> None:
    file = write(tmp_path, "title,tags\nA,x\nA,x\nA,y\n")
    assert run(file).startswith("CSV. Tasks imported: 3;")
    assert run(file) == "CSV. Tasks imported: 0; already there: 3\n"
    file.write_text("title,tags\nA,x\nA,x\nA,x\nA,y\n")
    assert run(file) == "CSV. Tasks imported: 1; already there: 3\n"


def test_rows_that_differ_only_in_priority_are_different_tasks(tmp_path: Path) -> None:
    run(write(tmp_path, "title,priority\nA,\nA,1\nA,2\n"))
    assert run(write(tmp_path, "title,priority\nA,2\nA,3\nA,1\nA,\n")).startswith(
        "CSV. Tasks imported: 1; already there: 3"
    )


def test_todoist_tasks_imported_by_an_earlier_version_are_recognized(tmp_path: Path) -> None:
    """The earlier version made the priority the last tag, and its reference is a digest that includes it."""
    run(write(tmp_path, "TYPE,CONTENT,PRIORITY\ntask,Call @home,1\ntask,Write,3\ntask,Rest,4\n"))
    texts = ('(Call,,f,,,"{home,p1}",)', "(Write,,f,,,{p3},)", "(Rest,,f,,,{},)")
    references = [f"row:{sha256(text.encode()).hexdigest()[:32]}:1" for text in texts]
    assert list(map(str, Reference.objects.order_by("task_id"))) == references


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"title": "A", "tags": ["x"]}', "(A,,f,,,{x},)"),
        (
            '{"title": "A, b", "description": "", "completed": true, "completed_at": "2026-01-01T00:00:00.5Z"}',
            '("A, b","",t,"2026-01-01 00:00:00.5+00",,{},)',
        ),
        (
            '{"title": "A", "due_date": "2026-12-01", "created_at": "2025-01-01T01:00:00+01:00"}',
            '(A,,f,,2026-12-01,{},"2025-01-01 00:00:00+00")',
        ),
    ],
)
def test_rows_imported_by_an_earlier_version_are_recognized(tmp_path: Path, line: str, text: str) -> None:
    """The reference is a digest of this text. A later column is not part of it while it is null."""
    run(write(tmp_path, line, "tasks.jsonl"))
    assert Reference.objects.get().reference == f"row:{sha256(text.encode()).hexdigest()[:32]}:1"


def test_a_deleted_task_is_created_again_and_a_restored_one_is_recognized(tmp_path: Path) -> None:
    file = write(tmp_path, TASKS)
    run(file)
    pk = Task.objects.get(title="Buy milk").pk
    Task.objects.remove(pk)
    Task.objects.restore_deleted(Change.objects.filter(task_id=pk, operation="delete")[0])
    assert run(file) == "CSV. Tasks imported: 0; already there: 2\n"
    Task.objects.remove(pk)
    assert run(file) == "CSV. Tasks imported: 1; already there: 1\n"
    assert run(file) == "CSV. Tasks imported: 0; already there: 2\n"
    assert list(map(str, Reference.objects.order_by("reference"))) == ["r1", "r2"]
    assert Reference.objects.get(reference="r1").task_id == Task.objects.get(title="Buy milk").pk != pk


def test_the_reference_of_an_export_needs_the_id_and_the_creation_time_of_a_task(tmp_path: Path) -> None:
    task = make_task("Here")
    moment = int(task.created_at.timestamp() * 1_000_000)
    text = f"reference,title\ntask:{task.pk}:{moment},Here\ntask:{task.pk}:{moment + 7},Elsewhere\ntask:x:1,Odd\n"
    assert run(write(tmp_path, text)) == "CSV. Tasks imported: 2; already there: 1\n"


def test_with_a_bad_row_nothing_is_imported(tmp_path: Path) -> None:
    file = write(tmp_path, TASKS + "r3,,\nr1,Again,\nr4,Ok," + "x" * 51)
    said = refused(file)
    required, too_long, *rest = said.splitlines()
    assert required.startswith("line 4, title: ")
    assert too_long.startswith("line 6, tags: ")
    assert rest == [
        "line 5, reference: Line 2 has the same reference, 'r1'.",
        f"Invalid rows: 3. Nothing was imported. {HINT}",
    ]
    assert not Task.objects.exists()
    assert not Tag.objects.exists()
    assert not Change.objects.exists()


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "json"])
def test_bad_rows_are_written_to_a_file_corrected_there_and_imported(tmp_path: Path, file_format: str) -> None:
    rows = [
        {"title": "Good"},
        {"reference": "r1", "title": "One", "tags": ["a", "b,c"]},
        {"title": "", "tags": ["b,c"]},
    ]
    rows.append({"reference": "r1", "title": "Two", "description": "", "created_at": "2020-01-01T00:00:00.000000Z"})
    if file_format == "csv":
        text = 'reference,title,description,tags,created_at\n,Good,,,\nr1,One,,"a,""b,c""",\n,,,"""b,c""",\n'
        text += "r1,Two,\\,,2020-01-01T00:00:00.000000Z\n"
    else:
        lines = list(map(json.dumps, rows))
        text = "\n".join(lines) if file_format == "jsonl" else f"[{','.join(lines)}]"
    bad = tmp_path / f"bad.{file_format}"
    said = run(write(tmp_path, text, f"tasks.{file_format}"), skip_invalid=str(bad))
    assert "Tasks imported: 2; already there: 0" in said
    assert f"Invalid rows written to {bad}: 2" in said
    corrected = bad.read_text().replace('"title": ""', '"title": "Three"').replace("required.,,", "required.,,Three")
    corrected = corrected.replace('"r1"', '"r2"').replace(",r1,Two", ",r2,Two")
    assert "Tasks imported: 2; already there: 0" in run(write(tmp_path, corrected, f"corrected.{file_format}"))
    assert contents()[2:] == [("Three", None, False, ["b,c"]), ("Two", "", False, [])]


def test_a_bad_row_with_a_number_that_is_too_long_is_written_as_valid_json(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    run(write(tmp_path, f'{{"title": "A", "due_date": {"9" * 30}}}', "tasks.jsonl"), skip_invalid=str(bad))
    assert refused(bad, dry_run=True).startswith("line 1, due_date: ")


def test_a_row_with_too_many_cells_keeps_them_in_the_file_of_bad_rows(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    run(write(tmp_path, "reference,title\nr1,A,B\n"), skip_invalid=str(bad))
    assert bad.read_text().splitlines()[1:] == [
        '"Expected 2 cells, as in the header; this row has 3. A cell that contains a separator must be quoted.",r1,A,B'
    ]


def test_what_is_not_carried_over_is_counted_by_name(tmp_path: Path) -> None:
    said = run(write(tmp_path, "TYPE,CONTENT,AUTHOR\nmeta,,\ntask,A,Sam\ntask,B,Sam\n"))
    assert said.splitlines() == [
        "Todoist's CSV. Tasks imported: 2; already there: 0",
        "Not carried over: AUTHOR of a task (2)",
        "Not carried over: a meta row (1)",
    ]


def test_without_bad_rows_their_file_is_an_empty_array(tmp_path: Path) -> None:
    run(write(tmp_path, "[]", "tasks.json"), skip_invalid=str(tmp_path / "bad.json"))
    assert json.loads((tmp_path / "bad.json").read_text()) == []


def test_a_dry_run_reports_what_would_be_imported_and_changes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path, TASKS + "r3,,\n")
    with CaptureQueriesContext(connection) as queries:
        said = run(file, dry_run=True, skip_invalid=str(tmp_path / "bad.csv"))
    bad, *outcome = said.splitlines()
    assert bad.startswith("line 4, title: ")
    assert outcome == [
        "CSV. Tasks that would be imported: 2; already there: 0",
        f"Invalid rows that would be written to {tmp_path / 'bad.csv'}: 1",
    ]
    assert not (tmp_path / "bad.csv").exists()
    assert not Task.objects.exists()
    assert not any("nextval" in query["sql"] for query in queries)


def test_a_dry_run_with_a_bad_row_is_refused_as_the_import_would_be(tmp_path: Path) -> None:
    said = refused(write(tmp_path, TASKS + "r3,,\n"), dry_run=True)
    assert said.startswith("line 4, title: ")
    assert said.endswith(f"Invalid rows: 1. Nothing would be imported. {HINT}")


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_for_bad_rows_that_cannot_be_written_is_refused_in_a_dry_run_too(
    tmp_path: Path, *, dry_run: bool
) -> None:
    file = write(tmp_path, TASKS)
    for skip_invalid, reason in (
        (
            tmp_path / "missing" / "bad.csv",
            f"{tmp_path}/missing/bad.csv: No such file or directory. Nothing was imported.",
        ),
        (tmp_path, "Is a directory. Nothing was imported."),
        (file, f"--skip-invalid names the file that is imported, {file}. Nothing was imported."),
    ):
        assert reason in refused(file, skip_invalid=str(skip_invalid), dry_run=dry_run)
    assert file.read_text() == TASKS
    (tmp_path / "bad.csv").write_text("before")
    assert "2; already there: 0" in run(file, skip_invalid=str(tmp_path / "bad.csv"), dry_run=dry_run)
    assert ((tmp_path / "bad.csv").read_text() == "before") == dry_run
    run(file, skip_invalid=str(tmp_path / "new.csv"), dry_run=dry_run)
    assert (tmp_path / "new.csv").exists() != dry_run
    run(file, skip_invalid="/dev/null", dry_run=dry_run)


def test_the_history_names_the_import_as_the_actor(tmp_path: Path) -> None:
    connection.close()
    run(write(tmp_path, TASKS))
    changes = Change.objects.filter(task_id__isnull=False).order_by("id")
    assert {(change.operation, change.actor) for change in changes} == {
        ("insert", f"tasks-api as {connection.settings_dict['USER']}"),
        ("update", f"tasks-api as {connection.settings_dict['USER']}"),
    }
    assert len({change.transaction for change in changes}) == 1


def test_gzip_is_decompressed_and_stdin_needs_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "imported: 2;" in run(write(tmp_path, gzip.compress(TASKS.encode()), "tasks.csv.gz"))
    assert "Otherwise add --format." in refused("-")
    with write(tmp_path, TASKS).open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert "imported: 0; already there: 2" in run("-", format="csv")


@pytest.mark.parametrize("text", ["done\nA\n", b"title\n\xe4\n"])
def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path, text: str | bytes) -> None:
    assert refused(write(tmp_path, text)).endswith("Nothing was imported.")


def test_a_file_that_cannot_be_opened_is_named_with_the_reason(tmp_path: Path) -> None:
    missing = tmp_path / "missing.csv"
    assert refused(missing) == f"{missing}: No such file or directory. Nothing was imported."
    assert refused(tmp_path, format="csv") == f"{tmp_path}: Is a directory. Nothing was imported."


def test_the_size_of_a_batch_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "BATCH", 3)
    monkeypatch.setattr("tasks.management.commands.import_tasks.WORTH_A_VACUUM", 5)
    text = "title,tags\n" + "".join(f'T{number},"t{number % 4},x"\n' for number in range(10))
    assert "imported: 10;" in run(write(tmp_path, text))
    assert contents() == [(f"T{number}", None, False, [f"t{number % 4}", "x"]) for number in range(10)]


def test_an_import_that_ctrl_c_interrupts_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Iterator[int]:
        yield from write_all()
        signal.raise_signal(signal.SIGINT)

    write_all = load.write
    monkeypatch.setattr(load, "write", interrupted)
    file = write(tmp_path, TASKS)
    assert refused(file) == "Interrupted. Nothing was imported."
    assert not Task.objects.exists()
    assert not Tag.objects.exists()


def test_a_second_import_at_the_same_moment_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [load.LOCK])
    try:
        assert refused(write(tmp_path, TASKS)) == "Another import is running. Nothing was imported."
    finally:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [load.LOCK])
        other.close()
    assert "imported: 2;" in run(write(tmp_path, TASKS))
