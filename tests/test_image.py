"""The commands of Dockerfile and compose.yaml, in a sandbox that is as closed as the container. No engine is needed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import Database, children, running_database
from tests.servers import ROOT, await_answer, free_port
from tests.test_container import COMMAND, COPIED, ENV, HEALTHCHECK, OURS, the

pytestmark = pytest.mark.slow
USER, GROUP = the("USER").split(":")


@dataclass
class Image:
    """The files that the Dockerfile copies, and the variables that compose.yaml sets."""

    folder: Path
    environment: dict[str, str]

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*sandbox(self.folder), *command],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str) -> tuple[int, str]:
        """The status and the output."""
        return ended(self.start(*command))


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


def sandbox(folder: Path) -> list[str]:
    """Runs a command as process 1, with the account and the folder of the image. Only /tmp and /dev/shm are writable.

    The order counts: what is mounted later lies on top.
    """
    packages = str(Path(sys.prefix).resolve())
    system = ["/usr", "/bin", "/lib", "/lib64", "/sbin", "/etc", packages, sys.base_prefix]
    above = dict.fromkeys(each for path in (*system, the("WORKDIR")) for each in reversed(Path(path).parents[:-1]))
    root = os.getuid() == 0  # which has to become the account of the image; anyone else only seems to be it
    ids = [f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    return [
        *("bwrap", "--die-with-parent", "--unshare-pid", "--as-pid-1", "--proc", "/proc", "--dev", "/dev"),
        *([] if root else ["--unshare-user", f"--uid={USER}", f"--gid={GROUP}"]),
        *("--perms", "1777", "--tmpfs", "/dev/shm", "--perms", "1777", "--tmpfs", "/tmp"),
        *(part for path in above for part in ("--perms", "0755", "--dir", str(path))),
        *(part for path in system for part in ("--ro-bind-try", path, path)),
        *("--ro-bind", str(folder), the("WORKDIR"), "--chdir", the("WORKDIR"), "--remount-ro", "/"),
        *("--setenv", "PATH", f"{packages}/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        *(["setpriv", *ids] if root else []),
    ]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running_database() as database:
        yield database


@pytest.fixture(scope="module")
def image(database: Database) -> Iterator[Image]:
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    values = {"DATABASE_URL": database.url, "SECRET_KEY": "only-for-tests-" * 4, "ALLOWED_HOSTS": "127.0.0.1"}
    given = {
        name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value)) for name, value in OURS["service"]["environment"].items()
    }
    with tempfile.TemporaryDirectory(prefix="tasks-image-") as folder:
        Path(folder).chmod(0o755)  # so that another account can read it
        image = Image(Path(folder), {**ENV, **given, **values, "BIND": f"0.0.0.0:{free_port()}"})
        for source, target in COPIED:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, image.folder / target)
            else:
                (image.folder / target).mkdir(exist_ok=True)
                shutil.copy(ROOT / source, image.folder / target)
        status, shown = image.run("true")
        if status:
            pytest.skip(f"no sandbox can be started here: {shown.strip()}")
        yield image


def test_only_tmp_and_shared_memory_are_writable(image: Image) -> None:
    program = "import os; print(os.getuid()); open('/tmp/a', 'w'); open('/dev/shm/a', 'w'); open('a', 'w')"
    status, shown = image.run("python", "-c", program)
    assert status == 1
    assert shown.startswith(f"{USER}\n")
    assert "Read-only file system: 'a'" in shown


def test_the_service_runs_is_healthy_and_stops_as_process_1(image: Image) -> None:
    status, shown = image.run(*OURS["migrate"]["command"])
    assert status == 0, shown
    status, shown = image.run(*HEALTHCHECK)
    assert (status, "does not answer" in shown) == (1, True)
    service = image.start(*COMMAND)
    await_answer(f"http://{image.environment['BIND']}/health", service)
    assert image.run(*HEALTHCHECK) == (0, "")
    assert image.run(*OURS["housekeeping"]["command"])[0] == 0
    (arbiter,) = children(service.pid)
    state = Path(f"/proc/{arbiter}/status").read_text()
    assert re.search(r"^NSpid:.*\t1$", state, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", state, re.MULTILINE)
    os.kill(arbiter, signal.SIGTERM)
    status, shown = ended(service)
    assert status == 0, shown
    assert "Traceback" not in shown
