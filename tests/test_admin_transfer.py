"""Import and export in the admin, through its own pages."""

import csv
import gzip
import io
import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.http import HttpRequest
from django.test import Client

from tasks.admin.patience import GONE, patience
from tasks.models import Change, Reference, Task, Upload
from tasks.transfer import load
from tasks.transfer.load import LOCK
from tasks.transfer.records import COLUMNS
from tests.factories import make_member, make_task, make_tasks
from tests.pages import form_in, form_on

# An import is a transaction of its own.
pytestmark = pytest.mark.django_db(transaction=True)

LIST, IMPORT, EXPORT = "/admin/tasks/task/", "/admin/tasks/task/import/", "/admin/tasks/task/export/"
PREVIEW, BAD = f"{IMPORT}preview/", f"{IMPORT}bad/"
TASKS = b"reference,title,description,completed,due_date,tags\nr1,Buy milk,Two,true,2026-12-01,home\nr2,Pay rent,,,,\n"


def upload(staff: Client, content: bytes, name: str = "tasks.csv") -> str:
    """The page of the preview, as text."""
    answer = staff.post(IMPORT, {"file": SimpleUploadedFile(name, content)}, follow=True)
    assert answer.status_code == 200
    return plain(answer)


def plain(answer: Any) -> str:
    """What stands on the page, without its tags."""
    page = answer.content.decode().partition('id="content-main"')[2] or answer.content.decode()
    return " ".join(re.sub(r"<[^>]*>", " ", page).split()).replace("&#x27;", "'")


def confirm(staff: Client, **edited: Any) -> Any:
    return staff.post(PREVIEW, form_on(staff, PREVIEW, **edited), follow=True)


def test_a_preview_shows_what_would_be_and_changes_nothing(staff: Client) -> None:
    Reference.objects.create(task_id=make_task("Pay rent").pk, reference="r2")
    page = upload(staff, TASKS + b"r3,,,,,\nr4,Late,,,soon,\n")
    assert "tasks.csv is CSV. Tasks to create: 1 Existing tasks, left unchanged: 1 Invalid rows: 2" in page
    assert re.search(r" 4 title \S.*\. 5 due_date \S.*\.", page)
    assert "Buy milk Two yes 2026-12-01 home" in page
    assert Task.objects.count() == 1
    assert not Change.objects.filter(new__title="Buy milk").exists()


def test_a_confirmed_import_is_what_was_previewed_and_in_the_name_of_staff(staff: Client) -> None:
    upload(staff, TASKS)
    answer = confirm(staff)
    ((url, _),) = answer.redirect_chain
    assert url == f"{LIST}?with={Change.objects.filter(task_id__isnull=False)[0].pk}"
    assert "2 tasks imported." in answer.content.decode()
    assert list(Task.objects.order_by("id").values_list("title", flat=True)) == ["Buy milk", "Pay rent"]
    assert set(Change.objects.filter(operation="insert").values_list("actor", flat=True)) == {"alice"}
    assert not Upload.objects.exists()
    assert staff.get(PREVIEW).status_code == 404


def test_an_import_leads_to_the_list_of_what_it_created_and_can_be_undone(staff: Client) -> None:
    Reference.objects.create(task_id=make_task("Pay rent").pk, reference="r2")
    upload(staff, TASKS)
    answer = confirm(staff)
    page = answer.content.decode()
    assert "1 task imported. 1 task existed already." in page
    assert [task.title for task in answer.context["cl"].result_list] == ["Buy milk"]
    undo = re.search(r'<a href="([^"]*)">Undo</a>', page)
    assert undo
    assert "It deletes 1 task that was created." in staff.get(undo[1]).content.decode()
    assert "Undone for 1 task." in staff.post(undo[1], follow=True).content.decode()
    assert Task.objects.get().title == "Pay rent"


def test_a_list_of_what_no_change_created_is_empty(staff: Client) -> None:
    make_task()
    for key in ("0", "x", "99999999999999999999"):
        assert list(staff.get(f"{LIST}?with={key}").context["cl"].result_list) == []


