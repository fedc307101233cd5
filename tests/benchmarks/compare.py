"""Compares all contenders: each round measures all of them, in another order."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
from tqdm import tqdm

from tests.benchmarks.answers import check
from tests.benchmarks.contenders import OURS, Contender
from tests.benchmarks.figures import Figures, Results
from tests.benchmarks.load import WrongAnswer
from tests.benchmarks.operations import Operation, Requests
from tests.benchmarks.server import Server, running


@dataclass(frozen=True)
class Plan:
    """The size of a run."""

    rounds: int
    count: int
    rows: int
    workers: int


def compare(
    connection: psycopg.Connection[Any], contenders: Sequence[Contender], operations: Sequence[Operation], plan: Plan
) -> Results:
    results: Results = {each.name: {} for each in contenders}
    with ExitStack() as stack:
        servers = [stack.enter_context(running(connection, each, plan.workers, plan.rows)) for each in contenders]
        for server in servers:
            check(server, plan.rows)
        # The first one doesn't count: in it connections are opened, and statements prepared on each of them.
        for number in tqdm(range(1 + plan.rounds), desc="rounds", disable=None):
            for name, operation, figures in one_round(in_turn(servers, number), operations, plan, number):
                if number:
                    results[name].setdefault(operation, []).append(figures)
    return results


def in_turn(servers: Sequence[Server], number: int) -> Sequence[Server]:
    """Each round begins with another contender."""
    first = number % len(servers)
    return [*servers[first:], *servers[:first]]


def one_round(
    servers: Sequence[Server], operations: Sequence[Operation], plan: Plan, number: int
) -> Iterator[tuple[str, str, Figures]]:
    """Measures each operation on all servers in turn, so that other load on the machine affects all alike."""
    for server in servers:
        server.database.tidy()
    requests = [Requests(server, plan.rows, number) for server in servers]
    for operation in operations:
        for of in requests:
            name = of.server.contender.name
            if name == OURS or not operation.plain:
                yield name, operation.name, measure(of, operation, plan)
    for of in requests:
        clear(of)


def measure(requests: Requests, operation: Operation, plan: Plan) -> Figures:
    """Measures the operation, after a warm-up."""
    server, count = requests.server, operation.count(plan.count)
    warm = count // 10 + 2 * plan.workers
    made = requests.make(operation, warm + count)
    server.send(made[:warm], operation.status)
    figures, _ = server.measure(made[warm:], operation.status)
    if (there := len(server.ids(requests.rows))) != requests.added:
        name = server.contender.name
        raise WrongAnswer(f"{name} has {there} tasks more than at first where it said {requests.added}")
    return figures


def clear(requests: Requests) -> None:
    """Deletes the tasks that POST left, so that the next round begins as this one did."""
    server = requests.server
    server.send([server.request("DELETE", number) for number in server.ids(requests.rows)], 204)
