"""gunicorn's arbiter is killed: its workers free the port, finish what they do, and the next start succeeds."""

import contextlib
import socket
import subprocess

import pytest

from tests.faults import children, eventually
from tests.servers import await_answer, running_server, start_gunicorn, stop
from tests.waiting import patience

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
START = b"POST /tasks/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
REST = b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"


def is_free(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def runs(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return state.strip() not in ("", "Z")  # nobody may be there to collect a zombie


def test_the_workers_of_a_killed_arbiter_free_the_port_and_finish_their_requests() -> None:
    with running_server(WEB_CONCURRENCY="2") as server, contextlib.ExitStack() as later:
        eventually(lambda: len(children(server.process.pid)) == 2)
        workers = children(server.process.pid)
        client = later.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        client.sendall(START)
        server.process.kill()
        server.process.wait()
        assert eventually(lambda: is_free(server.port)) < patience(3)
        again = start_gunicorn(subprocess.DEVNULL, BIND=f"127.0.0.1:{server.port}")
        later.callback(stop, again)
        await_answer(f"{server.url}/health", again)
        client.sendall(REST)
        assert client.recv(1000).startswith(b"HTTP/1.1 400 ")
        eventually(lambda: not any(runs(pid) for pid in workers))
