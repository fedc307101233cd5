"""PATCH /tasks/{id}"""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from rest_framework.test import APIClient

from tasks.history.models import timeline
from tasks.models import Tag, Task
from tasks.serializers import TaskSerializer
from tests.factories import change_task, etag_of, make_task
from tests.waiting import await_lock_waiter, in_thread

pytestmark = pytest.mark.django_db


def patch(api: APIClient, task: Task, body: Any) -> dict[str, Any]:
    answer = api.patch(f"/tasks/{task.pk}", body)
    assert answer.status_code == 200, answer.content
    changed: dict[str, Any] = answer.json()
    return changed


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("title", "Buy oat milk"),
        ("description", "two litres"),
        ("description", ""),
        ("description", None),
        ("due_date", "2026-12-24"),
        ("due_date", None),
        ("priority", 1),
        ("priority", None),
        ("tags", ["b", "c"]),
        ("tags", []),
    ],
)
def test_one_field_changes_and_the_others_stay(api: APIClient, member: str, value: Any) -> None:
    task = make_task("A", description="text", due_date="2026-11-22", priority=4, tags=("a", "b"))
    before = api.get(f"/tasks/{task.pk}").json()
    after = patch(api, task, {member: value})
    assert after[member] == value
    assert after | {member: None, "updated_at": None} == before | {member: None, "updated_at": None}
    assert after["updated_at"] > before["updated_at"]
    assert api.get(f"/tasks/{task.pk}").json() == after


def test_every_field_documented_as_writable_is_written(api: APIClient) -> None:
    """A field that is missing in tasks/sql/write.sql would be a 200 that writes nothing."""
    values: dict[str, Any] = {
        "title": "B",
        "description": "text",
        "completed": True,
        "due_date": "2026-12-24",
        "priority": 2,
        "tags": ["b"],
    }
    assert values.keys() == TaskSerializer().writable.keys()
    task = make_task("A")
    for name, value in values.items():
        assert patch(api, task, {name: value})[name] == value
    stored = api.get(f"/tasks/{task.pk}").json()
    assert {name: stored[name] for name in values} == values


def test_completed_at_is_set_kept_and_cleared_by_the_server(api: APIClient) -> None:
    task = make_task()
    done = patch(api, task, {"completed": True})
    assert done["completed_at"] is not None
    assert patch(api, task, {"completed": True, "title": "B"})["completed_at"] == done["completed_at"]
    assert patch(api, task, {"completed": False})["completed_at"] is None


def test_a_task_that_was_read_can_be_edited_and_sent_back(api: APIClient) -> None:
    task = make_task(tags=("a",))
    body = api.get(f"/tasks/{task.pk}").json() | {"title": "Edited"}
    assert patch(api, task, body)["title"] == "Edited"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("body", [{}, {"title": "Buy milk"}, {"tags": ["B", "a"]}, {"completed": False, "id": 9}])
def test_a_patch_that_changes_nothing_writes_nothing(api: APIClient, body: dict[str, Any]) -> None:
    task = make_task("Buy milk", tags=("a", "b"))
    before = api.get(f"/tasks/{task.pk}").json()
    assert patch(api, task, body) == before
    assert api.get(f"/tasks/{task.pk}").json() == before


def test_another_content_type_is_a_415_that_names_the_accepted_ones(api: APIClient) -> None:
    answer = api.patch(f"/tasks/{make_task().pk}", "[]", content_type="application/json-patch+json")
    assert answer.status_code == 415
    assert answer["Accept-Patch"] == "application/json, application/merge-patch+json"


def test_merge_patch_is_accepted_too(api: APIClient) -> None:
    task = make_task(description="text")
    answer = api.patch(f"/tasks/{task.pk}", '{"description": null}', content_type="application/merge-patch+json")
    assert answer.json()["description"] is None


@pytest.mark.parametrize("body", [{"title": ""}, {"completed": None}, {"done": True}, {"tags": ["", "x"]}])
def test_a_wrong_body_changes_nothing(api: APIClient, body: dict[str, Any]) -> None:
    task = make_task(tags=("a",))
    before = api.get(f"/tasks/{task.pk}").json()
    assert api.patch(f"/tasks/{task.pk}", {"description": "new", **body}).status_code == 400
    assert api.get(f"/tasks/{task.pk}").json() == before
    assert [tag.name for tag in Tag.objects.all()] == ["a"]


