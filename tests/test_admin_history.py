"""The history for staff: who did what, older versions restored, deleted tasks restored, old changes trimmed."""

import datetime
import io
import re
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.api.attribution import attribute_changes
from tasks.admin import changes as admin_changes
from tasks.admin.sentences import joined, told
from tasks.history import models as history
from tasks.management.commands import trim_history
from tasks.models import Change, Tag, Task
from tests.factories import change_task, client_of, make_task, make_tasks, make_user
from tests.pages import form_in, form_on

pytestmark = pytest.mark.django_db
LIST, CHANGES = "/admin/tasks/task/", "/admin/tasks/change/"


def url_of(task_id: int, page: str = "history") -> str:
    return f"{LIST}{task_id}/{page}/"


def restore_url(change: Change) -> str:
    assert change.task_id
    return url_of(change.task_id, f"history/{change.pk}/restore")


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, (answer.status_code, answer.headers)
    return answer.content.decode()


def newest(task_id: int | None) -> Change:
    return Change.objects.filter(task_id=task_id)[0]


def as_separate_transactions() -> None:
    """Number the changes as if each had been a transaction: a test of pytest-django's is one."""
    Change.objects.filter(transaction__gt=0).update(transaction=-F("pk"))


def change(task: Task, tags: tuple[str, ...] | None = None, **columns: Any) -> Change:
    """One transaction's worth of change, and its last record."""
    first = Change.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    change_task(task.pk, columns, tags)
    Change.objects.filter(pk__gt=first).update(transaction=-first - 1)
    return newest(task.pk)


def created(title: str = "Buy milk", **fields: Any) -> tuple[Task, Change]:
    """A task in a transaction of its own, and the last record of that."""
    task = make_task(title, **fields)
    Change.objects.filter(task_id=task.pk).update(transaction=-1_000_000 - task.pk)
    return task, newest(task.pk)


# Who


def test_what_staff_adds_edits_and_deletes_is_theirs(staff: Client) -> None:
    tag = Tag.objects.named(["home"])[0]
    Change.objects.all().delete()
    attribute_changes("whoever had this session before")
    staff.post(f"{LIST}add/", form_on(staff, f"{LIST}add/", title="New", tags=[tag.pk]))
    task = Task.objects.get()
    staff.post(url_of(task.pk, "change"), form_on(staff, url_of(task.pk, "change"), title="Newer", tags=None))
    staff.post(url_of(task.pk, "delete"), form_on(staff, url_of(task.pk, "delete")))
    operations = Change.objects.order_by("pk").values_list("operation", "actor")
    assert list(operations) == [(each, "alice") for each in ("insert", "update", "update", "update", "delete")]


def test_what_staff_deletes_by_the_list_is_theirs(staff: Client) -> None:
    make_tasks(3, tags=("home",))
    chosen = {
        "action": "delete_selected",
        "_selected_action": list(Task.objects.values_list("pk", flat=True)),
        "index": 0,
    }
    attribute_changes("bob")
    staff.post(LIST, form_in(staff.post(LIST, chosen).content.decode()))
    deletes = Change.objects.filter(operation="delete").values_list("actor", flat=True)
    assert list(deletes) == ["alice"] * 3


def test_what_becomes_of_a_tag_is_theirs(staff: Client) -> None:
    tag = Tag.objects.named(["home"])[0]
    attribute_changes("bob")
    page = f"/admin/tasks/tag/{tag.pk}/change/"
    staff.post(page, form_on(staff, page, name="house"))
    assert Change.objects.all()[0].actor == "alice"


def test_a_page_that_is_only_read_names_nobody(staff: Client) -> None:
    attribute_changes("bob")
    staff.get(LIST)
    make_task()
    assert Change.objects.all()[0].actor == "bob"


# The timeline


