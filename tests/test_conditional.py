"""ETag, If-Match and If-None-Match (RFC 9110)."""

import threading
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from tasks.models import Tag, Task
from tests.factories import etag_of, make_task

pytestmark = pytest.mark.django_db


def current_etag(task: Task) -> str:
    task.refresh_from_db()
    return etag_of(task)


def test_the_etag_is_strong_and_the_same_in_every_answer(api: APIClient) -> None:
    made = api.post("/tasks/", {"title": "A"})
    url = made["Location"]
    assert made["ETag"][0] == made["ETag"][-1] == '"'
    assert api.get(url)["ETag"] == api.head(url)["ETag"] == made["ETag"]
    changed = api.patch(url, {"title": "B"})
    assert changed["ETag"] != made["ETag"]
    assert api.get(url)["ETag"] == changed["ETag"]


@pytest.mark.parametrize("method", ["get", "patch"])
def test_a_cached_answer_must_be_revalidated_every_time(api: APIClient, method: str) -> None:
    answer = getattr(api, method)(f"/tasks/{make_task().pk}", {} if method == "patch" else None)
    assert answer["Cache-Control"] == "private, no-cache"


@pytest.mark.django_db(transaction=True)
def test_the_etag_changes_with_every_change_from_anywhere() -> None:
    task, seen = make_task(), set()
    changes = [
        "UPDATE tasks_task SET title = 'B'",
        "UPDATE tasks_task SET title = 'C'; UPDATE tasks_task SET title = 'B'",
        "UPDATE tasks_task SET updated_at = '2000-01-01'",
        "INSERT INTO tasks_tag (name) VALUES ('a')",
        "INSERT INTO tasks_task_tags (task_id, tag_id) SELECT t.id, g.id FROM tasks_task t, tasks_tag g",
        "UPDATE tasks_tag SET name = 'A'",
        "DELETE FROM tasks_task_tags",
    ]
    seen.add(current_etag(task))
    for change in changes:
        with connection.cursor() as cursor:
            cursor.execute(change)
        seen.add(current_etag(task))
    assert len(seen) == len(changes)  # a tag that no task has changes no task


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '{} , W/"x"', "*", ',,{},"x",'])
def test_a_get_with_the_current_etag_is_a_304(api: APIClient, form: str) -> None:
    task = make_task()
    answer = api.get(f"/tasks/{task.pk}", HTTP_IF_NONE_MATCH=form.format(etag_of(task)))
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag_of(task))
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("form", ['"other"', '"other", W/"x"', '""'])
def test_a_get_with_another_etag_is_a_200(api: APIClient, form: str) -> None:
    assert api.get(f"/tasks/{make_task().pk}", HTTP_IF_NONE_MATCH=form).status_code == 200


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
@pytest.mark.parametrize("form", ["{}", '"other", {}', "*", '"a,b", {}'])
def test_if_match_with_the_current_etag_succeeds(api: APIClient, method: str, form: str) -> None:
    task = make_task()
    headers = {"If-Match": form.format(etag_of(task))}
    answer = getattr(api, method)(f"/tasks/{task.pk}", {"title": "B"} if method == "patch" else None, headers=headers)
    assert answer.status_code in (200, 204)


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
@pytest.mark.parametrize(
    ("header", "value", "detail"),
    [
        (
            "If-Match",
            "W/{}",
            'If-Match never matches a weak entity tag: send "6f3a" for W/"6f3a". A compressing proxy adds W/.',
        ),
        ("If-Match", '"a", W/{}', "If-Match never matches a weak entity tag"),
        ("If-Match", "{}-gzip", "A compressing proxy has appended something to the entity tag: send "),
        ("If-Match", '"other"', "Someone else updated the task: look at current, then retry with etag."),
        ("If-None-Match", "*", "The task exists, and If-None-Match: * asks that it does not."),
        ("If-None-Match", "{}", "Nothing was written: the task has an entity tag that If-None-Match lists."),
    ],
)
def test_if_match_with_another_etag_is_a_412_with_the_current_task_and_the_reason(
    api: APIClient, method: str, header: str, value: str, detail: str
) -> None:
    task = make_task(tags=("home",))
    if method == "get" and header == "If-None-Match":
        return
    value = value.format(etag_of(task)).replace('"-gzip', '-gzip"')  # within the quotes, as Apache does it
    headers = {header: value}
    answer = getattr(api, method)(f"/tasks/{task.pk}", {"title": "B"} if method == "patch" else None, headers=headers)
    body = answer.json()
    assert (answer.status_code, body["code"], body["etag"]) == (412, "precondition_failed", etag_of(task))
    assert answer["ETag"] == etag_of(task)
    assert body["detail"].startswith(detail)
    assert body["current"] == api.get(f"/tasks/{task.pk}").json()
    assert body["current"]["title"] == "Buy milk"


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("value", ["", "abc", '"a', "'a'", 'w/"a"', '"a" "b"', '*, "a"', '"a", *', '"a b"', "W/*"])
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_an_invalid_list_of_entity_tags_is_a_400(api: APIClient, method: str, header: str, value: str) -> None:
    task = make_task()
    answer = getattr(api, method)(f"/tasks/{task.pk}", {} if method == "patch" else None, headers={header: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_header")
    assert answer.json()["errors"][0]["parameter"] == header


def test_a_missing_task_is_a_404_whatever_the_condition(api: APIClient) -> None:
    assert api.patch("/tasks/1", {"title": "B"}, headers={"If-Match": "*"}).status_code == 404
    assert api.delete("/tasks/1", headers={"If-Match": "*"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_clients_that_each_read_add_a_tag_and_write_lose_none() -> None:
    task = make_task()

    def add(name: str) -> None:
        api = APIClient()
        while True:
            now = api.get(f"/tasks/{task.pk}")
            tags = {"tags": [*now.json()["tags"], name]}
            answer = api.patch(f"/tasks/{task.pk}", tags, format="json", headers={"If-Match": now["ETag"]})
            if answer.status_code == 200:
                break
            assert answer.status_code == 412
        connection.close()

    in_threads([lambda name=f"tag {number}": add(name) for number in range(10)])
    assert task.tag_names() == sorted(f"tag {number}" for number in range(10))
    assert Tag.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_of_many_writes_to_one_version_only_one_succeeds() -> None:
    task, statuses = make_task(), []

    def write(title: str) -> None:
        answer = APIClient().patch(
            f"/tasks/{task.pk}", {"title": title}, format="json", headers={"If-Match": etag_of(task)}
        )
        statuses.append(answer.status_code)
        connection.close()

    in_threads([lambda title=str(number): write(title) for number in range(8)])
    assert sorted(statuses) == [200] + [412] * 7


def in_threads(calls: list[Any]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
