"""`manage.py migrate`: one at a time, and again after an interruption."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from unittest.mock import Mock

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from config.management.commands.migrate import ATTEMPTS, LOCK
from config.postgresql.migrations import missing_migrations
from tests.factories import make_task
from tests.servers import ROOT, database_url

IN_STEPS = sorted(
    (app, name)
    for (app, name), migration in MigrationLoader(None).disk_migrations.items()
    if not migration.atomic and app in ("tasks", "tokens", "logins", "idempotency")
)


@contextmanager
def empty_database(name: str) -> Iterator[str]:
    """The URL of a new database."""
    url, own = database_url(), connection.settings_dict["NAME"]
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        session.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield url.removesuffix(own) + name
        finally:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    variables = {"DATABASE_URL": url, "SECRET_KEY": "only-for-tests-" * 4, "ALLOWED_HOSTS": "localhost"}
    variables = os.environ | variables | {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.django_db
def test_of_those_that_start_together_each_waits_until_another_ends_or_crashes() -> None:
    with empty_database(f"{connection.settings_dict['NAME']}_twice") as url:
        with psycopg.connect(url, autocommit=True) as first:
            first.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            others = [start(url, "migrate"), start(url, "migrate")]
            for other in others:
                assert other.stdout
                assert other.stdout.readline().startswith("Another migrate is running on this database")
            first.execute("CREATE TABLE other (id int)")
            # It would wait for ever if the others waited inside PostgreSQL.
            first.execute("CREATE INDEX CONCURRENTLY other_id ON other (id)")
        answers = [other.communicate(timeout=120) for other in others]  # the end of the session is like a crash
        assert [other.returncode for other in others] == [0, 0], answers
        assert sum("No migrations to apply." in out for out, _ in answers) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("verbosity", "lines"), [(1, 1), (0, 0)])
def test_a_migrate_that_waits_says_so_once_unless_it_must_be_silent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verbosity: int, lines: int
) -> None:
    waits = []
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                other.execute("SELECT pg_advisory_unlock(%s)", [LOCK])

        monkeypatch.setattr("time.sleep", wait)
        call_command("migrate", verbosity=verbosity)
    assert capsys.readouterr().out.count("Another migrate is running") == lines
    assert waits == [0.5, 0.5]


@pytest.mark.django_db
def test_a_migrate_that_fails_leaves_no_lock() -> None:
    with pytest.raises(CommandError, match="Cannot find a migration"):
        call_command("migrate", "tasks", "9999", verbosity=0)
    with psycopg.connect(database_url(), autocommit=True) as other:
        assert other.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() == (True,)


def test_some_migrations_are_not_one_transaction() -> None:
    assert ("tasks", "0005_words_of_all") in IN_STEPS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("app", "name"), IN_STEPS)
def test_a_migration_in_steps_can_be_run_again(app: str, name: str) -> None:
    """As if it had been killed after its last step, and an index build halfway. One transaction needs no such care."""
    migration = MigrationLoader(None).disk_migrations[app, name]
    before = migration.dependencies[0]
    call_command("migrate", *before, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO tasks_task (title) VALUES ('Old')")
        cursor.execute("SELECT array_agg(indexrelid) FROM pg_index")
        (indexes,) = cursor.fetchone()
    state = MigrationExecutor(connection).loader.project_state(before)
    with connection.schema_editor(atomic=False) as editor:
        migration.apply(state, editor)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid <> ALL (%s)", [indexes])
    call_command("migrate", verbosity=0)
    assert missing_migrations() == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid")
        assert cursor.fetchall() == []
    assert make_task("New").pk


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("frees", [True, False])
def test_a_migration_that_does_not_get_a_lock_is_run_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, frees: bool
) -> None:
    call_command("migrate", "tasks", "0008", verbosity=0)
    waits = []
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("BEGIN; LOCK TABLE tasks_task")

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if frees and len(waits) == 2:
                other.execute("ROLLBACK")

        monkeypatch.setattr("time.sleep", wait)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 20")
        with nullcontext() if frees else pytest.raises(OperationalError):
            call_command("migrate")
    assert len(waits) == capsys.readouterr().out.count("trying again.") == (2 if frees else ATTEMPTS - 1)
    connection.close()
    call_command("migrate", verbosity=0)
    assert missing_migrations() == []


@pytest.mark.django_db
def test_another_failure_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.core.management.commands.migrate.Command.handle", Mock(side_effect=OperationalError))
    monkeypatch.setattr("time.sleep", Mock(side_effect=AssertionError))
    with pytest.raises(OperationalError):
        call_command("migrate")


@pytest.mark.slow
@pytest.mark.django_db
def test_a_command_says_in_two_lines_that_the_database_fails_or_has_no_tables() -> None:
    unlock = ("unlock_login", "alice")
    with empty_database(f"{connection.settings_dict['NAME']}_empty") as url, start(url, *unlock) as process:
        _, error = process.communicate()
        assert process.returncode == 1
        assert 'relation "' in error
        assert error.endswith("Run manage.py migrate first. --traceback shows where.\n")
    with start("postgresql://tasks:secret@127.0.0.1:1/tasks", *unlock) as process:
        _, error = process.communicate()
        assert process.returncode == 1
        assert error.startswith("The database failed: connection ")
        assert "Traceback" not in error
    with start("postgresql://tasks:secret@127.0.0.1:1/tasks", *unlock, "--traceback") as process:
        assert "Traceback" in process.communicate()[1]
