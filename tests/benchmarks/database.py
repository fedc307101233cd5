"""The databases of the contenders: one each, in one PostgreSQL, the embedded one unless DATABASE_URL is set."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import psycopg

from config.postgresql import embedded as embedded_postgres
from tests.benchmarks import cpu
from tests.servers import ROOT

# Apart from the local trial's, which has its own data and its own load.
FOLDER = ROOT / ".local/benchmarks"
HARNESS = "benchmarks"  # the name of our own connections, which don't count
# Titles are all different; every third task has no description, every second one is done.
ROWS = """
INSERT INTO {table} (title, description, completed, {completed_at} due_date, created_at, updated_at)
SELECT 'Task ' || n,
       CASE WHEN n % 3 > 0 THEN repeat('Some words about it. ', 4) || 'Some about topic' || 10 + n % 80 || '.' END,
       n % 2 = 0,
       {done_at}
       date '2026-01-01' + n % 365,
       made.at, made.at
  FROM generate_series(1, {count}) n, LATERAL (SELECT timestamptz '2026-01-01Z' + n * interval '1 second' AS at) made
 ORDER BY n;
"""
DONE_AT = "CASE WHEN n % 2 = 0 THEN made.at END,"
# 0 to 4 tags on each of our tasks: few of the 300 are on many, and most on few.
TAGS = """
INSERT INTO tasks_tag (name) SELECT 'tag ' || n FROM generate_series(1, 300) n;
INSERT INTO tasks_task_tags (task_id, tag_id)
SELECT DISTINCT task.id, tag.id
  FROM tasks_task task, generate_series(1, 4) k, tasks_tag tag
 WHERE k <= task.id % 5
   AND tag.name = 'tag ' || 1 + floor(300 * ((task.id * 7919 + k * 3571) % 9973 / 9973.0) ^ 2)
"""
FREQUENT_TAGS = 100  # of 10,000 tasks each of these has more than a page; and so have the words topic10 to topic89
TOPICS = range(10, 90)
OWN = "schemaname NOT IN ('pg_catalog', 'information_schema')"


@dataclass
class Database:
    """One database, and the processes of PostgreSQL that serve it."""

    server: psycopg.Connection[Any]  # to another database, so that its own backend does not count
    name: str
    variables: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        info = self.server.info
        values = {"HOST": info.host, "PORT": str(info.port), "USER": info.user, "PASSWORD": info.password}
        self.variables = {f"PG{name}": value for name, value in values.items() if value} | {"PGDATABASE": self.name}

    @property
    def url(self) -> str:
        info = self.server.info
        password = f":{quote(info.password, safe='')}" if info.password else ""
        host = quote(info.host, safe="")
        return f"postgresql://{quote(info.user, safe='')}{password}@{host}:{info.port}/{self.name}"

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True, application_name=HARNESS) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def add_rows(self, table: str, count: int) -> None:
        ours = table != "task"
        names = {"completed_at": "completed_at," if ours else "", "done_at": DONE_AT if ours else ""}
        # In one transaction: tags that came later would move updated_at.
        self.run(ROWS.format(table=table, count=count, **names) + (TAGS if ours else ""))

    def stop_autovacuum(self) -> None:
        """Turns autovacuum off: tidy() does its work, at the same moment for all."""
        for (table,) in self.run("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE " + OWN):
            self.run(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")

    def tidy(self) -> None:
        self.run("VACUUM (ANALYZE)")

    def ids(self, table: str, above: int) -> list[int]:
        """The ids above this one, ascending."""
        return [number for (number,) in self.run(f"SELECT id FROM {table} WHERE id > %s ORDER BY id", above)]

    def backends(self) -> list[int]:
        query = """SELECT pid FROM pg_stat_activity
                    WHERE datname = %s AND backend_type = 'client backend' AND application_name <> %s"""
        return [pid for (pid,) in self.server.execute(query, [self.name, HARNESS]).fetchall()]


@contextmanager
def postgresql() -> Iterator[psycopg.Connection[Any]]:
    """A connection to the PostgreSQL of the benchmark, which must run on this machine."""
    url = os.environ.get("DATABASE_URL") or embedded_url()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            try:
                cpu.cpu_time(connection.info.backend_pid)
            except cpu.ProcessEnded:
                raise SystemExit("The PostgreSQL must run on this machine: the CPU of its processes counts.") from None
            yield connection
    finally:
        embedded_postgres.release()


def embedded_url() -> str:
    embedded_postgres.ensure_running(FOLDER)
    settings = embedded_postgres.connection_settings(FOLDER)
    host = quote(settings["HOST"], safe="")
    return f"postgresql://{settings['USER']}@{host}:{settings['PORT']}/{settings['NAME']}"


@contextmanager
def new_database(server: psycopg.Connection[Any], name: str) -> Iterator[Database]:
    drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode()
    server.execute(drop)
    server.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield Database(server, name)
    finally:
        server.execute(drop)
