"""`manage.py export_tasks`, and that importing an export gives the same tasks."""

import csv
import gzip
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.text import CONTROLS, HIDDEN, VISIBLE, folded
from tasks.models import Reference, Tag, Task
from tests.factories import change_task, make_task, make_tasks

pytestmark = pytest.mark.django_db(transaction=True)

FORMATS = ("csv", "jsonl", "json")
# Every character that PostgreSQL can store; more often those that CSV, JSON or a spreadsheet escapes.
LETTERS = st.sampled_from("a,;\"\\'\n\r\t=+-@\uff1d\x01\x02\x7f {}[]\u2028é漢🎉") | st.characters(
    codec="utf-8", exclude_characters="\0"
)
LINES = LETTERS.filter(lambda letter: not CONTROLS.search(letter) and not HIDDEN.search(letter))
TITLES = st.text(LINES, min_size=1, max_size=20).map(str.strip).filter(VISIBLE.search)
NOT_EXPORTED = ("id", "updated_at", "search", "transaction")  # the database sets them
NAMES = st.lists(TITLES.filter(lambda name: not HIDDEN.search(name)), max_size=4, unique_by=folded)
TIMES = st.datetimes(timezones=st.just(UTC))
TASKS = st.lists(
    st.fixed_dictionaries(
        {"title": TITLES, "tags": NAMES},
        optional={
            "description": st.none()
            | st.text(LETTERS, max_size=20)
            | st.sampled_from(["", "\\", "\\\\", "\\N", "\\a"]),
            "completed_at": TIMES,
            "due_date": st.none() | st.dates(),
            "created_at": TIMES,
        },
    ),
    max_size=5,
)


def export(folder: Path, name: str, **options: bool) -> bytes:
    call_command("export_tasks", str(folder / name), stderr=io.StringIO(), **options)
    return (folder / name).read_bytes()


def run_import(file: Path) -> str:
    stdout = io.StringIO()
    call_command("import_tasks", str(file), stdout=stdout)
    return stdout.getvalue()


def create(tasks: list[dict[str, Any]]) -> None:
    for values in tasks:
        make_task(**{**values, "tags": tuple(values["tags"]), "completed": "completed_at" in values})


def forget() -> None:
    for model in (Task, Tag, Reference):
        model.objects.all().delete()


@pytest.mark.parametrize(
    ("file_format", "options"), [*((each, {}) for each in FORMATS), ("csv", {"spreadsheet_safe": True})]
)
@given(tasks=TASKS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_export_of_what_was_imported_is_equal_to_it(
    tmp_path: Path, file_format: str, options: dict[str, bool], tasks: list[dict[str, Any]]
) -> None:
    forget()
    create(tasks)
    before = [
        (task.title, task.description, task.completed_at, task.tag_names()) for task in Task.objects.order_by("id")
    ]
    exported = export(tmp_path, f"one.{file_format}", **options)
    assert "imported: 0 in " in run_import(tmp_path / f"one.{file_format}")
    forget()
    assert f"imported: {len(tasks):,} in " in run_import(tmp_path / f"one.{file_format}")
    after = [
        (task.title, task.description, task.completed_at, task.tag_names()) for task in Task.objects.order_by("id")
    ]
    assert after == before
    assert export(tmp_path, f"two.{file_format}", **options) == exported
    assert "imported: 0 in " in run_import(tmp_path / f"one.{file_format}")


# A value for each kind of column; the first match counts.
FILLED: dict[type[Any], object] = {
    models.DateTimeField: datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC),
    models.DateField: date(2026, 12, 1),
    models.BooleanField: True,
    models.IntegerField: 2,
    models.TextField: "Two\nlines",
    models.CharField: "Buy milk",
}


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_column_of_a_task_is_exported_and_imported(tmp_path: Path, file_format: str) -> None:
    fields = [field for field in Task._meta.concrete_fields if field.name not in NOT_EXPORTED]
    values = {field.name: next(FILLED[kind] for kind in FILLED if isinstance(field, kind)) for field in fields}
    Task.objects.create(**values).tags.set(Tag.objects.named(["home"]))
    export(tmp_path, f"tasks.{file_format}")
    forget()
    run_import(tmp_path / f"tasks.{file_format}")
    task = Task.objects.get()
    assert {name: getattr(task, name) for name in values} == values
    assert task.tag_names() == ["home"]


