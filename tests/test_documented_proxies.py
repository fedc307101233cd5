"""docs/nginx.conf and the haproxy block of docs/operations.md, as they are, in front of a real server."""

import contextlib
import http.client
import json
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User

from config.api.errors import problem
from tasks.models import Task
from tests.factories import make_task
from tests.faults import eventually
from tests.pages import form_in
from tests.servers import ROOT, Server, free_port, running_server, stop, unmeasured
from tests.test_readme import PAGES, blocks

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
IMPORT, PREVIEW = "/admin/tasks/task/import/", "/admin/tasks/task/import/preview/"
PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"  # of Debian's programs for the superuser
PASSWORD = "correct horse battery"
NGINX = """
daemon off;
{user}
pid {folder}/pid;
events {{}}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    include {folder}/tasks.conf;
}}
"""


class AsItIs(urllib.request.HTTPErrorProcessor):
    """Every answer is an answer, also a redirect or an error."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response


@dataclass
class Front:
    name: str
    server: Server
    port: int
    plain: int
    log: Path

    def __post_init__(self) -> None:
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self.browser = urllib.request.build_opener(urllib.request.HTTPSHandler(context=self.context), cookies, AsItIs)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, HTTPMessage, bytes]:
        given = {"Content-Type": "application/json"} | {key.replace("_", "-"): text for key, text in headers.items()}
        url = path if "://" in path else f"{self.url}{path}"
        with self.browser.open(urllib.request.Request(url, body, given, method=method), timeout=120) as answer:
            return answer.status, answer.headers, answer.read()

    def announce(self, path: str, length: int) -> tuple[int, str | None, bytes]:
        """Status, type and body of the answer to the head of a POST, whose body is not sent."""
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=self.context)
        with contextlib.closing(connection):
            connection.putrequest("POST", path)
            connection.putheader("Content-Length", str(length))
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()

    def submit(self, path: str, **fields: Any) -> tuple[int, HTTPMessage, bytes]:
        form = form_in(self.ask("GET", path)[2].decode(), **fields)
        kind = "application/x-www-form-urlencoded"
        return self.ask("POST", path, urlencode(form, doseq=True).encode(), Content_Type=kind, Referer=self.url + path)

    def upload(self, path: str, name: str, content: bytes) -> tuple[int, HTTPMessage, bytes]:
        [token] = form_in(self.ask("GET", path)[2].decode())["csrfmiddlewaretoken"]
        boundary = secrets.token_hex()
        head = 'Content-Disposition: form-data; name="{}"'
        body = b"\r\n".join(
            [
                f"--{boundary}\r\n{head.format('csrfmiddlewaretoken')}\r\n\r\n{token}".encode(),
                f'--{boundary}\r\n{head.format("file")}; filename="{name}"\r\n'.encode(),
                content,
                f"--{boundary}--\r\n".encode(),
            ]
        )
        kind = f"multipart/form-data; boundary={boundary}"
        return self.ask("POST", path, body, Content_Type=kind, Referer=self.url + path)


def program(name: str) -> str:
    found = shutil.which(name, path=PATH)
    if not found:
        pytest.skip(f"{name} is not installed (apt-get install {name})")
    return found


def certificate(folder: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())


def adapt(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(folder: Path, api: int, port: int, plain: int) -> list[str]:
    text = adapt(
        (ROOT / "docs/nginx.conf").read_text(),
        ("server 127.0.0.1:8000", f"server 127.0.0.1:{api}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("listen [::]:443", f"listen [::1]:{port}"),
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("listen [::]:80", f"listen [::1]:{plain}"),
        ("/etc/letsencrypt/live/tasks.example.com/fullchain.pem", f"{folder}/cert.pem"),
        ("/etc/letsencrypt/live/tasks.example.com/privkey.pem", f"{folder}/key.pem"),
    )
    (folder / "tasks.conf").write_text(text)
    user = "user root;" if Path("/proc/self").stat().st_uid == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    return [program("nginx"), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def haproxy(folder: Path, api: int, port: int, plain: int) -> list[str]:
    [block] = blocks(PAGES["docs/operations.md"], "haproxy")
    text = adapt(
        block,
        ("127.0.0.1:8000", f"127.0.0.1:{api}"),
        ("bind :443", f"bind 127.0.0.1:{port}"),
        ("bind :80", f"bind 127.0.0.1:{plain}"),
        ("/etc/haproxy/tasks.example.com.pem", f"{folder}/both.pem"),
        ("hdr Host tasks.example.com", "hdr Host localhost"),
    )
    (folder / "haproxy.cfg").write_text(text)
    check = subprocess.run(
        [program("haproxy"), "-c", "-f", folder / "haproxy.cfg"], capture_output=True, text=True, check=False
    )
    assert (check.returncode, "[WARNING]" in check.stderr) == (0, False), check.stderr
    return [program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=[nginx, haproxy], ids=["nginx", "haproxy"])
def front(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Front]:
    certificate(tmp_path)
    port, plain, log = free_port(), free_port(), tmp_path / "log"
    with running_server(log, TRUSTED_PROXIES="1") as server:
        command = request.param(tmp_path, server.port, port, plain)
        with (tmp_path / "proxy.log").open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, text=True, env=unmeasured())
        try:
            eventually(lambda: listens(plain) or process.poll() is not None)
            assert process.poll() is None, (tmp_path / "proxy.log").read_text()
            yield Front(request.param.__name__, server, port, plain, log)
        finally:
            process.terminate()
            process.wait(60)
    assert not re.search(r"\[(emerg|alert|crit|warn)\]", (tmp_path / "proxy.log").read_text())


def test_staff_log_in_on_another_port_and_import_a_file_of_9_mb(front: Front) -> None:
    stored = PBKDF2PasswordHasher().encode(PASSWORD, "salt")  # the server does not know the tests' fast hasher
    User.objects.create(username="alice", password=stored, is_staff=True, is_superuser=True)
    status, headers, _ = front.submit("/admin/login/", username="alice", password=PASSWORD)
    assert (status, headers["Location"]) == (302, "/admin/")
    rows = 950
    content = b"title,description\n" + b"".join(b"Task %d,%s\n" % (each, b"word " * 1990) for each in range(rows))
    assert 9_000_000 < len(content) < 10_000_000
    status, headers, _ = front.upload(IMPORT, "tasks.csv", content)
    assert (status, headers["Location"]) == (302, PREVIEW)
    status, headers, _ = front.submit(PREVIEW)
    assert status == 302
    assert headers["Location"].startswith("/admin/tasks/task/?with=")
    assert Task.objects.count() == rows
    status, headers, _ = front.ask("GET", "/admin/tasks/task/", Accept_Encoding="gzip")
    assert status == 200


def test_entity_tags_stay_strong_and_if_match_works(front: Front) -> None:
    path = f"/tasks/{make_task('A').pk}"
    status, headers, _ = front.ask("GET", path, Accept_Encoding="gzip")
    assert (status, headers["Content-Encoding"]) == (200, None)
    assert re.fullmatch(r'"[^"]+"', headers["ETag"])
    body = b'{"title": "B"}'
    assert front.ask("PATCH", path, body, If_Match=headers["ETag"])[0] == 200
    status, _, answer = front.ask("PATCH", path, body, If_Match=headers["ETag"])
    assert (status, json.loads(answer)["code"]) == (412, "precondition_failed")
    assert front.ask("GET", path, If_None_Match=headers["ETag"])[0] == 200


def test_what_a_client_says_about_itself_has_no_effect(front: Front) -> None:
    forged = {"X_Forwarded_For": "6.6.6.6", "X_Forwarded_Proto": "http", "X_Forwarded_Host": "evil.example"}
    status, headers, _ = front.ask("POST", "/tasks/", b'{"title": "A"}', **forged)
    assert (status, headers["Location"].rpartition("/")[0]) == (201, f"{front.url}/tasks")
    assert headers["Strict-Transport-Security"]
    stop(front.server.process)
    assert 'access: 127.0.0.1 "POST /tasks/ HTTP/1.1" 201' in front.log.read_text()
    assert "6.6.6.6" not in front.log.read_text()


def test_a_body_over_1_mib_and_a_file_over_11_mib_are_refused_before_they_are_sent(front: Front) -> None:
    for path, length in (("/tasks/", 2**20 + 1), ("/admin/login/", 2**20 + 1), (IMPORT, 11 * 2**20 + 1)):
        status, kind, answer = front.announce(path, length)
        assert status == 413
        if (front.name, path) == ("nginx", "/tasks/"):
            ours = json.loads(problem("body_too_large").content)
            assert kind == "application/problem+json"
            assert json.loads(answer) | {"title": ""} == ours | {"title": ""}  # Python's phrase, which 3.13 changed
    log = front.log.read_text()
    assert " 413 " not in log


def test_a_body_of_1_mib_reaches_the_service(front: Front) -> None:
    body = b'{"title": "A"}'.ljust(2**20)
    assert front.ask("POST", "/tasks/", body)[0] == 201


def test_plain_http_is_redirected_and_metrics_are_closed(front: Front) -> None:
    status, headers, _ = front.ask("POST", f"http://127.0.0.1:{front.plain}/tasks/?a=1", b"{}")
    assert status == 308
    assert re.fullmatch(r"https://127\.0\.0\.1(:\d+)?/tasks/\?a=1", headers["Location"])
    assert front.ask("GET", "/metrics")[0] == 404


def test_a_client_that_sends_too_many_requests_is_a_429(front: Front) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: front.ask("GET", "/health")[0], range(800)))
    assert found == {200, 429}