def test_the_sample_file_can_be_imported(staff: Client) -> None:
    assert f'<a href="{IMPORT}sample/">Download a sample file</a>' in staff.get(IMPORT).content.decode()
    answer = staff.get(f"{IMPORT}sample/")
    assert answer["Content-Disposition"].startswith('attachment; filename="sample-')
    assert "Tasks to create: 3" in upload(staff, answer.content)
    confirm(staff)
    assert Task.objects.get(title="Pay rent").tag_names() == ["home"]


def test_what_changed_since_the_preview_is_shown_anew_and_not_imported(staff: Client) -> None:
    upload(staff, TASKS)
    form = form_on(staff, PREVIEW)
    Reference.objects.create(task_id=make_task("Pay rent").pk, reference="r2")
    answer = staff.post(PREVIEW, form)
    page = answer.content.decode()
    assert "Nothing was imported: the file or the tasks have changed." in page
    assert "Tasks to create: 1" in plain(answer)
    assert Task.objects.count() == 1
    assert "1 task imported." in staff.post(PREVIEW, form_in(page), follow=True).content.decode()


def test_another_file_in_another_window_is_not_imported_unseen(staff: Client) -> None:
    upload(staff, TASKS)
    form = form_on(staff, PREVIEW)
    upload(staff, TASKS.replace(b"milk", b"eggs"))
    assert "Nothing was imported: the file or the tasks have changed." in staff.post(PREVIEW, form).content.decode()
    assert not Task.objects.exists()


def test_good_rows_are_imported_and_bad_ones_downloaded(staff: Client) -> None:
    upload(staff, TASKS + b"r3,,,,,\n")
    answer = staff.get(BAD)
    assert answer["Content-Disposition"].startswith('attachment; filename="invalid-rows-')
    header, row = csv.reader(io.StringIO(answer.content.decode()))
    assert header == ["error", *COLUMNS]
    assert row[0].startswith("title: ")
    assert row[1:3] == ["r3", ""]
    assert "2 tasks imported." in confirm(staff).content.decode()


def test_a_file_that_was_imported_has_nothing_to_confirm(staff: Client) -> None:
    upload(staff, TASKS)
    confirm(staff)
    page = staff.post(IMPORT, {"file": SimpleUploadedFile("tasks.csv", TASKS)}, follow=True).content.decode()
    assert "Existing tasks, left unchanged: 2" in page
    assert 'value="Import' not in page


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tasks.txt", TASKS, "The name must end in .csv"),
        ("tasks.csv", b"x" * (10 * 1024 * 1024 + 1), "Must be at most 10 MB."),
        ("tasks.csv", b"", "The submitted file is empty."),
        ("tasks.csv", b"done\n", "tasks.csv can’t be imported. line 1: "),
        (
            "tasks.csv.gz",
            gzip.compress(b"title\n" + (b" " * 10_000 + b"\n") * 1100, mtime=0),
            "10,485,760 bytes",
        ),
        ("tasks.json", b"[", "tasks.json can’t be imported. "),
    ],
)
def test_a_file_that_can_not_be_taken_is_refused_with_the_reason(
    staff: Client, name: str, content: bytes, message: str
) -> None:
    assert message in upload(staff, content, name)


def test_a_file_that_can_not_be_read_is_not_imported_by_a_form_of_ones_own(staff: Client) -> None:
    upload(staff, b"[", "tasks.json")
    version = f"{Upload.objects.get().at.timestamp()} 0 None"
    assert "can’t be imported." in plain(staff.post(PREVIEW, {"version": version}))


@pytest.mark.parametrize(("limit", "name"), [("MOST_ROWS", "rows"), ("MOST_TAGS", "tags")])
def test_a_file_with_too_many_rows_or_tags_is_refused_with_the_way_out(
    staff: Client, monkeypatch: pytest.MonkeyPatch, limit: str, name: str
) -> None:
    content = b'title,tags\nA,"x,y"\n,z\nC,z\n'
    monkeypatch.setattr(f"tasks.admin.preview.{limit}", 3)
    assert "Tasks to create: 2" in upload(staff, content)
    monkeypatch.setattr(f"tasks.admin.preview.{limit}", 2)
    said = f"tasks.csv can’t be imported. It has more than 2 {name}. Use manage.py import_tasks, or divide the file."
    assert said in upload(staff, content)


