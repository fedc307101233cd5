"""The benchmark's own arithmetic, clocks and load, without any peer."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.benchmarks import cpu
from tests.benchmarks.figures import Figures, Ratio, figures_of, middle, percentile, ratio
from tests.benchmarks.load import WrongAnswer, request, send_all
from tests.benchmarks.report import table

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the CPU time of other processes is read from Linux")


def figures(cpu_us: float, database_us: float = 0.0) -> Figures:
    return Figures(server_us=cpu_us - database_us, database_us=database_us, rps=100, p50_ms=1, p99_ms=2)


class Stub(BaseHTTPRequestHandler):
    """Answers 200 and the path; at /lost a 503; at /close it closes the connection after each answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(503 if self.path == "/lost" else 200)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/close":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.path = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["path"]
        self.do_GET()

    def do_DELETE(self) -> None:
        self.close_connection = True  # without a word

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stub() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_ratio_is_taken_within_a_round_and_then_the_median() -> None:
    # A machine that is twice as slow in the second round is so for both: 4, 4 and 2, whatever the figures are.
    reference = [figures(400), figures(800), figures(400)]
    contender = [figures(100), figures(200), figures(200)]
    assert ratio(reference, contender) == Ratio(median=4, least=2, most=4)


def test_cpu_per_request_is_of_the_server_and_of_its_database() -> None:
    found = figures_of(3_000_000, 1_000_000, latencies=[1_000_000] * 9 + [5_000_000], seconds=2)
    assert found == Figures(server_us=300, database_us=100, rps=5, p50_ms=1, p99_ms=5)
    assert found.cpu_us == 400


def test_a_median_is_of_each_figure() -> None:
    found = middle([figures(100, 50), figures(300, 10), figures(200, 20)])
    assert (found.server_us, found.database_us) == (180, 20)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = list(range(100, 0, -1))
    assert [percentile(values, percent) for percent in (0, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([7], 99) == 7


def test_the_table_holds_everyone_to_fastapi_and_the_limit() -> None:
    of = {"fastapi": 800, "ours": 200, "limit": 100}
    operations = ("GET one", "list of 50", "POST", "PATCH", "DELETE")
    printed = table({name: {each: [figures(cpu)] for each in operations} for name, cpu in of.items()})
    assert "| ours | 4.00 (4.00 to 4.00) |" in printed
    assert "| ours | 0.50 (0.50 to 0.50) |" in printed
    assert "| PATCH | ours | 200 |" in printed


@pytest.mark.parametrize("path", ["/kept", "/close"])
def test_every_request_is_answered_and_timed(stub: int, path: str) -> None:
    requests = [request("GET", path), request("POST", "/", body=json.dumps({"path": path}))] * 20
    sent = send_all(stub, requests, 200, connections=4)
    assert len(sent.latencies) == 40
    assert 0 < max(sent.latencies) <= sent.seconds * 1e9
    assert sent.last == path.encode()


def test_no_request_is_sent_when_the_time_is_over(stub: int) -> None:
    assert not send_all(stub, [request("GET", "/kept")] * 3, 200, seconds=0).latencies


@pytest.mark.parametrize(
    ("asked", "shown"),
    [(("GET", "/lost"), "503 Service Unavailable(.|\n)*/lost"), (("DELETE", "/"), "closed before the answer")],
)
def test_a_wrong_answer_ends_the_run_and_is_shown(stub: int, asked: tuple[str, str], shown: str) -> None:
    with pytest.raises(WrongAnswer, match=shown):
        send_all(stub, [*[request("GET", "/kept")] * 5, request(*asked)], 200, connections=2)


def test_the_cpu_time_is_that_of_the_whole_tree() -> None:
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


def test_the_time_of_children_that_ended_is_known() -> None:
    before = cpu.ended_children(os.getpid())
    burn = "import time\nwhile time.process_time() < 0.1: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu.ended_children(os.getpid()) - before >= 90_000_000