def test_csv_has_a_header_and_a_line_per_task(tmp_path: Path) -> None:
    task = make_task("Buy milk", description="", tags=("b", "A, c"), due_date="2026-12-01", priority=1)
    Reference.objects.create(task_id=task.pk, reference="r1")
    created = task.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert export(tmp_path, "tasks.csv").decode() == (
        "reference,title,description,completed,completed_at,due_date,priority,tags,created_at\n"
        f'r1,Buy milk,\\,false,,2026-12-01,1,"""A, c"",b",{created}\n'
    )


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "'=1+1", "''-1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201")
TEXTS = ("1=1", "'tis", "''", "'", " =1", "a\t=1")


def test_a_csv_that_is_safe_in_a_spreadsheet_has_an_apostrophe_before_each_formula_and_reads_back_equal(
    tmp_path: Path,
) -> None:
    for text in FORMULAS + TEXTS:
        tags = (text,) if text.strip() == text and "\t" not in text else ()
        make_task("-" + text.replace("\t", ""), description=text, tags=tags)
    make_task("Tab", description="\t=1")
    make_task("Line", description="\r\n=1", tags=("@a, b", "c"))
    make_task("Empty", description="")
    Reference.objects.create(task_id=Task.objects.get(title="Empty").pk, reference="@r")
    plain = export(tmp_path, "plain.csv")
    text = export(tmp_path, "safe.csv", spreadsheet_safe=True).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")] == []
    assert [row["description"] for row in rows] == [
        *(f"'{each}" for each in FORMULAS),
        *TEXTS,
        "'\t=1",
        "'\r\n=1",
        "\\",
    ]
    assert (rows[-1]["reference"], rows[-2]["tags"], rows[-1]["spreadsheet_safe"]) == ("'@r", '"@a, b",c', "")
    forget()
    run_import(tmp_path / "safe.csv")
    assert export(tmp_path, "again.csv") == plain


def test_only_csv_can_be_safe_in_a_spreadsheet(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="only for CSV"):
        export(tmp_path, "tasks.json", spreadsheet_safe=True)


def test_json_is_an_array_and_json_lines_has_an_object_per_line(tmp_path: Path) -> None:
    assert json.loads(export(tmp_path, "tasks.json")) == []
    make_tasks(3, tags=("a",))
    tasks = json.loads(export(tmp_path, "tasks.json"))
    assert [task["title"] for task in tasks] == ["Task 1", "Task 2", "Task 3"]
    assert tasks[0].items() >= {"description": None, "completed": False, "tags": ["a"]}.items()
    assert list(map(json.loads, export(tmp_path, "tasks.jsonl").splitlines())) == tasks


def test_a_task_has_the_same_reference_in_every_export_and_after_an_edit(tmp_path: Path) -> None:
    task = make_task()
    (before,) = json.loads(export(tmp_path, "tasks.json"))
    change_task(task.pk, {"title": "Edited"})
    (after,) = json.loads(export(tmp_path, "tasks.json"))
    assert after == before | {"title": "Edited"}


def test_exports_of_the_same_tasks_are_equal_when_compressed(tmp_path: Path) -> None:
    make_tasks(3)
    compressed = export(tmp_path, "tasks.csv.gz")
    assert gzip.decompress(compressed) == export(tmp_path, "tasks.csv")
    assert compressed == export(tmp_path, "again.csv.gz")


def test_tasks_go_to_stdout_and_the_report_to_stderr(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    make_tasks(2)
    call_command("export_tasks", "-", format="jsonl")
    output, errors = capfdbinary.readouterr()
    assert output.count(b"\n") == 2
    assert errors.startswith(b"Tasks exported: 2 in ")
    with pytest.raises(CommandError, match="Otherwise add --format"):
        call_command("export_tasks", "-")


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(
        CommandError, match=r"/missing/a\.csv\.part: No such file or directory\. No file was written\.$"
    ):
        call_command("export_tasks", str(tmp_path / "missing" / "a.csv"))


def test_an_interrupted_export_leaves_the_previous_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(file_format: str, *, spreadsheet_safe: bool) -> Any:
        yield b"half"
        raise KeyboardInterrupt

    make_tasks(2)
    before = export(tmp_path, "tasks.csv")
    monkeypatch.setattr("tasks.management.commands.export_tasks.dump", interrupted)
    with pytest.raises(CommandError, match=r"Interrupted\. No file was written\."):
        call_command("export_tasks", str(tmp_path / "tasks.csv"))
    assert [file.name for file in tmp_path.iterdir()] == ["tasks.csv"]
    assert (tmp_path / "tasks.csv").read_bytes() == before
