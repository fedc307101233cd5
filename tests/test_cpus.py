"""WEB_CONCURRENCY=auto: the CPUs that the affinity and the cgroups allow."""

import os
from pathlib import Path

import pytest

from config.environment import Environment
from config.server import cpus

V2, V1 = "0::/a/b\n", "9:name=systemd:/\n4:memory:/x\n1:cpu,cpuacct:/a/b\n0::/\n"


@pytest.fixture(autouse=True)
def _eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)


def available(monkeypatch: pytest.MonkeyPatch, folder: Path, own: str, files: dict[str, str]) -> int:
    """With this /proc/self/cgroup, and these files in /sys/fs/cgroup."""
    for name, content in {"own": own, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    monkeypatch.setattr(cpus, "CGROUPS", folder)
    monkeypatch.setattr(cpus, "OWN", folder / "own")
    return cpus.available()


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        (V2, {}, 8),
        (V2, {"a/b/cpu.max": "max 100000\n"}, 8),
        (V2, {"a/b/cpu.max": "200000 100000\n"}, 2),
        (V2, {"a/b/cpu.max": "210000 100000\n"}, 3),
        (V2, {"a/b/cpu.max": "50000 100000\n"}, 1),
        (V2, {"a/b/cpu.max": "1600000 100000\n"}, 8),
        (V2, {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),  # of the parent
        (V2, {"cpu.max": "400000 100000\n"}, 4),  # in a container: the path is the host's, the root its own
        (V1, {"cpu/a/b/cpu.cfs_quota_us": "-1\n", "cpu/a/b/cpu.cfs_period_us": "100000\n"}, 8),
        (V1, {"cpu/a/b/cpu.cfs_quota_us": "150000\n", "cpu/a/b/cpu.cfs_period_us": "100000\n"}, 2),
        (V1, {"cpu/cpu.cfs_quota_us": "500000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 5),
    ],
)
def test_a_cgroup_limits_the_cpus(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str, files: dict[str, str], expected: int
) -> None:
    assert available(monkeypatch, tmp_path, own, files) == expected


def test_without_cgroups_and_affinity_it_is_what_the_machine_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(cpus, "OWN", tmp_path / "own")
    assert cpus.available() == 6


@pytest.mark.parametrize("value", ["auto", "0"])  # gunicorn itself reads the environment, and fails on a word
@pytest.mark.parametrize(("found", "workers"), [(3, 3), (1000, 256)])
def test_auto_is_within_the_bounds(monkeypatch: pytest.MonkeyPatch, value: str, found: int, workers: int) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", value)
    number = Environment("").number("WEB_CONCURRENCY", default=2, least=1, most=256, auto=lambda: found)
    assert number == workers
