"""The locale of the cluster: one in which lower('Ä') is 'ä', if possible the same on every machine.

The order of texts is that of their bytes in all of them. So a cluster can change from one to another without a rebuild
of its indexes, except those on lower() and its like.
"""

import locale
from pathlib import Path

from .files import ServerUnavailable
from .place import PORT, USER, socket_folder

BUILTIN_LOCALES = 17
# The databases of a cluster that was created where no UTF-8 locale was known: lower('Ä') is 'Ä' there. A database with
# the encoding SQL_ASCII may hold texts that are not UTF-8, so it stays as it is, and the service refuses to start.
PLAIN = "encoding = pg_char_to_encoding('UTF8') AND datcollate IN ('C', 'POSIX') AND datctype IN ('C', 'POSIX')"


def initdb_options(major: int) -> list[str]:
    """Options for a cluster of this major version. LC_CTYPE is what extensions ask even if the locale is builtin."""
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= BUILTIN_LOCALES else []
    name = known_locale()
    if not name and not builtin:
        raise ServerUnavailable(f"PostgreSQL {major} needs a UTF-8 locale such as C.UTF-8, and none is installed")
    return ["--locale=C", *([f"--lc-ctype={name}"] if name else []), *builtin]


def bring_over(folder: Path) -> None:
    """Give all databases of the running cluster a locale in which lower('Ä') is 'ä', from the next connection on.

    This is one transaction, and it touches no table: there is nothing to lose, whenever it is killed. A service whose
    tables hold what lower() gave rebuilds that in a migration.
    """
    import psycopg  # noqa: PLC0415 - the keeper does not need it

    with psycopg.connect(host=str(socket_folder(folder)), port=PORT, user=USER, dbname="postgres") as connection:
        if connection.info.server_version // 10_000 >= BUILTIN_LOCALES:
            connection.execute(
                f"UPDATE pg_database SET datlocprovider = 'b', datlocale = 'C.UTF-8' WHERE {PLAIN}"  # noqa: S608 - a constant
                " AND datlocprovider = 'c'"
            )
        else:
            name = known_locale() or "C"
            connection.execute(f"UPDATE pg_database SET datctype = %s WHERE {PLAIN}", [name])  # noqa: S608 - a constant


def known_locale() -> str | None:
    return next((name for name in ("C.UTF-8", "en_US.UTF-8", "UTF-8") if has_locale(name)), None)


def has_locale(name: str) -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_CTYPE, before)
    return True
