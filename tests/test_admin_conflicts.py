"""The admin overwrites nothing unseen: what changed since staff opened a page is shown instead."""

import datetime
import re
import threading
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from config.api.attribution import attribute_changes
from tasks.models import Change, Tag, Task
from tests.factories import change_task, make_task, make_tasks
from tests.pages import form_in, form_on
from tests.waiting import await_lock_waiter, in_thread

pytestmark = pytest.mark.django_db
LIST = "/admin/tasks/task/"


@pytest.fixture
def task(db: None) -> Task:
    return make_task("Old", description="two\nlines", tags=("home",), due_date=datetime.date(2026, 12, 1))


def page_of(task: Task) -> str:
    return f"{LIST}{task.pk}/change/"


def change_as_bob(task: Task, tags: tuple[str, ...] | None = None, **columns: Any) -> None:
    attribute_changes("bob")
    change_task(task.pk, columns, tags)


def note_on(page: str, name: str) -> str:
    """What stands below the box of this field."""
    found = re.search(rf'<div class="help" id="id_{name}_helptext">\s*<div>(.*?)</div>', page, re.DOTALL)
    return found[1] if found else ""


def choices_on(page: str, name: str) -> dict[str, str]:
    return dict(re.findall(rf'name="choice-{name}" value="(\w+)".*?</b> (.*?)</label>', note_on(page, name)))


def state(task: Task) -> dict[str, Any]:
    return Task.objects.get(pk=task.pk).members()


def test_an_edit_of_a_member_that_changed_meanwhile_is_refused_and_shown(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, title="Bob's")
    before = state(task)
    answer = staff.post(page_of(task), form)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert state(task) == before
    assert "Nothing was saved: someone else updated the task after you opened it." in page
    assert "<b>bob</b> changed this too." in note_on(page, "title")
    assert choices_on(page, "title") == {"mine": "Mine", "theirs": "Bob&#x27;s"}
    assert f'<a href="{page_of(task)}">keep theirs</a>' in page
    assert form_in(page)["title"] == ["Mine"]
    assert not note_on(page, "description")


def test_saving_again_is_the_decision(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, title="Bob's")
    refused = staff.post(page_of(task), form)
    answer = staff.post(page_of(task), form_in(refused.content.decode()))
    assert answer.status_code == 302
    assert state(task)["title"] == "Mine"


def test_what_staff_did_not_edit_is_taken_over_and_survives_saving_again(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, ("work",), description="Bob's\ntext", completed=True, due_date=None)
    refused = staff.post(page_of(task), form).content.decode()
    assert "It is in the box, as you had not edited it." in note_on(refused, "description")
    for name, value in (("tags", "work"), ("completed", "yes"), ("due_date", "none")):
        assert f"<b>bob</b> changed this to <ins>{value}</ins>." in note_on(refused, name)
    assert 'class="errorlist" id=' not in refused
    assert staff.post(page_of(task), form_in(refused)).status_code == 302
    now = state(task)
    assert (now["title"], now["description"], now["tags"]) == ("Mine", "Bob's\ntext", ["work"])
    assert (now["completed"], now["due_date"]) == (True, None)


def test_a_second_change_is_refused_again(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, title="Bob's")
    refused = staff.post(page_of(task), form)
    change_as_bob(task, title="Bob's second")
    again = staff.post(page_of(task), form_in(refused.content.decode()))
    assert choices_on(again.content.decode(), "title")["theirs"] == "Bob&#x27;s second"
    assert state(task)["title"] == "Bob's second"


def test_an_edit_of_another_member_is_refused_too(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), due_date="2027-01-01")
    change_as_bob(task, title="Bob's")
    refused = staff.post(page_of(task), form).content.decode()
    assert "Nothing was saved" in refused
    assert form_in(refused)["title"] == ["Bob's"]
    assert form_in(refused)["due_date"] == ["2027-01-01"]


def test_a_form_in_which_nothing_was_edited_is_no_conflict(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task))
    change_as_bob(task, ("work",), title="Bob's", completed=True)
    before = Task.objects.get(pk=task.pk)
    assert staff.post(page_of(task), form).status_code == 302
    after = Task.objects.get(pk=task.pk)
    assert (after.members(), after.updated_at) == (before.members(), before.updated_at)


