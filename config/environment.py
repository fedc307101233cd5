"""The environment, read strictly: a value that is missing or wrong stops the start with one line."""

import ipaddress
import re
import sys
import urllib.parse
from typing import Any, NoReturn

import environ

TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
HOST = re.compile(r"\*|\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?|\[[0-9A-Fa-f:.]+\]")


def refuse(variable: str, problem: str) -> NoReturn:
    """End the process with one line on stderr and status 1, whichever program loaded the settings."""
    sys.exit(f"tasks-api: {variable} {problem}")


class Environment:
    """What django-environ finds in the process's environment and in `.env`, checked.

    django-environ alone takes any word for a boolean and fails on a wrong number with a traceback.
    An empty value counts as one that is not set.
    """

    def __init__(self, env_file: str) -> None:
        self._env = environ.Env()
        self._env.read_env(env_file)

    def text(self, variable: str, default: str | None = None, *, hint: str = "") -> str:
        value: str = self._env.str(variable, default="").strip() or (default or "")
        if default is None and not value:
            refuse(variable, f"is not set: {hint}")
        return value

    def flag(self, variable: str, *, default: bool) -> bool:
        value = self.text(variable, str(default)).lower()
        if value not in TRUE + FALSE:
            refuse(variable, f"is {value!r}: put true or false")
        return value in TRUE

    def number(self, variable: str, *, default: int, least: int, most: int) -> int:
        value = self.text(variable, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            refuse(variable, f"is {value!r}: put a whole number from {least} to {most}")
        return int(value)

    def choice(self, variable: str, options: tuple[str, ...], *, default: str) -> str:
        value = self.text(variable, default)
        if value not in options:
            refuse(variable, f"is {value!r}: put one of {', '.join(options)}")
        return value

    def hosts(self, variable: str, default: list[str] | None, *, hint: str) -> list[str]:
        text = self.text(variable, None if default is None else ",".join(default), hint=hint)
        values = [host.strip() for host in text.split(",")]
        for host in values:
            if not HOST.fullmatch(host):
                refuse(variable, f"has {host!r}: {hint}")
        return values

    def address(self, variable: str, default: str) -> str:
        value = self.text(variable, default)
        host, _, port = value.rpartition(":")
        try:
            ipaddress.ip_address(host.strip("[]"))
            valid = re.fullmatch(r"[0-9]{1,5}", port) is not None and 1 <= int(port) <= 65535
        except ValueError:
            valid = False
        if not (valid or value.startswith("unix:")):
            refuse(variable, f"is {value!r}: put an address like 127.0.0.1:8000 or unix:/run/tasks.sock")
        return value

    def postgresql(self, variable: str) -> dict[str, Any]:
        hint = "put postgresql://USER:PASSWORD@HOST:5432/NAME"
        try:
            config: dict[str, Any] = self._env.db_url(variable)
        except Exception:  # noqa: BLE001 - whatever the parser raises may hold the password: say none of it
            refuse(variable, f"can't be read: {hint}")
        config["HOST"] = urllib.parse.unquote(config.get("HOST", ""))  # %2Frun%2Fpostgresql: a socket, as libpq has it
        if config.get("ENGINE") != "django.db.backends.postgresql" or not config.get("NAME"):
            refuse(variable, f"does not name a PostgreSQL database: {hint}")
        return config
