"""Databases of all encodings and locales: search and tags are the same in those accepted; the others are refused."""

import os
import secrets
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import OperationalError, connection

from config import checks
from config.postgresql.flaws import find_flaw
from config.postgresql.sql_files import statements
from config.server import database
from config.text import folded
from tests.servers import ROOT, database_url

pytestmark = pytest.mark.django_db(transaction=True)
UTF8 = "ENCODING 'UTF8' LOCALE 'C'"
ACCEPTED = {
    "builtin C.UTF-8": f"{UTF8} LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'",
    "builtin PG_UNICODE_FAST": f"{UTF8} LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST'",
    "libc C.UTF-8": "ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C.UTF-8'",
    "libc en_US.UTF-8": "ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'en_US.UTF-8'",
    "icu und": f"{UTF8} LOCALE_PROVIDER icu ICU_LOCALE 'und'",
}
REFUSED = {
    "encoding SQL_ASCII": ("ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'", "E007"),
    "encoding LATIN1": ("ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'", "E007"),
    "libc C": (f"{UTF8} LOCALE_PROVIDER libc", "E008"),
    "libc tr_TR.UTF-8": ("ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'tr_TR.UTF-8'", "E008"),
    "icu tr": (f"{UTF8} LOCALE_PROVIDER icu ICU_LOCALE 'tr'", "E008"),
    "icu lt": (f"{UTF8} LOCALE_PROVIDER icu ICU_LOCALE 'lt'", "E008"),
}
FUNCTIONS = [
    statement
    for name in ("text", "search")
    for statement in statements(ROOT / "tasks" / "sql" / f"{name}.sql")
    if "FUNCTION tasks_task_search()" not in statement and "TRIGGER" not in statement.split("\n")[0]
]
# All characters apart from surrogates, those that are not assigned or private, and letters without case.
CODES = [
    code for code in range(1, sys.maxunicode + 1) if unicodedata.category(chr(code)) not in {"Cs", "Cn", "Co", "Lo"}
]
EACH = "SELECT code, {}('a' || chr(code) || 'B') FROM unnest(%s::int[]) AS code"


@contextmanager
def created(options: str) -> Iterator[str]:
    """The URL of a database with these options, where this server can have it."""
    name = f"locale_{secrets.token_hex(4)}"
    url = database_url().rpartition("/")[0]
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        except Exception as exc:  # noqa: BLE001 - a locale that is not installed has errors of several kinds
            pytest.skip(str(exc).splitlines()[0])
        yield f"{url}/{name}"
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(url: str, *command: str) -> subprocess.CompletedProcess[str]:
    """A program of a deployment on this database."""
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    settings = {"DATABASE_URL": url, "SECRET_KEY": secrets.token_hex(40), "ALLOWED_HOSTS": "localhost"}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=kept | settings, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("options", ACCEPTED.values(), ids=ACCEPTED)
def test_texts_are_folded_and_split_into_words_alike_whatever_the_locale(options: str) -> None:
    with created(options) as url, psycopg.connect(url) as other, connection.cursor() as here:
        for statement in FUNCTIONS:
            other.execute(statement)
        assert dict(other.execute(EACH.format("tasks_folded"), [CODES])) == {
            code: folded(f"a{chr(code)}B") for code in CODES
        }
        here.execute(EACH.format("tasks_words"), [CODES])
        assert dict(other.execute(EACH.format("tasks_words"), [CODES])) == dict(here)
        search = "SELECT tasks_search_query(%s)::text", ['GRÖẞE or "ΟΔΟΣ İX" -ΤΆΣ']
        here.execute(*search)
        assert other.execute(*search).fetchone() == here.fetchone()


@pytest.mark.slow
@pytest.mark.parametrize(("options", "number"), REFUSED.values(), ids=REFUSED)
def test_a_database_that_would_break_a_promise_is_refused_before_anything_is_in_it(options: str, number: str) -> None:
    with created(options) as url:
        checked = run(url, "manage.py", "check", "--deploy", "--database", "default")
        migrated = run(url, "manage.py", "migrate")
        started = run(url, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi")
        with psycopg.connect(url) as other:
            assert other.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'django%'").fetchone() == (0,)
    for refusal in (checked, migrated):
        assert refusal.returncode == 1
        assert f"(tasks_api.{number}) The database has " in refusal.stderr
        assert "HINT: Create another database as docs/operations.md says" in refusal.stderr
    assert started.returncode == 1
    starting, refusal_of_start = started.stderr.splitlines()
    assert "Starting gunicorn" in starting
    assert refusal_of_start.startswith("tasks-api: The database has ")


@pytest.mark.parametrize(
    "dotless", ["translate(pg_catalog.lower($1), 'i', 'ı')", "replace(pg_catalog.lower($1), 'ì', 'i̇̀')"]
)
def test_a_turkish_or_lithuanian_locale_is_a_flaw(dotless: str) -> None:
    """Where the server can't have one, its lower() is replaced."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA elsewhere")
        cursor.execute(f"CREATE FUNCTION elsewhere.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT {dotless} $$")
        cursor.execute("SET search_path = elsewhere, pg_catalog")
        try:
            flaw = find_flaw()
        finally:
            cursor.execute("RESET search_path")
            cursor.execute("DROP SCHEMA elsewhere CASCADE")
    assert flaw
    assert flaw.number == "E008"


def test_a_database_that_is_away_does_not_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(checks, "find_flaw", away)
    monkeypatch.setattr(database, "find_flaw", away)
    database.refuse_flawed()
    assert checks.the_database_can_hold_every_text(["default"]) == []
