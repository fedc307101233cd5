"""What the start of the server looks at in the database."""

import sys
from contextlib import suppress

from django.db import OperationalError, connection

from config.postgresql.flaws import HINT, find_flaw


def refuse_flawed() -> None:
    """End with one line if the database would break a promise. One that is away does not stop the start."""
    with suppress(OperationalError):
        if flaw := find_flaw():
            sys.exit(f"tasks-api: The database {flaw.text} {HINT}")
    connection.close()  # the workers, which are forked from here, must not share it
