"""Dockerfile and compose.yaml: what they name exists, and the image's commands run in a sandbox that is as closed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from tests.faults import Database, children, running_database
from tests.servers import ROOT, await_answer, free_port
from tests.test_settings import variables_in

INSTRUCTIONS = [
    (kind, rest.strip())
    for kind, rest in re.findall(
        r"^([A-Z]+) ((?:.*\\\n)*.*)",
        re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE),
        re.MULTILINE,
    )
]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "tasks-api"}
GUIDE = (ROOT / "docs/operations.md").read_text()
VARIABLES = variables_in((ROOT / ".env.example").read_text())


def said(kind: str) -> list[str]:
    """What the instructions of this kind say in the last stage, which becomes the image."""
    last = max(index for index, (each, _) in enumerate(INSTRUCTIONS) if each == "FROM")
    return [rest for each, rest in INSTRUCTIONS[last:] if each == kind]


def the(kind: str) -> str:
    (rest,) = said(kind)
    return rest


ENV = dict(each.split("=", 1) for each in the("ENV").split())
COMMAND = json.loads(the("CMD"))
HEALTHCHECK = json.loads(the("HEALTHCHECK").partition("CMD ")[2])
COPIED = [each.split() for each in said("COPY") if "--from" not in each]


def test_the_image_holds_what_the_service_needs_and_no_tool_to_build() -> None:
    for kind, rest in INSTRUCTIONS:
        if kind == "COPY" and "--from" not in rest:
            *sources, _ = rest.split()
            assert all((ROOT / source).exists() for source in sources), rest
    assert {source for source, _ in COPIED} == {"manage.py", "docs/api.md", "config", "tasks"}
    ((install, _),) = re.findall(r"(-m pip install .*-r (\S+))", str(INSTRUCTIONS))
    assert all(each in install for each in ("--no-deps", "--only-binary :all:", "--require-hashes"))
    assert "pip uninstall" in said("RUN")[0]
    versions = {rest.split()[0] for kind, rest in INSTRUCTIONS if kind == "FROM"}
    assert versions == {f"python:{sys.version_info.major}.{sys.version_info.minor}-slim-bookworm"}


def test_only_what_is_copied_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if line[0] != "#") == "*"
    sent = {line[1:] for line in lines if line[0] == "!"}
    assert sent == {source for source, _ in COPIED} | {"requirements/base.txt"}


def test_the_image_runs_the_documented_command_as_pid_1_and_not_as_root() -> None:
    assert " ".join(COMMAND) in GUIDE
    assert COMMAND[0] == "gunicorn"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", the("USER"))
    assert the("USER").partition(":")[0] in " ".join(said("RUN"))
    assert said("ENTRYPOINT") == []
    assert ENV["BIND"].rpartition(":")[2] == the("EXPOSE")
    assert ENV.keys() - {"PATH", "PYTHONUNBUFFERED"} <= VARIABLES


def test_every_command_exists() -> None:
    commands = [HEALTHCHECK, *(service["command"] for service in OURS.values() if "command" in service)]
    assert len(commands) == 3
    for python, manage, name, *_ in commands:
        assert (python, manage) == ("python", "manage.py")
        assert name in get_commands()


def test_each_container_of_ours_is_closed_and_gets_only_variables_that_exist() -> None:
    assert OURS.keys() == {"migrate", "service", "housekeeping"}
    for service in OURS.values():
        assert service["environment"].keys() <= VARIABLES
        assert (service["read_only"], service["tmpfs"], service["cap_drop"]) == (True, ["/tmp"], ["ALL"])
        assert "ports" not in service


def test_compose_names_only_what_there_is() -> None:
    for service in SERVICES.values():
        assert service.get("depends_on", {}).keys() <= SERVICES.keys()
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            known = (
                (ROOT / source).is_file() if source[0] == "." else source in {*COMPOSE["volumes"], "/etc/letsencrypt"}
            )
            assert known, volume
    asked = set(re.findall(r"\$\{(\w+):\?\}", (ROOT / "compose.yaml").read_text()))
    (example,) = re.findall(r"^cat > \.env <<.*?^END", GUIDE, re.MULTILINE | re.DOTALL)
    assert asked == set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    url = SERVICES["service"]["environment"]["DATABASE_URL"]
    user = SERVICES["postgresql"]["environment"]["POSTGRES_USER"]
    assert re.fullmatch(rf"postgresql://{user}:.*@postgresql:5432/{user}", url)


def test_nginx_gets_the_documented_server_with_the_host_and_the_service_of_compose(tmp_path: Path) -> None:
    shell, option, script = SERVICES["nginx"]["command"]
    assert "/etc/letsencrypt/live/tasks.example.com/" in (ROOT / "docs/nginx.conf").read_text()
    write = script.partition(" && ")[0].replace("${HOST_NAME:?}", "a.example")
    write = write.replace(" /nginx.conf ", f" {ROOT}/docs/nginx.conf ").replace("/etc/nginx/conf.d", str(tmp_path))
    subprocess.run([shell, option, write], check=True)
    server = (tmp_path / "default.conf").read_text()
    assert "/etc/letsencrypt/live/a.example/" in server
    assert re.findall(r"proxy_pass (\S+);", server) == [f"http://service:{the('EXPOSE')}"]
    assert "127.0.0.1" not in server


# The image, as far as it goes without a container engine


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running_database() as database:
        yield database


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """The files that the Dockerfile copies."""
    with tempfile.TemporaryDirectory(prefix="tasks-image-") as folder:
        Path(folder).chmod(0o755)  # other accounts read the image too
        for source, target in COPIED:
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            place = Path(folder) / target / ("" if (ROOT / source).is_dir() else Path(source).name)
            place.parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / source, place)
        yield Path(folder)


def sandbox(image: Path, *command: str) -> list[str]:
    """The command as PID 1 of a container: its account and its folder; only /tmp and /dev/shm can be written to."""
    prefix = Path(sys.prefix).resolve()
    shown = ["/usr", "/bin", "/lib", "/lib64", "/sbin", "/etc", str(prefix), sys.base_prefix]
    # bwrap would create the folders above them for root alone.
    above = [str(each) for path in (*shown, the("WORKDIR")) for each in reversed(Path(path).parents)]
    user, group = the("USER").split(":")
    if os.getuid() == 0:
        account = [
            "setpriv",
            f"--reuid={user}",
            f"--regid={group}",
            "--clear-groups",
            "--bounding-set=-all",
            "--inh-caps=-all",
        ]
        mapped = []
    else:
        account, mapped = [], ["--unshare-user", f"--uid={user}", f"--gid={group}"]
    return [
        *("bwrap", "--die-with-parent", "--unshare-pid", "--as-pid-1", *mapped),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--tmpfs", "/dev/shm", "--perms", "1777", "--tmpfs", "/tmp"),
        *(part for path in dict.fromkeys(above) if path != "/" for part in ("--perms", "0755", "--dir", path)),
        *(part for path in shown for part in ("--ro-bind-try", path, path)),
        *("--ro-bind", str(image), the("WORKDIR"), "--chdir", the("WORKDIR"), "--remount-ro", "/"),
        *("--setenv", "PATH", f"{prefix}/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        *(*account, *command),
    ]


@pytest.fixture(scope="module")
def run(image: Path, database: Database) -> Any:
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    given = OURS["service"]["environment"]
    values = {"DATABASE_URL": database.url, "SECRET_KEY": "only-for-tests-" * 4, "ALLOWED_HOSTS": "127.0.0.1"}
    settings = {name: values.get(name, re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value))) for name, value in given.items()}
    environment = {**ENV, **settings, "BIND": f"0.0.0.0:{free_port()}"}
    tried = subprocess.run(sandbox(image, "true"), env=environment, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no sandbox here: {tried.stderr.strip()}")

    def start(*command: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(sandbox(image, *command), env=environment, stdout=pipe, stderr=pipe, text=True)

    start.port = environment["BIND"].rpartition(":")[2]  # type: ignore[attr-defined]
    return start


def output(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


@pytest.mark.slow
def test_the_sandbox_is_read_only_except_for_tmp(run: Any) -> None:
    program = "import os; print(os.getuid()); open('/tmp/a', 'w'); open('/dev/shm/a', 'w'); open('a', 'w')"
    status, shown = output(run("python", "-c", program))
    assert status == 1
    assert shown.startswith(the("USER").partition(":")[0])
    assert "Read-only file system: 'a'" in shown


@pytest.mark.slow
def test_the_service_runs_is_healthy_and_stops_as_pid_1_of_a_closed_container(run: Any) -> None:
    status, shown = output(run(*OURS["migrate"]["command"]))
    assert status == 0, shown
    status, shown = output(run(*HEALTHCHECK))
    assert (status, "does not answer" in shown) == (1, True)
    service = run(*COMMAND)
    await_answer(f"http://127.0.0.1:{run.port}/health", service)
    assert output(run(*HEALTHCHECK)) == (0, "")
    assert output(run(*OURS["housekeeping"]["command"]))[0] == 0
    (arbiter,) = children(service.pid)
    state = Path(f"/proc/{arbiter}/status").read_text()
    assert re.search(r"^NSpid:\t\d+\t1$", state, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", state, re.MULTILINE)
    os.kill(arbiter, signal.SIGTERM)
    status, shown = output(service)
    assert status == 0, shown
    assert "Traceback" not in shown
