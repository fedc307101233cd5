"""The functions and triggers of the database. Their SQL files show the current version.

To change one, edit its file and add a migration that installs the file again, after the migrations that add the columns
it needs. Remove the file from a migration that installed it before, if that runs before those columns exist.
"""

import re
from pathlib import Path

from django.db.migrations import RunSQL


def statements(file: Path) -> list[str]:
    """The statements of a file. Each begins with CREATE at the beginning of a line."""
    return re.findall(r"^CREATE .*?(?=^CREATE |\Z)", file.read_text(), re.MULTILINE | re.DOTALL)


def drop(*files: Path) -> str:
    """The SQL that drops the functions of these files and their triggers, to undo the migration that creates them."""
    text = "".join(file.read_text() for file in files)
    names = re.findall(r"^CREATE OR REPLACE FUNCTION (\w+)", text, re.MULTILINE)
    return "".join(f"DROP FUNCTION IF EXISTS {name} CASCADE;" for name in names)


def install(*files: Path, undo: str = RunSQL.noop) -> RunSQL:
    """Creates or replaces the functions and triggers of these files. `undo` is the SQL of the reverse migration.

    If the tables are in use, call it in a migration with `atomic = False`: each statement is then a transaction that
    locks one table for a moment. Locks on several tables at once could deadlock with requests, which lock them in other
    orders.
    """
    return RunSQL([statement for file in files for statement in statements(file)], undo)
