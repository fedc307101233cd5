"""Metrics: counted over all workers, served on a separate address, and nothing at all unless METRICS_BIND is set."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from config.server import exporter, metrics
from tests.factories import make_task
from tests.faults import eventually
from tests.servers import ROOT, Server, database_url, free_port, running_server, start_gunicorn

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
COUNT = "http_request_duration_seconds_count"
CONNECTIONS = "database_connections"


def ask(url: str, method: str = "GET", body: object = None, **headers: str) -> int:
    data = json.dumps(body).encode() if body else None
    given = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, given, method=method), timeout=30) as answer:
            return int(answer.status)
    except HTTPError as refused:
        refused.close()
        return refused.code


@dataclass
class Measured:
    server: Server
    port: int

    def samples(self) -> dict[tuple[str, ...], float]:
        """By name and the values of the labels, sorted by the names of the labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        families = text_string_to_metric_families(text)
        samples = [each for family in families for each in family.samples]
        return {(each.name, *(value for _, value in sorted(each.labels.items()))): each.value for each in samples}

    def requests(self) -> Counter[tuple[str, str]]:
        """By operation and status."""
        found = self.samples().items()
        return Counter({(key[1], key[2]): int(value) for key, value in found if key[0] == COUNT})


@pytest.fixture
def measured(tmp_path: Path) -> Iterator[Measured]:
    port = free_port()
    with running_server(tmp_path / "log", METRICS_BIND=f"127.0.0.1:{port}") as server:
        yield Measured(server, port)


def workers(arbiter: int) -> set[int]:
    done = subprocess.run(["pgrep", "-P", str(arbiter)], capture_output=True, text=True, check=False)
    return {int(line) for line in done.stdout.split()}


def sessions() -> int:
    """Connections of the server to the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tasks-api'"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def test_requests_are_counted_by_operation_and_status_over_all_workers(measured: Measured) -> None:
    task, url = make_task().pk, measured.server.url
    before = measured.requests()
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: ask(f"{url}/tasks/{task}"), range(200))) == {200}
    assert ask(f"{url}/tasks/{task}/", method="HEAD") == ask(f"{url}/tasks") == ask(f"{url}/tasks/?limit=1") == 200
    for path in ("/nowhere", f"/nowhere/{task}", "/tasks/0"):
        assert ask(f"{url}{path}") == 404
    assert ask(f"{url}/tasks/", method="PUT") == ask(f"{url}/tasks/", method="BREW") == 405
    assert ask(f"{url}/tasks/{task}", "PATCH", {"title": "B"}, If_Match='"other"') == 412
    key = {"Idempotency_Key": "k"}
    assert ask(f"{url}/tasks/", "POST", {"title": "A"}, **key) == ask(f"{url}/tasks/", "POST", {"title": "A"}, **key)
    assert ask(f"{url}/docs") == ask(f"{url}/openapi.json") == ask(f"{url}/admin/") == 200
    assert measured.requests() - before == {
        ("get_task", "200"): 201,
        ("list_tasks", "200"): 2,
        ("other", "404"): 3,
        ("other", "405"): 2,
        ("update_task", "412"): 1,
        ("create_task", "201"): 2,
        ("docs", "200"): 1,
        ("openapi.json", "200"): 1,
        ("admin", "302"): 1,
        ("admin", "200"): 1,
    }
    samples = measured.samples()
    assert samples["idempotency_replays_total",] == 1
    assert samples["http_request_duration_seconds_bucket", "+Inf", "get_task", "200"] == 201
    assert 0 < samples[CONNECTIONS,] <= sessions()  # another server may run on this database


def test_a_connection_counts_while_it_is_open() -> None:
    uses = [connection.ensure_connection, connection.ensure_connection, connection.close, connection.close]
    left, found = iter(uses), []

    def view(request: HttpRequest) -> HttpResponse:
        next(left)()
        return HttpResponse()

    for _ in uses:
        metrics.middleware(view)(RequestFactory().get("/"))
        found.append(REGISTRY.get_sample_value(CONNECTIONS))
    assert found == [1, 1, 0, 0]


def test_what_a_killed_worker_counted_stays_and_its_connections_do_not(measured: Measured) -> None:
    arbiter = measured.server.process.pid
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: ask(f"{measured.server.url}/tasks/"), range(50))) == {200}
    before, killed = measured.requests(), workers(arbiter)
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    eventually(lambda: len(workers(arbiter) - killed) == 2)
    eventually(lambda: measured.samples().get((CONNECTIONS,)) == 0)
    assert measured.requests() == before


def test_a_reload_keeps_the_counts(measured: Measured) -> None:
    arbiter = measured.server.process.pid
    assert ask(f"{measured.server.url}/tasks/") == 200
    before, old = measured.requests(), workers(arbiter)
    os.kill(arbiter, signal.SIGHUP)
    eventually(lambda: len(workers(arbiter)) == 2 and not workers(arbiter) & old)
    assert ask(f"{measured.server.url}/tasks/") == 200
    assert measured.requests() - before == {("list_tasks", "200"): 1}


def test_an_upgrade_of_the_running_server_keeps_the_counts_and_the_address(measured: Measured) -> None:
    arbiter = measured.server.process.pid
    assert ask(f"{measured.server.url}/tasks/") == 200
    before, old = measured.requests(), workers(arbiter)
    os.kill(arbiter, signal.SIGUSR2)
    eventually(lambda: any(len(workers(child)) == 2 for child in workers(arbiter) - old))
    [new] = workers(arbiter) - old
    try:
        os.kill(arbiter, signal.SIGTERM)
        assert measured.server.process.wait(60) == 0
        assert ask(f"{measured.server.url}/tasks/") == 200
        assert measured.requests() - before == {("list_tasks", "200"): 1}
    finally:
        os.kill(new, signal.SIGTERM)
        eventually(lambda: not workers(new))


def test_the_new_arbiter_inherits_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage can't see the process that becomes the new arbiter."""
    arbiter = SimpleNamespace(cfg=SimpleNamespace(env_orig={}))
    with socket.socket() as listener:
        monkeypatch.setattr(exporter, "listeners", [listener])
        exporter.pre_exec(arbiter)
        assert arbiter.cfg.env_orig == {exporter.INHERITED: str(listener.fileno())}
        assert os.get_inheritable(listener.fileno())


def test_an_address_in_use_stops_the_start_with_one_line(measured: Measured) -> None:
    process = start_gunicorn(METRICS_BIND=f"127.0.0.1:{measured.port}", BIND=f"127.0.0.1:{free_port()}")
    assert (
        f"METRICS_BIND is 127.0.0.1:{measured.port}, which is not available: Address already in use.\n"
        in (process.communicate(timeout=60)[1])
    )
    assert process.returncode == 1
    assert measured.requests()


def test_without_an_address_nothing_of_it_is_imported() -> None:
    program = "import sys, config.wsgi; print([m for m in sys.modules if 'prometheus' in m or 'metrics' in m])"
    environment = os.environ | {"DATABASE_URL": database_url(), "SECRET_KEY": "k" * 50, "ALLOWED_HOSTS": "a"}
    assert subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, env=environment, text=True) == "[]\n"
