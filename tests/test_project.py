"""What must hold for the project's own files."""

import re
import tomllib

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.exceptions import NodeNotFoundError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from tests.servers import ROOT

REQUIREMENTS = [*(f"requirements/{name}" for name in ("base", "dev", "embedded")), "tests/benchmarks/requirements"]
LOCKS = [*REQUIREMENTS, "tests/clients/requirements"]  # the last one is installed by the tests that need it


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_names_no_host(name: str) -> None:
    lock = (ROOT / f"{name}.txt").read_text()
    assert "://" not in lock
    for requirement in re.findall(r"^[a-z0-9].*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL):
        assert "--hash=sha256:" in requirement, requirement


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_carries_a_reason(name: str) -> None:
    for line in (ROOT / f"{name}.in").read_text().splitlines():
        assert line.startswith(("#", "-r ")) or re.search(r"\S +# \w", line), line


def test_the_version_is_the_newest_release_in_the_changelog() -> None:
    released = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert released[0] == project["version"] == settings.SPECTACULAR_SETTINGS["VERSION"]


@pytest.mark.django_db(transaction=True)
def test_migrations_can_be_taken_back_and_made_again() -> None:
    call_command("migrate", "tasks", "zero", verbosity=0)
    assert not [name for name in connection.introspection.table_names() if name.startswith("tasks_")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'tasks_%'")
        assert not cursor.fetchall()
    call_command("migrate", verbosity=0)
    assert missing() == []


def missing() -> list[object]:
    executor = MigrationExecutor(connection)
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


@pytest.mark.django_db
def test_a_database_from_before_the_migrations_were_squashed_lacks_none() -> None:
    for app, name in MigrationLoader(connection).replacements:
        MigrationRecorder(connection).record_unapplied(app, name)
    assert missing() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "migration",
    [("tasks", "0016_limit_of_tags"), ("tasks", "0002_triggers"), ("tokens", "0003_sql_files")],
)
def test_a_database_that_lacks_some_of_the_squashed_migrations_is_refused(migration: tuple[str, str]) -> None:
    MigrationRecorder(connection).record_unapplied(*migration)
    with pytest.raises(NodeNotFoundError, match="some of the replaced migrations are already applied"):
        missing()
