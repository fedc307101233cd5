#!/usr/bin/env python
"""Django's command line: `python manage.py help` lists the commands."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import Error, ProgrammingError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except Error as exc:
        if "--traceback" in sys.argv:
            raise
        lacks_tables = isinstance(exc, ProgrammingError) and "migrate" not in sys.argv
        hint = "Run manage.py migrate first. " if lacks_tables else ""
        sys.exit(f"The database failed: {str(exc).strip()}\n{hint}--traceback shows where.")
