"""GET /tasks/changes: what a client asks that keeps a copy."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from rest_framework.test import APIClient

from tests.factories import make_task

pytestmark = pytest.mark.django_db(transaction=True)


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def point(api: APIClient, query: str = "") -> str:
    answer = api.get(f"/tasks/changes{query}")
    assert (answer.status_code, answer.json()["results"], answer.json()["more"]) == (200, [], False)
    return path_of(answer.json()["next"])


def told(api: APIClient, url: str) -> list[tuple[int, Any]]:
    results = api.get(url).json()["results"]
    return [(each["id"], each["task"] and each["task"]["title"]) for each in results]


def test_what_changed_is_told_as_it_is_now(api: APIClient) -> None:
    old, gone = make_task("old"), make_task("gone")
    start = point(api)
    assert told(api, start) == []
    task = make_task("A", tags=("home",))
    api.patch(f"/tasks/{old.pk}", {"title": "new"})
    api.patch(f"/tasks/{old.pk}", {"title": "newer"})
    api.delete(f"/tasks/{gone.pk}")
    answer = api.get(start).json()
    assert answer["results"] == [
        {"id": task.pk, "task": api.get(f"/tasks/{task.pk}").json()},
        {"id": old.pk, "task": api.get(f"/tasks/{old.pk}").json()},
        {"id": gone.pk, "task": None},
    ]
    assert told(api, path_of(answer["next"])) == []
