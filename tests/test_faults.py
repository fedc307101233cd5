"""Real faults with real processes that are killed, stopped, locked or full, and what clients see."""

import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.faults import (
    NO_ANSWER,
    THREADS,
    WORKERS,
    Answer,
    Client,
    Database,
    Report,
    Service,
    Writer,
    eventually,
    running_database,
    running_service,
    send,
)
from tests.waiting import patience

pytestmark = pytest.mark.slow
KILLS = 22
ALL_THREADS = WORKERS * THREADS

# POST {"title": "sleep 60"} is a statement that runs for 60 seconds.
SLEEP = """
CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(split_part(NEW.title, ' ', 2)::float); RETURN NEW; END $$;
CREATE TRIGGER sleep BEFORE INSERT ON tasks_task FOR EACH ROW WHEN (NEW.title LIKE 'sleep %') EXECUTE FUNCTION sleep();
"""


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    report = Report()
    yield report
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        print("", *report.lines(), sep="\n", flush=True)  # noqa: T201 - what `make faults` is for


@pytest.fixture(scope="module")
def cluster() -> Iterator[Database]:
    with running_database() as database:
        database.run(SLEEP)
        yield database


@pytest.fixture
def database(cluster: Database) -> Database:
    cluster.ensure_running()
    return cluster


@pytest.fixture
def service(database: Database) -> Iterator[Service]:
    with running_service(database) as service:
        yield service


