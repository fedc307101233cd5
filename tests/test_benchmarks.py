"""The benchmark's arithmetic, clocks and load, without the other frameworks."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from tests.benchmarks import cpu
from tests.benchmarks.__main__ import parse
from tests.benchmarks.compare import Plan, measure
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.figures import Figures, Ratio, figures_of, middle, percentile, ratio
from tests.benchmarks.load import WrongAnswer, request, send_all
from tests.benchmarks.operations import OPERATIONS, Requests, chosen
from tests.benchmarks.tables import tables

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the CPU time of other processes is read from Linux")


def figures(cpu_us: float, database_us: float = 0.0) -> Figures:
    return Figures(server_us=cpu_us - database_us, database_us=database_us, rps=100, p50_ms=1, p99_ms=2)


class Stub(BaseHTTPRequestHandler):
    """Answers 200 and the path.

    At /lost it is a 503, at /unchanged a 304 with the length of what it does not send; at /longer more comes than the
    length says; at /close it closes the connection after each answer.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.path.encode()
        status = {"/lost": 503, "/unchanged": 304}.get(self.path, 200)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) - (self.path == "/longer")))
        if self.path == "/close":
            self.send_header("Connection", "close")
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def do_POST(self) -> None:
        self.path = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["path"]
        self.do_GET()

    def do_DELETE(self) -> None:
        self.close_connection = True  # without an answer

    def log_message(self, *_: object) -> None:
        pass


