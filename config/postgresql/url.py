"""The URL of a PostgreSQL database, read by libpq itself: several hosts, IPv6, sockets, a service, every parameter."""

import os
import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from config.postgresql.parameters import parse_options

HINT = "Expected postgresql://USER:PASSWORD@HOST:5432/NAME."
NUMBERS = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
# A service or the environment (PGOPTIONS and so on) sets these too, and the settings have other defaults.
WITH_DEFAULTS = ("options", "application_name", *NUMBERS)


def connection_settings(url: str) -> dict[str, Any]:
    """What Django's DATABASES has. Raises ValueError with a sentence that contains no password."""
    given = parsed(url)
    if "service" in given:
        os.environ["PGSERVICE"] = given["service"]  # so that libpq reads it for its defaults
    elsewhere = {option.keyword.decode(): (option.val or b"").decode() for option in Conninfo.get_defaults()}
    given = {name: elsewhere[name] for name in WITH_DEFAULTS if elsewhere[name]} | given
    for name in filter(given.get, NUMBERS):
        if not re.fullmatch("[0-9]{1,9}", given[name]):
            raise ValueError(f"has the invalid {name} {given[name]!r}. Expected a whole number.")
    if given.pop("client_encoding", "UTF8").upper() not in ("UTF8", "UTF-8", "AUTO"):
        raise ValueError("must not set client_encoding: it is always UTF8.")
    try:
        parameters = parse_options(given.pop("options", ""))
    except ValueError as exc:
        raise ValueError("has invalid options. Expected parameters such as -c work_mem=8MB.") from exc
    fields = {name.upper(): given.pop(name, "") for name in ("user", "password", "host", "port")}
    return {"NAME": given.pop("dbname", ""), **fields, "OPTIONS": given, "PARAMETERS": parameters}


def parsed(url: str) -> dict[str, Any]:
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError(f"does not name a PostgreSQL database. {HINT}")
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as exc:
        if unknown := re.match(r'invalid URI query parameter: "(\w+)"', str(exc)):
            raise ValueError(f"has the unknown parameter {unknown[1]!r}.") from None
        raise ValueError(f"is invalid. {HINT} Escape special characters, such as %40 for @.") from None
    ports, hosts = str(given.get("port", "")).split(","), str(given.get("host", "")).split(",")
    if not all(re.fullmatch("[0-9]{0,5}", port) for port in ports) or len(ports) not in (1, len(hosts)):
        raise ValueError(f"is invalid. {HINT}")
    if not (given.get("dbname") or given.get("service")):
        raise ValueError(f"does not name a PostgreSQL database. {HINT}")
    return given
