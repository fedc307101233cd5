"""The functions and triggers of the database, in files that show them as they are now.

To change one, edit its file and add a migration that installs the file again, after the columns that it needs. Take the
file out of the migration that installed it before: on an older database it would come before those columns.
"""

import re
from pathlib import Path

from django.db.migrations import RunSQL


def statements(file: Path) -> list[str]:
    """Each begins with CREATE at the beginning of a line."""
    return re.findall(r"^CREATE .*?(?=^CREATE |\Z)", file.read_text(), re.MULTILINE | re.DOTALL)


def drop(*files: Path) -> str:
    """The SQL that takes away the functions of files and their triggers: the undo of the migration that makes them."""
    text = "".join(file.read_text() for file in files)
    names = re.findall(r"^CREATE OR REPLACE FUNCTION (\w+)", text, re.MULTILINE)
    return "".join(f"DROP FUNCTION {name} CASCADE;" for name in names)


def install(*files: Path, undo: str = RunSQL.noop) -> RunSQL:
    """Create or replace what is in these files. `undo` is for what the older version of a function can't do without.

    Where the tables are in use, for a migration with `atomic = False`: then each statement is a transaction and locks
    one table, for a moment. Several locks at once would wait in a ring with requests, which lock the same tables in
    other orders.
    """
    return RunSQL([statement for file in files for statement in statements(file)], undo)