def test_a_preview_that_takes_too_long_ends_with_the_way_out(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.admin.patience.SECONDS", 0)
    answer = staff.post(IMPORT, {"file": SimpleUploadedFile("tasks.csv", TASKS + b"r3,,,,,\n")}, follow=True)
    assert answer.redirect_chain == [(PREVIEW, 302), (IMPORT, 302)]
    said = "takes too long here. Try again later, divide the file, or use manage.py import_tasks."
    assert f"Nothing was imported: tasks.csv {said}" in answer.content.decode()
    assert "The invalid rows of tasks.csv take too long here." in staff.get(BAD, follow=True).content.decode()


def test_an_import_that_waits_for_the_database_too_long_leaves_nothing(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow() -> Iterator[int]:
        yield from write_all()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")

    write_all = load.write
    upload(staff, TASKS)
    form = form_on(staff, PREVIEW)
    monkeypatch.setattr(load, "write", slow)
    monkeypatch.setattr("tasks.admin.patience.SECONDS", 1)
    assert (
        "Nothing was imported: tasks.csv takes too long here."
        in staff.post(PREVIEW, form, follow=True).content.decode()
    )
    assert not Task.objects.exists()


def test_only_a_statement_that_is_too_slow_is_reported_as_slow() -> None:
    with pytest.raises(OperationalError), patience(HttpRequest()):
        raise OperationalError


@pytest.mark.skipif(not GONE, reason="Only Linux tells a server that the client has gone.")
def test_a_preview_ends_when_its_client_has_gone(staff: Client) -> None:
    upload(staff, TASKS)
    ours, clients = socket.socketpair()
    request: dict[str, Any] = {"gunicorn.socket": ours}
    with ours, clients:
        assert staff.get(PREVIEW, **request).status_code == 200
        clients.close()
        assert staff.get(PREVIEW, **request)["Location"] == IMPORT


def test_what_is_in_a_file_is_text_and_never_html(staff: Client) -> None:
    upload(staff, b"title,due_date\n<b>A,\nB,<b>\n", "<b>.csv")
    page = staff.get(PREVIEW).content.decode()
    assert "&lt;b&gt;A" in page
    assert "<b>" not in page


def test_many_faults_are_counted_and_the_first_shown(staff: Client) -> None:
    page = upload(staff, b"title\n" + b'" "\n' * 150 + b"".join(b"Good %d\n" % number for number in range(12)))
    assert "Tasks to create: 12 Existing tasks, left unchanged: 0 Invalid rows: 150" in page
    assert ("Good 9 " in page, "Good 10 " in page) == (True, False)
    assert "Errors: the first 100" in page
    assert len(re.findall(r" \d+ title \S", page.partition("First valid rows")[0])) == 100


def test_a_foreign_file_says_what_is_not_imported(staff: Client) -> None:
    page = upload(staff, b"TYPE,CONTENT,AUTHOR\ntask,Call @home,Sam\n")
    assert "tasks.csv is Todoist's CSV." in page
    assert "Not imported: AUTHOR of a task (1)" in page


def test_an_import_during_another_is_refused(staff: Client) -> None:
    upload(staff, TASKS)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        assert "Nothing was imported: another import is running." in confirm(staff).content.decode()
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    other.close()
    assert not Task.objects.exists()


def download(staff: Client, url: str) -> tuple[Any, list[dict[str, Any]]]:
    answer = staff.get(url)
    assert answer.status_code == 200
    return answer, json.loads(b"".join(answer))


def test_an_export_has_all_tasks_or_those_of_the_filtered_list(staff: Client) -> None:
    make_tasks(600)
    make_task("Buy milk", completed=True, tags=("home",))
    answer, everything = download(staff, f"{EXPORT}json/")
    assert answer.streaming
    assert answer["Content-Type"] == "application/json"
    assert re.fullmatch(r'attachment; filename="tasks-\d{4}-\d\d-\d\d\.json"', answer["Content-Disposition"])
    assert len(everything) == 601
    for query in ("?q=milk", "?completed__exact=1"):
        assert [task["title"] for task in download(staff, f"{EXPORT}json/{query}")[1]] == ["Buy milk"]
    assert download(staff, f"{EXPORT}json/?q={'-' * 33}")[1] == []


def test_the_list_leads_to_import_and_export_with_its_filter(staff: Client) -> None:
    make_task("Buy milk")
    page = staff.get(f"{LIST}?q=milk").content.decode()
    assert f'href="{IMPORT}"' in page
    assert f'href="{EXPORT}?q=milk"' in page
    assert form_on(staff, f"{EXPORT}?q=milk&q=x") == {"q": ["milk", "x"], "spreadsheet_safe": ["on"]}
    assert "Filtered tasks" not in staff.get(EXPORT).content.decode()


def test_an_export_of_the_filtered_list_or_of_all_is_safe_in_a_spreadsheet_unless_staff_clear_the_box(
    staff: Client,
) -> None:
    make_task("=1+1", tags=("home",))
    make_task("Buy milk")
    page = f"{EXPORT}?q=1"
    assert f'formaction="{EXPORT}csv/"' in staff.get(page).content.decode()
    safe = form_on(staff, page)
    unsafe = form_on(staff, page, spreadsheet_safe=None)
    rows = [
        [row["title"] for row in csv.DictReader(io.StringIO(b"".join(staff.get(f"{EXPORT}csv/", form)).decode()))]
        for form in (safe, unsafe, safe | {"all": "1"}, unsafe | {"all": "1"})
    ]
    assert rows == [["'=1+1"], ["=1+1"], ["'=1+1", "Buy milk"], ["=1+1", "Buy milk"]]
    assert [task["title"] for task in json.loads(b"".join(staff.get(f"{EXPORT}json/", safe)))] == ["=1+1"]


def test_a_filter_or_format_that_is_none_is_not_exported(staff: Client) -> None:
    assert staff.get(f"{EXPORT}csv/?completed__exact=x").headers["Location"] == f"{LIST}?e=1"
    assert staff.get(f"{EXPORT}xml/").status_code == 404


def test_readers_export_and_may_not_import() -> None:
    client = Client()
    client.force_login(make_member("bob", "Task readers", is_staff=True))
    assert f'href="{EXPORT}?"' in client.get(LIST).content.decode()
    assert f'href="{IMPORT}"' not in client.get(LIST).content.decode()
    assert [client.post(url).status_code for url in (IMPORT, PREVIEW)] == [403, 403]
    assert b"".join(client.get(f"{EXPORT}csv/")).startswith(b"reference,title")


def test_who_may_add_and_not_view_may_not_export() -> None:
    client = Client()
    user = make_member("bob", "Task readers", is_staff=True)
    user.groups.clear()
    client.force_login(user)
    assert [client.get(url).status_code for url in (EXPORT, f"{EXPORT}csv/", BAD)] == [403, 403, 403]


def choose(staff: Client, *tasks: Task, across: bool = False) -> Any:
    chosen = {"action": "export_selected", "_selected_action": [task.pk for task in tasks], "index": 0}
    return staff.post(LIST, chosen | {"select_across": int(across)}, follow=True)


def test_selected_tasks_are_exported_in_a_format_of_choice(staff: Client) -> None:
    tasks = [make_task(f"Task {number}") for number in range(3)]
    form = form_in(choose(staff, *tasks[:2]).content.decode())
    assert staff.post(LIST, form | {"file_format": "docx"}).context["form"].errors
    answer = staff.post(LIST, form | {"file_format": "jsonl"})
    assert ".jsonl" in answer.headers["Content-Disposition"]
    lines = b"".join(answer.streaming_content).splitlines()  # type: ignore[attr-defined]  # it is a StreamingHttpResponse
    assert [json.loads(line)["title"] for line in lines] == ["Task 0", "Task 1"]
    assert form["spreadsheet_safe"] == ["on"]


def test_more_than_a_list_shows_are_not_exported_by_selection(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.pages.bounded_list.MOST", 2)
    make_tasks(3)
    page = choose(staff, *Task.objects.all()[:1], across=True).content.decode()
    assert "Nothing was exported: select at most 2, or use Export above the list." in page
