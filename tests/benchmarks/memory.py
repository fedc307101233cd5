"""For the service only: the memory of each worker over many requests, and the time until a new worker answers."""

import os
import signal
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import psycopg

from tests.benchmarks import cpu
from tests.benchmarks.compare import clear
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.load import request
from tests.benchmarks.operations import OPERATIONS, TASK, Requests
from tests.benchmarks.server import Server, running
from tests.benchmarks.tables import rows_of

ROWS = 10_000
LONG_TASKS, LONG = 1_000, 10_000
STEPS = 10
STARTS = 5


def run(connection: psycopg.Connection[Any], requests: int, workers: int) -> dict[str, Any]:
    with running(connection, CONTENDERS[0], workers, ROWS) as server:
        memory = [footprint(server, "the first answers")]
        memory += [footprint(server, f"{sent:,} requests") for sent in mixed(server, requests)]
        long_pages(server, workers)
        memory.append(footprint(server, f"lists of {LONG_TASKS:,} tasks with {LONG:,} characters"))
    with running(connection, CONTENDERS[0], 1, ROWS) as server:
        return {"memory": memory, "start_seconds": [restart(server) for _ in range(STARTS)]}


def mixed(server: Server, total: int) -> Iterator[int]:
    """Sends all operations in turn, and yields the number of requests so far, in steps."""
    sent = 0
    part = max(total // STEPS // len(OPERATIONS), 1)
    for step in range(STEPS):
        requests = Requests(server, ROWS, step)
        for operation in OPERATIONS:
            sent += len(server.send(requests.make(operation, part), operation.status).latencies)
        clear(requests)
        yield sent


def long_pages(server: Server, workers: int) -> None:
    """Requests the largest pages, each on a new connection, so that every worker answers some."""
    text = "x" * LONG
    made = [server.request("POST", body=TASK | {"description": text})] * LONG_TASKS
    server.send(made, 201)
    page = request("GET", f"/tasks/?limit={LONG_TASKS}", {**server.headers, "Connection": "close"})
    server.send([page] * 20 * workers, 200, connections=4 * workers)


def worker_pids(server: Server) -> list[int]:
    return [pid for pid in cpu.tree(server.process.pid) if pid != server.process.pid]


def footprint(server: Server, after: str) -> dict[str, Any]:
    """The memory of each worker in MB: now, and its maximum."""
    sizes = [cpu.memory(pid) for pid in worker_pids(server)]
    return {"after": after, "mb": [now / 1e6 for now, _ in sizes], "peak_mb": [most / 1e6 for _, most in sizes]}


def restart(server: Server) -> float:
    """Seconds from the end of the only worker until a new one answers with a task."""
    (worker,) = worker_pids(server)
    os.kill(worker, signal.SIGKILL)
    began = time.perf_counter()
    server.ask(200, "GET", 1)
    return time.perf_counter() - began


def table(results: dict[str, Any]) -> str:
    body = [
        [each["after"], *(", ".join(f"{mb:.0f}" for mb in each[name]) for name in ("mb", "peak_mb"))]
        for each in results["memory"]
    ]
    starts = results["start_seconds"]
    took = f"{median(starts):.2f} s (at most {max(starts):.2f} s)"
    lines = rows_of(["after", "MB resident, of each worker", "at most so far"], body)
    return "\n".join([*lines, "", f"From the end of a worker to the first answer of its successor: {took}"])
