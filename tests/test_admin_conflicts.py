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


def errors_on(page: str, name: str) -> str:
    found = re.search(rf'<ul class="errorlist" id="id_{name}_error">(.*?)</ul>', page, re.DOTALL)
    return found[1] if found else ""


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
    assert re.match(
        r"<li>Updated by bob at 2.* UTC. Current value: Bob&#x27;s. Your entry is below, and replaces it if you save.<",
        errors_on(page, "title"),
    )
    assert form_in(page)["title"] == ["Mine"]
    assert not errors_on(page, "description")


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
    assert "It is below, as you had not edited it." in errors_on(refused, "description")
    assert "Current value: work." in errors_on(refused, "tags")
    assert "Current value: yes." in errors_on(refused, "completed")
    assert "Current value: none." in errors_on(refused, "due_date")
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
    assert "Bob&#x27;s second" in errors_on(again.content.decode(), "title")
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


def test_edited_tags_are_kept_and_shown_beside_those_of_now(staff: Client, task: Task) -> None:
    mine = Tag.objects.named(["mine"])[0]
    form = form_on(staff, page_of(task), tags=[mine.pk])
    change_as_bob(task, ("work", "home"))
    refused = staff.post(page_of(task), form).content.decode()
    assert "Current value: home, work. Your entry is below" in errors_on(refused, "tags")
    assert staff.post(page_of(task), form_in(refused)).status_code == 302
    assert state(task)["tags"] == ["mine"]


def test_a_tag_that_was_deleted_meanwhile_is_no_error_of_staff(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    attribute_changes("bob")
    Tag.objects.all().delete()
    refused = staff.post(page_of(task), form).content.decode()
    assert "Select a valid choice" not in refused
    assert "by bob" in errors_on(refused, "tags")
    assert staff.post(page_of(task), form_in(refused)).status_code == 302
    assert state(task)["tags"] == []


def test_a_renamed_tag_is_a_change_of_the_task(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    Tag.objects.update(name="house")
    refused = staff.post(page_of(task), form).content.decode()
    assert "Nothing was saved" in refused
    assert not errors_on(refused, "tags")


def test_a_change_that_is_no_longer_in_the_history_is_shown_without_its_author(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, title="Bob's")
    Change.objects.all().delete()
    assert "Updated. Current value: " in errors_on(staff.post(page_of(task), form).content.decode(), "title")


def test_a_long_text_is_folded_and_nothing_in_it_is_html(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, description="<script>\n" + "x" * 200)
    shown = errors_on(staff.post(page_of(task), form).content.decode(), "description")
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