class StubHTTPServer(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that gets a wrong answer closes all its connections, even while the server writes to them."""


@pytest.fixture
def stub() -> Iterator[int]:
    with StubHTTPServer(("127.0.0.1", 0), Stub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_ratio_is_taken_within_a_round_and_then_the_median() -> None:
    # A slow machine slows both in the same round, so the ratios stay 4, 4 and 2.
    reference = [figures(400), figures(800), figures(400)]
    contender = [figures(100), figures(200), figures(200)]
    assert ratio(reference, contender) == Ratio(median=4, least=2, most=4)


def test_cpu_per_request_includes_the_server_and_its_database() -> None:
    found = figures_of(3_000_000, 1_000_000, latencies=[1_000_000] * 9 + [5_000_000], seconds=2)
    assert found == Figures(server_us=300, database_us=100, rps=5, p50_ms=1, p99_ms=5)
    assert found.cpu_us == 400


def test_the_median_is_taken_of_each_figure() -> None:
    found = middle([figures(100, 50), figures(300, 10), figures(200, 20)])
    assert (found.server_us, found.database_us) == (180, 20)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = list(range(100, 0, -1))
    assert [percentile(values, percent) for percent in (0, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([7], 99) == 7


def test_the_tables_hold_everyone_to_fastapi_and_the_limit() -> None:
    of = {"fastapi": 800, "ours": 201, "limit": 90}
    printed = tables({name: {each: [figures(cpu)] for each in ("get", "list", "patch")} for name, cpu in of.items()})
    assert "|  | GET one | list of 50 | PATCH |" in printed
    assert "| ours | 3.98 (3.98 to 3.98) |" in printed
    assert "| target of ours | 2.30 met | 4.00 **missed** |  |" in printed
    assert "| ours | 0.45 (0.45 to 0.45) |" in printed
    assert "| target of ours | 0.50 **missed** | 0.50 **missed** | 0.50 **missed** |" in printed
    assert "| PATCH | ours | 201 |" in printed
    assert "Everyday" not in printed


def test_an_everyday_request_is_a_multiple_of_the_plain_one_in_its_round() -> None:
    ours = {"get": [100, 200, 100], "304": [100, 200, 150], "404": [101, 202, 101], "list": [100], "search": [150]}
    printed = tables({"ours": {name: [figures(cpu) for cpu in rounds] for name, rounds in ours.items()}})
    assert "| GET one | If-None-Match, 304 | 1.00 (1.00 to 1.50) | 1.00 met |" in printed
    assert "| GET one | no such task, 404 | 1.01 (1.01 to 1.01) | 1.00 **missed** |" in printed
    assert "| list of 50 | search=… | 1.50 (1.50 to 1.50) |  |" in printed


def test_a_chosen_request_includes_the_plain_one_it_is_compared_with() -> None:
    assert [each.name for each in chosen(["search", "list"])] == ["list", "search"]
    assert [each.name for each in chosen(["412"])] == ["patch", "412"]
    assert [each.name for each in chosen(["delete"])] == ["post", "delete"]
    everything = [each.name for each in OPERATIONS]
    assert [each.name for each in chosen(everything)] == everything
    assert {each.plain for each in OPERATIONS if each.plain} == {"get", "list", "post", "patch"}


class StubServer:
    """Records the requests."""

    contender = CONTENDERS[0]
    cookie: ClassVar = {"Cookie": "sessionid=x"}

    def request(self, *asked: object, **parts: object) -> tuple[object, ...]:
        return (*asked, parts)

    def etag(self, number: int) -> str:
        return f'"{number}"'

    def ids(self, above: int) -> list[int]:
        return list(range(above + 1, above + 31))

    def send(self, requests: object, status: int) -> None:
        pass

    def measure(self, requests: object, status: int) -> tuple[Figures, None]:
        return figures(100), None


def asked(name: str, count: int = 30) -> list[Any]:
    (operation,) = (each for each in OPERATIONS if each.name == name)
    return Requests(StubServer(), 10_000, 7).make(operation, count)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [each.name for each in OPERATIONS])
def test_all_servers_get_the_same_requests(name: str) -> None:
    assert asked(name) == asked(name)


def test_patches_with_and_without_a_change_go_to_different_tasks() -> None:
    assert {number % 2 for _, number, _ in asked("patch") + asked("412")} == {1}
    assert {(number % 2, parts["body"]["title"] == f"Task {number}") for _, number, parts in asked("no-op")} == {
        (0, True)
    }
    assert [number % 2 for _, number, _ in asked("patch-half")] == [1, 0] * 15


def test_tasks_that_were_posted_and_deleted_are_counted() -> None:
    requests = Requests(StubServer(), 10_000, 7)  # type: ignore[arg-type]
    for operation in chosen(["charset", "delete"]):
        requests.make(operation, 20)
    assert requests.added == 20


def test_an_answer_that_contradicts_the_table_ends_the_run() -> None:
    (get, post) = chosen(["get", "post"])
    requests, plan = Requests(StubServer(), 10_000, 7), Plan(rounds=1, count=25, rows=10_000, workers=1)  # type: ignore[arg-type]
    requests.added = 1
    assert measure(requests, post, plan) == figures(100)  # with the 4 of the warm-up, the 30 that exist
    requests.added = 0
    with pytest.raises(WrongAnswer, match="ours has 30 tasks more than at first where it said 0"):
        measure(requests, get, plan)


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    options = parse(["--only", "ours,limit", "--requests", "get,304"])
    assert (options.only, options.requests) == (["ours", "limit"], ["get", "304"])
    with pytest.raises(SystemExit):
        parse(["--requests", "get,put"])
    assert "put: not one of get,304," in capsys.readouterr().err


def test_a_header_replaces_the_usual_one() -> None:
    sent = request("POST", "/", {"Accept": "*/*", "Origin": "null"}, "{}").decode()
    assert sent.count("Accept: ") == 1
    assert "Accept: */*\r\n" in sent
    assert "Origin: null\r\n" in sent
    assert "Content-Type: application/json\r\n" in sent


@pytest.mark.parametrize("path", ["/kept", "/close"])
def test_every_request_is_answered_and_timed(stub: int, path: str) -> None:
    requests = [request("GET", path), request("POST", "/", body=json.dumps({"path": path}))] * 20
    sent = send_all(stub, requests, 200, connections=4)
    assert len(sent.latencies) == 40
    assert 0 < max(sent.latencies) <= sent.seconds * 1e9
    assert sent.last == path.encode()


def test_a_304_has_no_body_even_if_it_states_a_length(stub: int) -> None:
    sent = send_all(stub, [request("GET", "/unchanged")] * 10, 304, connections=2)
    assert (len(sent.latencies), sent.last) == (10, b"")
    assert sent.head.startswith(b"HTTP/1.1 304 ")


def test_no_request_is_sent_after_the_time_is_up(stub: int) -> None:
    assert not send_all(stub, [request("GET", "/kept")] * 3, 200, seconds=0).latencies


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (("GET", "/lost"), "503 Service Unavailable(.|\n)*/lost"),
        (("GET", "/unchanged"), "200 was expected(.|\n)*304 Not Modified"),
        (("GET", "/longer"), "200 was expected(.|\n)*/longer"),
        (("DELETE", "/"), "closed before the answer"),
    ],
)
def test_a_wrong_answer_ends_the_run_and_is_shown(stub: int, asked: tuple[str, str], shown: str) -> None:
    with pytest.raises(WrongAnswer, match=shown):
        send_all(stub, [*[request("GET", "/kept")] * 5, request(*asked)], 200, connections=2)


def test_the_cpu_time_includes_all_child_processes() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    program = f"import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {burn + 'input()'!r}])\n"
    with subprocess.Popen([sys.executable, "-c", f"{program}{burn}child.wait()"], stdin=subprocess.PIPE) as process:
        before = {process.pid: 0}
        while cpu.spent(before, cpu.cpu_times(cpu.tree(process.pid))) < 400_000_000:
            assert process.poll() is None
        child = next(pid for pid in cpu.tree(process.pid) if pid != process.pid)
        assert cpu.cpu_time(child) >= 200_000_000
        now, most = cpu.memory(child)
        assert 1_000_000 < now <= most
        process.communicate(b"\n")
    with pytest.raises(cpu.ProcessEnded, match=str(process.pid)):
        cpu.cpu_time(process.pid)


def test_a_process_that_ends_while_it_is_measured_is_an_error() -> None:
    assert cpu.spent({1: 10}, {1: 15, 2: 20}) == 25
    with pytest.raises(cpu.ProcessEnded, match="2"):
        cpu.spent({1: 10, 2: 20}, {1: 15})


def test_the_cpu_time_of_children_that_ended_is_counted() -> None:
    before = cpu.ended_children(os.getpid())
    burn = "import time\nwhile time.process_time() < 0.1: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu.ended_children(os.getpid()) - before >= 90_000_000
