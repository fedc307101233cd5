"""The audit of the locks fails for a known advisory, and is skipped if the service can't be reached."""

import http.server
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import ROOT, free_port, unmeasured

pytestmark = pytest.mark.slow
ADVISORY = {
    "id": "PYSEC-2019-217",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]}],
        }
    ],
}


@contextmanager
def service(status: int, body: bytes) -> Iterator[str]:
    """A service that gives this answer about jinja2 and knows no advisories for anything else."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            answer = body if b"jinja2" in asked else b"{}"
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def audit(url: str, lock: Path) -> tuple[int, str]:
    """Exit status and output of the program that `make check` calls, with the real pip-audit."""
    command = [sys.executable, "requirements/audit.py", str(lock)]
    variables = unmeasured() | {"PIP_AUDIT_OSV_URL": url}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text(f"jinja2==2.10 --hash=sha256:{'0' * 64}\ndjango==5.2.19 --hash=sha256:{'0' * 64}\n")
    return path


def test_a_known_advisory_fails_and_names_the_release_that_fixes_it(lock: Path) -> None:
    with service(200, json.dumps({"vulns": [ADVISORY]}).encode()) as url:
        status, output = audit(url, lock)
    assert status == 1
    assert output == ("audit: jinja2 2.10 has PYSEC-2019-217, fixed in 2.10.1\naudit: 2 packages, 1 known advisories\n")


def test_without_advisories_the_audit_passes(lock: Path) -> None:
    with service(200, b"{}") as url:
        assert audit(url, lock) == (0, "audit: 2 packages, 0 known advisories\n")


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, b"{}"), (200, b"<html>log in first</html>"), (200, b'{"message": "moved"}')],
)
def test_a_service_with_an_unexpected_answer_is_skipped_with_one_line(lock: Path, status: int, body: bytes) -> None:
    with service(status, body) as url:
        code, output = audit(url, lock)
    assert code == 0
    assert output.startswith("audit: SKIPPED, the service of advisories can't be reached: ")
    assert output.count("\n") == 1


def test_no_network_is_skipped_with_one_line(lock: Path) -> None:
    code, output = audit(f"http://127.0.0.1:{free_port()}", lock)
    assert code == 0
    assert output.startswith("audit: SKIPPED, ")
    assert output.count("\n") == 1


def test_a_lock_that_cannot_be_read_fails(lock: Path) -> None:
    lock.write_text("jinja2>=2.10\n")
    code, output = audit("http://127.0.0.1:1", lock)
    assert code == 2
    assert output.startswith("audit: the locks can't be read: ")


def test_the_audit_gives_up_on_a_service_that_never_answers(lock: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code, output = audit(f"http://127.0.0.1:{silent.getsockname()[1]}", lock)
    assert code == 0
    assert "timed out" in output
