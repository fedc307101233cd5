"""Dockerfile and compose.yaml: what they name exists. test_image.py runs what the image would run."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from django.core.management import get_commands

from tests.servers import ROOT
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
    assert set(re.findall(r"proxy_pass (\S+);", server)) == {"http://tasks_api"}
    assert re.findall(r"^ +server ([^\s;]+)", server, re.MULTILINE) == [f"service:{the('EXPOSE')}"]
    assert "127.0.0.1" not in server
