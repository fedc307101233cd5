"""For the service only: the cost and time of each request with more and more tasks.

One request at a time, so that the time does not include a queue.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
from tqdm import tqdm

from tests.benchmarks import cpu
from tests.benchmarks.contenders import CONTENDERS, migrate
from tests.benchmarks.database import Database, new_database
from tests.benchmarks.figures import percentile
from tests.benchmarks.operations import TASK
from tests.benchmarks.report import described
from tests.benchmarks.server import Server, started
from tests.benchmarks.tables import rows_of

SECONDS = 20.0  # at most, for each kind of request
WARM = 20  # requests that are not measured: each thread of a worker opens its connection with the first
CHANGED = 100  # tasks that one poll brings
RARE, COMMON = "chrysanthemum", "telephone"
# Every second task holds COMMON; ten hold RARE, however many there are. Each has a word of its own, its number.
ROWS = """
COPY (SELECT n, 'Task ' || n,
             concat_ws(' ', CASE WHEN n % 2 = 0 THEN '{common}' END,
                       CASE WHEN n % ({count} / 10) = 0 THEN '{rare}' END,
                       'some words about it, such as', (ARRAY['north', 'east', 'south', 'west'])[1 + n % 4]),
             n % 3 = 0, CASE WHEN n % 3 = 0 THEN made.at END, date '2026-01-01' + (n % 365)::int, made.at, made.at
        FROM generate_series(1, {count}) n,
     LATERAL (SELECT timestamptz '2016-01-01Z' + n * interval '1 second' AS at) made) TO STDOUT
"""
LOAD = "COPY tasks_task (id, title, description, completed, completed_at, due_date, created_at, updated_at) FROM STDIN"
INDEXES = """SELECT schemaname || '.' || indexname, indexdef FROM pg_indexes
              WHERE tablename = 'tasks_task' AND indexname <> 'tasks_task_pkey'"""


def run(connection: psycopg.Connection[Any], sizes: Sequence[int], requests: int, workers: int) -> dict[str, Any]:
    """The figures of each kind of request, by the number of tasks."""
    results = {}
    for count in sizes:
        with new_database(connection, "bench_size") as database:
            headers = migrate(database)
            load(database, count)
            with started(CONTENDERS[0], database, workers, headers) as server:
                results[f"{count}"] = measure(server, count, requests)
    return results


def load(database: Database, count: int) -> None:
    """Creates the tasks without history, and the indexes afterwards, which takes a tenth of the time."""
    database.stop_autovacuum()
    indexes = database.run(INDEXES)
    database.run("ALTER TABLE tasks_task DISABLE TRIGGER USER")
    for name, _ in indexes:
        database.run(f"DROP INDEX {name}")
    with psycopg.connect(database.url) as source, psycopg.connect(database.url) as target:
        rows = ROWS.format(common=COMMON, rare=RARE, count=count).encode()
        with source.cursor().copy(rows) as out, target.cursor().copy(LOAD.encode()) as into:
            for block in out:
                into.write(block)
    database.run("SELECT setval(pg_get_serial_sequence('tasks_task', 'id'), %s)", count)
    for _, definition in indexes:
        database.run(definition)
    database.run("ALTER TABLE tasks_task ENABLE TRIGGER USER")
    database.tidy()


def measure(server: Server, rows: int, requests: int) -> dict[str, Any]:
    results = {}
    for kind, asked in tqdm(kinds(server, rows, requests + WARM).items(), desc=f"{rows:,} tasks", disable=None):
        results[kind] = one_kind(server, *asked)
    return results


def kinds(server: Server, rows: int, count: int) -> dict[str, tuple[int, list[bytes]]]:
    """Each kind of request: the status of its answers, and how many."""

    def page(query: str) -> tuple[int, list[bytes]]:
        return 200, [server.request("GET", query=query)] * count

    def change(task: int) -> bytes:
        return server.request("PATCH", task, body={"title": f"Changed {task}", "completed": True})

    def point() -> str:
        """The feed of changes from now on, as its address below /tasks/."""
        return str(server.ask(200, "GET", query="changes")["next"]).partition("/tasks/")[2]

    some = random.Random(rows).choices(range(1, rows + 1), k=count)
    before = point()
    server.send([change(task) for task in range(1, CHANGED + 1)], 200)
    return {
        "first page": page(""),
        f"page of {CHANGED}": page(f"?limit={CHANGED}"),
        f"{CHANGED} changes": page(f"{before}&limit={CHANGED}"),
        "no changes": page(point()),
        "filtered page": page("?completed=true&due_date__gte=2026-06-01"),
        "one task": (200, [server.request("GET", task) for task in some]),
        "POST": (201, [server.request("POST", body=TASK)] * count),
        "PATCH": (200, [change(task) for task in some]),
        "search, rare word": page(f"?search={RARE}"),
        "search, word of half of all": page(f"?search={COMMON}"),
    }


def one_kind(server: Server, status: int, requests: list[bytes]) -> dict[str, float]:
    server.send(requests[:WARM], status, connections=1, seconds=SECONDS / 4)
    postmaster = cpu.parent_of(server.database.server.info.backend_pid)
    assert postmaster
    before = cpu.ended_children(postmaster)
    figures, sent = server.measure(requests[WARM:], status, connections=1, seconds=SECONDS)
    # A large count is divided among parallel workers, which end with it.
    parallel_us = (cpu.ended_children(postmaster) - before) / len(sent.latencies) / 1e3
    figures = replace(figures, database_us=figures.database_us + parallel_us)
    return described([figures]) | {"p95_ms": percentile(sent.latencies, 95) / 1e6, "requests": len(sent.latencies)}


def table(results: dict[str, Any]) -> str:
    sizes = list(results)
    body = []
    for kind in results[sizes[0]]:
        cells = [f"{each['cpu_us']:.0f} µs, {each['p95_ms']:.1f} ms" for each in (results[n][kind] for n in sizes)]
        growth = results[sizes[-1]][kind]["cpu_us"] / results[sizes[0]][kind]["cpu_us"]
        body.append([kind, *cells, f"{growth:.2f}"])
    heads = ["CPU per request, p95", *(f"{int(size):,} tasks" for size in sizes), "last to first"]
    return "\n".join(rows_of(heads, body))
