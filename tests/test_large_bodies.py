"""Bodies of hundreds of megabytes, sent to a real server: refused at once, and stored nowhere."""

import contextlib
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks.transfer.models import Upload
from tests.factories import client_of
from tests.servers import Server
from tests.wire import HOST, PATIENCE, Answer, answers, exchange, request

MIB = 2**20
FORM = "Content-Type: multipart/form-data; boundary=x"
HTML = "Accept: text/html"
START = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
IMPORT = "/admin/tasks/task/import/"

pytestmark = pytest.mark.slow


def send_endlessly(port: int, head: bytes, piece: bytes, most: int) -> Answer:
    """Sends pieces until the server answers or `most` bytes are sent, then returns the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        received, sent = b"", 0
        with contextlib.suppress(ConnectionError):
            sock.sendall(head)
            while sent < most:
                sock.sendall(piece)
                sent += len(piece)
        with contextlib.suppress(ConnectionError):
            while data := sock.recv(1 << 16):
                received += data
    [answer] = [_page(received)] if b"text/html" in received else answers(received, "POST")
    assert sent < most, "the server read everything"
    return answer


def _page(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]), {}, body)


class Footprint:
    """What the workers of a server have written to files, and the most memory they had."""

    def __init__(self, server: Server) -> None:
        listed = subprocess.check_output(["ps", "-o", "pid=", "--ppid", str(server.process.pid)], text=True)
        self.pids = [int(pid) for pid in listed.split()]
        assert len(self.pids) == 2

    def _sum(self, file: str, name: str) -> int:
        text = "".join(Path(f"/proc/{pid}/{file}").read_text() for pid in self.pids)
        return sum(map(int, re.findall(rf"{name}:\s+(\d+)", text)))

    @contextlib.contextmanager
    def flat(self, *, memory: int = 16) -> Iterator[None]:
        """Fails if they write a MiB, or need this many MiB of memory more than before."""
        written, peak = self._sum("io", "wchar"), self._sum("status", "VmHWM")
        yield
        assert self._sum("io", "wchar") - written < MIB
        assert self._sum("status", "VmHWM") - peak < memory * 1024  # in KiB


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="/proc/PID/io is Linux's")
@pytest.mark.parametrize("length", [f"Content-Length: {300 * MIB}", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    ("path", "kind", "accept"),
    [
        ("/admin/login/", FORM, HTML),
        ("/admin/login/", FORM, "Accept: */*"),
        ("/admin/login/", "Content-Type: application/x-www-form-urlencoded", HTML),
        ("/admin/tasks/task/add/", FORM, HTML),
        (IMPORT, FORM, HTML),
        ("/docs", FORM, "Accept: */*"),
        ("/tasks/", "Content-Type: application/json", "Accept: */*"),
        ("/tasks/", FORM, "Cookie: sessionid=a"),
        ("/nothing", FORM, "Accept: */*"),
    ],
)
def test_a_body_that_is_too_large_is_refused_and_stored_nowhere(
    server: Server, path: str, kind: str, accept: str, length: str
) -> None:
    piece = b"x" * MIB
    start, piece = START % b"file", (b"%x\r\n%s\r\n" % (MIB, piece)) if "chunked" in length else piece
    start = (b"%x\r\n%s\r\n" % (len(start), start)) if "chunked" in length else start
    head = request(f"POST {path} HTTP/1.1", HOST, kind, accept, length, "Cookie: csrftoken=" + "a" * 32) + start
    with Footprint(server).flat(memory=64 if path == IMPORT else 16):
        answer = send_endlessly(server.port, head, piece, 300 * MIB)
    assert answer.status == (415 if kind == FORM and path == "/tasks/" else 413)
    if accept == HTML:
        assert b"must have at most 1" in answer.body
        assert (b"The file must have at most 10 MB." in answer.body) == (path == IMPORT)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="/proc/PID/io is Linux's")
def test_a_file_of_10_mb_is_imported_without_writing_to_a_file(server: Server, alice: User) -> None:
    staff: Client = client_of(alice)
    cookies = f"sessionid={staff.cookies['sessionid'].value}; csrftoken={'a' * 32}"
    content = b"title\n" + b"A\n" * (5 * MIB - 3)
    token = b'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n' + b"a" * 32 + b"\r\n"
    body = token + START % b"file" + content + b"\r\n--x--\r\n"
    head = request(f"POST {IMPORT} HTTP/1.1", HOST, FORM, f"Cookie: {cookies}", f"Content-Length: {len(body)}")
    with Footprint(server).flat(memory=160):  # 98 to 129, by what the worker did before
        [answer] = answers(exchange(server.port, head, body), "POST")
    assert (answer.status, answer.headers["location"]) == (302, f"{IMPORT}preview/")
    assert len(Upload.objects.get().content) == 10 * MIB
