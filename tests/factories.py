"""What tests need in the database, as plain functions."""

from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import transaction

from tasks.models import Tag, Task


def make_task(title: str = "Buy milk", *, tags: tuple[str, ...] = (), **fields: Any) -> Task:
    with transaction.atomic():  # in a test that is one transaction: a later change is told from this one
        return Task.objects.create_with_tags(tags, title=title, **fields)


def make_tasks(count: int, *, tags: tuple[str, ...] = ()) -> None:
    """Many at once; the last one is the newest."""
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
