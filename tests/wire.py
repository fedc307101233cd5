"""HTTP/1.1 byte by byte, and the checks of every answer of the service."""

import contextlib
import json
import re
import socket
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from config.api.errors import CODES, MEDIA_TYPE
from tests.contract import check_words

HOST = "Host: 127.0.0.1"
JSON = "Content-Type: application/json"
STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-5][0-9]{2}) [\x20-\x7e]+")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e\x80-\xff]*)")
MEMBERS = {"type", "title", "status", "detail", "code"}
PATIENCE = 30  # seconds until an answer on a busy machine; the slowest query takes milliseconds


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    """The request line and headers as given, nothing added; each character is a byte."""
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1") + body


def get(target: str, *headers: str, method: str = "GET") -> bytes:
    return request(f"{method} {target} HTTP/1.1", HOST, *headers)


def send_json(body: str | bytes, *headers: str, line: str = "POST /tasks/ HTTP/1.1") -> bytes:
    """A POST with the correct length, as JSON unless `headers` have another type."""
    body = body.encode() if isinstance(body, str) else body
    kind = () if any(header.lower().startswith("content-type") for header in headers) else (JSON,)
    return request(line, HOST, *kind, *headers, f"Content-Length: {len(body)}", body=body)


def send_chunks(text: str | bytes, *headers: str) -> bytes:
    """A POST in chunks. `text` is everything after the headers."""
    text = text.encode() if isinstance(text, str) else text
    return request("POST /tasks/ HTTP/1.1", HOST, JSON, "Transfer-Encoding: chunked", *headers, body=text)


def chunks(*parts: str | bytes) -> bytes:
    """Parts of a body as chunks, with the empty last chunk."""
    whole = [part.encode() if isinstance(part, str) else part for part in (*parts, b"")]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in whole)


def exchange(port: int, *pieces: bytes, half_close: bool = True, patience: float = PATIENCE) -> bytes:
    """Sends the pieces one by one, then with `half_close` the end of the stream. Returns everything received.

    A TimeoutError if the server keeps the connection open for longer than `patience` seconds.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):  # the server may answer and close before it has read everything
            for piece in pieces:
                sock.sendall(piece)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
        received = b""
        while data := sock.recv(1 << 16):
            received += data
        return received


def answers(received: bytes, *methods: str) -> list[Answer]:
    """The checked answers to requests with these methods, without 1xx. Nothing may be left over."""
    found = []
    for method in methods:
        answer, received = _first(received, method)
        while answer.status < 200:
            answer, received = _first(received, method)
        check(answer)
        found.append(answer)
    assert not received, f"more bytes than Content-Length says: {received[:200]!r}"
    return found


def _first(received: bytes, method: str) -> tuple[Answer, bytes]:
    head, blank, rest = received.partition(b"\r\n\r\n")
    assert blank, f"no head: {received[:200]!r}"
    line, *fields = head.split(b"\r\n")
    matched = STATUS_LINE.fullmatch(line)
    assert matched, f"no status line: {line!r}"
    headers: dict[str, str] = {}
    for each in fields:
        field = FIELD.fullmatch(each)
        assert field, f"no header: {each!r}"
        name = field[1].decode().lower()
        assert name not in headers or name == "set-cookie", f"{name} is there twice"
        headers[name] = field[2].decode("latin-1")
    status = int(matched[1])
    assert "transfer-encoding" not in headers, "an answer of known length needs no chunks"
    bare = method == "HEAD" or status < 200 or status in (204, 304)
    assert status < 200 or status == 204 or "content-length" in headers, "no Content-Length"
    length = 0 if bare else int(headers.get("content-length", "0"))
    assert len(rest) >= length, f"Content-Length {length}, but {len(rest)} bytes"
    return Answer(status, headers, rest[:length]), rest[length:]


def check(answer: Answer) -> None:
    """Checks that hold for every final answer of the API."""
    assert answer.status != 500, answer.body
    assert answer.status != 204 or "content-length" not in answer.headers
    assert "date" in answer.headers  # RFC 9110, section 6.6.1
    for sign in (b"<html", b"<!doctype", b"traceback (most"):
        assert answer.status < 400 or sign not in answer.body.lower(), answer.body[:500]
    if answer.status >= 400:
        assert answer.headers["content-type"] == MEDIA_TYPE
        if answer.body:
            check_problem(answer)


def check_problem(answer: Answer) -> None:
    """Exactly the fields of RFC 9457 and ours, consistent with the status line and the table of codes."""
    body = answer.json
    more = {"etag", "current"} if answer.status == 412 else {"errors", "instance"}
    assert MEMBERS <= body.keys() <= MEMBERS | more
    assert body["status"] == answer.status == CODES[body["code"]][0]
    assert (body["type"], body["title"]) == (f"/docs#error-{body['code']}", HTTPStatus(answer.status).phrase)
    check_words(body)
    assert ("errors" in body) == (body["code"] in ("invalid_query", "invalid_body", "invalid_header"))
    assert ("instance" in body) == (answer.status == 500)
    for fault in body.get("errors", ()):
        place = "pointer" if body["code"] == "invalid_body" else "parameter"
        assert fault.keys() == {place, "code", "detail"}
        assert fault["code"]
    needed = {405: ["allow"], 503: ["retry-after"]}.get(answer.status, [])
    assert all(name in answer.headers for name in needed)
