"""What a run found, as Markdown tables for the terminal and docs/performance.md."""

from collections.abc import Sequence

from tests.benchmarks.contenders import LIMIT, OURS, REFERENCE
from tests.benchmarks.figures import Ratio, Results, middle, ratio
from tests.benchmarks.operations import OPERATIONS, Operation

LIMIT_TARGET = 0.5  # of the limit's CPU by ours: twice its cost


def tables(results: Results) -> str:
    """CPU per request against FastAPI's and the limit's, then our everyday requests, then the figures themselves."""
    held = [part for other in (REFERENCE, LIMIT) if other in results for part in ratio_table(results, other)]
    return "\n".join([*held, *everyday_table(results), *figures_table(results)])


def ratio_table(results: Results, other: str) -> list[str]:
    asked = [each for each in OPERATIONS if each.name in results[other]]

    def found(name: str, operation: Operation) -> Ratio:
        return ratio(results[other][operation.name], results[name][operation.name])

    def verdict(operation: Operation) -> str:
        target = operation.target if other == REFERENCE else LIMIT_TARGET
        return "" if target is None else judged(round(found(OURS, operation).median, 2) >= target, f"{target:.2f}")

    body = [[name, *(spread(found(name, each)) for each in asked)] for name in results]
    if OURS in results:
        body.append([f"target of {OURS}", *map(verdict, asked)])
    head = f"CPU per request of {other} divided by that of each, so that more is better (least to most of the rounds):"
    return [head, "", *rows_of(["", *(each.title for each in asked)], body), ""]


def everyday_table(results: Results) -> list[str]:
    ours = results.get(OURS, {})
    titles = {each.name: each.title for each in OPERATIONS}
    body = []
    for each in OPERATIONS:
        if each.plain and each.name in ours:
            found = ratio(ours[each.name], ours[each.plain])
            met = each.target is not None and round(found.median, 2) <= each.target
            target = "" if each.target is None else judged(met, f"{each.target:.2f}")
            body.append([titles[each.plain], each.title, spread(found), target])
    if not body:
        return []
    head = (
        f"Everyday requests of {OURS}: their CPU as a multiple of the plain one of their kind, so that less is better:"
    )
    return [head, "", *rows_of(["", "", "times", "at most"], body), ""]


def figures_table(results: Results) -> list[str]:
    body = []
    for operation in OPERATIONS:
        for name in results:
            if rounds := results[name].get(operation.name):
                each = middle(rounds)
                micro = [f"{value:.0f}" for value in (each.cpu_us, each.server_us, each.database_us, each.rps)]
                body.append([operation.title, name, *micro, f"{each.p50_ms:.1f}", f"{each.p99_ms:.1f}"])
    heads = ["", "", "CPU µs", "server", "database", "requests/s", "p50 ms", "p99 ms"]
    return ["Medians of the rounds, CPU per request:", "", *rows_of(heads, body)]


def spread(found: Ratio) -> str:
    return f"{found.median:.2f} ({found.least:.2f} to {found.most:.2f})"


def judged(met: bool, target: str) -> str:
    return f"{target} {'met' if met else '**missed**'}"


def rows_of(heads: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *body)]
