"""A copy that follows GET /tasks/changes equals the table at every quiet moment, whatever writes at the same time.

CHANGES_STEPS=10000 runs longer; a failure names its CHANGES_SEED.
"""

import contextlib
import io
import json
import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from tasks.admin import actions
from tasks.admin.tags import move
from tasks.history.models import Change
from tasks.history.undo import Undoing
from tasks.models import Tag, Task
from tests.servers import database_url
from tests.waiting import in_thread

STEPS = int(os.environ.get("CHANGES_STEPS", "300"))
SEED = int(os.environ.get("CHANGES_SEED", random.randrange(10**6)))
WRITERS, AT_ONCE = 5, 6  # writers in a round, and how many steps each of them does
NAMES = ("home", "work", "größe", "a", "b", "c")
# A step that failed has changed nothing, which is a case of its own.
REFUSED = (DatabaseError, ObjectDoesNotExist, ValidationError, CommandError, psycopg.Error)


class Copy:
    """What a client has that follows the recipe of docs/api.md."""

    def __init__(self, limit: int, filters: str = "") -> None:
        self.api, self.filters, self.tasks = APIClient(), filters, dict[int, Any]()
        self.next = self.get(f"/tasks/changes?limit={limit}{filters}")["next"]
        self.tasks = self.listed()

    def get(self, url: str) -> Any:
        parts = urlsplit(url)
        answer = self.api.get(f"{parts.path}?{parts.query}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def listed(self) -> dict[int, Any]:
        found, url = dict[int, Any](), f"/tasks/?limit=100{self.filters}"
        while url:
            page = self.get(url)
            found |= {task["id"]: task for task in page["results"]}
            url = page["next"]
        return found

    def follow(self) -> None:
        """One page."""
        page = self.get(self.next)
        for each in page["results"]:
            if each["task"]:
                self.tasks[each["id"]] = each["task"]
            else:
                self.tasks.pop(each["id"], None)
        self.next, self.more = page["next"], page["more"]

    def follow_to_the_end(self) -> None:
        self.follow()
        while self.more:
            self.follow()

    def check(self, seed: str) -> None:
        self.follow_to_the_end()  # of the pages that were begun while others wrote
        self.follow_to_the_end()
        listed = self.listed()
        wrong = {key for key in listed.keys() | self.tasks.keys() if listed.get(key) != self.tasks.get(key)}
        assert not wrong, (seed, self.filters, {key: (self.tasks.get(key), listed.get(key)) for key in wrong})
        self.follow()
        assert self.tasks == listed


class Steps:
    """What a writer can do."""

    def __init__(self, seed: str, folder: Path) -> None:
        self.random, self.file, self.api = random.Random(seed), folder / f"{seed}.jsonl", APIClient()

    def tasks(self, most: int = 4) -> list[int]:
        return list(Task.objects.order_by("?").values_list("pk", flat=True)[: self.random.randint(1, most)])

    def name(self) -> str:
        name = self.random.choice((*NAMES, f"new {self.random.randrange(99)}"))
        return self.random.choice((name, name.upper(), name.title()))

    def names(self) -> list[str]:
        return list({name.lower(): name for name in (self.name() for _ in range(self.random.randrange(4)))}.values())

    def change(self, **filters: Any) -> Change:
        changes = Change.objects.filter(task_id__isnull=False, **filters)[:60]
        if not changes:
            raise Change.DoesNotExist
        return self.random.choice(list(changes))

    def tag(self) -> Tag:
        return Tag.objects.order_by("?")[:1].get()

    def send(self, method: str, path: str, body: Any = None) -> None:
        answer = getattr(self.api, method)(path, body, format="json")
        if answer.status_code >= 400:
            raise DatabaseError(answer.content)

    def run(self, sql: str, *values: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    def api_create(self) -> None:
        self.send("post", "/tasks/", {"title": "new", "tags": self.names(), "completed": self.random.random() < 0.3})

    def api_update(self) -> None:
        body = self.random.choice(({"title": "B"}, {"tags": self.names()}, {"completed": True}, {"completed": False}))
        for task in self.tasks():
            self.send("patch", f"/tasks/{task}", body)

    def api_delete(self) -> None:
        for task in self.tasks(2):
            self.send("delete", f"/tasks/{task}")

    def rollback(self) -> None:
        with transaction.atomic():
            self.sql_delete()
            self.sql_insert()
            self.sql_update()
            transaction.set_rollback(True)

    def half_a_rollback(self) -> None:
        with transaction.atomic():
            self.sql_update()
            with transaction.atomic():
                self.sql_insert()
                self.sql_delete()
                transaction.set_rollback(True)
            self.sql_insert()

    def sql_update(self) -> None:
        digit, value = self.random.randrange(7), self.random.randint(1, 4)
        self.run("UPDATE tasks_task SET priority = %s WHERE id %% 7 = %s", value, digit)

    def sql_nothing(self) -> None:
        with transaction.atomic():
            self.run("UPDATE tasks_task SET title = title WHERE id %% 7 = %s", self.random.randrange(7))
            self.sql_tags()

    def sql_insert(self) -> None:
        self.run("INSERT INTO tasks_task (title) SELECT 'raw ' || n FROM generate_series(1, %s) AS n", 4)

    def sql_delete(self) -> None:
        tasks = self.tasks()
        with transaction.atomic():
            self.run("DELETE FROM tasks_task_tags WHERE task_id = ANY (%s)", tasks)
            self.run("DELETE FROM tasks_task WHERE id = ANY (%s)", tasks)

    def sql_tags(self) -> None:
        self.run("DELETE FROM tasks_task_tags WHERE id %% 9 = %s", self.random.randrange(9))

    def bulk(self) -> None:
        action, data = self.random.choice(
            (
                (actions.complete, {}),
                (actions.reopen, {}),
                (actions.add_tag, {"tag": self.name()}),
                (actions.delete_selected, {}),
            )
        )
        with transaction.atomic():
            action.__wrapped__(self.tasks(10), data)

    def undo(self) -> None:
        Undoing(self.change()).carry_out()

    def restore(self) -> None:
        change = self.change(operation="update")
        Task.objects.get(pk=change.task_id or 0).restore(change)

    def restore_deleted(self) -> None:
        delete = self.change(operation="delete")
        with transaction.atomic():
            Task.objects.restore_deleted(delete)

    def tag_rename(self) -> None:
        tag = self.tag()
        Tag.objects.filter(pk=tag.pk).update(name=self.random.choice((tag.name.swapcase(), self.name())))

    def tag_merge(self) -> None:
        tags = [self.tag(), self.tag()]
        with transaction.atomic():
            move([tag.pk for tag in tags], {"target": tags[0]})

    def tag_delete(self) -> None:
        self.tag().delete()

    def imported(self) -> None:
        row = {"reference": f"{self.random.randrange(40)}", "title": "imported", "tags": self.names()}
        self.file.write_text(json.dumps(row) + "\n")
        call_command("import_tasks", str(self.file), stdout=io.StringIO(), stderr=io.StringIO())

    def all(self) -> list[Callable[[], None]]:
        return [
            *(self.api_create, self.api_update, self.api_delete, self.rollback, self.half_a_rollback, self.sql_update),
            *(
                self.sql_insert,
                self.sql_delete,
                self.sql_tags,
                self.sql_nothing,
                self.bulk,
                self.undo,
                self.restore,
                self.restore_deleted,
            ),
            *(self.tag_rename, self.tag_merge, self.tag_delete, self.imported),
        ]


class Slow:
    """A transaction that stays open while others begin and end, on tasks and with a tag that nobody else locks."""

    def __init__(self) -> None:
        self.connection = psycopg.connect(database_url())
        self.connection.execute("INSERT INTO tasks_task (title) SELECT 'slow' FROM generate_series(1, 7)")
        free = "(SELECT id FROM tasks_task WHERE title = 'slow' ORDER BY random() LIMIT 2 FOR UPDATE SKIP LOCKED)"
        self.connection.execute(f"UPDATE tasks_task SET completed = NOT completed WHERE id IN {free}")
        self.connection.execute(f"DELETE FROM tasks_task WHERE id IN {free}")

    def end(self, *, commit: bool) -> None:
        with self.connection, contextlib.suppress(psycopg.IntegrityError):  # another one gave a tag to a deleted task
            (self.connection.commit if commit else self.connection.rollback)()


class Rounds:
    """Writers and readers at once; after each round, a quiet moment."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.random = folder, random.Random(SEED)
        self.copies, self.slow = [Copy(7), Copy(5, "&tag=home&completed=false")], list[Slow]()
        self.done, self.refusals = Counter[str](), dict[str, BaseException]()

    def run(self, number: int) -> None:
        self.stop, self.young = threading.Event(), list[Copy]()
        if len(self.slow) < 3:
            self.slow.append(Slow())
        writers = [in_thread(partial(self.write, f"{SEED}-{number}-{each}")) for each in range(WRITERS)]
        readers = [in_thread(partial(self.follow, copy)) for copy in self.copies]
        readers.append(in_thread(lambda: self.young.append(Copy(3))))
        if self.random.random() < 0.6:
            self.slow.pop(self.random.randrange(len(self.slow))).end(commit=self.random.random() < 0.7)
        for writer in writers:
            writer.join()
        self.stop.set()
        for reader in readers:
            reader.join()
        assert len(self.young) == 1
        self.check(f"CHANGES_SEED={SEED}, round {number}")

    def write(self, seed: str) -> None:
        steps = Steps(seed, self.folder)
        steps.run("SET lock_timeout = '300ms'")
        for _ in range(AT_ONCE):
            step = steps.random.choice(steps.all())
            try:
                step()
                self.done[step.__name__] += 1
            except REFUSED as exc:
                self.refusals[step.__name__] = exc

    def follow(self, copy: Copy) -> None:
        while not self.stop.is_set():
            copy.follow()

    def check(self, seed: str) -> None:
        for copy in (*self.copies, *self.young):
            copy.check(seed)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_copy_equals_the_table_at_every_quiet_moment(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    try:
        for number in range(max(1, STEPS // (WRITERS * AT_ONCE))):
            rounds.run(number)
    finally:
        for each in rounds.slow:
            each.end(commit=True)
    rounds.check(f"CHANGES_SEED={SEED}, the end")
    never = [step.__name__ for step in Steps("", tmp_path).all() if not rounds.done[step.__name__]]
    assert STEPS < 300 or not never, {name: rounds.refusals.get(name) for name in never}