def at_once(service: Service, count: int, method: str, path: str, body: object = None) -> list[Answer]:
    """The answers to this many clients at the same moment."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(lambda _: send(service, method, path, body), range(count)))


def post(service: Service, title: str, **members: object) -> Answer:
    return send(service, "POST", "/tasks/", {"title": title, **members})


def count(database: Database, title: str) -> int:
    ((number,),) = database.rows("SELECT count(*) FROM tasks_task WHERE title = %s", title)
    return int(number)


# Killed


def test_no_kill_loses_or_repeats_an_acknowledged_write(database: Database, service: Service, report: Report) -> None:
    shared = post(service, "shared").body["id"]
    writers = [Writer(service, f"w{i}", (shared, ("title", "description")[i])) for i in range(2)]
    others = [post(service, "shared").body["id"] for _ in range(4)]
    writers += [Writer(service, f"w{i + 2}", (other, "title")) for i, other in enumerate(others)]
    for writer in writers:
        writer.start()
    try:
        for number in range(KILLS):
            since = kill_something(number, database, service)
            report.kills += 1
            eventually(lambda since=since: all(w.failure or w.served > since for w in writers))  # type: ignore[misc]
            report.recovery = max(report.recovery, time.monotonic() - since)
            enough = sum(w.acknowledged for w in writers) + 30
            eventually(lambda enough=enough: sum(w.acknowledged for w in writers) > enough)  # type: ignore[misc]
    finally:
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(60)
    assert [writer.failure for writer in writers if writer.failure] == []
    database.kill(all_processes=True)
    database.start()
    tell(writers, database, report)
    assert (report.lost, report.doubled) == (0, 0)
    assert report.acknowledged == report.sent == report.found


def kill_something(number: int, database: Database, service: Service) -> float:
    """Kills both workers, the postmaster, one worker or all of PostgreSQL, and starts it again. Returns the time."""
    match number % 4:
        case 0 | 2:
            workers = service.workers()
            for pid in random.sample(workers, 1 if number % 4 else len(workers)):
                os.kill(pid, signal.SIGKILL)
            return time.monotonic()
        case kind:
            database.kill(all_processes=kind == 3)
            database.start()
            return time.monotonic()


def tell(writers: list[Writer], database: Database, report: Report) -> None:
    """Compares the acknowledged writes with the tasks and with the history, which has a repeated write twice."""
    tasks = {pk: (title, text) for pk, title, text in database.rows("SELECT id, title, description FROM tasks_task")}
    for writer in writers:
        last = tasks[writer.shared][writer.member == "description"]
        kept = [tasks.get(pk, ("",))[0] == title for title, pk in writer.made.items()]
        kept += [tasks.get(pk, ("", ""))[1] == text for pk, text in writer.changed.items()]
        shared = database.rows(
            f"SELECT DISTINCT new ->> '{writer.member}' FROM tasks_change"
            f" WHERE task_id = {writer.shared} AND new ->> '{writer.member}' LIKE 'shared {writer.name}-%%'"
        )
        assert last == writer.last
        report.found += sum(kept) + len(shared)
        report.lost += kept.count(False) + len(writer.made) - len(shared)
        for name in ("sent", "attempts", "acknowledged"):
            setattr(report, name, getattr(report, name) + getattr(writer, name))
        report.slowest = max(report.slowest, writer.slowest)
    report.doubled += len(
        database.rows("SELECT title FROM tasks_task WHERE title LIKE 'w%%-%%' GROUP BY title HAVING count(*) > 1")
    ) + len(
        database.rows(
            "SELECT task_id FROM tasks_change WHERE task_id IS NOT NULL"
            " GROUP BY task_id, operation, new ->> 'title', new ->> 'description', new ->> 'tags' HAVING count(*) > 1"
        )
    )


def test_a_retry_of_a_commit_whose_answer_was_lost_creates_nothing(database: Database, service: Service) -> None:
    task = {"title": "lost answer"}
    database.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(send, service, "POST", "/tasks/", task, "lost-answer")
        eventually(lambda: database.sessions("wait_event = 'SyncRep'"))  # committed, but the client has no answer yet
        database.run("ALTER SYSTEM RESET synchronous_standby_names")
        database.kill(all_processes=True)
        first = asked.result()
    database.start()
    again = send(service, "POST", "/tasks/", task, "lost-answer")
    assert first.is_clean_503()
    assert "Nothing was changed" not in first.body["detail"]
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert count(database, "lost answer") == 1


def test_the_query_of_a_killed_worker_is_cancelled(database: Database, service: Service, report: Report) -> None:
    def ask() -> None:
        with contextlib.suppress(*NO_ANSWER):
            post(service, "sleep 60")

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: database.sessions("wait_event = 'PgSleep'"))
    for pid in service.workers():
        os.kill(pid, signal.SIGKILL)
    seconds = eventually(lambda: not database.sessions("wait_event = 'PgSleep'"))
    asking.join()
    report.other.append(f"query of a killed worker gone after {seconds:.2f} s")
    assert seconds < patience(2.5)
    assert count(database, "sleep 60") == 0


# Restarted, and away


def test_after_a_restart_while_idle_no_request_fails(database: Database, service: Service) -> None:
    service.warm_up()
    database.stop()
    database.start()
    answers = at_once(service, ALL_THREADS * 2, "GET", "/tasks/?limit=1")
    answers += at_once(service, ALL_THREADS * 2, "POST", "/tasks/", {"title": "after a restart"})
    assert [answer.status for answer in answers] == [200] * ALL_THREADS * 2 + [201] * ALL_THREADS * 2


def test_after_a_restart_while_idle_a_single_client_sees_no_error(database: Database, service: Service) -> None:
    service.warm_up()
    database.stop()
    database.start()
    answers = [send(service, "GET", "/tasks/?limit=1") for _ in range(ALL_THREADS * 3)]
    assert {answer.status for answer in answers} == {200}


def test_after_the_database_ended_its_sessions_no_request_fails(database: Database, service: Service) -> None:
    service.warm_up()
    database.rows("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'tasks-api'")
    answers = at_once(service, ALL_THREADS * 2, "POST", "/tasks/", {"title": "after the end"})
    assert {answer.status for answer in answers} == {201}


def test_five_seconds_without_a_database_are_503s_and_then_it_recovers_at_once(
    database: Database, service: Service, report: Report
) -> None:
    service.warm_up()
    task = post(service, "stays").body["id"]
    answers: list[Answer] = []
    done = threading.Event()

    def ask(number: int) -> None:
        requests: list[tuple[str, str, object]] = [
            ("GET", "/tasks/", None),
            ("GET", "/health/ready", None),
            ("POST", "/tasks/", {"title": "away"}),
            ("PATCH", f"/tasks/{task}", {"completed": True}),
        ]
        with Client(service) as client:
            while not done.is_set():
                answers.append(client.send(*requests[number]))

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask, number) for number in range(4)]
        try:
            database.stop()
            away = time.monotonic()
            threading.Event().wait(5)
            still_away = time.monotonic()
            database.start()
            back, soon = time.monotonic(), patience(1)
            eventually(lambda: any(a.asked > back + soon for a in list(answers)))
        finally:
            done.set()
        for each in asking:
            each.result()
    meanwhile = [each for each in answers if each.asked > away and each.answered < still_away]
    served = [each.answered for each in answers if each.status < 300 and each.answered > back]
    late = [each for each in answers if each.asked > back + soon]
    report.slowest = max(report.slowest, *(each.seconds for each in answers))
    report.recovery = max(report.recovery, min(served) - back)
    report.other.append(f"away: {len(meanwhile)} x 503, slowest {max(each.seconds for each in meanwhile):.2f} s")
    assert meanwhile
    assert [each for each in meanwhile if not each.is_clean_503()] == []
    assert [each for each in answers if each.status >= 300 and not each.is_clean_503()] == []
    assert [each for each in late if each.status >= 300] == []
    assert min(served) - back < soon


def test_a_database_that_accepts_and_never_answers_is_a_503(database: Database, service: Service) -> None:
    service.warm_up()
    database.rows("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'tasks-api'")
    database.process.send_signal(signal.SIGSTOP)
    try:
        answers = at_once(service, THREADS, "GET", "/tasks/")
    finally:
        database.process.send_signal(signal.SIGCONT)
    assert [answer for answer in answers if not answer.is_clean_503()] == []
    assert send(service, "GET", "/tasks/").status == 200


# Busy


def test_a_locked_row_delays_nobody_for_more_than_three_seconds(
    database: Database, service: Service, report: Report
) -> None:
    task = post(service, "locked").body["id"]
    with database.locked(f"SELECT 1 FROM tasks_task WHERE id = {task} FOR UPDATE"):
        with ThreadPoolExecutor(2) as threads:
            patches = threads.submit(
                at_once,
                service,
                ALL_THREADS,
                "PATCH",
                f"/tasks/{task}",
                {"completed": True},
            )
            eventually(lambda: len(database.sessions("wait_event_type = 'Lock'")) >= THREADS)
            reads = threads.submit(at_once, service, 4, "GET", f"/tasks/{task}")
        answers = patches.result() + reads.result()
    report.other.append(f"all connections busy: slowest {max(each.seconds for each in answers):.2f} s")
    assert [each for each in patches.result() if not each.is_clean_503()] == []
    assert [each for each in reads.result() if each.status != 200 or each.seconds > patience(3)] == []
    assert send(service, "PATCH", f"/tasks/{task}", {"completed": True}).body["completed"] is True


def test_a_statement_that_takes_too_long_is_a_503_and_creates_nothing(database: Database, service: Service) -> None:
    answer = post(service, "sleep 60", tags=["half done"])
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert answer.seconds < patience(11)
    assert count(database, "sleep 60") == 0
    assert database.rows("SELECT 1 FROM tasks_tag WHERE name = 'half done'") == []


def test_a_server_without_free_connections_is_a_503(database: Database, service: Service) -> None:
    others = []
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            others.append(database.connect())
    answers = at_once(service, THREADS, "GET", "/tasks/")
    for other in others:
        other.close()
    assert [answer for answer in answers if not answer.is_clean_503()] == []
    eventually(lambda: send(service, "GET", "/tasks/").status == 200, patience(1))


def test_a_read_only_database_is_a_503_for_writes_and_serves_reads(database: Database, service: Service) -> None:
    task = post(service, "read only").body["id"]
    try:
        database.run("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        eventually(lambda: database.rows("SHOW default_transaction_read_only") == [("on",)])
        writes = [
            send(service, "POST", "/tasks/", {"title": "A"}),
            send(service, "POST", "/tasks/", {"title": "A"}, "read-only"),
            send(service, "PATCH", f"/tasks/{task}", {"title": "B"}),
            send(service, "DELETE", f"/tasks/{task}"),
        ]
        reads = [send(service, "GET", path).status for path in ("/tasks/", f"/tasks/{task}", "/health/ready")]
    finally:
        database.run("SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only")
        database.run("SELECT pg_reload_conf()")
    assert [answer for answer in writes if not answer.is_clean_503()] == []
    assert reads == [200] * 3
    eventually(lambda: send(service, "PATCH", f"/tasks/{task}", {"title": "B"}).status == 200, patience(1))


@pytest.fixture
def small_disk(database: Database) -> Iterator[Path]:
    """A file system of 8 MB for the tasks."""
    with tempfile.TemporaryDirectory(prefix="tasks-faults-disk-") as folder:
        Path(folder).chmod(0o755)
        account = database.account
        mount = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size=8m,mode=0700,uid={account.uid},gid={account.gid}",
            "tmpfs",
            folder,
        ]
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("a disk that can be filled takes the right to mount one")
        try:
            database.run(f"CREATE TABLESPACE small LOCATION '{folder}'", "ALTER TABLE tasks_task SET TABLESPACE small")
            yield Path(folder)
        finally:
            database.run("ALTER TABLE tasks_task SET TABLESPACE pg_default", "DROP TABLESPACE small")
            subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_a_503_and_leaves_nothing_half_done(
    database: Database, service: Service, small_disk: Path
) -> None:
    def large(number: int) -> Answer:
        noise = random.randbytes(5000).hex()  # text that can't be compressed needs new pages
        body = {"title": f"disk-{number}", "description": noise, "tags": [f"disk-{number}"]}
        answer = send(service, "POST", "/tasks/", body, f"disk-{number}")
        bodies.append(body)
        return answer

    bodies = list[object]()
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    answers = [large(number) for number in range(8)]
    made = [number for number, answer in enumerate(answers) if answer.status == 201]
    refused = [number for number, answer in enumerate(answers) if answer.is_clean_503()]
    assert len(made) + len(refused) == 8
    assert refused
    for table, column in (("tasks_task", "title"), ("tasks_tag", "name"), ("idempotency_storedanswer", "key")):
        there = database.rows(f"SELECT {column} FROM {table} WHERE {column} LIKE 'disk-%%'")
        assert {name for (name,) in there} == {f"disk-{number}" for number in made}
    assert send(service, "GET", "/tasks/?limit=1").status == 200
    ballast.unlink()
    again = [send(service, "POST", "/tasks/", bodies[number], f"disk-{number}").status for number in range(8)]
    assert again == [201] * 8
    assert [count(database, f"disk-{number}") for number in range(8)] == [1] * 8


# Reloaded, and stopped


@dataclasses.dataclass
class Caller:
    """Sends requests without a pause. With `keep_alive`, on one connection as long as the server keeps it open."""

    service: Service
    keep_alive: bool
    answered: int = 0
    refused: bool = False
    failures: list[str] = dataclasses.field(default_factory=list)
    unread: list[str] = dataclasses.field(
        default_factory=list
    )  # titles of requests that the kernel reset; "" for a GET

    def run(self, done: threading.Event) -> None:
        with Client(self.service) as client:
            while not done.is_set() and not self.refused:
                self.ask(client)

    def ask(self, client: Client) -> None:
        new, title = client.connection.sock is None, f"{uuid.uuid4()}" if self.answered % 4 == 0 else ""
        try:
            if new:
                client.connection.connect()
        except ConnectionRefusedError:
            self.refused = True
            return
        try:
            answer = (
                client.send("POST", "/tasks/", {"title": title}) if title else client.send("GET", "/tasks/?limit=1")
            )
        except NO_ANSWER as failure:
            if new and isinstance(failure, ConnectionResetError):
                self.unread.append(title)
            else:
                self.failures.append(repr(failure))
            return
        finally:
            if not self.keep_alive:
                client.connection.close()
        self.answered += 1
        if answer.status not in {200, 201}:
            self.failures.append(f"{answer.status} {answer.body}")


@contextlib.contextmanager
def callers(service: Service) -> Iterator[list[Caller]]:
    """Eight clients, half of them with keep-alive connections."""
    callers, done = [Caller(service, keep_alive=bool(number % 2)) for number in range(8)], threading.Event()
    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(caller.run, done) for caller in callers]
        try:
            eventually(lambda: all(caller.answered > 5 for caller in callers))
            yield callers
        finally:
            done.set()
        for each in asking:
            each.result()


def test_a_reload_fails_no_request(service: Service, report: Report) -> None:
    with callers(service) as clients:
        for _ in range(3):
            before = set(service.workers())
            service.process.send_signal(signal.SIGHUP)
            eventually(lambda before=before: not before & set(service.workers()))  # type: ignore[misc]
            asked = [caller.answered for caller in clients]
            eventually(lambda asked=asked: all(c.answered > n + 5 for c, n in zip(clients, asked, strict=True)))  # type: ignore[misc]
    answered, failures = sum(each.answered for each in clients), [text for each in clients for text in each.failures]
    report.other.append(f"reloads: 3, {answered} requests answered, {len(failures)} failed")
    assert failures == []
    assert not any(caller.unread for caller in clients)
    assert not any(caller.refused for caller in clients)


def test_a_stop_answers_every_request_that_was_read(service: Service, report: Report) -> None:
    """What connects between the last accept of the last worker and its close, the kernel resets, as it refuses what
    comes later: on a listener that is shared by processes, Linux has no way around it. Nobody has read it, then.
    """
    answered, failures, unread = 0, list[str](), list[str]()
    for _ in range(3):
        with callers(service) as clients, ThreadPoolExecutor(1) as threads:
            slow = threads.submit(post, service, "sleep 1.5")
            eventually(lambda: service.database.sessions("wait_event = 'PgSleep'"))
            service.process.terminate()
            eventually(lambda: all(caller.refused for caller in clients))
            assert slow.result().status == 201
        assert service.process.wait(60) == 0
        answered += sum(caller.answered for caller in clients)
        failures += [text for caller in clients for text in caller.failures]
        unread += [title for caller in clients for title in caller.unread]
        service.start()
    report.other.append(f"stops: 3, {answered} requests answered, {len(failures)} failed, {len(unread)} not accepted")
    assert failures == []
    assert not service.database.rows("SELECT title FROM tasks_task WHERE title = ANY(%s)", unread)
