"""A running contender: its processes, its answers, and their cost."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any

import psycopg

from tests.benchmarks import cpu
from tests.benchmarks.contenders import Contender, clean_environment, session_cookie
from tests.benchmarks.database import Database, new_database
from tests.benchmarks.figures import Figures, figures_of
from tests.benchmarks.load import NO_HEADERS, Headers, Sent, WrongAnswer, request, send_all
from tests.servers import await_answer, free_port, stop

Members = dict[str, object]  # of a JSON object
NONE: Members = {}


@dataclass
class Server:
    contender: Contender
    database: Database
    process: subprocess.Popen[str]
    port: int
    headers: Headers
    errors: IO[str]

    def request(
        self,
        method: str,
        number: int | None = None,
        *,
        query: str = "",
        body: Members = NONE,
        headers: Headers = NO_HEADERS,
    ) -> bytes:
        path = "/tasks/" if number is None else self.contender.detail.format(number)
        return request(method, path + query, {**self.headers, **headers}, json.dumps(body) if body else "")

    def ask(self, status: int, method: str, number: int | None = None, **parts: Any) -> Any:
        """Sends one request and returns the body of the answer, which must have this status."""
        sent = self.send([self.request(method, number, **parts)], status)
        return json.loads(sent.last or "null")

    def etag(self, number: int) -> str:
        sent = self.send([self.request("GET", number)], 200)
        found = re.search(r"(?i)\r\netag: *([^\r]+)", sent.head.decode())
        if found is None:
            raise WrongAnswer(f"{self.contender.name} answered without an ETag: {sent.head!r}")
        return found[1]

    @cached_property
    def cookie(self) -> Headers:
        """The session of staff who are logged in; only for this service."""
        return session_cookie(self.database)

    def ids(self, above: int) -> list[int]:
        """The ids of its tasks above this one, ascending."""
        return self.database.ids(self.contender.table, above)

    def send(self, requests: Sequence[bytes], status: int, **limits: Any) -> Sent:
        try:
            return send_all(self.port, requests, status, **limits)
        except WrongAnswer as wrong:
            raise WrongAnswer(f"{self.contender.name}: {wrong}\nIts last lines:\n{self.last_lines()}") from wrong

    def last_lines(self) -> str:
        self.errors.seek(0)
        return "".join(self.errors.readlines()[-20:])

    def measure(self, requests: Sequence[bytes], status: int, **limits: Any) -> tuple[Figures, Sent]:
        processes, backends = self.cpu_times()
        sent = self.send(requests, status, **limits)
        processes_after, backends_after = self.cpu_times()
        try:
            used = cpu.spent(processes, processes_after), cpu.spent(backends, backends_after)
        except cpu.ProcessEnded as ended:
            raise cpu.ProcessEnded(f"{self.contender.name}: {ended}") from ended
        return figures_of(*used, sent.latencies, sent.seconds), sent

    def cpu_times(self) -> tuple[dict[int, int], dict[int, int]]:
        return cpu.cpu_times(cpu.tree(self.process.pid)), cpu.cpu_times(self.database.backends())


@contextmanager
def running(connection: psycopg.Connection[Any], contender: Contender, workers: int, rows: int) -> Iterator[Server]:
    """The contender with this many tasks."""
    with new_database(connection, contender.database_name) as database:
        headers = contender.prepare(database)
        database.stop_autovacuum()
        database.add_rows(contender.table, rows)
        database.tidy()
        with started(contender, database, workers, headers) as server:
            yield server


@contextmanager
def started(contender: Contender, database: Database, workers: int, headers: Headers) -> Iterator[Server]:
    """The contender on a prepared database. Its access log, if any, goes to /dev/null."""
    port = free_port()
    with tempfile.TemporaryFile("a+") as errors:
        process = subprocess.Popen(
            [contender.python, *contender.command.format(port=port, workers=workers).split()],
            cwd=contender.folder,
            env=clean_environment() | contender.environment(database, port, workers),
            stdout=subprocess.DEVNULL,
            stderr=errors,
            text=True,
        )
        server = Server(contender, database, process, port, headers, errors)
        try:
            try:
                await_answer(f"http://127.0.0.1:{port}/tasks/?limit=1", process)
            except AssertionError as error:
                raise WrongAnswer(f"{contender.name} did not start:\n{server.last_lines()}") from error
            yield server
        finally:
            stop(process)
