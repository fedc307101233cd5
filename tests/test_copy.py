"""The program in docs/api.md that keeps a copy, while service, database and the program itself are killed.

COPY_SECONDS=3600 runs for an hour; `make faults` prints what happened.
"""

import contextlib
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from tests.faults import (
    Client,
    Database,
    Service,
    Writer,
    eventually,
    running_database,
    running_service,
    send,
)
from tests.servers import ROOT
from tests.test_faults import kill_something, post
from tests.test_readme import blocks

pytestmark = pytest.mark.slow
SECONDS = float(os.environ.get("COPY_SECONDS", "10"))
(PROGRAM,) = blocks((ROOT / "docs/api.md").read_text(), "python")
# In one transaction each; some are rolled back, and some wait.
PLAIN_SQL = (
    "INSERT INTO tasks_task (title) SELECT 'raw' FROM generate_series(1, 20)",
    "UPDATE tasks_task SET priority = 1 + id % 4 WHERE id % 5 = (random() * 5)::int",
    "UPDATE tasks_task SET completed = NOT completed WHERE id % 7 = (random() * 7)::int",
    "UPDATE tasks_tag SET name = CASE name WHEN 'all' THEN 'every' ELSE 'ALL' END WHERE key IN ('all', 'every')",
    "UPDATE tasks_tag SET name = lower(name)",
    "DELETE FROM tasks_task WHERE title = 'raw' AND id % 3 = 0",
    "DELETE FROM tasks_task_tags WHERE task_id % 3 = 0",
)


@pytest.fixture
def database() -> Iterator[Database]:
    with running_database() as database:
        yield database


class Copier:
    """The program as a process."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service, self.file, self.program = service, folder / "tasks.db", folder / "copy_tasks.py"
        self.program.write_text(PROGRAM)

    def __enter__(self) -> Self:
        url = f"http://127.0.0.1:{self.service.port}"
        self.process = subprocess.Popen([sys.executable, str(self.program), url, str(self.file), "0.05"])
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def kill(self) -> None:
        self.__exit__()
        self.__enter__()

    def tasks(self) -> dict[int, Any]:
        with sqlite3.connect(self.file, timeout=60) as db:
            return {pk: json.loads(text) for pk, text in db.execute("SELECT id, json FROM task")}


def listed(service: Service) -> dict[int, Any]:
    tasks, path = dict[int, Any](), "/tasks/?limit=1000"
    with Client(service) as client:
        while path:
            page = client.send("GET", path).body
            tasks |= {task["id"]: task for task in page["results"]}
            path = re.sub(r"^\w+://[^/]*", "", page["next"] or "")
    return tasks


class PlainWriter(threading.Thread):
    """Writes with plain SQL until told to stop, whatever happens to the database."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database, self.stopping, self.count = database, threading.Event(), 0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                undone = random.random() < 0.3
                with self.database.connect() as connection, connection.transaction(force_rollback=undone):
                    connection.execute("SET LOCAL lock_timeout = '1s'")
                    for _ in range(random.randint(1, 3)):
                        connection.execute(random.choice(PLAIN_SQL).encode())
                    self.stopping.wait(random.choice((0, 0, 0.3)))
                self.count += 1
            except psycopg.Error:
                self.stopping.wait(0.05)


def test_the_program_has_at_most_40_lines() -> None:
    assert len(PROGRAM.splitlines()) <= 40


def test_the_copy_misses_nothing_while_everything_is_killed(database: Database, tmp_path: Path) -> None:
    seen = Counter[str]()
    with running_service(database) as service, Copier(service, tmp_path) as copier:
        shared = [post(service, "shared").body["id"] for _ in range(2)]
        writers: list[Any] = [Writer(service, f"w{each}", (shared[each], "title")) for each in range(2)]
        writers += [PlainWriter(database), PlainWriter(database)]
        for writer in writers:
            writer.start()
        until = time.monotonic() + SECONDS
        try:
            while time.monotonic() < until:
                seen["kills"] += 1
                kill_something(seen["kills"], database, service)
                if seen["kills"] % 2:
                    copier.kill()
                before = len(copier.tasks())
                eventually(lambda before=before: len(copier.tasks()) != before)  # type: ignore[misc]
        finally:
            for writer in writers:
                writer.stopping.set()
            for writer in writers:
                writer.join(60)
        assert [writer.failure for writer in writers[:2] if writer.failure] == []
        tasks = listed(service)
        assert len(tasks) > 20
        with contextlib.suppress(AssertionError):
            eventually(lambda: copier.tasks() == tasks)
        copied = copier.tasks()
        wrong = {pk for pk in tasks.keys() | copied.keys() if tasks.get(pk) != copied.get(pk)}
        assert not wrong, {pk: (tasks.get(pk), copied.get(pk)) for pk in wrong}
    print(f"\n{seen['kills']} kills, {len(tasks)} tasks, {sum(writer.count for writer in writers[2:])} transactions")  # noqa: T201 - for `make faults`


def test_a_number_that_comes_again_after_a_crash_is_not_taken_for_seen(database: Database) -> None:
    """A rollback writes nothing to the disk at once. After a crash its transaction's number goes to another one."""
    database.run("ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()")
    insert = "INSERT INTO tasks_task (title) VALUES ('A')"
    with running_service(database) as service:
        database.run(insert, *[f"BEGIN; {insert}; ROLLBACK"] * 50)
        start = changes_of(service, "/tasks/changes")["next"]
        ((used,),) = database.rows("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        database.kill(all_processes=True)
        database.start()
        database.run(*[insert] * 100)
        first, *_, last = [number for (number,) in database.rows("SELECT transaction FROM tasks_task ORDER BY 1")][1:]
        assert first < used < last
        eventually(lambda: send(service, "GET", "/health/ready").status == 200)
        assert len(changes_of(service, f"{start}&limit=1000")["results"]) == 100


def changes_of(service: Service, url: str) -> Any:
    return send(service, "GET", url[url.index("/tasks/") :]).body


def test_a_standby_answers_503_and_its_promotion_ends_all_points(database: Database) -> None:
    """A standby does not know which transactions run on its primary, and may lack some that a point has seen."""
    with running_service(database) as service:
        post(service, "A")
        start = changes_of(service, "/tasks/changes")["next"].partition("/tasks/")[2]
        database.stop()
        (database.folder / "data" / "standby.signal").touch()
        database.start()
        eventually(lambda: send(service, "GET", "/tasks/").status == 200)
        assert send(service, "GET", f"/tasks/{start}").is_clean_503()
        database.run("SELECT pg_promote()")
        answer = send(service, "GET", f"/tasks/{start}")
        assert (answer.status, answer.body["code"]) == (410, "start_over")
        assert send(service, "GET", "/tasks/changes").status == 200