def test_the_timeline_tells_who_did_what_newest_first(staff: Client) -> None:
    attribute_changes("bob", "req-1")
    task, _ = created(tags=("home",), description="short")
    attribute_changes("carol")
    change(task, ("work", "home"), title="Buy cheese", completed=True, due_date=datetime.date(2026, 12, 1))
    page = re.sub(r"\s+", " ", text_of(staff, url_of(task.pk)))
    entries = re.findall(r"<li(?: aria-current=\"true\")?> <p><b>.*?(?=<li(?: aria|> <p><b>)|</ol>)", page)
    assert len(entries) == 2
    for part in (
        "<p><b>carol</b></p><ul>",
        "<li>renamed it from <del>Buy milk</del> to <ins>Buy cheese</ins></li>",
        "<li>completed it</li>",
        "<li>set the due date to <ins>2026-12-01</ins></li>",
        "<li>added the tag <ins>work</ins></li>",
        "This is the current version.",
    ):
        assert part in entries[0]
    assert "<b>bob</b>" in entries[1]
    assert "request req-1" in entries[1]
    phrases = ("created the task", "set the description to <ins>short</ins>", "added the tag <ins>home</ins>")
    assert f"<ul><li>{'</li><li>'.join(phrases)}</li></ul>" in entries[1]
    assert "Restore this version" in entries[1]


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [
        ({"completed": True}, {"completed": False}, "reopened it"),
        ({"due_date": "2026-12-01"}, {"due_date": None}, "removed the due date <del>2026-12-01</del>"),
        ({"priority": 3}, {"priority": 1}, "changed the priority from <del>3</del> to <ins>1</ins>"),
        ({"tags": ["a", "b"]}, {"tags": []}, "removed the tags <del>a</del>, <del>b</del>"),
        ({"title": "<b>"}, {"title": "B"}, "renamed it from <del>&lt;b&gt;</del> to <ins>B</ins>"),
        ({"priority": 3}, {"priority": 3}, "updated the task"),
    ],
)
def test_a_change_reads_like_a_sentence(old: dict[str, Any], new: dict[str, Any], phrase: str) -> None:
    assert told(Change.Operation.UPDATE, old, new) == [phrase]


def test_several_things_at_once_are_one_sentence() -> None:
    phrases = told(Change.Operation.UPDATE, {"completed": False, "priority": 1}, {"completed": True, "priority": None})
    assert joined(phrases) == "completed it and removed the priority <del>1</del>"


def test_a_long_description_is_folded(staff: Client) -> None:
    task, _ = created(description="first line\n" + "x" * 300)
    page = text_of(staff, url_of(task.pk))
    assert re.search("<details><summary>first line\nx+…</summary>first line<br>x{300}</details>", page)


def test_a_description_that_becomes_empty_is_not_the_same_as_none(staff: Client) -> None:
    task, _ = created(description="")
    change(task, description=None)
    assert "description" not in text_of(staff, url_of(task.pk)).split('class="timeline"')[1].split("current version")[1]


def test_a_timeline_comes_in_pages_of_whole_transactions(staff: Client) -> None:
    task, _ = created()
    for number in range(130):
        change(task, title=f"Title {number}")
    first = text_of(staff, url_of(task.pk))
    older = re.search(r'href="\?before=(\d+)">Older', first)
    assert older
    second = text_of(staff, f"{url_of(task.pk)}?before={older[1]}")
    assert (first.count("<p><b>"), second.count("<p><b>")) == (100, 31)
    assert "Newest" in second
    assert "current version" not in second
    assert "Older" not in second
    assert "no older changes" in text_of(staff, f"{url_of(task.pk)}?before=1")


def test_a_transaction_that_is_longer_than_a_page_goes_on_on_the_next(staff: Client) -> None:
    task = make_task()
    for number in range(150):
        change_task(task.pk, {"title": f"Title {number}"})
    entries, older = history.timeline(task.pk)
    assert (len(entries), len(entries[0].changes)) == (1, 101)
    entries, older = history.timeline(task.pk, older)
    assert (len(entries), len(entries[0].changes), older) == (1, 50, None)


def test_a_transaction_that_may_go_on_is_left_for_the_next_page() -> None:
    task, _ = created()
    change(task, title="Second")
    change(task, ("a",), title="Third")
    entries, older = history.timeline(task.pk, rows=2)
    assert len(entries) == 1
    assert older
    assert len(history.timeline(task.pk, older, rows=2)[0]) == 2


