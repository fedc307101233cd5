"""A task has at most 20 tags, whoever adds them. The admin reports the limit and changes nothing."""

import threading
from functools import partial
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from tasks.models import TAGS_PER_TASK, Change, Tag, Task
from tests.factories import change_task, client_of, make_task, make_tasks
from tests.pages import form_on
from tests.test_admin_actions import do, undo_url
from tests.test_admin_tags import merge
from tests.waiting import await_lock_waiter, in_thread

pytestmark = pytest.mark.django_db
in_transactions = pytest.mark.django_db(transaction=True)
LINKS = Task.tags.through.objects
NAMES = tuple(f"tag {number:02}" for number in range(TAGS_PER_TASK))
SAID = "a task would have more than 20 tags."


def run(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def link(task: Task, name: str) -> None:
    LINKS.create(task_id=task.pk, tag_id=Tag.objects.named([name])[0].pk)


def make_task_from_before_the_rule() -> Task:
    """A task with one tag more than allowed, from before the limit."""
    task = make_task("From before", tags=NAMES)
    with transaction.atomic():
        # A table with pending checks of foreign keys can't be altered.
        run("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE tasks_task_tags DISABLE TRIGGER tasks_task_tags_too_many")
        link(task, "one more")
        run("ALTER TABLE tasks_task_tags ENABLE TRIGGER tasks_task_tags_too_many; SET CONSTRAINTS ALL DEFERRED")
    return task


def page_after(staff: Client, page: str) -> str:
    """The page that staff see after confirming this one."""
    return staff.post(page, form_on(staff, page), follow=True).content.decode()


# The rule


ADD = """INSERT INTO tasks_task_tags (task_id, tag_id)
    SELECT task.id, tag.id FROM tasks_task AS task, tasks_tag AS tag WHERE tag.name = 'more'"""
MOVE = """UPDATE tasks_task_tags SET task_id = (SELECT max(task_id) FROM tasks_task_tags)
    WHERE tag_id = (SELECT id FROM tasks_tag WHERE name = 'other')"""


@pytest.mark.parametrize("sql", [ADD, MOVE])
def test_the_database_refuses_one_more(sql: str) -> None:
    make_task("Other", tags=("other",))
    make_tasks(3)
    task = make_task(tags=NAMES)
    Tag.objects.create(name="more")
    with pytest.raises(IntegrityError, match="more than 20 tags") as caught, transaction.atomic():
        run(sql)
    cause = caught.value.__cause__
    assert isinstance(cause, psycopg.errors.CheckViolation)
    assert cause.diag.constraint_name == "task_tags_limit"
    assert task.tag_names() == [*NAMES]


@in_transactions
def test_of_two_clients_that_add_the_last_tag_at_once_one_is_refused() -> None:
    task, refused = make_task(tags=NAMES[1:]), []

    def add() -> None:
        try:
            link(task, "mine")
        except IntegrityError as exc:
            refused.append(str(exc))

    with transaction.atomic():
        link(task, "yours")
        other = in_thread(add)
        await_lock_waiter()
    other.join()
    assert "more than 20 tags" in refused[0]
    assert task.tag_names() == [*NAMES[1:], "yours"]


@in_transactions
def test_of_many_clients_that_replace_tags_at_once_none_is_refused(api: APIClient) -> None:
    """Each task that is written has at most 20 tags: old ones are removed before new ones are added."""
    task, statuses = make_task(tags=NAMES), []

    def replace(letter: str) -> None:
        names = [f"{letter} {number}" for number in range(TAGS_PER_TASK)]
        statuses.append(APIClient().patch(f"/tasks/{task.pk}", {"tags": names}, format="json").status_code)

    threads: list[threading.Thread] = [in_thread(partial(replace, letter)) for letter in "abcd"]
    for thread in threads:
        thread.join()
    assert statuses == [200] * 4
    assert len({name[0] for name in task.tag_names()}) == 1


def test_a_task_that_already_has_more_keeps_them_and_gets_no_other(api: APIClient) -> None:
    task = make_task_from_before_the_rule()
    change_task(task.pk, {"title": "New"})
    with pytest.raises(IntegrityError), transaction.atomic():
        link(task, "and another one")
    assert len(task.tag_names()) == 21
    LINKS.filter(task_id=task.pk, tag__name__in=NAMES[:2]).delete()
    link(task, "and another one")
    assert len(task.tag_names()) == 20


# What staff see


def test_the_form_reports_the_limit(staff: Client) -> None:
    task = make_task(tags=NAMES)
    tags = [tag.pk for tag in Tag.objects.named([*NAMES, "one more"])]
    page = f"/admin/tasks/task/{task.pk}/change/"
    answer = staff.post(page, form_on(staff, page, title="New", tags=tags))
    assert "Must have at most 20 items; this has 21." in answer.content.decode()
    task.refresh_from_db()
    assert (task.title, len(task.tag_names())) == ("Buy milk", 20)


def test_the_form_of_a_task_that_already_has_more_saves_other_fields(staff: Client) -> None:
    task = make_task_from_before_the_rule()
    page = f"/admin/tasks/task/{task.pk}/change/"
    assert staff.post(page, form_on(staff, page, title="New")).status_code == 302
    task.refresh_from_db()
    assert (task.title, len(task.tag_names())) == ("New", 21)


def test_a_tag_of_a_full_task_can_be_merged_into_one_it_does_not_have(staff: Client) -> None:
    task = make_task(tags=NAMES)
    Tag.objects.create(name="target")
    assert "1 task retagged; 1 tag merged into “target”." in merge(staff, "target", NAMES[0])
    assert task.tag_names() == sorted([*NAMES[1:], "target"])


def test_merging_reports_the_limit(staff: Client) -> None:
    task = make_task_from_before_the_rule()
    Tag.objects.create(name="target")
    assert f"Nothing was merged: {SAID}" in merge(staff, "target", NAMES[0])
    assert len(task.tag_names()) == 21
    assert Tag.objects.filter(name=NAMES[0]).exists()


@in_transactions
def test_restoring_and_undoing_report_the_limit(alice: User) -> None:
    staff, task = client_of(alice), make_task_from_before_the_rule()
    version = Change.objects.filter(task_id=task.pk).latest("pk")
    message = do(staff, "remove_tag", task, tag="one more")
    fewer = Task.objects.get(pk=task.pk).tag_names()
    for page in (f"/admin/tasks/task/{task.pk}/history/{version.pk}/restore/", undo_url(message)):
        assert f"Nothing was changed: {SAID}" in page_after(staff, page)
        assert task.tag_names() == fewer


@in_transactions
def test_bringing_back_reports_the_limit(alice: User) -> None:
    staff, task = client_of(alice), make_task_from_before_the_rule()
    pk = task.pk
    message = do(staff, "delete_selected", task)
    for page in (f"/admin/tasks/task/{pk}/restore/", undo_url(message)):
        assert f"Nothing was changed: {SAID}" in page_after(staff, page)
        assert not Task.objects.exists()


def test_another_error_on_the_same_page_is_not_reported_as_the_limit(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task()
    version = Change.objects.latest("pk")

    def restore(self: Task, change: Change) -> None:
        run("INSERT INTO tasks_task (id, title) VALUES (%s, 'Twice')", task.pk)

    monkeypatch.setattr(Task, "restore", restore)
    change_task(task.pk, {"title": "New"})
    page = f"/admin/tasks/task/{task.pk}/history/{version.pk}/restore/"
    with pytest.raises(IntegrityError, match="tasks_task_pkey"):
        page_after(staff, page)
