"""What each permission alone opens and shows: every page of the admin, and every operation of the API."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from config.accounts.tokens.models import Token
from tasks.models import Change, Tag, Task
from tasks.transfer.models import Upload
from tests.factories import client_of, etag_of, make_task, make_token, make_user

pytestmark = pytest.mark.django_db

SECRET = "Merger with Initech"
DELETED = "Takeover of Initrode"
MODELS = {"tasks": ("task", "tag", "change"), "tokens": ("token",), "auth": ("user", "group")}
ACTIONS = ("view", "add", "change", "delete")
PERMISSIONS = [f"{app}.{action}_{model}" for app in MODELS for model, action in product(MODELS[app], ACTIONS)]
EVERY = set(PERMISSIONS)
# Which permissions open a page. Every other page stays closed, since it needs two of them, or none at all.
OPENS = {
    "index": EVERY,
    "password_change": EVERY,
    "password_change_done": EVERY,
    "jsi18n": EVERY,
    "autocomplete": {"tasks.view_tag"},
    "app_list": {each for each in PERMISSIONS if each.startswith("tasks.") and not each.endswith("_change")}
    - {"tasks.change_task", "tasks.delete_task", "tasks.change_tag", "tasks.delete_tag"},
    "tasks_task_changelist": {"tasks.view_task"},
    "tasks_task_change": {"tasks.view_task"},
    "tasks_task_history": {"tasks.view_task"},
    "tasks_task_export": {"tasks.view_task"},
    "tasks_task_export_download": {"tasks.view_task"},
    "tasks_task_add": {"tasks.add_task"},
    "tasks_task_import": {"tasks.add_task"},
    "tasks_task_import_preview": {"tasks.add_task"},  # it shows the user's own file
    "tasks_task_import_bad": {"tasks.add_task"},
    "tasks_task_import_sample": {"tasks.add_task"},
    "tasks_change_changelist": {"tasks.view_task"},
    "tasks_change_change": {"tasks.view_task"},
    "tasks_change_history": {"tasks.view_task"},
    "tasks_tag_changelist": {"tasks.view_tag"},
    "tasks_tag_change": {"tasks.view_tag"},
    "tasks_tag_history": {"tasks.view_tag"},
    "tasks_tag_add": {"tasks.add_tag"},
    # Django's rules: who may change may also view. Of tokens, everybody sees only their own.
    **{
        f"{app}_{model}_{page}": {f"{app}.{action}_{model}" for action in actions}
        for app, model in (("tokens", "token"), ("auth", "user"), ("auth", "group"))
        for page, actions in {
            "changelist": ("view", "change"),
            "change": ("view", "change"),
            "history": ("view", "change"),
            "add": ("add",),
            "delete": ("delete",),
        }.items()
    },
    "auth_user_add": set[str](),  # it also needs the permission to change, as Django's documentation explains
    "auth_user_password_change": {"auth.change_user"},
}
# Pages without tasks that everybody may use, redirects, and the page of every other path.
LEFT_OUT = {"login", "logout", "view_on_site", None}


def patterns() -> set[str | None]:
    found: list[Any] = [*admin.site.urls[0]]
    return {each.name for one in found for each in getattr(one, "url_patterns", [one])}


def make_bob(permission: str) -> User:
    """Staff with only this permission."""
    user = make_user("bob", is_staff=True)
    app, codename = permission.split(".")
    user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def pages(bob: User) -> Iterator[tuple[str, str]]:
    """The name and path of each page, for a task, a deleted task, a tag, a user, a group and a token of Bob."""
    deleted = make_task(DELETED)
    Task.objects.remove(deleted.pk)
    task = make_task(SECRET, tags=("plans", "people"))
    Task.objects.change(task.pk, {"description": SECRET})
    make_token(bob)
    Upload.objects.create(user_id=str(bob.pk), name="a.csv", content=b"title\nMine\n")
    change = Change.objects.filter(task_id=task.pk)[0]
    tags = list(Tag.objects.values_list("pk", flat=True))
    group = Group.objects.all()[0]
    keys: dict[str, Any] = {
        "app_list": {"app_label": "tasks"},
        "tasks_task_export_download": {"file_format": "csv"},
        "tasks_task_undo": {"change_id": change.pk},
        "tasks_task_restore": {"task_id": task.pk, "change_id": change.pk},
        "tasks_task_restore_deleted": {"task_id": deleted.pk},
        "tasks_task_state": {"task_id": task.pk},
        "tasks_tag_merge": {"tag_id": tags[0], "target_id": tags[1]},
        "auth_user_password_change": {"id": bob.pk},
    }
    rows = {"task": task, "tag": tags[0], "change": change, "token": Token.objects.get(), "user": bob, "group": group}
    for name in sorted(filter(None, patterns() - LEFT_OUT)):
        _, model, page = [*name.split("_", 2), "", ""][:3]
        row = rows.get(model) if page in ("change", "delete", "history") else None
        yield (
            name,
            reverse(f"admin:{name}", kwargs=keys.get(name, {"object_id": getattr(row, "pk", row)} if row else {})),
        )
    for page in ("change", "delete", "history"):  # they lead to the timeline
        yield f"tasks_task_{page}", reverse(f"admin:tasks_task_{page}", args=[deleted.pk])


def test_every_page_of_the_admin_is_left_out_or_can_be_opened() -> None:
    assert {"tasks_task_undo", "tasks_task_restore", "tasks_task_restore_deleted", "tasks_task_delete"} <= patterns()
    assert set(OPENS) <= patterns()


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_permission_opens_its_own_pages_and_only_one_shows_tasks(permission: str) -> None:
    bob = make_bob(permission)
    client, opened = client_of(bob), set()
    for name, path in pages(bob):
        query = {"app_label": "tasks", "model_name": "task", "field_name": "tags"} if name == "autocomplete" else {}
        answers = [client.get(path, query, follow=True), client.post(path, {"post": "yes", "version": ""}, follow=True)]
        if answers[0].status_code == 200 and not answers[0].redirect_chain:
            opened.add(name)
        if permission != "tasks.view_task":
            for answer in answers:
                text = b"".join(answer) if answer.streaming else answer.content
                assert not {title for title in (SECRET, DELETED) if title.encode() in text}, (name, text)
    assert opened == {name for name, permissions in OPENS.items() if permission in permissions}
    assert [task.title for task in Task.objects.all()] == [SECRET]


@pytest.mark.parametrize("by", ["token", "session"])
@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_permission_allows_its_own_operation_and_only_one_shows_tasks(
    settings: Settings, permission: str, by: str
) -> None:
    settings.API_ANONYMOUS = "none"
    bob, task, other = make_bob(permission), make_task(SECRET), make_task(SECRET)
    client = client_of(bob) if by == "session" else Client()
    headers = {"Authorization": f"Bearer {make_token(bob)}"} if by == "token" else {}
    allowed = set()
    for method, path, body, more in OPERATIONS:
        answer = client.generic(
            method, path.format(task.pk, other.pk), body, "application/json", headers={**headers, **more}
        )
        if answer.status_code < 400 or answer.status_code == 412:
            allowed.add(f"{method} {path}" if answer.status_code < 400 else "412")
        if permission != "tasks.view_task":
            assert SECRET.encode() not in answer.content, (method, path, answer.content)
    assert allowed == {"OPTIONS /tasks/", *ALLOWED.get(permission, ())}


OPERATIONS: list[tuple[str, str, str, dict[str, str]]] = [
    ("OPTIONS", "/tasks/", "", {}),
    ("GET", "/tasks/", "", {}),
    ("HEAD", "/tasks/", "", {}),
    ("GET", "/tasks/{}", "", {}),
    ("HEAD", "/tasks/{}", "", {}),
    ("GET", "/tasks/{}", "", {"If-Match": '"other"'}),
    ("POST", "/tasks/", '{"title": "Mine"}', {}),
    ("POST", "/tasks/", '{"title": "Mine"}', {"Idempotency-Key": "a"}),
    ("POST", "/tasks/", '{"title": "Mine"}', {"Idempotency-Key": "a"}),
    ("PATCH", "/tasks/{}", "{}", {}),
    ("PATCH", "/tasks/{}", '{"priority": 1}', {}),
    ("PATCH", "/tasks/{}", '{"priority": 1}', {}),
    ("PATCH", "/tasks/{}", '{"priority": 2}', {"If-Match": '"other"'}),
    ("DELETE", "/tasks/{}", "", {"If-Match": '"other"'}),
    ("DELETE", "/tasks/{}", "", {"If-None-Match": "*"}),
    ("DELETE", "/tasks/{1}", "", {}),
]
ALLOWED = {
    "tasks.view_task": ("GET /tasks/", "HEAD /tasks/", "GET /tasks/{}", "HEAD /tasks/{}", "412"),
    "tasks.add_task": ("POST /tasks/",),
    "tasks.delete_task": ("DELETE /tasks/{1}", "412"),
}


def test_a_412_shows_the_task_only_to_who_may_view_it(settings: Settings) -> None:
    settings.API_ANONYMOUS = "none"
    task, seen = make_task(SECRET), []
    for name, permissions in (("bob", ["delete"]), ("carol", ["delete", "view"])):
        headers = {"Authorization": f"Bearer {make_token(make_user(name, *permissions))}", "If-Match": '"other"'}
        seen.append(Client().delete(f"/tasks/{task.pk}", headers=headers).json())
    blind, shown = seen
    assert "current" not in blind
    assert blind["detail"] == "Someone else updated the task: retry with etag."
    assert shown["current"]["title"] == SECRET
    assert blind["etag"] == shown["etag"] == etag_of(task)


def test_an_update_needs_two_permissions_and_names_those_that_are_missing(settings: Settings) -> None:
    settings.API_ANONYMOUS = "none"
    task, details = make_task(), {}
    for name, permissions in (("ann", []), ("bob", ["change"]), ("carol", ["view"]), ("dan", ["view", "change"])):
        headers = {"Authorization": f"Bearer {make_token(make_user(name, *permissions))}"}
        answer = Client().patch(f"/tasks/{task.pk}", '{"title": "B"}', "application/json", headers=headers)
        details[name] = answer.json().get("detail", answer.status_code)
    assert details == {
        "ann": "The permissions tasks.change_task and tasks.view_task are required.",
        "bob": "The permission tasks.view_task is required.",
        "carol": "The permission tasks.change_task is required.",
        "dan": 200,
    }


@pytest.mark.parametrize(
    ("page", "needed"),
    [
        ("tasks_task_restore_deleted", ("view", "add")),
        ("tasks_task_restore", ("view", "change")),
        ("tasks_task_undo", ("view", "change", "delete")),  # it would delete a task that the transaction created
        ("tasks_task_delete", ("view", "delete")),
    ],
)
def test_a_page_that_needs_several_permissions_opens_with_all(page: str, needed: tuple[str, ...]) -> None:
    bob = make_bob(f"tasks.{needed[0]}_task")
    bob.user_permissions.add(*Permission.objects.filter(codename__in=[f"{each}_task" for each in needed]))
    path = next(path for name, path in pages(bob) if name == page)
    assert client_of(bob).get(path).status_code == 200
