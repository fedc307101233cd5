"""PostgreSQL's parameters, such as statement_timeout, as startup options and as SQL."""

import re
from collections.abc import Mapping
from functools import lru_cache

from psycopg import sql

OPTION = re.compile(r"\s*(?:-c\s*|--)([A-Za-z_][\w.-]*)=((?:\\.|[^\\\s])*)(?=\s|\Z)", re.DOTALL)


def parse_options(text: str) -> dict[str, str]:
    """The parameters in libpq's `options`. Raises ValueError if it has anything else than -c NAME=VALUE."""
    found, rest = {}, text
    while match := OPTION.match(rest):
        name, value = match.groups()
        found[name.replace("-", "_")] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        rest = rest[match.end() :]
    if rest.strip():
        raise ValueError(rest)
    return found


def startup_options(parameters: Mapping[str, str]) -> str:
    """The same as `options`, which sets them for the whole session."""
    escaped = ((name, re.sub(r"([\\\s])", r"\\\1", value)) for name, value in parameters.items())
    return " ".join(f"-c {name}={value}" for name, value in escaped)


@lru_cache(maxsize=64)
def set_parameters(parameters: tuple[tuple[str, str], ...], *, local: bool = True) -> str:
    """One statement that sets them, until the end of the transaction or of the session."""
    calls = (f"set_config({sql.quote(name)}, {sql.quote(value)}, {local})" for name, value in parameters)
    return f"SELECT {', '.join(calls)}"
