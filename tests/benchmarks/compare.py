"""All contenders side by side: each round measures every one of them, in another order."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
from tqdm import tqdm

from tests.benchmarks.contenders import Contender
from tests.benchmarks.figures import Figures, Results
from tests.benchmarks.load import WrongAnswer
from tests.benchmarks.server import Members, Server, running

OPERATIONS = ("GET one", "list of 50", "POST", "PATCH", "DELETE")
PAGE = 50
TASK: Members = {
    "title": "Buy milk",
    "description": " ".join(["Some words about it."] * 5),
    "completed": False,
    "due_date": "2026-12-01",
}


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    rounds: int
    requests: int
    rows: int
    workers: int

    def count(self, operation: str) -> int:
        """A page costs several times what one task does."""
        return max(self.requests // 4, 1) if operation == "list of 50" else self.requests


def compare(connection: psycopg.Connection[Any], contenders: Sequence[Contender], plan: Plan) -> Results:
    results: Results = {each.name: {operation: [] for operation in OPERATIONS} for each in contenders}
    with ExitStack() as stack:
        servers = [stack.enter_context(running(connection, each, plan.workers, plan.rows)) for each in contenders]
        for server in servers:
            check(server, plan.rows)
        # The first one doesn't count: in it connections are opened, and statements prepared on each of them.
        for number in tqdm(range(1 + plan.rounds), desc="rounds", disable=None):
            for name, operation, figures in one_round(in_turn(servers, number), plan, number):
                if number:
                    results[name][operation].append(figures)
    return results


def in_turn(servers: Sequence[Server], number: int) -> Sequence[Server]:
    """Each round begins with another one."""
    first = number % len(servers)
    return [*servers[first:], *servers[:first]]


def one_round(servers: Sequence[Server], plan: Plan, number: int) -> Iterator[tuple[str, str, Figures]]:
    """Each operation by all servers, one after the other: what else the machine does then weighs on all alike."""
    for server in servers:
        server.database.tidy()
    requests = [Requests(server, plan.rows, random.Random(number)) for server in servers]
    for operation in OPERATIONS:
        for server, of in zip(servers, requests, strict=True):
            yield server.contender.name, operation, measure(server, of, operation, plan)
    for server in servers:
        if left := server.database.ids(server.contender.table, plan.rows):
            raise WrongAnswer(f"{server.contender.name} left tasks that it said were deleted: {left[:10]}")


def measure(server: Server, requests: "Requests", operation: str, plan: Plan) -> Figures:
    """The operation, after a warm-up."""
    count = plan.count(operation)
    warm = count // 10 + 2 * plan.workers
    status, made = requests.make(operation, warm + count)
    server.send(made[:warm], status)
    return server.measure(made[warm:], status)[0]


@dataclass(frozen=True)
class Requests:
    """What one server is asked in one round; of one number, so that all servers are asked the same."""

    server: Server
    rows: int
    rng: random.Random

    def make(self, operation: str, count: int) -> tuple[int, list[bytes]]:
        """The status of their answers, and so many requests."""
        ask = self.server.request
        match operation:
            case "GET one":
                return 200, [ask("GET", self.some()) for _ in range(count)]
            case "list of 50":
                return 200, [ask("GET", query=f"?limit={PAGE}")] * count
            case "POST":
                return 201, [ask("POST", body=TASK)] * count
            case "PATCH":
                return 200, [ask("PATCH", self.some(), body=self.change()) for _ in range(count)]
            case _:
                return 204, [ask("DELETE", task) for task in self.posted(count)]

    def some(self) -> int:
        return self.rng.randint(1, self.rows)

    def change(self) -> Members:
        return {"title": f"Changed {self.rng.random()}", "completed": self.rng.random() < 0.5}

    def posted(self, count: int) -> list[int]:
        """What POST made: so a table is as large at the end of a round as it was at its beginning."""
        ids = self.server.database.ids(self.server.contender.table, self.rows)
        if len(ids) != count:
            raise WrongAnswer(f"{self.server.contender.name} made {len(ids)} tasks where it said {count}")
        return ids


def check(server: Server, rows: int) -> None:
    """That its answers are right, so that nobody wins by answering nothing."""
    task = server.ask(201, "POST", body=TASK)
    expect(server, task, TASK)
    expect(server, server.ask(200, "GET", task["id"]), task)
    page = server.ask(200, "GET", query=f"?limit={PAGE}")
    tasks = page.get("results", page.get("items"))
    if not page.get("count_is_estimate"):
        expect(server, page, {"count": rows + 1})
    elif not 0.9 < page["count"] / rows < 1.1:
        raise WrongAnswer(f"{server.contender.name} estimated {page['count']} tasks where there are {rows + 1}")
    expect(server, tasks[0], task)
    expect(server, {"length": len(tasks), "last": tasks[-1]["title"]}, {"length": PAGE, "last": f"Task {rows - 48}"})
    changes: Members = {"title": "Buy oat milk", "completed": True}
    expect(server, server.ask(200, "PATCH", task["id"], body=changes), TASK | changes)
    expect(server, server.ask(200, "GET", task["id"]), TASK | changes)
    server.ask(204, "DELETE", task["id"])
    server.ask(404, "GET", task["id"])


def expect(server: Server, answer: dict[str, Any], members: dict[str, Any]) -> None:
    for name, value in members.items():
        if answer.get(name) != value:
            raise WrongAnswer(f"{server.contender.name} answered {name} {answer.get(name)!r} instead of {value!r}")
