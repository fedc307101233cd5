"""The load: one thread with 16 connections and prepared bytes, which leaves the cores to the servers.

Connections are kept alive where the server does; where it closes, as gunicorn's sync workers do, the next request
opens a new one, and its time counts.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CONNECTIONS = 16
PATIENCE = 60.0  # seconds without any answer
HEAD_END = b"\r\n\r\n"
WITHOUT_BODY = (204, 304)

Headers = Mapping[str, str]
NO_HEADERS: Headers = {}


class WrongAnswer(Exception):  # noqa: N818 - what was found, for the person who runs it
    """A server gave a wrong answer, which the message shows."""


@dataclass
class Sent:
    """The result of a number of requests."""

    seconds: float
    latencies: list[int]  # in nanoseconds, one for each answer
    head: bytes  # of the last answer
    last: bytes  # its body


@dataclass
class Connection:
    port: int
    poll: select.epoll
    sock: socket.socket | None = None
    began: int = 0
    received: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes) -> int:
        """Sends the request, on a new connection if needed, and returns the number of the connection."""
        self.began = time.perf_counter_ns()
        if self.sock is None:
            self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            self.poll.register(self.sock, select.EPOLLIN)
        self.sock.sendall(request)
        return self.sock.fileno()

    def take(self, status: int) -> tuple[bytes, bytes] | None:
        """Reads available bytes; returns head and body of a complete answer. Raises WrongAnswer for another status."""
        assert self.sock
        data = self.sock.recv(1 << 18)
        self.received += data
        head, end, body = bytes(self.received).partition(HEAD_END)
        if not data:
            raise WrongAnswer(f"the connection was closed before the answer was whole: {bytes(self.received)!r}")
        if not end:
            return None
        fields = head.lower()
        wrong = fields[9:12] != b"%d" % status
        _, named, text = fields.partition(b"content-length:")
        if not (named or wrong or status in WITHOUT_BODY):
            raise WrongAnswer(f"an answer without Content-Length: {head!r}")
        length = 0 if fields[9:12] == b"304" else int(text.split(b"\r\n", 1)[0] or 0)
        if len(body) < length:
            return None
        if wrong or len(body) > length:
            raise WrongAnswer(f"{status} was expected, and this came:\n{self.received.decode(errors='replace')}")
        self.received.clear()
        if b"\r\nconnection: close" in fields:
            self.close()
        return head, body

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None


def send_all(
    port: int, requests: Sequence[bytes], status: int, *, connections: int = CONNECTIONS, seconds: float = float("inf")
) -> Sent:
    """Sends each request as soon as a connection is free, and none after this many seconds.

    Raises WrongAnswer at the first answer that has not this status.
    """
    waiting, latencies, last = deque(requests), [], (b"", b"")
    began = time.perf_counter()
    with select.epoll() as poll:
        free = [Connection(port, poll) for _ in range(connections)]
        asked: dict[int, Connection] = {}
        try:
            while asked or (waiting and time.perf_counter() - began < seconds):
                while free and waiting and time.perf_counter() - began < seconds:
                    connection = free.pop()
                    asked[connection.send(waiting.popleft())] = connection
                ready = poll.poll(PATIENCE)
                if not ready:
                    raise WrongAnswer(f"no answer to any of {len(asked)} requests within {PATIENCE:.0f} s")
                for number, _ in ready:
                    connection = asked[number]
                    answer = connection.take(status)
                    if answer is not None:
                        latencies.append(time.perf_counter_ns() - connection.began)
                        last = answer
                        free.append(asked.pop(number))
        finally:
            for connection in (*free, *asked.values()):
                connection.close()
    return Sent(time.perf_counter() - began, latencies, *last)


def request(method: str, path: str, headers: Headers = NO_HEADERS, body: str = "") -> bytes:
    """The bytes of a request. `headers` are added to the usual ones or replace them."""
    content = body.encode()
    fields = {"Host": "127.0.0.1", "Accept": "application/json"}
    if content:
        fields |= {"Content-Type": "application/json", "Content-Length": f"{len(content)}"}
    lines = (f"{name}: {value}\r\n" for name, value in {**fields, **headers}.items())
    return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + content
