"""The recipes of docs/api.md, and nginx as docs/operations.md has it: each does what its page says."""

import http.server
import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tasks.models import Task
from tests.factories import make_member, make_task, make_token
from tests.servers import Server, unmeasured
from tests.test_readme import PAGES, blocks

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
GUIDE = PAGES["docs/api.md"]
ADDRESS = "https://tasks.example.com"


def call(url: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@contextmanager
def unreliable(server: Server, *faults: str) -> Iterator[tuple[str, list[str]]]:
    """A proxy whose first requests end with these faults: its URL, and the key of each request."""
    left, keys = list(faults), list[str]()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            fault = left.pop(0) if left else ""
            if fault != "unavailable":
                names = ("Authorization", "Content-Type", "Idempotency-Key")
                status, answer = call(f"{server.url}{self.path}", {name: self.headers[name] for name in names}, body)
            if fault == "answer lost":
                return
            self.send_response(503 if fault else status)
            self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(b"unavailable" if fault else answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class calls it
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_port}", keys
        proxy.shutdown()
        thread.join()


def add_task(url: str, token: str, body: str) -> subprocess.CompletedProcess[str]:
    (script,) = blocks(GUIDE, "sh")
    environment = unmeasured() | {"TASKS_URL": url, "TASKS_TOKEN": token}
    command = ["sh", "-c", script, "add-task.sh", body]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_script_creates_one_task_whatever_fails_on_the_way(server: Server) -> None:
    token = make_token(make_member("robot", "Task editors"))
    with unreliable(server, "answer lost", "unavailable", "answer lost") as (url, keys):
        done = add_task(url, token, '{"title": "Call Ann"}')
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["id"] == Task.objects.get().pk
    assert len(keys) == 4
    assert len(set(keys)) == 1


def test_the_script_does_not_repeat_what_is_refused(server: Server) -> None:
    with unreliable(server) as (url, keys):
        done = add_task(url, make_token(make_member("robot", "Task editors")), '{"titel": "Call Ann"}')
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "invalid_body"
    assert len(keys) == 1


class Secrets(yaml.SafeLoader):
    """Home Assistant's YAML: `!secret name` is the value of that name in secrets.yaml."""


def test_home_assistant_s_sensor_counts_the_open_tasks(server: Server) -> None:
    token = make_token(make_member("house", "Task readers"))
    Secrets.add_constructor("!secret", lambda _, node: {"tasks_authorization": f"Bearer {token}"}[node.value])
    (text,) = blocks(GUIDE, "yaml")
    (sensor,) = yaml.load(text, Secrets)["sensor"]
    for title, fields in {"Buy milk": {}, "Pay rent": {"due_date": "2026-12-01"}, "Done": {"completed": True}}.items():
        make_task(title, tags=("home",), **fields)  # type: ignore[arg-type]
    make_task("Elsewhere")
    url = sensor["resource"].replace(ADDRESS, server.url) + "?" + urllib.parse.urlencode(sensor["params"])
    status, body = call(url, sensor["headers"])
    value_json = json.loads(body)
    assert (status, sensor["value_template"], value_json["count"]) == (200, "{{ value_json.count }}", 2)
    (attribute,) = sensor["json_attributes"]
    assert [task["title"] for task in value_json[attribute]] == ["Pay rent", "Buy milk"]


# What n8n does with a parameter that begins with "=": each {{ }} is JavaScript.
EVALUATE = """
const [text, $execution, $itemIndex, $json] = JSON.parse(process.argv[1]);
console.log(text.slice(1).replace(/\\{\\{(.*?)\\}\\}(?!\\})/gs, (_, code) => eval(code)));
"""


def evaluated(text: str, execution: str, item: dict[str, Any]) -> str:
    argument = json.dumps([text, {"id": execution}, 0, item])
    return subprocess.check_output(["node", "-e", EVALUATE, argument], text=True).removesuffix("\n")


@pytest.mark.skipif(not shutil.which("node"), reason="n8n's expressions are JavaScript")
def test_n8n_s_node_creates_a_task_once_for_each_item(server: Server) -> None:
    token = make_token(make_member("n8n", "Task editors"))
    (text,) = blocks(GUIDE, "json")
    (node,) = json.loads(text)["nodes"]
    parameters = node["parameters"]
    assert (parameters["method"], parameters["specifyBody"]) == ("POST", "json")
    for title in ('Say "hello"', 'Say "hello"'):
        given = {each["name"]: each["value"] for each in parameters["headerParameters"]["parameters"]}
        headers = {name: evaluated(value, "231", {}) for name, value in given.items()}
        headers |= {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = evaluated(parameters["jsonBody"], "231", {"title": title}).encode()
        status, answer = call(parameters["url"].replace(ADDRESS, server.url), headers, body)
        assert (status, json.loads(answer)["title"]) == (201, 'Say "hello"')
    assert Task.objects.count() == 1
