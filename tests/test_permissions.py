"""Who may do what: every operation and page, for every kind of caller."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tasks.groups import make_groups
from tasks.models import Task
from tests.factories import make_member, make_task, make_token, make_user

pytestmark = pytest.mark.django_db

# Operations on tasks, in the order of the columns of the matrix.
OPERATIONS = ("list", "get", "create", "update", "delete")
JSON = "application/json"


@dataclass
class Caller:
    """A client and the headers it sends."""

    client: Client
    headers: dict[str, str]

    def do(self, operation: str) -> int:
        url, headers, client = f"/tasks/{make_task().pk}", self.headers, self.client
        calls: dict[str, Callable[[], int]] = {
            "list": lambda: client.get("/tasks/", headers=headers).status_code,
            "get": lambda: client.get(url, headers=headers).status_code,
            "create": lambda: client.post("/tasks/", '{"title": "A"}', JSON, headers=headers).status_code,
            "update": lambda: client.patch(url, '{"title": "B"}', JSON, headers=headers).status_code,
            "delete": lambda: client.delete(url, headers=headers).status_code,
        }
        return calls[operation]()


def anonymous() -> Caller:
    return Caller(Client(enforce_csrf_checks=True), {})


def with_token(user: User, **fields: object) -> Caller:
    return Caller(Client(enforce_csrf_checks=True), {"Authorization": f"Bearer {make_token(user, **fields)}"})  # type: ignore[arg-type]


def with_session(user: User, *, csrf: bool = True) -> Caller:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    token = "a" * 32
    client.cookies["csrftoken"] = token
    return Caller(client, {"X-CSRFToken": token} if csrf else {})


def member(group: str, **fields: object) -> User:
    return make_member("bob", group, **fields)


def superuser() -> User:
    return make_user("root", is_staff=True, is_superuser=True)


def inactive() -> Caller:
    caller = with_token(member("Task admins"))
    User.objects.update(is_active=False)
    return caller


CALLERS: dict[str, tuple[Callable[[], Caller], list[int]]] = {
    "a reader's token": (lambda: with_token(member("Task readers")), [200, 200, 403, 403, 403]),
    "an editor's token": (lambda: with_token(member("Task editors")), [200, 200, 201, 200, 403]),
    "an admin's token": (lambda: with_token(member("Task admins")), [200, 200, 201, 200, 204]),
    "a superuser's token": (lambda: with_token(superuser()), [200, 200, 201, 200, 204]),
    "the token of a user without permissions": (lambda: with_token(make_user("bob")), [403] * 5),
    "the token of staff without permissions": (lambda: with_token(make_user("bob", is_staff=True)), [403] * 5),
    "an expired token": (lambda: with_token(member("Task admins"), days=-1), [401] * 5),
    "a revoked token": (lambda: with_token(member("Task admins"), revoked_at=timezone.now()), [401] * 5),
    "the token of an inactive user": (inactive, [401] * 5),
    "a reader's session": (lambda: with_session(member("Task readers")), [200, 200, 403, 403, 403]),
    "an editor's session": (lambda: with_session(member("Task editors")), [200, 200, 201, 200, 403]),
    "an admin's session": (lambda: with_session(member("Task admins")), [200, 200, 201, 200, 204]),
    "a superuser's session": (lambda: with_session(superuser()), [200, 200, 201, 200, 204]),
    "a session without CSRF": (lambda: with_session(superuser(), csrf=False), [200, 200, 403, 403, 403]),
}


def outcome(caller: Caller) -> dict[str, int]:
    return {operation: caller.do(operation) for operation in OPERATIONS}


@pytest.mark.parametrize("setting", ["write", "read", "none"])
@pytest.mark.parametrize("name", CALLERS)
def test_a_user_may_do_what_the_permissions_say_whatever_anonymous_clients_may_do(
    settings: Settings, name: str, setting: str
) -> None:
    settings.API_ANONYMOUS = setting
    make, expected = CALLERS[name]
    assert outcome(make()) == dict(zip(OPERATIONS, expected, strict=True))


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("write", [200, 200, 201, 200, 204]), ("read", [200, 200, 401, 401, 401]), ("none", [401] * 5)],
)
def test_an_anonymous_client_may_do_what_the_setting_says(
    settings: Settings, setting: str, expected: list[int]
) -> None:
    settings.API_ANONYMOUS = setting
    assert outcome(anonymous()) == dict(zip(OPERATIONS, expected, strict=True))


@pytest.mark.parametrize(
    ("operation", "permission"),
    [("list", "view"), ("get", "view"), ("create", "add"), ("delete", "delete")],
)
@pytest.mark.parametrize("make", [with_token, with_session])
def test_a_403_names_the_permission_that_is_missing_and_changes_nothing(
    make: Callable[[User], Caller], operation: str, permission: str
) -> None:
    caller, task = make(make_user("bob")), make_task("As it was")
    url = "/tasks/" if operation in ("list", "create") else f"/tasks/{task.pk}"
    method = {"create": "POST", "delete": "DELETE"}.get(operation, "GET")
    answer = caller.client.generic(method, url, '{"title": "B"}', JSON, headers=caller.headers)
    assert answer.status_code == 403
    assert answer.json()["detail"] == f"The permission tasks.{permission}_task is required."
    assert list(Task.objects.values_list("title", flat=True)) == ["As it was"]


@pytest.mark.parametrize("body", ['{"title": "A"}', "not JSON"])
def test_a_session_without_csrf_is_told_so_before_the_body_is_read(body: str) -> None:
    caller = with_session(superuser(), csrf=False)
    answer = caller.client.post("/tasks/", body, JSON)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert "CSRF" in answer.json()["detail"]


PAGES = ("/docs", "/openapi.json", "/health", "/health/ready", "/admin/login/")
# A page of the admin, and whom it opens to besides superusers.
ADMIN_PAGES = {
    "/admin/": ("Task readers", "Task editors", "Task admins"),
    "/admin/tasks/task/": ("Task readers", "Task editors", "Task admins"),
    "/admin/tasks/task/{task}/change/": ("Task readers", "Task editors", "Task admins"),
    "/admin/tasks/task/{task}/history/": ("Task readers", "Task editors", "Task admins"),
    "/admin/tasks/task/add/": ("Task editors", "Task admins"),
    "/admin/tasks/task/import/": ("Task editors", "Task admins"),
    "/admin/tasks/task/export/": ("Task readers", "Task editors", "Task admins"),
    "/admin/tasks/task/export/csv/": ("Task readers", "Task editors", "Task admins"),
    "/admin/tasks/task/{task}/delete/": ("Task admins",),
    "/admin/tasks/tag/": ("Task readers", "Task editors", "Task admins"),
    "/admin/tasks/tag/add/": ("Task editors", "Task admins"),
    "/admin/tasks/change/": ("Task readers", "Task editors", "Task admins"),
    "/admin/tokens/token/": ("Task admins",),
    "/admin/tokens/token/add/": ("Task admins",),
    "/admin/auth/user/": (),
    "/admin/auth/group/": (),
}


@pytest.mark.parametrize("page", PAGES)
def test_paths_without_tasks_are_open_to_everybody(settings: Settings, page: str) -> None:
    settings.API_ANONYMOUS = "none"
    make_task("A secret")
    answer = Client().get(page)
    assert answer.status_code == 200
    assert b"A secret" not in answer.content


@pytest.mark.parametrize("group", ["Task readers", "Task editors", "Task admins", None])
@pytest.mark.parametrize("page", ADMIN_PAGES)
def test_a_page_of_the_admin_opens_for_staff_of_these_groups(page: str, group: str | None) -> None:
    client = with_session(member(group, is_staff=True) if group else superuser()).client
    is_open = group is None or group in ADMIN_PAGES[page]
    assert client.get(page.format(task=make_task().pk)).status_code == (200 if is_open else 403)


@pytest.mark.parametrize("page", ADMIN_PAGES)
@pytest.mark.parametrize("who", ["a stranger", "a user who is no staff", "a token"])
def test_the_admin_asks_everybody_else_to_log_in(page: str, who: str) -> None:
    callers: dict[str, Callable[[], Caller]] = {
        "a stranger": anonymous,
        "a user who is no staff": lambda: with_session(member("Task admins")),
        "a token": lambda: with_token(superuser()),
    }
    caller = callers[who]()
    answer = caller.client.get(page.format(task=make_task().pk), headers=caller.headers)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")


def test_every_page_of_the_admin_is_in_the_matrix() -> None:
    """All pages of the models; a new page needs a row above."""
    models = {f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry}
    assert models == {page for page in ADMIN_PAGES if page.count("/") == 4}


def test_the_migration_creates_the_groups_and_keeps_what_an_operator_added() -> None:
    make_groups(apps)
    group, extra = Group.objects.get(name="Task readers"), Permission.objects.get(codename="add_user")
    before = set(group.permissions.values_list("codename", flat=True))
    group.permissions.add(extra)
    group.permissions.remove(Permission.objects.get(codename="view_task"))
    make_groups(apps)
    assert before == {"view_task", "view_tag"}
    assert set(group.permissions.values_list("codename", flat=True)) == before | {"add_user"}
    assert not Permission.objects.exclude(content_type__app_label__in=("tasks", "tokens")).filter(
        codename__endswith="_task"
    )


def test_a_superuser_who_is_not_staff_may_use_only_the_api() -> None:
    user = make_user("robot", is_superuser=True)
    assert with_session(user).client.get("/admin/").status_code == 302
    assert with_session(user).do("list") == 200
