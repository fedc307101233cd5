"""What a run found, as JSON and as a Markdown table."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.compare import OPERATIONS, Plan
from tests.benchmarks.contenders import LIMIT, PEERS_PYTHON, REFERENCE, Contender
from tests.benchmarks.figures import Results, middle, ratio
from tests.benchmarks.load import CONNECTIONS

OURS = ("django", "djangorestframework", "psycopg", "gunicorn")
PEERS = ("fastapi", "starlette", "pydantic", "sqlalchemy", "asyncpg", "uvicorn", "uvloop", "httptools", "django")
VERSIONS = "import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names}}}))"


def document(
    connection: psycopg.Connection[Any], plan: Plan, contenders: Sequence[Contender], results: Results
) -> dict[str, Any]:
    return {
        **surroundings(connection),
        "versions": {"ours": {name: version(name) for name in OURS}, "peers": peer_versions(contenders)},
        "plan": asdict(plan),
        "contenders": {each.name: each.what for each in contenders},
        "medians": {
            name: {operation: described(rounds) for operation, rounds in of.items()} for name, of in results.items()
        },
        "ratios": ratios(results),
        "rounds": {
            name: {operation: [asdict(each) for each in rounds] for operation, rounds in of.items()}
            for name, of in results.items()
        },
    }


def heading(found: dict[str, Any]) -> str:
    """Where these figures are from, for whoever copies the table."""
    machine, plan = found["machine"], found["plan"]
    return (
        f"{found['date'][:10]}, {machine['cores']} cores of {machine['cpu']}, Python {found['python']}, PostgreSQL"
        f" {found['postgresql']}; {plan['workers']} workers, {CONNECTIONS} connections, {plan['rows']:,} tasks;"
        f" {plan['rounds']} rounds of {plan['requests']} requests per operation"
    )


def surroundings(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """When and where it ran."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu_model(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
            "kernel": platform.release(),
        },
        "python": platform.python_version(),
        "postgresql": connection.info.parameter_status("server_version"),
    }


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def peer_versions(contenders: Sequence[Contender]) -> dict[str, str]:
    if not any(each.python == PEERS_PYTHON for each in contenders):
        return {}
    program = VERSIONS.format(names=PEERS)
    versions: dict[str, str] = json.loads(subprocess.check_output([PEERS_PYTHON, "-c", program], text=True))
    return versions


def described(rounds: Sequence[Any]) -> dict[str, float]:
    figures = middle(rounds)
    return {**asdict(figures), "cpu_us": figures.cpu_us}


def ratios(results: Results) -> dict[str, Any]:
    """By the contender to which all others are held: how many times its CPU per request that one needs."""
    return {
        other: {
            name: {operation: asdict(ratio(results[other][operation], rounds)) for operation, rounds in of.items()}
            for name, of in results.items()
        }
        for other in (REFERENCE, LIMIT)
        if other in results
    }


def table(results: Results) -> str:
    """CPU per request against FastAPI's, then the limit's; below, the figures themselves."""
    held = [part for other in (REFERENCE, LIMIT) if other in results for part in ratio_table(results, other)]
    return "\n".join([*held, *figures_table(results)])


def ratio_table(results: Results, other: str) -> list[str]:
    def cells(name: str) -> list[str]:
        found = (ratio(results[other][operation], results[name][operation]) for operation in OPERATIONS)
        return [f"{each.median:.2f} ({each.least:.2f} to {each.most:.2f})" for each in found]

    head = f"CPU per request of {other} divided by that of each, so that more is better (least to most of the rounds):"
    return [head, "", *rows_of(["", *OPERATIONS], [[name, *cells(name)] for name in results]), ""]


def figures_table(results: Results) -> list[str]:
    body = []
    for operation in OPERATIONS:
        for name in results:
            each = middle(results[name][operation])
            micro = [f"{value:.0f}" for value in (each.cpu_us, each.server_us, each.database_us, each.rps)]
            body.append([operation, name, *micro, f"{each.p50_ms:.1f}", f"{each.p99_ms:.1f}"])
    heads = ["", "", "CPU µs", "server", "database", "requests/s", "p50 ms", "p99 ms"]
    return ["Medians of the rounds, CPU per request:", "", *rows_of(heads, body)]


def rows_of(heads: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *body)]
