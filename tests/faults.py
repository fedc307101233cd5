"""For the fault tests: a PostgreSQL and a gunicorn to break, and clients that retry."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psycopg

from config.postgresql.embedded import cluster, files, place, programs
from tests.servers import ROOT, await_answer, free_port
from tests.waiting import patience

WORKERS, THREADS = 2, 4
APPLICATION = "tasks-api"
NO_ANSWER = (OSError, http.client.HTTPException)


def eventually(condition: Callable[[], Any], seconds: float = 60) -> float:
    """Waits until the condition holds and returns the seconds it took. Fails when the time is up."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - started


class Database:
    """A PostgreSQL on a TCP port, whose processes the tests kill."""

    def __init__(self, folder: Path) -> None:
        place.prepare(folder)
        self.folder = folder.resolve()
        self.account = place.owner(self.folder)
        found = programs.find(self.account, None, self.folder)
        with files.open_file(self.folder / "lock") as lock:
            cluster.create(self.folder, found, lock)
        self.port = free_port()
        self.url = f"postgresql://{place.USER}@127.0.0.1:{self.port}/{place.DATABASE}"
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 30,
            "autovacuum": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.command = [found.path("postgres"), "-D", str(self.folder / place.DATA), *options]
        self.start()

    def start(self) -> None:
        """Starts it, again and again until the processes of a killed one have ended, and waits until it answers."""
        self.spawn()
        eventually(self.runs)

    def runs(self) -> bool:
        if self.process.poll() is not None:
            self.spawn()
        return self.answers()

    def spawn(self) -> None:
        with files.open_file(self.folder / files.LOG) as log:
            options = cluster.process_options(self.folder, log)
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, **options)

    def answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """`pg_ctl stop -m fast`."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def kill(self, *, all_processes: bool = False) -> None:
        """`kill -9` of the postmaster, or of all its processes at once, as when a container is killed."""
        backends = children(self.process.pid) if all_processes else []
        for pid in (self.process.pid, *backends):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(60)

    def ensure_running(self) -> None:
        if self.process.poll() is not None:
            self.start()

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, connect_timeout=5, **options)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query.encode(), values).fetchall()

    def run(self, *statements: str) -> None:
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def sessions(self, condition: str = "true") -> list[int]:
        """The backends that serve gunicorn's workers."""
        query = f"SELECT pid FROM pg_stat_activity WHERE application_name = %s AND {condition}"
        return [pid for (pid,) in self.rows(query, APPLICATION)]

    @contextlib.contextmanager
    def locked(self, statement: str) -> Iterator[None]:
        """Holds the locks of the statement."""
        with self.connect() as holder, holder.transaction():
            holder.execute(statement.encode())
            yield


@contextlib.contextmanager
def empty_cluster() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="tasks-faults-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the account as which root runs PostgreSQL must have access
        database = Database(Path(folder) / "postgres")
        # On SIGTERM, as `timeout` sends it, the tests end their processes, as on Ctrl-C.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield database
        finally:
            database.kill(all_processes=True)
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def running_database() -> Iterator[Database]:
    with empty_cluster() as database:
        manage(database, "migrate", "-v0")
        yield database


def manage(database: Database, *arguments: str, root: Path = ROOT, **variables: str) -> None:
    """Runs manage.py of the checkout in `root`."""
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=root, env=environment(database, **variables), check=True)


def environment(database: Database, **variables: str) -> dict[str, str]:
    """What a deployment sets."""
    settings = {
        "DATABASE_URL": database.url,
        "SECRET_KEY": "only-for-tests-" * 4,
        "ALLOWED_HOSTS": "127.0.0.1",
        "API_ANONYMOUS": "write",
        "WEB_CONCURRENCY": str(WORKERS),
    }
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return inherited | settings | variables


