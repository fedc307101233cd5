"""`make audit`: looks up the packages of the locks, or of the given files, in OSV (osv.dev).

The exit status is 1 for a known vulnerability, 2 for a lock that can't be read, and 0 with a message if OSV can't be
reached. pip-audit itself ends with 1 in all three cases, and prints JSON only for a vulnerability. It asks OSV and not
the package index, because a mirror of the index may answer 404, which pip-audit reads as "nothing known".
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCKS = sorted(Path(__file__).parent.glob("*.txt"))
PIP_AUDIT = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off", "--timeout=5"]
SECONDS = 60  # in total; it takes about ten if OSV answers


def audit(locks: list[Path]) -> int:
    """Prints what was found, or why nothing was looked up, and returns the exit status."""
    command = [*PIP_AUDIT, "--vulnerability-service=osv", "--disable-pip", *(f"--requirement={lock}" for lock in locks)]
    reading = run([*command, "--dry-run"])
    if reading.returncode:
        print(f"audit: the locks can't be read: {last_line(reading.stderr)}")
        return 2
    try:
        done = run(command)
    except subprocess.TimeoutExpired:
        return skip(f"it took more than {SECONDS} s")
    return report(json.loads(done.stdout)["dependencies"]) if done.stdout else skip(last_line(done.stderr))


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)  # noqa: S603 - our own


def skip(reason: str) -> int:
    print(f"audit: SKIPPED, the service of advisories can't be reached: {reason}")
    return 0


def report(packages: list[dict[str, Any]]) -> int:
    found = [(package, one) for package in packages for one in package.get("vulns", ())]
    for package, one in found:
        fixed = ", ".join(one["fix_versions"]) or "no release"
        print(f"audit: {package['name']} {package['version']} has {one['id']}, fixed in {fixed}")
    for package in packages:
        if "skip_reason" in package:
            print(f"audit: {package['name']} was not looked up: {package['skip_reason']}")
    print(f"audit: {len(packages)} packages, {len(found)} known advisories")
    return 1 if found else 0


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was said"])[-1][:200]


if __name__ == "__main__":
    sys.exit(audit([Path(name) for name in sys.argv[1:]] or LOCKS))
