"""CPU time and memory of other processes, on Linux.

The time is what the scheduler counted, in nanoseconds, of all threads, ended ones too.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path


class ProcessEnded(Exception):  # noqa: N818 - what happened, for the person who runs it
    """A process ended while it was measured, so its CPU time is lost."""


def cpu_time(pid: int) -> int:
    """The CPU time of the process since its start, in nanoseconds, from clock_getcpuclockid(3)."""
    try:
        return time.clock_gettime_ns(~pid << 3 | 2)
    except OSError as error:
        raise ProcessEnded(f"process {pid} ended while it was measured: its CPU time is lost") from error


def cpu_times(pids: Iterable[int]) -> dict[int, int]:
    return {pid: cpu_time(pid) for pid in pids}


def spent(before: dict[int, int], after: dict[int, int]) -> int:
    """Nanoseconds between the two. A new process counts from its start. Raises ProcessEnded if one has ended."""
    if gone := before.keys() - after.keys():
        raise ProcessEnded(f"processes {sorted(gone)} ended while they were measured: their CPU time is lost")
    return sum(after.values()) - sum(before.values())


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := parent_of(int(entry.name))) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def parent_of(pid: int) -> int | None:
    fields = stat_fields(pid)
    return int(fields[1]) if fields else None


def ended_children(pid: int) -> int:
    """Nanoseconds of children of the process that have ended, in ticks of usually 10 ms."""
    user, system = stat_fields(pid)[13:15]
    return (int(user) + int(system)) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[int, int]:
    """Resident memory of the process in bytes, with shared pages, and its maximum so far."""
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    sizes = {fields[0]: int(fields[1]) * 1024 for fields in lines if fields[0] in ("VmRSS:", "VmHWM:")}
    return sizes["VmRSS:"], sizes["VmHWM:"]


def stat_fields(pid: int) -> list[str]:
    """The fields of proc_pid_stat(5) from the third on; empty if the process has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