def test_a_task_without_recorded_changes_says_so(staff: Client) -> None:
    task = make_task()
    Change.objects.all().delete()
    assert "The history has no changes." in text_of(staff, url_of(task.pk))


@pytest.mark.parametrize("object_id", ["999", "none", "9" * 30, "history"])
def test_a_task_that_never_was_has_no_timeline(staff: Client, object_id: str) -> None:
    Tag.objects.create(name="home").delete()
    answer = staff.get(f"{LIST}{object_id}/history/", follow=True)
    assert "doesn’t exist" in answer.content.decode()


def test_the_timeline_of_a_deleted_task_is_there(staff: Client) -> None:
    task, _ = created(tags=("home",), description="text")
    attribute_changes("bob")
    pk = task.pk
    task.delete()
    page = text_of(staff, url_of(pk))
    assert "This task was deleted by bob" in page
    assert "<li>title: Buy milk</li><li>description: text</li><li>tags removed: home</li>" in page
    assert "Restore this task" in page
    assert "Restore this version" not in page


# Restoring


def test_a_version_is_restored_by_going_back_from_the_current_one(staff: Client) -> None:
    task, first = created(tags=("home",), description="text", due_date=datetime.date(2026, 12, 1))
    before = task.members()
    done = change(task, ("work",), title="Second", completed=True)
    members_when_done = Task.objects.get(pk=task.pk).members()
    change(task, (), description=None, due_date=None, completed=False)
    for version, members in ((done, members_when_done), (first, before), (done, members_when_done)):
        answer = staff.post(restore_url(version), form_on(staff, restore_url(version)), follow=True)
        assert "Restored the version of " in answer.content.decode()
        assert Task.objects.get(pk=task.pk).members() == members
    assert newest(task.pk).actor == "alice"


def test_the_question_shows_what_would_change(staff: Client) -> None:
    task, first = created()
    change(task, ("work",), title="Second")
    page = text_of(staff, restore_url(first))
    assert "<li>title: <del>Second</del> → <ins>Buy milk</ins></li><li>tags removed: work</li>" in page


def test_there_is_nothing_to_restore_where_nothing_differs(staff: Client) -> None:
    task, first = created(tags=("home",))
    change(task, title="Second")
    change(task, title="Buy milk")
    page = text_of(staff, restore_url(first))
    assert "there is nothing to restore" in page
    assert form_in(page) == {}


def test_restoring_what_changed_after_the_question_is_refused(staff: Client) -> None:
    task, first = created()
    change(task, title="Second")
    form = form_on(staff, restore_url(first))
    change(task, title="Third")
    page = staff.post(restore_url(first), form).content.decode()
    assert "Nothing was restored: someone else updated the task." in page
    assert "<del>Third</del>" in page
    assert Task.objects.get(pk=task.pk).title == "Third"


def test_restoring_a_task_that_was_deleted_leads_to_its_history(staff: Client) -> None:
    task, first = created()
    form = form_on(staff, restore_url(first))
    task.delete()
    assert "was deleted" in staff.post(restore_url(first), form, follow=True).content.decode()


def test_only_a_version_of_this_very_task_is_restored(staff: Client) -> None:
    task, _ = created()
    _, of_other = created("Other")
    assert staff.get(url_of(task.pk, f"history/{of_other.pk}/restore")).status_code == 404


# Restoring deleted tasks


def test_a_deleted_task_is_restored_whole(staff: Client) -> None:
    task, _ = created("Buy milk", description="a\nb", tags=("home", "Work"), due_date=datetime.date(2026, 12, 1))
    change(task, completed=True)
    task.refresh_from_db()
    pk, members, created_at, updated_at = task.pk, task.members(), task.created_at, task.updated_at
    staff.post(url_of(pk, "delete"), form_on(staff, url_of(pk, "delete")))
    Tag.objects.all().delete()
    back = url_of(pk, "restore")
    assert "tags added: home, Work" in text_of(staff, back)
    answer = staff.post(back, form_on(staff, back), follow=True)
    assert "The task “Buy milk” was restored." in answer.content.decode()
    again = Task.objects.get(pk=pk)
    assert (again.members(), again.created_at) == (members, created_at)
    assert again.updated_at > updated_at
    assert newest(pk).actor == "alice"


