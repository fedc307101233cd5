"""`python -m tests.benchmarks [compare|size|memory]`; `make bench` has the first one's environment ready.

Linux only: the CPU time of processes is read from the kernel.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks import memory, report, size
from tests.benchmarks.compare import Plan, compare
from tests.benchmarks.contenders import CONTENDERS, Contender
from tests.benchmarks.cpu import ProcessEnded
from tests.benchmarks.database import postgresql
from tests.benchmarks.load import WrongAnswer


def main() -> None:
    if sys.platform != "linux":
        sys.exit("The benchmark needs Linux: it reads the CPU time of other processes from the kernel.")
    options = parse(sys.argv[1:])
    mode = {"compare": run_compare, "size": run_size, "memory": run_memory}[options.mode]
    try:
        found = mode(options)
    except (WrongAnswer, ProcessEnded) as error:
        sys.exit(str(error))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    names = [each.name for each in CONTENDERS]
    parser = argparse.ArgumentParser(prog="make bench", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=("compare", "size", "memory"), default="compare")
    parser.add_argument("--json", type=Path, help="write what was found to this file")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of each server")
    parser.add_argument("--rounds", type=int, default=7, help="compare: each measures every contender")
    parser.add_argument("--rows", type=int, default=10_000, help="compare: tasks in each table")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="compare: these contenders")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000], help="size: tasks")
    defaults = "compare: 500 of each operation and round, pages a quarter; size: 300; memory: 100000"
    parser.add_argument("--requests", type=int, help=defaults)
    return parser.parse_args(arguments)


def run_compare(options: argparse.Namespace) -> dict[str, Any]:
    plan = Plan(options.rounds, options.requests or 500, options.rows, options.workers)
    contenders = [each for each in CONTENDERS if each.name in options.only and available(each)]
    with postgresql() as connection:
        results = compare(connection, contenders, plan)
        found = report.document(connection, plan, contenders, results)
        print(report.heading(found), report.table(results), sep="\n\n")
        return found


def available(contender: Contender) -> bool:
    if found := contender.is_available():
        return found
    print(f"{contender.name} is left out: {contender.needs} is not there for this Python", file=sys.stderr)
    return False


def run_size(options: argparse.Namespace) -> dict[str, Any]:
    with postgresql() as connection:
        results = size.run(connection, options.sizes, options.requests or 300, options.workers)
        print(size.table(results))
        return {**report.surroundings(connection), "sizes": results}


def run_memory(options: argparse.Namespace) -> dict[str, Any]:
    with postgresql() as connection:
        results = memory.run(connection, options.requests or 100_000, options.workers)
        print(memory.table(results))
        return {**report.surroundings(connection), "memory": results}


if __name__ == "__main__":
    main()
