"""The CPUs that this process may use, for WEB_CONCURRENCY=auto."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePath

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def available() -> int:
    """The CPUs that the process may run on, or as many as a cgroup allows the time of, rounded up."""
    # macOS has no affinity.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return math.ceil(min([allowed, *limits()]))


def limits() -> Iterator[float]:
    """The limit of the process's cgroup and of each one above it, which count too: cgroup v2, then v1.

    In a container the path may be that of the host, while only the container's own cgroup is mounted, as the root.
    """
    paths = (
        [PurePath(line.split(":", 2)[2].lstrip("/")) for line in OWN.read_text().splitlines()] if OWN.exists() else []
    )
    for folder in dict.fromkeys(part for path in paths for part in (path, *path.parents)):
        yield limit((CGROUPS / folder / "cpu.max",))
        yield limit(CGROUPS / "cpu" / folder / f"cpu.cfs_{name}_us" for name in ("quota", "period"))


def limit(files: Iterator[Path] | tuple[Path]) -> float:
    """CPUs: the quotient of the two numbers in these files. Infinite if there is no limit, or no such file."""
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (OSError, ValueError):  # "max" is no number
        return math.inf