@pytest.mark.parametrize(
    ("choice", "tags"), [("mine", ["home", "mine"]), ("theirs", ["work"]), ("both", ["mine", "work"])]
)
def test_of_tags_that_both_edited_mine_theirs_or_both_are_saved(
    staff: Client, task: Task, choice: str, tags: list[str]
) -> None:
    mine = Tag.objects.named(["mine"])[0]
    form = form_on(staff, page_of(task), tags=[mine.pk, task.tags.get().pk])
    change_as_bob(task, ("work",))
    refused = staff.post(page_of(task), form).content.decode()
    assert choices_on(refused, "tags") == {"mine": "home, mine", "theirs": "work", "both": "mine, work"}
    assert staff.post(page_of(task), form_in(refused, **{"choice-tags": choice})).status_code == 302
    assert state(task)["tags"] == tags


@pytest.mark.parametrize("choice", ["mine", "theirs"])
@pytest.mark.parametrize(
    ("name", "entered", "mine", "theirs"),
    [
        ("title", "Mine", "Mine", "Bob's"),
        ("description", "Mine", "Mine", "Bob's"),
        ("due_date", "2027-01-01", datetime.date(2027, 1, 1), None),
        ("priority", "1", 1, 4),
    ],
)
def test_of_a_field_that_both_edited_mine_or_theirs_is_saved(
    staff: Client, task: Task, *, choice: str, name: str, entered: str, mine: Any, theirs: Any
) -> None:
    form = form_on(staff, page_of(task), **{name: entered})
    change_as_bob(task, **{name: theirs})
    refused = staff.post(page_of(task), form).content.decode()
    assert [*choices_on(refused, name)] == ["mine", "theirs"]
    assert staff.post(page_of(task), form_in(refused, **{f"choice-{name}": choice})).status_code == 302
    assert state(task)[name] == (mine if choice == "mine" else theirs)