class Service:
    """gunicorn as in production."""

    def __init__(self, database: Database, root: Path = ROOT, **variables: str) -> None:
        self.port = free_port()
        self.database, self.root = database, root
        self.variables = {"BIND": f"127.0.0.1:{self.port}"} | variables
        self.start()

    def start(self) -> None:
        # Into a file: a full pipe that nobody reads would stop the workers.
        with (self.database.folder / "gunicorn.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"],
                cwd=self.root,
                env=environment(self.database, **self.variables),
                stdout=log,
                stderr=log,
                text=True,
            )
        await_answer(f"http://127.0.0.1:{self.port}/health", self.process)
        eventually(lambda: len(self.workers()) == WORKERS)

    def workers(self) -> list[int]:
        return children(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(60) == 0

    def warm_up(self) -> None:
        """Makes all threads of all workers wait at once, so that each opens its connection."""

        def fill() -> bool:
            with self.database.locked("LOCK TABLE tasks_task"):
                asked = [threading.Thread(target=send, args=(self, "GET", "/tasks/1")) for _ in range(24)]
                for each in asked:
                    each.start()
                with contextlib.suppress(AssertionError):
                    eventually(lambda: len(self.database.sessions()) == WORKERS * THREADS, seconds=0.9)
            for each in asked:
                each.join()
            return len(self.database.sessions()) == WORKERS * THREADS

        eventually(fill)


@contextlib.contextmanager
def running_service(database: Database, root: Path = ROOT, **variables: str) -> Iterator[Service]:
    service = Service(database, root, **variables)
    try:
        yield service
    finally:
        service.stop()


def children(pid: int) -> list[int]:
    listed = subprocess.check_output(["ps", "-A", "-o", "pid=", "-o", "ppid="], text=True)
    pairs = (line.split() for line in listed.splitlines())
    return [int(child) for child, parent in pairs if int(parent) == pid]


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: Any
    asked: float
    answered: float

    @property
    def seconds(self) -> float:
        return self.answered - self.asked

    def is_clean_503(self) -> bool:
        return self.status == 503 and self.headers["Retry-After"] == "1" and self.seconds < patience(3)


def send(service: Service, method: str, path: str, body: object = None, key: str = "") -> Answer:
    """Sends a request on a new connection."""
    with Client(service) as client:
        return client.send(method, path, body, key)


class Client:
    """One connection, kept alive; a new one after every failure."""

    def __init__(self, service: Service) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: object = None, key: str = "") -> Answer:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        asked = time.monotonic()
        try:
            self.connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except BaseException:
            self.connection.close()
            raise
        return Answer(answer.status, answer.headers, json.loads(content or "null"), asked, time.monotonic())


@dataclass
class Report:
    """The figures that `make faults` prints."""

    sent: int = 0
    attempts: int = 0
    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    kills: int = 0
    slowest: float = 0.0
    recovery: float = 0.0
    other: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        return [
            f"writes    {self.sent} sent, in {self.attempts} attempts",
            f"          {self.acknowledged} acknowledged, {self.found} found, {self.lost} lost, {self.doubled} doubled",
            f"kills     {self.kills}",
            f"slowest   {self.slowest:.2f} s for one answer",
            f"recovery  {self.recovery:.2f} s at most, until every client was served again",
            *self.other,
        ]


class Writer(threading.Thread):
    """Creates and updates tasks until told to stop. Repeats each write until it is acknowledged."""

    def __init__(self, service: Service, name: str, shared: tuple[int, str]) -> None:
        super().__init__(name=name)
        self.client = Client(service)
        self.shared, self.member = shared
        self.stopping = threading.Event()
        self.made: dict[str, int] = {}
        self.changed: dict[int, str] = {}
        self.last = ""
        self.sent = self.attempts = self.acknowledged = 0
        self.slowest = 0.0
        self.served = 0.0  # when the last acknowledged write was sent
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for number in itertools.count():
                if self.stopping.is_set():
                    return
                self.write_three(f"{self.name}-{number}")
        except BaseException as failure:  # noqa: BLE001 - the test reports it; a thread can't fail a test
            self.failure = failure
        finally:
            self.client.connection.close()

    def write_three(self, text: str) -> None:
        task = self.write("POST", "/tasks/", {"title": text, "tags": ["all", self.name]}, str(uuid.uuid4()))
        self.made[text] = task["id"]
        self.write("PATCH", f"/tasks/{task['id']}", {"description": text})
        self.changed[task["id"]] = text
        self.last = f"shared {text}"
        self.write("PATCH", f"/tasks/{self.shared}", {self.member: self.last})

    def write(self, method: str, path: str, body: object, key: str = "") -> Any:
        self.sent += 1
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.attempts += 1
            try:
                answer = self.client.send(method, path, body, key)
            except NO_ANSWER:
                continue
            self.slowest = max(self.slowest, answer.seconds)
            if answer.status != 503:
                break
            assert answer.is_clean_503(), answer
        assert answer.status in {200, 201}, answer
        self.acknowledged += 1
        self.served = answer.asked
        return answer.body