def test_a_missing_task_is_a_404(api: APIClient) -> None:
    assert api.patch("/tasks/1", {"title": "B"}).json()["detail"] == "Task not found"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_task_that_is_deleted_meanwhile_is_a_404(api: APIClient, method: str) -> None:
    task, answers = make_task(tags=("a",)), []
    with transaction.atomic():
        Task.objects.remove(task.pk)
        send = getattr(api, method)
        waiting = in_thread(lambda: answers.append(send(f"/tasks/{task.pk}", {"title": "B", "tags": []})))
        await_lock_waiter()
    waiting.join()
    assert answers[0].status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_task_that_is_updated_meanwhile_is_a_412(api: APIClient, method: str) -> None:
    task, answers = make_task(tags=("a",)), []
    with transaction.atomic():
        changed = change_task(task.pk, {"title": "A"})
        send = getattr(api, method)
        headers = {"If-Match": etag_of(task)}
        waiting = in_thread(lambda: answers.append(send(f"/tasks/{task.pk}", {"title": "B"}, headers=headers)))
        await_lock_waiter()
    waiting.join()
    assert (answers[0].status_code, answers[0].json()["etag"]) == (412, etag_of(changed))


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_a_thousand_pairs_of_patches_at_the_same_moment_lose_none() -> None:
    task, rounds, lost = make_task(), 1000, []
    together = threading.Barrier(3)

    def keep_sending(member: str) -> None:
        api = APIClient()
        for number in range(1, rounds + 1):
            together.wait()
            api.patch(f"/tasks/{task.pk}", {member: str(number)}, format="json")
            together.wait()
            together.wait()
        connection.close()

    threads = [threading.Thread(target=keep_sending, args=(member,)) for member in ("title", "description")]
    for thread in threads:
        thread.start()
    for number in range(1, rounds + 1):
        together.wait()
        together.wait()
        found = Task.objects.values_list("title", "description").get(pk=task.pk)
        lost += [found] if found != (str(number), str(number)) else []
        together.wait()
    for thread in threads:
        thread.join()
    assert lost == []


@pytest.mark.django_db(transaction=True)
def test_patches_of_columns_and_of_tags_at_the_same_moment_lose_none() -> None:
    def send(barrier: threading.Barrier, task: Task, body: dict[str, Any]) -> None:
        barrier.wait()
        APIClient().patch(f"/tasks/{task.pk}", body, format="json")
        connection.close()

    for _ in range(20):
        task, barrier = make_task(), threading.Barrier(3)
        bodies: list[dict[str, Any]] = [{"title": "New"}, {"description": "new"}, {"tags": ["new"]}]
        threads = [threading.Thread(target=send, args=(barrier, task, body)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        task.refresh_from_db()
        assert (task.title, task.description, task.tag_names()) == ("New", "new", ["new"])


@pytest.mark.django_db(transaction=True)
class TestUpdatedAt:
    """increases strictly with every change, whoever makes it."""

    def moves(self, task: Task) -> bool:
        before = task.updated_at
        task.refresh_from_db()
        return task.updated_at > before

    def test_with_a_change_in_a_shell(self) -> None:
        task = make_task()
        Task.objects.filter(pk=task.pk).update(title="B")
        assert self.moves(task)

    def test_with_every_one_of_many_changes_in_plain_sql(self) -> None:
        task, seen = make_task(), set()
        with connection.cursor() as cursor:
            for number in range(500):
                cursor.execute("UPDATE tasks_task SET title = %s RETURNING updated_at", [str(number)])
                seen.add(cursor.fetchone()[0])
        assert len(seen) == 500
        assert self.moves(task)

    def test_with_a_tag_that_is_added_removed_moved_or_renamed(self) -> None:
        task, other = make_task(), Tag.objects.create(name="other")
        tag = Tag.objects.create(name="a")
        task.tags.add(tag)
        assert self.moves(task)
        Task.tags.through.objects.update(tag=other)
        assert self.moves(task)
        Tag.objects.filter(pk=other.pk).update(name="renamed")
        assert self.moves(task)
        task.tags.clear()
        assert self.moves(task)

    def test_not_with_an_update_that_changes_nothing(self) -> None:
        task = make_task(tags=("a",))
        Task.objects.update(title=task.title)
        Tag.objects.update(name="a")
        assert not self.moves(task)


@pytest.mark.django_db(transaction=True)
def test_a_tag_that_someone_else_creates_at_the_same_moment_is_used(api: APIClient) -> None:
    task, answers = make_task(tags=("a", "b")), []
    with transaction.atomic():
        make_task(tags=("c",))
        waiting = in_thread(lambda: answers.append(api.patch(f"/tasks/{task.pk}", {"tags": ["b", "C"], "title": "B"})))
        await_lock_waiter()
    waiting.join()
    assert (answers[0].status_code, answers[0].json()["tags"]) == (200, ["b", "c"])
    assert api.get(f"/tasks/{task.pk}").headers["ETag"] == answers[0].headers["ETag"]
    entry = timeline(task.pk)[0][0]
    assert entry.old == {"title": "Buy milk", "tags": ["a", "b"]}
    assert entry.new == {"title": "B", "tags": ["b", "c"]}
