"""The locale of the embedded cluster, and clusters that were created where no UTF-8 locale was known."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from config.postgresql.embedded import ServerUnavailable, files, locales, place, programs
from config.postgresql.embedded import cluster as clusters
from config.postgresql.embedded import server as serving
from tests.servers import await_answer, copy_checkout, free_port, stop, unmeasured
from tests.test_embedded_postgres import ROOT, User, await_stop
from tests.test_embedded_postgres import folder as folder  # noqa: PLC0414 - a fixture

pytestmark = pytest.mark.slow
# What the service had before its search was written for every locale: there, these were two tags.
OLD_ROWS = """
    INSERT INTO tasks_tag (name) VALUES ('Über'), ('über'), ('home');
    INSERT INTO tasks_task (title, description, completed) VALUES ('MÜSLI', 'Ö/Ä', false), ('Fenster', NULL, false);
    INSERT INTO tasks_task_tags (task_id, tag_id)
         SELECT task.id, tag.id FROM tasks_task AS task, tasks_tag AS tag
          WHERE (title, name) IN (('MÜSLI', 'Über'), ('MÜSLI', 'home'), ('Fenster', 'über'))"""

KILLED_AT_COMMIT = """
import os, psycopg
class Connection(psycopg.Connection):
    def commit(self):
        server = self.execute("SELECT split_part(pg_read_file('postmaster.pid'), E'\\\\n', 1)::int").fetchone()
        for pid in (*server, os.getpid()):
            os.kill(pid, 9)
psycopg.connect = Connection.connect
"""


def create(folder: Path, major: int) -> None:
    """A cluster with the provider libc and the locale C, whose lower() knows only ASCII."""
    with pytest.MonkeyPatch.context() as patch:
        found = [each for each in programs.find_all() if each.major == major]
        if not found:
            pytest.skip(f"PostgreSQL {major} is not installed")
        patch.setattr(programs, "find_all", lambda: iter(found))
        patch.setattr(locales, "initdb_options", lambda _: ["--locale=C"])
        folder.parent.mkdir(exist_ok=True)
        place.prepare(folder)
        with files.open_file(folder / serving.LOCK) as lock:
            clusters.create(folder, programs.find(place.owner(folder), None, folder), lock)


@contextmanager
def served_as_before(folder: Path) -> Iterator[str]:
    """The URL of its database while the cluster runs as an older version would run it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locales, "bring_over", lambda _: None)
        serving.start(folder)
    yield f"postgresql://{place.USER}@{quote(str(place.socket_folder(folder)), safe='')}/{place.DATABASE}"
    serving.stop(folder)


@contextmanager
def local_trial(checkout: Path) -> Iterator[str]:
    """Its URL."""
    bind = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"]
    process = subprocess.Popen(
        command,
        cwd=checkout,
        env=unconfigured(BIND=bind),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    await_answer(f"http://{bind}/health", process)
    yield f"http://{bind}"
    stop(process)


def unconfigured(**variables: str) -> dict[str, str]:
    return {name: value for name, value in unmeasured().items() if name != "DJANGO_SETTINGS_MODULE"} | variables


def titles(url: str, **parameter: str) -> list[str]:
    [(name, value)] = parameter.items()
    with urllib.request.urlopen(f"{url}/tasks/?ordering=title&{name}={quote(value)}", timeout=30) as answer:
        return [task["title"] for task in json.load(answer)["results"]]


@pytest.mark.parametrize("major", [18, 16])  # both are in the wheel; only the newer one has a builtin locale
def test_a_cluster_that_lowers_only_ascii_is_brought_over_with_all_it_holds(folder: Path, major: int) -> None:
    checkout = folder.parent / "checkout"
    copy_checkout(checkout)
    data = checkout / ".local" / "postgres"
    create(data, major)
    with served_as_before(data) as url:
        environment = unconfigured(DATABASE_URL=url, SECRET_KEY="k" * 50, ALLOWED_HOSTS="localhost")
        migrate = [sys.executable, "manage.py", "migrate", "-v0", "tasks", "0003", "--skip-checks"]
        subprocess.run(migrate, cwd=checkout, env=environment, check=True)
        with psycopg.connect(url) as connection:
            connection.execute(OLD_ROWS)
    with local_trial(checkout) as url:
        assert titles(url, tag="ÜBER") == ["Fenster", "MÜSLI"]
        assert titles(url, tag="home") == ["MÜSLI"]
        assert [titles(url, search=word) for word in ("müsli", "ä", "FEN")] == [["MÜSLI"], ["MÜSLI"], ["Fenster"]]
    await_stop(data)


@pytest.mark.parametrize("major", [18, 16])  # both are in the wheel; only the newer one has a builtin locale
def test_it_is_brought_over_at_the_next_start_when_the_first_was_killed(folder: Path, major: int) -> None:
    create(folder, major)
    (folder.parent / "sitecustomize.py").write_text(KILLED_AT_COMMIT)
    first = User(folder, environment={"PYTHONPATH": os.pathsep.join([str(folder.parent), str(ROOT)])})
    first.ask("sql('SELECT 1')")
    assert first.process.wait(timeout=60) == -9
    first.kill()
    await_stop(folder)
    user = User(folder)
    assert user.run("""sql("SELECT lower('ÄÉ')")""") == [["äé"]]
    assert user.run("sql('CREATE DATABASE another TEMPLATE template0')") == []


@pytest.mark.parametrize("major", [14, 18])
def test_the_order_is_that_of_bytes_and_the_ctype_is_utf_8(major: int) -> None:
    options = locales.initdb_options(major)
    assert "--locale=C" in options
    assert any(option.startswith("--lc-ctype=") and option.endswith("UTF-8") for option in options)


def test_without_a_utf_8_locale_only_a_postgresql_that_has_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locales, "has_locale", lambda _: False)
    assert "--builtin-locale=C.UTF-8" in locales.initdb_options(17)
    with pytest.raises(ServerUnavailable, match=r"PostgreSQL 16 needs a UTF-8 locale such as C\.UTF-8"):
        locales.initdb_options(16)


def test_an_unknown_locale_is_recognized() -> None:
    assert not locales.has_locale("tlh_QO.UTF-8")
    assert locales.has_locale("C")
