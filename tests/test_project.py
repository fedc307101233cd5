"""What must hold for the project's own files."""

import re

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.servers import ROOT

REQUIREMENTS = [*(f"requirements/{name}" for name in ("base", "dev", "embedded")), "tests/benchmarks/requirements"]


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_lock_has_hashes_and_names_no_host(name: str) -> None:
    lock = (ROOT / f"{name}.txt").read_text()
    assert "://" not in lock
    for requirement in re.findall(r"^[a-z0-9].*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL):
        assert "--hash=sha256:" in requirement, requirement


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_carries_a_reason(name: str) -> None:
    for line in (ROOT / f"{name}.in").read_text().splitlines():
        assert line.startswith(("#", "-r ")) or re.search(r"\S +# \w", line), line


@pytest.mark.django_db(transaction=True)
def test_migrations_can_be_taken_back_and_made_again() -> None:
    call_command("migrate", "tasks", "zero", verbosity=0)
    assert not [name for name in connection.introspection.table_names() if name.startswith("tasks_")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'tasks_%'")
        assert not cursor.fetchall()
    call_command("migrate", verbosity=0)
    assert not MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())
