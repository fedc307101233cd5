"""Why a database can't keep the promises about texts: to store every text, and to find it in any case."""

from typing import Any, NamedTuple

from django.db import connection

# The locale C lowers only the I, Turkish ones lower that to another letter, and Lithuanian ones add a dot to the last.
CAPITALS = "ÜIÌ"
HINT = "Create another database as docs/operations.md says, and restore a dump of this one into it."


class Flaw(NamedTuple):
    number: str
    text: str  # after "the database"


def find_flaw() -> Flaw | None:
    """Raises OperationalError if the database is away."""
    connection.ensure_connection()
    raw: Any = connection.connection  # a cursor of Django warns before django.setup()
    encoding = raw.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        return Flaw("E007", f"has the encoding {encoding} instead of UTF8, so it can't store every text.")
    [lowered] = raw.execute("SELECT lower(%s)", [CAPITALS]).fetchone()
    if lowered == CAPITALS.lower():
        return None
    text = f"has a locale in which the lower case of {CAPITALS} is {lowered} instead of {CAPITALS.lower()}"
    return Flaw("E008", f"{text}, so search and tags would tell capitals apart.")
