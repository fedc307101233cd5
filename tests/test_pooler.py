"""Behind a real PgBouncer, in both modes: who signs a change, timeouts, prepared statements."""

import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from config.postgresql.embedded import place
from tests.faults import Database, Service, environment, eventually, running_database, running_service, send
from tests.pages import form_in
from tests.servers import ROOT, free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not PGBOUNCER, reason="PgBouncer is not installed")]
PASSWORD = "a password for a test"
ADMIN = "/admin/tasks/task/"
# Sessions need a connection each; transactions share fewer than there are threads. 1.18 refuses `options` by default.
MODES = {
    "session": ("session", 20, ""),
    "transaction": ("transaction", 3, ""),
    "transaction, without options": ("transaction", 3, "ignore_startup_parameters = options"),
}


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running_database() as database:
        for name in ("carol", "dave"):
            manage(database.url, database, "createsuperuser", "--noinput", "--username", name, "--email", "a@b.example")
        yield database


@pytest.fixture(scope="module")
def tokens(database: Database) -> dict[str, str]:
    def create(name: str) -> str:
        return manage(database.url, database, "create_token", name, "test", "--group", "Task admins").strip()

    return {name: create(name) for name in ("alice", "bob")}


def manage(url: str, database: Database, *arguments: str) -> str:
    variables = environment(database, DATABASE_URL=url, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    return subprocess.check_output([sys.executable, "manage.py", *arguments], cwd=ROOT, env=variables, text=True)


@pytest.fixture(params=MODES, ids=lambda mode: mode)
def pooler(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[str]:
    """Its URL."""
    mode, size, more = MODES[request.param]
    port, file, log = free_port(), tmp_path / "pgbouncer.ini", tmp_path / "log"
    file.write_text(f"""
        [databases]
        tasks = host=127.0.0.1 port={database.port} user={place.USER} dbname={place.DATABASE}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = any
        pool_mode = {mode}
        default_pool_size = {size}
        {more}""")
    url = f"postgresql://tasks@127.0.0.1:{port}/tasks"
    account = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [str(PGBOUNCER), "-q", *account, "/dev/stdin"]
    with file.open() as configuration, log.open("w") as output:
        process = subprocess.Popen(command, stdin=configuration, stdout=output, stderr=output)
    try:
        eventually(lambda: process.poll() is not None or answers(url))
        yield url
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(url).close()
        return True
    return False


class Person:
    """Someone who writes with a token or in the admin, and gives each request an id that begins with their name."""

    def __init__(self, name: str, service: Service, token: str = "") -> None:
        self.name, self.number = name, 0
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.cookies = dict[str, str]()

    def write(self, once: Callable[[], None], done: Event) -> None:
        with contextlib.closing(self.connection):
            while not done.is_set():
                once()

    def ask(self, method: str, path: str, body: str = "", kind: str = "application/json") -> http.client.HTTPResponse:
        self.number += 1
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"X-Request-ID": f"{self.name}-{self.number}", "Content-Type": kind, "Cookie": cookie}
        self.connection.close()  # the server may be about to close a connection that was idle
        self.connection.request(method, path, body, self.headers | headers)
        answer = self.connection.getresponse()
        for each in answer.headers.get_all("Set-Cookie", []):
            name, _, rest = each.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        self.page = answer.read().decode()
        assert answer.status < 400, (answer.status, self.page)
        return answer

    def submit(self, page: str, **fields: Any) -> str:
        """Fills the form on this page, or the page that was sent in reply. Returns where the answer leads to."""
        if page != ADMIN or "_selected_action" not in fields:
            self.ask("GET", page)
        form = form_in(self.page, **fields) | {"csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}
        answer = self.ask("POST", page, urlencode(form, doseq=True), "application/x-www-form-urlencoded")
        return answer.headers.get("Location", "")

    def call(self, method: str, path: str, body: object = None) -> Any:
        self.ask(method, path, json.dumps(body) if body else "")
        return json.loads(self.page or "null")

    def write_by_api(self) -> None:
        task = self.call("POST", "/tasks/", {"title": f"{self.name} {self.number}", "tags": ["all", self.name]})["id"]
        self.call("PATCH", f"/tasks/{task}", {"completed": True})
        self.call("GET", f"/tasks/{task}")
        self.call("GET", "/tasks/?limit=1000")
        if self.number % 3:
            self.call("DELETE", f"/tasks/{task}")

    def write_in_admin(self) -> None:
        where = self.submit(f"{ADMIN}add/", title=f"{self.name} {self.number}", _continue="1")
        task = re.sub(r"\D", "", where)
        self.submit(where, title=f"{self.name} again")
        self.ask("GET", ADMIN)
        self.submit(ADMIN, action="complete", _selected_action=task)
        self.submit(ADMIN, _selected_action=task)
        self.submit(f"{ADMIN}{task}/delete/")
        self.submit(f"{ADMIN}{task}/restore/")
        self.submit(f"{ADMIN}{task}/delete/")


def history(database: Database) -> list[tuple[str, str, str]]:
    """Actor and request of each change, and who created the task, by its title."""
    return database.rows("""
        SELECT actor, split_part(request, '-', 1), first_value(split_part(new ->> 'title', ' ', 1)) OVER task
          FROM tasks_change WHERE task_id IS NOT NULL WINDOW task AS (PARTITION BY task_id ORDER BY id)""")


def test_each_change_is_signed_by_who_made_it(
    pooler: str, database: Database, tokens: dict[str, str], tmp_path: Path
) -> None:
    database.run("TRUNCATE tasks_task, tasks_change, tasks_reference CASCADE")
    file = tmp_path / "erin.jsonl"
    file.write_text("".join(f'{{"title": "erin {number}"}}\n' for number in range(20_000)))
    done = Event()
    with running_service(database, DATABASE_URL=pooler) as service, ThreadPoolExecutor(4) as threads:
        clients = [Person(name, service, token) for name, token in tokens.items()]
        staff = [Person(name, service) for name in ("carol", "dave")]
        for each in staff:
            each.submit("/admin/login/", username=each.name, password=PASSWORD)
        writers = [threads.submit(each.write, each.write_by_api, done) for each in clients]
        writers += [threads.submit(each.write, each.write_in_admin, done) for each in staff]
        try:
            manage(pooler, database, "import_tasks", str(file))
        finally:
            done.set()
        for writer in writers:
            writer.result()
    found = Counter(history(database))
    print(*found.items(), sep="\n")  # noqa: T201 - for `pytest -s`
    right = {(f"{name} (test)", name, name) for name in tokens} | {(each.name, each.name, each.name) for each in staff}
    assert set(found) == right | {(f"manage.py import_tasks as {place.USER}", "", "erin")}


def test_timeouts_hold(pooler: str, database: Database) -> None:
    with running_service(database, DATABASE_URL=pooler) as service:
        task = send(service, "POST", "/tasks/", {"title": "locked"}).body["id"]
        with database.locked(f"SELECT 1 FROM tasks_task WHERE id = {task} FOR UPDATE"):
            answer = send(service, "PATCH", f"/tasks/{task}", {"completed": True})
        assert answer.is_clean_503()
        assert send(service, "GET", "/health/ready").status == 200


STATE = """
from config.postgresql.base import current
from tasks.models import Task
database = current()
with database.cursor() as cursor:
    cursor.execute("SELECT current_setting('statement_timeout'), %s", ["100%"])
    print(database.pooled, database.prepares, *cursor.fetchone(), len(list(Task.objects.iterator())) > -1)
"""


def test_prepared_statements_are_used_where_the_pooler_keeps_them(
    pooler: str, database: Database, request: pytest.FixtureRequest
) -> None:
    """By default PgBouncer does since 1.24, for transactions. What it does for sessions can't be told apart."""
    version = subprocess.check_output([str(PGBOUNCER), "--version"], text=True).split()[1]
    keeps = [int(part) for part in version.split(".")] >= [1, 24] and "[session]" not in request.node.name
    found = manage(pooler, database, "shell", "--no-imports", "-c", STATE).split()
    assert found == ["True", f"{keeps}", "10s", "100%", "True"]
