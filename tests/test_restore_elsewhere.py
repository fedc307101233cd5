"""A backup that is restored into another cluster, where transaction ids begin anew and repeat those of old changes."""

import contextlib
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from config.postgresql.embedded import place
from config.postgresql.migrations import missing_migrations
from tasks.history.models import Change, members_before, timeline
from tasks.history.undo import Undoing
from tasks.models import Task
from tests.faults import Database, empty_cluster, running_database
from tests.servers import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CHANGE = "SELECT state FROM tasks_task_change(%s, NULL, NULL, jsonb_build_object('title', %s::text), NULL)"
DELETE = "SELECT state FROM tasks_task_delete(%s, NULL, NULL)"
ID = "SELECT pg_current_xact_id()::text::bigint"


@contextlib.contextmanager
def django_on(database: Database) -> Iterator[None]:
    """Django's connection leads to this database."""
    before = dict(connection.settings_dict)
    address = {"HOST": "127.0.0.1", "PORT": database.port, "NAME": place.DATABASE, "USER": place.USER}
    connection.close()
    connection.settings_dict.update(address)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


def copy(old: Database, new: Database) -> None:
    """Runs the commands of docs/operations.md."""
    folder = Path(old.command[0]).parent
    if not (folder / "pg_restore").exists():
        pytest.skip(f"pg_dump and pg_restore are not in {folder}")
    commands = re.findall(r"^(?:pg_dump|pg_restore|psql) .*", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["pg_dump", "pg_restore", "psql"]
    with tempfile.TemporaryDirectory() as scratch:
        for command, database in zip(commands, (old, new, new), strict=True):
            words = shlex.split(command.replace("$DATABASE_URL", database.url))
            subprocess.run([folder / words[0], *words[1:]], cwd=scratch, check=True, capture_output=True)


def write(session: "psycopg.Connection[object]", *statement: object) -> int:
    """Runs it in one transaction, and returns the id of that."""
    with session.transaction():
        session.execute(*statement)  # type: ignore[call-overload]  # it is one statement and its values
        return int(session.execute(ID).fetchone()[0])  # type: ignore[index]  # there is one row


def use_up_ids(session: "psycopg.Connection[object]", next_id: int) -> None:
    """Afterwards the next transaction that writes gets this id."""
    spare = next_id - 1 - write(session, "SELECT")
    assert spare >= 0, "the new cluster has used this id already"
    loop = f"FOR i IN 1..{spare} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP"
    session.execute(f"DO $$ BEGIN {loop}; END $$".encode())


def test_old_and_new_changes_are_told_apart_though_their_transactions_have_equal_ids() -> None:
    with running_database() as old, empty_cluster() as new:
        with old.connect() as session:
            use_up_ids(session, write(session, "SELECT") + 5_000)  # more than a restore needs
            session.execute("INSERT INTO tasks_task (id, title) VALUES (1, 'Plan'), (2, 'Budget')")
            first, second = write(session, CHANGE, (1, "Old plan")), write(session, CHANGE, (2, "Old budget"))
        copy(old, new)
        with new.connect() as session:
            use_up_ids(session, first)
            assert write(session, CHANGE, (1, "New plan")) == first
            assert write(session, DELETE, (2,)) == second
        with django_on(new):
            assert missing_migrations() == []
            entries, _ = timeline(1)
            assert [entry.new.get("title") for entry in entries] == ["New plan", "Old plan", "Plan"]
            assert members_before(Change.objects.filter(task_id=2)[0])["title"] == "Old budget"
            assert Undoing(Change.objects.filter(task_id=1)[0]).carry_out()[:2] == ([1], 0)
            assert Task.objects.get().title == "Old plan"