def test_a_restored_task_is_newer_than_ever_when_the_clock_steps_back(staff: Client) -> None:
    task, _ = created()
    pk = task.pk
    task.delete()
    tomorrow = timezone.now() + datetime.timedelta(days=1)
    delete = newest(pk)
    Change.objects.filter(pk=delete.pk).update(old=delete.old | {"updated_at": tomorrow.isoformat()})
    staff.post(url_of(pk, "restore"))
    assert Task.objects.get(pk=pk).updated_at == tomorrow + datetime.timedelta(microseconds=1)


def test_a_task_that_exists_is_not_restored(staff: Client) -> None:
    task, _ = created()
    pk = task.pk
    task.delete()
    form = form_on(staff, url_of(pk, "restore"))
    staff.post(url_of(pk, "restore"), form)
    answer = staff.post(url_of(pk, "restore"), form, follow=True)
    assert f"Task {pk} exists: there is nothing to restore." in answer.content.decode()
    assert Task.objects.count() == 1


def test_what_was_never_deleted_is_not_restored(staff: Client) -> None:
    assert staff.get(url_of(999, "restore")).status_code == 404


def test_versions_before_a_task_was_deleted_and_restored_can_be_restored(staff: Client) -> None:
    task, first = created(tags=("home",))
    pk = task.pk
    change(task, ("work",), title="Second")
    task.delete()
    as_separate_transactions()
    deleted = Change.objects.filter(operation="delete").get()
    staff.post(url_of(pk, "restore"))
    assert Task.objects.get(pk=pk).title == "Second"
    staff.post(restore_url(first), form_on(staff, restore_url(first)))
    now = Task.objects.get(pk=pk)
    assert (now.title, now.tag_names()) == ("Buy milk", ["home"])
    assert staff.get(restore_url(deleted)).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_who_restore_a_deleted_task_at_once_one_is_told_that_it_exists(alice: User) -> None:
    pk = make_task(tags=("home",)).pk
    Task.objects.all().delete()
    clients, pages, barrier = [client_of(alice) for _ in range(2)], [], threading.Barrier(2)

    def restore(client: Client) -> None:
        try:
            barrier.wait()
            pages.append(client.post(url_of(pk, "restore"), follow=True).content.decode())
        finally:
            connection.close()

    threads = [threading.Thread(target=restore, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("was restored." in page for page in pages) == [False, True]
    assert sorted("exists: there is nothing" in page for page in pages) == [False, True]
    assert Task.objects.get(pk=pk).tag_names() == ["home"]


@pytest.mark.django_db(transaction=True)
def test_in_real_transactions_too_each_save_is_one_entry(alice: User) -> None:
    staff = client_of(alice)
    task = make_task(tags=("a",))
    page = url_of(task.pk, "change")
    staff.post(page, form_on(staff, page, title="New", tags=[Tag.objects.named(["b"])[0].pk]))
    entries, _ = history.timeline(task.pk)
    assert [entry.operation for entry in entries] == ["update", "insert"]
    staff.post(restore_url(entries[1].newest), form_on(staff, restore_url(entries[1].newest)))
    task.refresh_from_db()
    assert (task.title, task.tag_names(), len(history.timeline(task.pk)[0])) == ("Buy milk", ["a"], 3)


# Who may


@pytest.mark.parametrize(
    ("permissions", "timeline", "restore", "restore_deleted"),
    [
        ((), 403, 403, 403),
        (("view",), 200, 403, 403),
        (("view", "change"), 200, 200, 403),
        (("view", "add"), 200, 403, 200),
        (("delete",), 403, 403, 403),
    ],
)
def test_history_follows_the_permissions_on_tasks(
    permissions: tuple[str, ...], timeline: int, restore: int, restore_deleted: int
) -> None:
    task, first = created()
    gone, _ = created("Gone")
    gone_pk = gone.pk
    gone.delete()
    client = client_of(make_user("dave", *permissions, is_staff=True))
    assert client.get(url_of(task.pk)).status_code == timeline
    assert client.get(CHANGES).status_code == timeline
    for method in (client.get, client.post):
        assert method(restore_url(first)).status_code == restore
    assert client.get(url_of(gone_pk, "restore")).status_code == restore_deleted
    assert client.post(url_of(gone_pk, "restore")).status_code == (302 if restore_deleted == 200 else 403)


def test_buttons_are_for_those_who_may() -> None:
    task, _ = created()
    change(task, title="Second")
    client = client_of(make_user("dave", "view", is_staff=True))
    assert "Restore this version" not in text_of(client, url_of(task.pk))
    pk = task.pk
    task.delete()
    assert "Restore this task" not in text_of(client, url_of(pk))


def test_changes_are_read_only(staff: Client) -> None:
    make_task()
    assert staff.get(f"{CHANGES}add/").status_code == 403
    record = f"{CHANGES}{Change.objects.all()[0].pk}/"
    assert staff.post(f"{record}change/", {"actor": "x"}).status_code == 403
    assert staff.post(f"{record}delete/", {"post": "yes"}).status_code == 403
    assert staff.get(f"{record}change/").status_code == 200


# Recent changes


def test_recent_changes_show_what_became_of_tasks_and_tags(staff: Client) -> None:
    attribute_changes("bob")
    task, _ = created("Buy milk")
    change(task, title="Buy cheese")
    tag = Tag.objects.named(["home"])[0]
    Tag.objects.update(name="house")
    tag.delete()
    page = text_of(staff, CHANGES)
    assert page.count(f'<a href="{url_of(task.pk)}">Buy cheese</a>') == 2
    assert "<b>bob</b> renamed it from <del>Buy milk</del> to <ins>Buy cheese</ins>" in page
    assert "<b>bob</b> created the task" in page
    assert "tag “house”" in page
    assert "renamed it from <del>home</del> to <ins>house</ins>" in page
    assert "created the tag" in page
    assert "deleted the tag" in page
    assert page.index("tag “house”") < page.index("Buy cheese")
    assert "Only the newest" not in page


def test_a_deleted_task_is_found_and_restored_from_there(staff: Client) -> None:
    task, _ = created("Gone")
    pk = task.pk
    task.delete()
    page = text_of(staff, f"{CHANGES}?operation__exact=delete")
    assert f'<a href="{url_of(pk)}">Gone</a>' in page
    assert "deleted the task" in page
    assert f'<a href="{url_of(pk, "restore")}">Restore</a>' in page
    Task.objects.restore_deleted(newest(pk))
    assert ">Restore</a>" not in text_of(staff, f"{CHANGES}?operation__exact=delete")


def test_an_update_is_undone_from_the_changes_and_from_the_history(staff: Client) -> None:
    task, _ = created("Buy milk")
    for page in (CHANGES, url_of(task.pk)):
        update = change(task, title="Buy cheese")
        undo = f"{LIST}undo/{update.pk}/"
        text = text_of(staff, page)
        assert f'<a href="{undo}">Undo</a>' in text
        staff.post(undo)
        task.refresh_from_db()
        assert task.title == "Buy milk"


def test_who_may_not_undo_is_offered_nothing(client: Client) -> None:
    task, _ = created()
    change(task, title="Buy cheese")
    client.force_login(make_user("reader", "view", is_staff=True))
    for page in (CHANGES, url_of(task.pk)):
        assert ">Undo</a>" not in text_of(client, page)


def test_recent_changes_can_be_filtered_by_whom_and_when(staff: Client) -> None:
    for actor in ("bob", "carol"):
        attribute_changes(actor)
        make_task(f"{actor}'s task")
    page = text_of(staff, f"{CHANGES}?actor=bob")
    assert "bob&#x27;s task" in page
    assert "carol&#x27;s task" not in page
    assert '<a href="?actor=carol">carol</a>' in page
    assert "By when" in page


def test_the_names_to_filter_by_are_bounded() -> None:
    for actor in ("carol", "bob", "dave", "bob"):
        attribute_changes(actor)
        make_task()
    assert history.actors(10) == ["bob", "carol", "dave"]
    assert history.actors(2) == ["bob", "carol"]
    Change.objects.all().delete()
    assert history.actors(10) == []


def test_recent_changes_end_somewhere(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_changes.NewestPaginator, "most", 60)
    make_tasks(100)
    page = text_of(staff, f"{CHANGES}?p=2")
    assert "60 changes" in page
    assert "Only the newest 60 are listed." in page
    assert page.count("field-what") == 10


def test_changes_by_one_actor_are_in_the_order_of_time_whatever_they_did(staff: Client) -> None:
    task, _ = created()
    for number in range(3):
        change(task, title=f"Title {number}")
        make_task(f"Task {number}")
    Change.objects.update(actor="bob")
    listed = re.findall(r'field-what">(.*?)</td>', text_of(staff, f"{CHANGES}?actor=bob"))
    assert listed == re.findall(r'field-what">(.*?)</td>', text_of(staff, CHANGES))
    assert len(listed) == Change.objects.count()


def test_history_pages_cost_the_same_queries_for_few_and_for_many_changes(staff: Client) -> None:
    task, _ = created(tags=("a",))
    counts = []
    for more in (1, 60):
        for number in range(more):
            change(task, (f"tag {number}",), title=f"Title {number} of {more}")
        make_tasks(more, tags=("a", "b"))
        Change.objects.update(actor="alice")
        for url in (url_of(task.pk), CHANGES, f"{CHANGES}?actor=alice&operation__exact=update"):
            with CaptureQueriesContext(connection) as queries:
                staff.get(url)
            counts.append(len(queries))
    assert counts[:3] == counts[3:] == [5, 5, 5]


# Trimming


def age(days: int) -> None:
    """Make every change this much older."""
    Change.objects.update(at=F("at") - datetime.timedelta(days=days))


def trim(days: int, **options: Any) -> str:
    out = io.StringIO()
    call_command("trim_history", older_than=days, stdout=out, **options)
    return out.getvalue()


def shown(deleted: int, days: int) -> str:
    return f"Changes deleted: {deleted}\nDays that a point of GET /tasks/changes stays usable: {days}\n"


def test_old_changes_are_trimmed_and_the_rest_restores_as_before(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trim_history, "BATCH", 3)
    task, _ = created(tags=("a",))
    for number in range(5):
        change(task, title=f"Title {number}")
    age(10)
    young = change(task, ("b",), description="text")
    change(task, (), title="Last")
    assert trim(5) == shown(8, 5)  # one of the tag, two of the new task, five of its title
    assert Change.objects.count() == 6  # one of the tag b, three of the one save, two of the other
    staff.post(restore_url(young), form_on(staff, restore_url(young)))
    now = Task.objects.get(pk=task.pk)
    assert (now.title, now.description, now.tag_names()) == ("Title 4", "text", ["b"])
    assert trim(5, verbosity=0) == ""


def test_a_transaction_is_not_cut_in_two() -> None:
    task, _ = created(tags=("a",))
    pk = task.pk
    task.delete()
    age(10)
    delete = newest(pk)
    Change.objects.filter(pk=delete.pk).update(at=timezone.now())
    trim(5)
    assert Change.objects.filter(transaction=delete.transaction).count() > 1
    assert Task.objects.restore_deleted(delete).tag_names() == ["a"]


def test_of_a_history_all_too_old_nothing_is_left() -> None:
    make_tasks(10)
    age(2)
    assert trim(1) == shown(10, 1)
    assert not Change.objects.exists()
    assert trim(1) == shown(0, 1)


@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "36501", "9" * 20])
def test_a_number_of_days_that_makes_no_sense_is_refused(days: str) -> None:
    with pytest.raises(CommandError, match="is not a whole number of days from 1 to 36,500"):
        call_command("trim_history", f"--older-than={days}")
