"""`manage.py check --deploy`: each of our checks, and no message for the documented settings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.checks import Tags, run_checks
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from config import checks
from tests.servers import ROOT

KEY = "Zm9yIHRlc3RzIG9ubHksIGJ1dCBsb25nIGFuZCBvZiBtYW55IGxldHRlcnM="


@pytest.fixture(autouse=True)
def _deployment(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SECRET_KEY, settings.API_ANONYMOUS, settings.TRUSTED_PROXIES = KEY, "none", 1
    settings.LOCAL_FOLDER = tmp_path
    monkeypatch.delenv("PGSSLMODE", raising=False)


def ids(**given: object) -> list[str | None]:
    found = run_checks(include_deployment_checks=True, **given)  # type: ignore[arg-type]  # as run_checks defines them
    return [message.id for message in found if message.id and message.id.startswith("tasks_api.")]


def database(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    for name, value in values.items():
        monkeypatch.setitem(settings.DATABASES["default"], name, value)


def test_a_deployment_as_documented_passes_every_check() -> None:
    example = (ROOT / ".env.example").read_text().replace("SECRET_KEY=\n", f"SECRET_KEY={KEY}\n")
    variables = dict(re.findall(r"^([A-Z_]+)=(.*)", example, re.MULTILINE))
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COV", "HOME"))}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=kept | variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_valid_settings_cause_no_message() -> None:
    assert ids() == []


@pytest.mark.parametrize("key", ["k" * 50, KEY[:49], "only-for-tests-" * 4])
def test_a_key_that_is_short_or_repeats_itself_is_an_error(settings: Settings, key: str) -> None:
    settings.SECRET_KEY = key
    assert ids() == ["tasks_api.E001"]


def test_fifty_random_hexadecimal_digits_are_a_key(settings: Settings) -> None:
    settings.SECRET_KEY = "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12"
    assert ids() == []


def test_a_secret_key_from_the_documentation_is_an_error(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "README.md").write_text(f"SECRET_KEY={KEY}")
    assert ids() == ["tasks_api.E002"]


def test_the_secret_key_of_the_local_trial_is_an_error_in_a_deployment(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text(KEY)
    assert ids() == ["tasks_api.E003"]


def test_the_database_password_as_secret_key_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    database(monkeypatch, PASSWORD=KEY)
    assert ids() == ["tasks_api.E003"]


def test_debug_is_an_error(settings: Settings) -> None:
    settings.DEBUG = True
    assert ids() == ["tasks_api.E004"]


def test_writing_without_a_token_is_an_error(settings: Settings) -> None:
    settings.API_ANONYMOUS = "write"
    assert ids() == ["tasks_api.E005"]


@pytest.mark.parametrize("host", ["db.example.com", "10.0.0.7", "127.0.0.1,10.0.0.7"])
@pytest.mark.parametrize("options", [{}, {"sslmode": "prefer"}, {"sslmode": "disable"}])
def test_a_database_on_another_host_without_tls_is_warned_about(
    monkeypatch: pytest.MonkeyPatch, host: str, options: dict[str, str]
) -> None:
    database(monkeypatch, HOST=host, OPTIONS=options)
    assert ids() == ["tasks_api.W001"]


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_database_on_another_host_is_fine_with_tls(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    database(monkeypatch, HOST="db.example.com", OPTIONS={"sslmode": mode})
    assert ids() == []


def test_tls_may_be_required_by_the_variable_of_libpq(monkeypatch: pytest.MonkeyPatch) -> None:
    database(monkeypatch, HOST="db.example.com", OPTIONS={})
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert ids() == []


@pytest.mark.parametrize("host", ["", "localhost", "/run/postgresql", "127.0.0.5", "::1"])
def test_a_database_on_this_machine_needs_no_tls(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    database(monkeypatch, HOST=host, OPTIONS={})
    assert ids() == []


def test_allowing_any_host_is_warned_about(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["tasks.example.com", "*"]
    assert ids() == ["tasks_api.W002"]


def test_a_deployment_without_a_proxy_is_warned_about(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 0
    assert ids() == ["tasks_api.W003"]


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["root", "admin", "changeme"])
def test_a_superuser_with_an_easily_guessed_password_is_an_error(password: str) -> None:
    User.objects.create_superuser("root", password=password)
    assert ids(databases=["default"]) == ["tasks_api.E006"]


@pytest.mark.django_db
def test_good_passwords_and_those_of_ordinary_users_are_no_error() -> None:
    User.objects.create_superuser("root", password="correct horse")
    User.objects.create_user("bob", password="bob", is_staff=True)
    assert ids(databases=["default"]) == []


@pytest.mark.django_db
def test_no_password_is_tried_unless_the_database_is_checked() -> None:
    User.objects.create_superuser("root", password="root")
    assert ids() == []


@pytest.mark.django_db
def test_the_number_of_passwords_tried_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.bulk_create(User(username=f"root{n}", password="!", is_superuser=True) for n in range(20))
    tries: list[str] = []
    monkeypatch.setattr(checks, "check_password", lambda password, _: tries.append(password))
    ids(databases=["default"])
    assert len(tries) == checks.MAX_TRIES == 40


@pytest.mark.django_db
def test_before_the_first_migration_no_password_is_tried() -> None:
    connection.cursor().execute("ALTER TABLE auth_user RENAME TO gone")
    assert checks.superusers_have_passwords_of_their_own(databases=["default"]) == []


@pytest.mark.django_db
def test_missing_migrations_are_an_error_without_deploy_too() -> None:
    MigrationRecorder(connection).record_unapplied("tasks", "0012_change_actor")
    [found] = run_checks(databases=["default"], tags=[Tags.database])
    assert (found.id, found.hint) == ("tasks_api.E009", "Run manage.py migrate.")
    assert found.msg == "The database lacks migrations: tasks.0012_change_actor."


@pytest.mark.django_db
def test_without_a_database_to_check_nobody_looks_for_migrations() -> None:
    MigrationRecorder(connection).record_unapplied("tasks", "0012_change_actor")
    assert ids() == []


def test_a_database_that_cannot_be_used_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(checks, "missing_migrations", refuse)
    [found] = checks.every_migration_is_applied(databases=["default"])
    assert (found.id, found.msg) == ("tasks_api.E009", "The database can't be used: connection refused")