def test_who_chose_theirs_is_asked_again_if_that_changes_too(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine", priority="1")
    change_as_bob(task, title="Bob's")
    refused = staff.post(page_of(task), form).content.decode()
    change_as_bob(task, title="Bob's second")
    again = staff.post(page_of(task), form_in(refused, **{"choice-title": "theirs"})).content.decode()
    assert "Nothing was saved" in again
    assert form_in(again)["title"] == ["Bob's second"]
    assert form_in(again)["priority"] == ["1"]


def test_both_is_not_offered_where_it_is_mine(staff: Client, task: Task) -> None:
    tags = Tag.objects.named(["home", "mine", "work"])
    form = form_on(staff, page_of(task), tags=[tag.pk for tag in tags])
    change_as_bob(task, ("home", "work"))
    refused = staff.post(page_of(task), form).content.decode()
    assert [*choices_on(refused, "tags")] == ["mine", "theirs"]


def test_the_same_edit_of_both_is_no_question(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Same", priority="1")
    change_as_bob(task, title="Same")
    refused = staff.post(page_of(task), form).content.decode()
    assert choices_on(refused, "title") == {}
    assert staff.post(page_of(task), form_in(refused)).status_code == 302
    assert (state(task)["title"], state(task)["priority"]) == ("Same", 1)


def test_a_tag_that_was_deleted_meanwhile_is_no_error_of_staff(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    attribute_changes("bob")
    Tag.objects.all().delete()
    refused = staff.post(page_of(task), form).content.decode()
    assert "Select a valid choice" not in refused
    assert "bob" in note_on(refused, "tags")
    assert staff.post(page_of(task), form_in(refused)).status_code == 302
    assert state(task)["tags"] == []


def test_a_renamed_tag_is_a_change_of_the_task(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    Tag.objects.update(name="house")
    refused = staff.post(page_of(task), form).content.decode()
    assert "Nothing was saved" in refused
    assert not note_on(refused, "tags")


def test_a_change_that_is_no_longer_in_the_history_is_shown_without_its_author(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, title="Bob's")
    Change.objects.all().delete()
    assert "<b>Someone else</b> changed this too." in note_on(staff.post(page_of(task), form).content.decode(), "title")


def test_a_long_text_is_folded_and_nothing_in_it_is_html(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, description="<script>\n" + "x" * 200)
    shown = note_on(staff.post(page_of(task), form).content.decode(), "description")
    assert "<details><summary>&lt;script&gt;" in shown
    assert "<script>" not in shown


def test_a_form_without_a_version_is_refused(staff: Client, task: Task) -> None:
    answer = staff.post(page_of(task), {"title": "Mine"})
    assert answer.status_code == 200
    assert state(task)["title"] == "Old"


def test_a_task_that_was_deleted_meanwhile_leads_to_its_history(staff: Client, task: Task) -> None:
    url, history = page_of(task), f"{LIST}{task.pk}/history/"
    form = form_on(staff, url, title="Mine")
    attribute_changes("bob")
    task.delete()
    answer = staff.post(url, form, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain == [(history, 302)]
    assert re.search("The task “Old” was deleted by bob at 2.* UTC. Nothing was saved. This is its history.", page)


def test_deleting_what_changed_after_the_question_is_refused(staff: Client, task: Task) -> None:
    url = f"{LIST}{task.pk}/delete/"
    form = form_on(staff, url)
    change_as_bob(task, title="Bob's")
    answer = staff.post(url, form, follow=True)
    assert "Nothing was deleted: someone else updated the task. Confirm again." in answer.content.decode()
    assert staff.post(url, form_in(answer.content.decode())).status_code == 302
    assert not Task.objects.exists()


def test_deleting_what_is_gone_leads_to_its_history(staff: Client, task: Task) -> None:
    url = f"{LIST}{task.pk}/delete/"
    form = form_on(staff, url)
    task.delete()
    assert "was deleted" in staff.post(url, form, follow=True).content.decode()


def test_deleting_many_is_refused_when_one_changed_after_the_question(staff: Client, task: Task) -> None:
    other = make_task("Other")
    tagged = f"{LIST}?tags__id__exact={task.tags.get().pk}"  # a list with DISTINCT, which can't be locked as it is
    other.tags.set(task.tags.all())
    chosen = {"action": "delete_selected", "_selected_action": [task.pk, other.pk], "index": 0}
    form = form_in(staff.post(tagged, chosen).content.decode())
    change_as_bob(task, title="Bob's")
    answer = staff.post(tagged, form)
    assert "Nothing was deleted" in answer.content.decode()
    assert Task.objects.count() == 2
    assert staff.post(tagged, form_in(answer.content.decode())).status_code == 302
    assert not Task.objects.exists()


def test_more_tasks_than_a_form_has_fields_are_deleted_at_once(staff: Client) -> None:
    make_tasks(1500)
    all_of_them = {"action": "delete_selected", "_selected_action": [1], "select_across": "1", "index": 0}
    form = form_in(staff.post(LIST, all_of_them).content.decode())
    late = make_task("Late")
    answer = staff.post(LIST, form)
    assert "Nothing was deleted" in answer.content.decode()  # one came after the question
    late.delete()
    assert staff.post(LIST, form).status_code == 302
    assert not Task.objects.exists()


def test_more_than_a_page_can_ask_about_are_refused(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.pages.bounded_list.MOST", 2)
    make_tasks(3)
    all_of_them = {"action": "delete_selected", "_selected_action": [1], "select_across": "1", "index": 0}
    answer = staff.post(LIST, all_of_them, follow=True)
    assert "Nothing was deleted: select at most 2." in answer.content.decode()
    assert Task.objects.count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", ["change/", "delete/", ""])
def test_a_change_that_commits_while_staff_s_request_waits_is_not_overwritten(
    alice: User, task: Task, url: str
) -> None:
    staff, answers = Client(), []
    staff.force_login(alice)
    page = f"{LIST}{task.pk}/{url}" if url else LIST
    if url:
        form = form_on(staff, page, **({"title": "Mine"} if url == "change/" else {}))
    else:
        chosen = {"action": "delete_selected", "_selected_action": [task.pk], "index": 0}
        form = form_in(staff.post(LIST, chosen).content.decode())
    with transaction.atomic():
        change_as_bob(task, title="Bob's")
        waiting = in_thread(lambda: answers.append(staff.post(page, form, follow=True)))
        await_lock_waiter()
    waiting.join()
    assert "Nothing was " in answers[0].content.decode()
    assert state(task)["title"] == "Bob's"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_refused(alice: User, task: Task) -> None:
    clients, statuses = [Client() for _ in range(4)], []
    for client in clients:
        client.force_login(alice)
    for round_ in range(5):
        forms = [form_on(client, page_of(task), title=f"{round_}-{n}") for n, client in enumerate(clients)]
        barrier = threading.Barrier(len(clients))

        def save(client: Client, form: dict[str, Any], barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            statuses.append(client.post(page_of(task), form).status_code)

        for thread in [in_thread(partial(save, *each)) for each in zip(clients, forms, strict=True)]:
            thread.join()
        assert sorted(statuses) == [200, 200, 200, 302]
        statuses.clear()
