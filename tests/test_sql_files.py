"""The database has the functions and triggers of the SQL files, and a migration installs each file."""

import re
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader

import config
import tasks
from config.postgresql.sql_files import statements

FILES = [file for package in (tasks, config) for file in sorted(Path(package.__path__[0]).rglob("sql/*.sql"), key=str)]
INSTALLED = """
    SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
    UNION ALL
    SELECT tgname, pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
     WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal
     ORDER BY 1, 2
"""
DROP_ALL = """
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
        LOOP EXECUTE format('DROP FUNCTION %s CASCADE', name); END LOOP;
    END $$
"""


@pytest.mark.django_db
def test_the_files_create_the_same_as_the_migrations() -> None:
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute(INSTALLED)
        migrated = cursor.fetchall()
        cursor.execute(DROP_ALL)
        cursor.execute("SET LOCAL check_function_bodies = off")  # one file calls the functions of another
        for statement in (statement for file in FILES for statement in statements(file)):
            cursor.execute(statement)
        cursor.execute(INSTALLED)
        assert cursor.fetchall() == migrated


def test_each_statement_of_a_file_creates_or_replaces_one_function_or_trigger() -> None:
    assert {file.name for file in FILES} >= {"history.sql", "grants.sql"}
    for file in FILES:
        for statement in statements(file):
            assert re.match(r"CREATE OR REPLACE (FUNCTION|TRIGGER) \w+", statement), statement
            assert len(re.findall(r"^CREATE ", statement, re.MULTILINE)) == 1


def test_each_file_is_installed_by_a_migration() -> None:
    migrations = MigrationLoader(None).disk_migrations.values()
    operations = [each.sql for one in migrations for each in one.operations if isinstance(each, RunSQL)]
    for file in FILES:
        first = statements(file)[0]
        assert any(first in sql for sql in operations if isinstance(sql, list)), file
