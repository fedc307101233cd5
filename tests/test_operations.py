"""docs/operations.md: what "Deploy" says is done as it says, on an empty database."""

import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.servers import await_answer, copy_checkout, database_url, free_port, stop
from tests.test_readme import PAGES, blocks

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def empty_database(transactional_db: None) -> Iterator[str]:
    """Its URL."""
    name = f"deployed_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield f"{database_url().rpartition('/')[0]}/{name}"
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def edit(file: Path, **variables: str) -> None:
    text = file.read_text()
    for name, value in variables.items():
        text, found = re.subn(rf"^{name}=.*", f"{name}={value}", text, flags=re.MULTILINE)
        assert found == 1, name
    file.write_text(text)


def test_a_deployment_serves_after_the_documented_commands(empty_database: str, tmp_path: Path) -> None:
    commands, *_ = blocks(PAGES["docs/operations.md"], "sh")
    *install, copy, check, migrate, create, check_all, serve = commands.splitlines()
    assert [line.split()[0:4] for line in install] == [
        ["python3", "-m", "venv", ".venv"],
        *([".venv/bin/python", "-m", "pip", each] for each in ("install", "check")),  # tests/test_installing.py
    ]
    copy_checkout(tmp_path)
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"DJANGO_SUPERUSER_PASSWORD": secrets.token_hex(), "DJANGO_SUPERUSER_EMAIL": ""}

    def run(command: str) -> str:
        return subprocess.check_output(["bash", "-c", command], cwd=tmp_path, env=environment, text=True)

    run(copy)
    port, key = free_port(), run("openssl rand -base64 48").strip()
    edit(tmp_path / ".env", DATABASE_URL=empty_database, SECRET_KEY=key, BIND=f"127.0.0.1:{port}")
    assert "no issues" in run(f"{check} 2>&1")
    run(migrate)
    run(f"{create} --noinput --username alice")
    assert "no issues" in run(f"{check_all} 2>&1")
    process = subprocess.Popen(
        serve.split(), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    await_answer(f"http://127.0.0.1:{port}/health", process)
    ready = run(f"curl -si -H 'Host: tasks.example.com' http://127.0.0.1:{port}/health/ready")
    stop(process)
    assert ready.startswith("HTTP/1.1 200")
