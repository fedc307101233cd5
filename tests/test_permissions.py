"""Who may call the API: Django's model permissions, and what API_ANONYMOUS leaves open."""

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.factories import make_task, make_user

pytestmark = pytest.mark.django_db


def statuses(api: APIClient) -> list[int]:
    """Of list, create, read, change and delete."""
    task = make_task()
    url = f"/tasks/{task.pk}"
    return [
        api.get("/tasks/").status_code,
        api.post("/tasks/", {"title": "A"}).status_code,
        api.get(url).status_code,
        api.patch(url, {"title": "B"}).status_code,
        api.delete(url).status_code,
    ]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("write", [200, 201, 200, 200, 204]),
        ("read", [200, 403, 200, 403, 403]),
        ("none", [403, 403, 403, 403, 403]),
    ],
)
def test_a_stranger_may_do_what_the_setting_says(
    api: APIClient, settings: Settings, setting: str, expected: list[int]
) -> None:
    settings.API_ANONYMOUS = setting
    assert statuses(api) == expected


@pytest.mark.parametrize("setting", ["write", "none"])
@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ((), [403, 403, 403, 403, 403]),
        (("view",), [200, 403, 200, 403, 403]),
        (("view", "add"), [200, 201, 200, 403, 403]),
        (("view", "change"), [200, 403, 200, 200, 403]),
        (("delete",), [403, 403, 403, 403, 204]),
    ],
)
def test_a_user_may_do_what_the_permissions_say_whatever_the_setting(
    api: APIClient, settings: Settings, setting: str, permissions: tuple[str, ...], expected: list[int]
) -> None:
    settings.API_ANONYMOUS = setting
    api.force_login(make_user("bob", *permissions))
    assert statuses(api) == expected


def test_staff_without_permissions_may_do_nothing(api: APIClient) -> None:
    api.force_login(make_user("charlie", is_staff=True))
    assert statuses(api) == [403] * 5


def test_a_session_needs_a_csrf_token_to_write(alice: User) -> None:
    api = APIClient(enforce_csrf_checks=True)
    api.force_login(alice)
    answer = api.post("/tasks/", {"title": "A"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert "CSRF" in answer.json()["detail"]
