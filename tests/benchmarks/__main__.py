"""`python -m tests.benchmarks [compare|size|memory]`; `make bench` has the first one's environment ready.

Linux only: the CPU time of processes is read from the kernel.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import memory, report, size
from tests.benchmarks.compare import Plan, compare
from tests.benchmarks.contenders import CONTENDERS, Contender
from tests.benchmarks.cpu import ProcessEnded
from tests.benchmarks.database import postgresql
from tests.benchmarks.load import WrongAnswer
from tests.benchmarks.operations import OPERATIONS, chosen
from tests.benchmarks.tables import tables


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
    parser = argparse.ArgumentParser(prog="make bench", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=("compare", "size", "memory"), default="compare")
    parser.add_argument("--json", type=Path, help="write what was found to this file")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of each server")
    parser.add_argument("--rounds", type=int, default=7, help="compare: each measures every contender")
    parser.add_argument("--rows", type=int, default=10_000, help="compare: tasks in each table, no fewer than that")
    for option, known in (("--only", CONTENDERS), ("--requests", OPERATIONS)):
        names = ",".join(each.name for each in known)
        parser.add_argument(option, type=names_of(names), default=names, help="compare: these alone, by comma")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000], help="size: tasks")
    defaults = "requests; compare: 500 of each kind and round, pages a quarter; size: 300; memory: 100000"
    parser.add_argument("--count", type=int, help=defaults)
    options = parser.parse_args(arguments)
    if options.rows < parser.get_default("rows"):
        parser.error("fewer rows do not fill a page for each tag and each word")
    return options


def names_of(known: str) -> Callable[[str], list[str]]:
    def parse_names(text: str) -> list[str]:
        if unknown := set(text.split(",")) - set(known.split(",")):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {known}")
        return text.split(",")

    return parse_names


def run_compare(options: argparse.Namespace) -> dict[str, Any]:
    plan = Plan(options.rounds, options.count or 500, options.rows, options.workers)
    contenders = [each for each in CONTENDERS if each.name in options.only and available(each)]
    with postgresql() as connection:
        results = compare(connection, contenders, chosen(options.requests), plan)
        found = report.document(connection, plan, contenders, results)
        print(report.heading(found), tables(results), sep="\n\n")
        return found


def available(contender: Contender) -> bool:
    if found := contender.is_available():
        return found
    print(f"{contender.name} is left out: {contender.needs} is not there for this Python", file=sys.stderr)
    return False


def run_size(options: argparse.Namespace) -> dict[str, Any]:
    with postgresql() as connection:
        results = size.run(connection, options.sizes, options.count or 300, options.workers)
        print(size.table(results))
        return {**report.surroundings(connection), "sizes": results}


def run_memory(options: argparse.Namespace) -> dict[str, Any]:
    with postgresql() as connection:
        results = memory.run(connection, options.count or 100_000, options.workers)
        print(memory.table(results))
        return {**report.surroundings(connection), "memory": results}


if __name__ == "__main__":
    main()
