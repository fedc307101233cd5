"""The last release goes on serving while this version migrates its database."""

import itertools
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import Client, Service, empty_cluster, eventually, manage, running_service
from tests.servers import ROOT

pytestmark = pytest.mark.slow

LAST_RELEASE = "154550e"
TASKS = 20_000
CLIENTS = 3


@pytest.fixture(scope="module")
def old_checkout() -> Iterator[Path]:
    """The last release, from the history of this repository."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "old.tar"
        command = ["git", "archive", f"--output={archive}", LAST_RELEASE]
        if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
            pytest.skip(f"this checkout has no commit {LAST_RELEASE}: its history was not cloned")
        with tarfile.open(archive) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


class Load(threading.Thread):
    """Sends one request of each kind after the other, and keeps what was not answered as expected."""

    def __init__(self, service: Service, number: int) -> None:
        super().__init__()
        self.service, self.number, self.stopping = service, number, threading.Event()
        self.sent, self.wrong = 0, list[Any]()

    def run(self) -> None:
        with Client(self.service) as client:
            for number in itertools.count():
                if self.stopping.is_set():
                    return
                self.round(client, f"{self.number}-{number}")

    def round(self, client: Client, name: str) -> None:
        new = {"title": f"Round {name}", "tags": ["Büro", name]}
        task = self.expect(client, 201, "POST", "/tasks/", new, name)
        if self.expect(client, 201, "POST", "/tasks/", new, name) != task:
            self.wrong.append("the repeated POST is another task")
        url = f"/tasks/{task['id']}"
        self.expect(client, 200, "PATCH", url, {"completed": True, "tags": ["büro", "done"]})
        self.expect(client, 200, "PATCH", url, {"description": "Some words"})
        self.expect(client, 200, "GET", url)
        for query in ("", "?search=round", "?tag=done", "?ordering=due_date&limit=20", "?completed=false&offset=20"):
            self.expect(client, 200, "GET", f"/tasks/{query}")
        self.expect(client, 204, "DELETE", url)
        self.expect(client, 404, "GET", url)

    def expect(self, client: Client, status: int, *request: Any) -> Any:
        answer = client.send(*request)
        self.sent += 1
        if answer.status != status:
            self.wrong.append((request, answer.status, answer.body))
        return answer.body


def test_the_last_release_serves_every_request_during_and_after_the_migrations(old_checkout: Path) -> None:
    with empty_cluster() as database:
        manage(database, "migrate", "-v0", root=old_checkout)
        manage(database, "seed_tasks", "--count", str(TASKS), root=old_checkout)
        with running_service(database, old_checkout) as service:
            clients = [Load(service, number) for number in range(CLIENTS)]
            try:
                for each in clients:
                    each.start()
                manage(database, "migrate", "-v0")
                migrated = [each.sent for each in clients]
                for each, sent in zip(clients, migrated, strict=True):
                    eventually(lambda: each.sent > sent + 50 or not each.is_alive())  # noqa: B023 - called in this round
            finally:
                for each in clients:
                    each.stopping.set()
                    each.join()
            wrong = [each for client in clients for each in client.wrong]
            assert wrong == [], f"{len(wrong)} of {sum(each.sent for each in clients)}"
            assert min(migrated) > 50
