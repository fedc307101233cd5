"""The arithmetic: medians of rounds, ratios within a round, percentiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figures:
    """One operation of one contender in one round. CPU is per answered request."""

    server_us: float
    database_us: float
    rps: float
    p50_ms: float
    p99_ms: float

    @property
    def cpu_us(self) -> float:
        return self.server_us + self.database_us


@dataclass(frozen=True)
class Ratio:
    median: float
    least: float
    most: float


# By contender, operation and round.
Results = dict[str, dict[str, list[Figures]]]


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that this many percent of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def figures_of(server_ns: int, database_ns: int, latencies: Sequence[int], seconds: float) -> Figures:
    count = len(latencies)
    return Figures(
        server_us=server_ns / count / 1e3,
        database_us=database_ns / count / 1e3,
        rps=count / seconds,
        p50_ms=percentile(latencies, 50) / 1e6,
        p99_ms=percentile(latencies, 99) / 1e6,
    )


def middle(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(**{name: median(getattr(each, name) for each in rounds) for name in Figures.__dataclass_fields__})


def ratio(reference: Sequence[Figures], contender: Sequence[Figures]) -> Ratio:
    """CPU per request of the reference divided by the contender's, in the same round: more is better."""
    ratios = [one.cpu_us / other.cpu_us for one, other in zip(reference, contender, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))
