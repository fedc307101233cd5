"""The results of a run as JSON: figures, ratios, machine and time."""

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

from tests.benchmarks.compare import Plan
from tests.benchmarks.contenders import LIMIT, OURS, PEERS_PYTHON, REFERENCE, Contender
from tests.benchmarks.figures import Figures, Results, middle, ratio
from tests.benchmarks.load import CONNECTIONS
from tests.benchmarks.operations import OPERATIONS

PACKAGES = ("django", "djangorestframework", "psycopg", "gunicorn")
PEERS = (
    "fastapi",
    "starlette",
    "pydantic",
    "sqlalchemy",
    "asyncpg",
    "uvicorn",
    "uvloop",
    "httptools",
    "litestar",
    "msgspec",
    "django",
)
VERSIONS = "import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names}}}))"


def document(
    connection: psycopg.Connection[Any], plan: Plan, contenders: Sequence[Contender], results: Results
) -> dict[str, Any]:
    return {
        **surroundings(connection),
        "versions": {"ours": {name: version(name) for name in PACKAGES}, "peers": peer_versions(contenders)},
        "plan": asdict(plan),
        "contenders": {each.name: each.what for each in contenders},
        "medians": {
            name: {operation: described(rounds) for operation, rounds in of.items()} for name, of in results.items()
        },
        "ratios": ratios(results),
        "everyday": everyday(results.get(OURS, {})),
        "rounds": {
            name: {operation: [asdict(each) for each in rounds] for operation, rounds in of.items()}
            for name, of in results.items()
        },
    }


def heading(found: dict[str, Any]) -> str:
    """The machine and time of these figures, for people who copy the table."""
    machine, plan = found["machine"], found["plan"]
    return (
        f"{found['date'][:10]}, {machine['cores']} cores of {machine['cpu']}, Python {found['python']}, PostgreSQL"
        f" {found['postgresql']}; {plan['workers']} workers, {CONNECTIONS} connections, {plan['rows']:,} tasks;"
        f" {plan['rounds']} rounds of {plan['count']} requests per operation"
    )


def surroundings(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """The time and the machine of the run."""
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
    """For FastAPI and the limit: CPU per request of the one divided by that of each contender."""
    return {
        other: {
            name: {operation: asdict(ratio(rounds, of[operation])) for operation, rounds in results[other].items()}
            for name, of in results.items()
        }
        for other in (REFERENCE, LIMIT)
        if other in results
    }


def everyday(ours: dict[str, list[Figures]]) -> dict[str, Any]:
    """The cost of each everyday request as a multiple of the plain one of its kind."""
    return {
        each.name: asdict(ratio(ours[each.name], ours[each.plain]))
        for each in OPERATIONS
        if each.plain and each.name in ours
    }
