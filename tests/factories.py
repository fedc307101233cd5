"""Plain functions that create what tests need in the database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from config.accounts.tokens.models import Token
from tasks.models import Tag, Task


def make_task(title: str = "Buy milk", *, tags: tuple[str, ...] = (), **fields: Any) -> Task:
    with transaction.atomic():  # a savepoint, so that a later change in the test's transaction has another xmin
        return Task.objects.get(pk=Task.objects.insert({"title": title, "completed": False, "tags": tags, **fields}).pk)


def change_task(pk: int, columns: dict[str, Any], tags: Sequence[str] | None = None) -> Task:
    """Updates a task as a PATCH does."""
    Task.objects.change(pk, columns if tags is None else {**columns, "tags": tags})
    return Task.objects.get(pk=pk)


def etag_of(task: Task) -> str:
    """The entity tag of the task as loaded."""
    return f'"{(task.updated_at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1):x}"'


def make_tasks(count: int, *, tags: tuple[str, ...] = ()) -> None:
    """Creates many tasks at once; the last one is the newest."""
    tasks = Task.objects.bulk_create(Task(title=f"Task {number}") for number in range(1, count + 1))
    through = Task.tags.through
    through.objects.bulk_create(
        through(task_id=task.pk, tag_id=tag.pk) for tag in Tag.objects.named(tags) for task in tasks
    )


def make_user(name: str, *permissions: str, **fields: Any) -> User:
    """A user with these permissions on tasks: view, add, change, delete."""
    user = User.objects.create_user(name, password="correct horse", **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"{each}_task" for each in permissions]))
    return user


def make_member(name: str, group: str, **fields: Any) -> User:
    """A user in one of the groups that the migration creates."""
    user = make_user(name, **fields)
    user.groups.add(Group.objects.get(name=group))
    return user


def make_token(user: User, name: str = "script", *, days: float = 1, **fields: Any) -> str:
    """The text of a new token."""
    token = Token(user=user, name=name, expires_at=timezone.now() + timedelta(days=days), **fields)
    text = token.issue()
    token.save()
    return text


def client_of(user: User) -> Client:
    """A browser with this user logged in."""
    client = Client()
    client.force_login(user)
    return client
