"""The database records every change, by anyone, in the transaction of the change."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from tasks.history.models import Change
from tasks.history.undo import Undoing
from tasks.models import Tag, Task
from tests.factories import make_task

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = "2001-01-01"


def changes(**filters: Any) -> list[tuple[str, str, Any, Any]]:
    found = Change.objects.filter(**filters).order_by("pk")
    return [(change.actor, change.operation, change.old, change.new) for change in found]


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_every_change_through_the_api_is_recorded_with_its_actor_and_request(api: APIClient, alice: User) -> None:
    api.force_login(alice)
    made = api.post("/tasks/", {"title": "A", "tags": ["b"]}, headers={"X-Request-ID": "request-1"})
    assert made["X-Request-ID"] == "request-1"
    changed = api.patch(made["Location"], {"title": "B", "completed": False, "tags": ["b", "c"]})
    api.delete(made["Location"])
    insert, tagged, retitled, retagged, untagged, delete = Change.objects.filter(task_id=made.json()["id"]).order_by(
        "pk"
    )
    assert {change.actor for change in (insert, tagged, retitled, retagged, untagged, delete)} == {"alice"}
    assert (insert.operation, insert.old, insert.new["title"], insert.request) == ("insert", {}, "A", "request-1")
    assert (tagged.old, tagged.new, tagged.transaction) == ({"tags": []}, {"tags": ["b"]}, insert.transaction)
    assert (retitled.old, retitled.new) == ({"title": "A"}, {"title": "B"})
    assert (retagged.old, retagged.new) == ({"tags": ["b"]}, {"tags": ["b", "c"]})
    assert (retitled.request, retagged.request) == (changed["X-Request-ID"],) * 2
    assert (untagged.old, untagged.new) == ({"tags": ["b", "c"]}, {"tags": []})
    assert (delete.operation, delete.old["title"], delete.new) == ("delete", "B", {})


def test_a_client_without_a_token_is_recorded_as_anonymous(api: APIClient) -> None:
    api.post("/tasks/", {"title": "A"})
    assert [who for who, *_ in changes()] == ["anonymous"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ä", "<script>"])
def test_an_invalid_request_id_is_replaced(api: APIClient, given: str) -> None:
    sent = api.get("/health", headers={"X-Request-ID": given})["X-Request-ID"]
    assert len(sent) == 36


def test_the_actor_of_one_request_does_not_carry_over_to_the_next(api: APIClient, alice: User) -> None:
    staff = Client()
    staff.force_login(alice)
    staff.post("/admin/tasks/tag/add/", {"name": "home"})
    api.post("/tasks/", {"title": "A"})
    assert [who for who, *_ in changes()] == ["alice", "anonymous"]


def test_a_failed_request_records_nothing(api: APIClient) -> None:
    task = make_task()
    Change.objects.all().delete()
    api.post("/tasks/", {"title": ""})
    api.patch(f"/tasks/{task.pk}", {"title": "B"}, headers={"If-Match": '"other"'})
    api.patch(f"/tasks/{task.pk}", {"title": task.title})
    with transaction.atomic():
        Task.objects.update(title="B")
        transaction.set_rollback(True)
    assert changes() == []


@pytest.mark.parametrize(
    ("sql", "operation", "old", "new"),
    [
        ("UPDATE tasks_task SET title = 'B'", "update", {"title": "A"}, {"title": "B"}),
        ("UPDATE tasks_task SET due_date = '2026-12-01'", "update", {"due_date": None}, {"due_date": "2026-12-01"}),
        ("DELETE FROM tasks_task_tags", "update", {"tags": ["home"]}, {"tags": []}),
        ("UPDATE tasks_tag SET name = 'Home'", "update", {"name": "home"}, {"name": "Home"}),
    ],
)
def test_plain_sql_is_recorded_under_its_program_and_role(sql: str, operation: str, old: Any, new: Any) -> None:
    make_task("A", tags=("home",))
    Change.objects.all().delete()
    run(f"SET tasks.actor = ''; {sql}")
    (found,) = changes()
    assert found[0].startswith("tasks-api as ")
    assert found[1:] == (operation, old, new)


def test_a_statement_on_many_tasks_is_recorded_for_each(api: APIClient) -> None:
    for title in "ABC":
        make_task(title)
    Change.objects.all().delete()
    Task.objects.exclude(title="B").update(title="B")
    assert [(old, new) for _, _, old, new in changes()] == [
        ({"title": "A"}, {"title": "B"}),
        ({"title": "C"}, {"title": "B"}),
    ]


def test_a_copy_is_recorded_too() -> None:
    call_command("seed_tasks", count=20, stdout=io.StringIO())
    assert Change.objects.filter(operation="insert", task_id__isnull=False).count() == 20
    tagged = Task.tags.through.objects.values("task_id").distinct().count()
    assert Change.objects.filter(new__has_key="tags").count() == tagged


def test_a_deleted_tag_is_recorded_on_the_tasks_that_lose_it() -> None:
    task = make_task(tags=("a", "b"))
    Change.objects.all().delete()
    Tag.objects.get(name="a").delete()
    assert [entry[1:] for entry in changes(task_id=task.pk)] == [("update", {"tags": ["a", "b"]}, {"tags": ["b"]})]
    assert [entry[1:] for entry in changes(tag_id__isnull=False)] == [("delete", {"name": "a"}, {})]


# For each column, a value that differs from whole_task().
OTHERS: dict[str, Any] = {
    "title": "Other",
    "description": "other",
    "completed": False,
    "completed_at": datetime(2026, 1, 2, tzinfo=UTC),
    "due_date": date(2026, 1, 2),
    "priority": 2,
    "created_at": datetime(2026, 1, 2, tzinfo=UTC),
    "updated_at": datetime(2026, 1, 2, tzinfo=UTC),
}
COLUMNS = [
    field.attname for field in Task._meta.concrete_fields if field.attname not in ("id", "search", "transaction")
]


def whole_task() -> Task:
    task = make_task("Task", description="text", completed=True, due_date=date(2026, 1, 1), priority=1, tags=("home",))
    assert None not in columns_of(task).values()
    return task


def columns_of(task: Task) -> dict[str, Any]:
    """All columns except updated_at, as the database has them."""
    columns: dict[str, Any] = Task.objects.values(*(name for name in COLUMNS if name != "updated_at")).get(pk=task.pk)
    return columns


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_recorded_restored_and_undone(column: str) -> None:
    task = whole_task()
    before, made = columns_of(task), Change.objects.filter(task_id=task.pk).latest("pk")
    Task.objects.filter(pk=task.pk).update(**{column: OTHERS[column]})
    change = Change.objects.filter(task_id=task.pk).latest("pk")
    if column == "updated_at":  # which only the database sets
        assert change == made
        return
    assert change.old.keys() == change.new.keys() == {column, *(["completed_at"] if column == "completed" else [])}
    assert columns_of(task) != before
    if column == "created_at":  # which a restore does not change
        return
    task.refresh_from_db()
    task.restore(made)
    assert columns_of(task) == before
    Undoing(Change.objects.filter(task_id=task.pk).latest("pk")).carry_out()
    assert columns_of(task)[column] == OTHERS[column]


@pytest.mark.parametrize("back", [Task.objects.restore_deleted, lambda delete: Undoing(delete).carry_out()])
def test_every_column_of_a_deleted_task_is_brought_back(back: Callable[[Change], Any]) -> None:
    task = whole_task()
    before = columns_of(task)
    Task.objects.filter(pk=task.pk).delete()
    back(Change.objects.get(operation="delete"))
    assert columns_of(task) == before


@pytest.mark.parametrize("back", [Task.objects.restore_deleted, lambda delete: Undoing(delete).carry_out()])
def test_a_column_that_is_newer_than_the_delete_gets_its_default(back: Callable[[Change], Any]) -> None:
    task = whole_task()
    Task.objects.filter(pk=task.pk).delete()
    delete = Change.objects.get(operation="delete")
    del delete.old["priority"]
    delete.save()
    back(delete)
    assert Task.objects.get().priority is None


def test_the_history_of_many_changes_at_once_is_not_quadratic() -> None:
    """tasks/sql/history.sql says why. CREATE OR REPLACE drops the settings of a function that are not repeated."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig FROM pg_proc WHERE proname = 'tasks_task_record'")
        assert cursor.fetchall() == [(["enable_nestloop=off"],)]
