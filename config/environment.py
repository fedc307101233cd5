"""The environment, read strictly: a missing or invalid value stops the start with one line."""

import difflib
import ipaddress
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import environ

from config.postgresql.url import connection_settings

TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
HOST = re.compile(r"\*|\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?|\[[0-9A-Fa-f:.]+\]")
# As a browser sends it: lower case, no default port, no path.
ORIGIN = re.compile(
    r"(http(?!.*:80$)|https(?!.*:443$))://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?"
)
ORIGINS = "Expected origins as browsers send them, separated by commas, such as https://app.example.com."


def refuse(variable: str, problem: str) -> NoReturn:
    """End the process with one line on stderr and status 1, whichever program loaded the settings."""
    sys.exit(f"tasks-api: {variable} {problem}")


def say(warning: str) -> None:
    sys.stderr.write(f"tasks-api: {warning}\n")


class Environment:
    """The variables that django-environ finds in the process's environment and in `.env`, validated.

    django-environ by itself accepts any word as a boolean, and fails on an invalid number with a traceback.
    An empty value counts as not set.
    """

    def __init__(self, env_file: str) -> None:
        self.file = Path(env_file)
        self.known = set[str]()
        self._env = environ.Env()
        self._env.read_env(env_file)

    def text(self, variable: str, default: str | None = None, *, hint: str = "") -> str:
        self.known.add(variable)
        value: str = self._env.str(variable, default="").strip() or (default or "")
        if default is None and not value:
            refuse(variable, f"is required in a deployment. {hint}")
        return value

    def warn(self) -> None:
        """A line on stderr for what is no error, but probably a mistake. After all variables have been read."""
        for name in sorted(os.environ.keys() - self.known):
            # 0.85 finds a wrong or missing letter or two; other programs' variables are less alike.
            for meant in difflib.get_close_matches(name.upper(), self.known, n=1, cutoff=0.85):
                say(f"the variable {name} is unknown. Did you mean {meant}?")
        if self.file.is_file() and self.file.stat().st_mode & stat.S_IROTH:
            say(f"every account of this machine can read {self.file}, which may hold secrets. Run chmod 600 on it.")

    def secret(self, variable: str, default: str | None = None, *, hint: str = "") -> str:
        """The value of the variable, or the content of the file that VARIABLE_FILE names. Both at once is an error."""
        file = self.text(f"{variable}_FILE", "")
        if not file:
            return self.text(variable, default, hint=hint)
        if self.text(variable, ""):
            refuse(variable, f"and {variable}_FILE are both set. Set only one of them.")
        try:
            value = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", "it is not UTF-8 text")
            refuse(f"{variable}_FILE", f"names {file!r}, which can't be read: {reason}.")
        if len(value.splitlines()) != 1:
            refuse(f"{variable}_FILE", f"names {file!r}, which must have exactly one line.")
        return value

    def flag(self, variable: str, *, default: bool) -> bool:
        value = self.text(variable, str(default)).lower()
        if value not in TRUE + FALSE:
            refuse(variable, f"must be true or false, not {value!r}.")
        return value in TRUE

    def number(
        self, variable: str, *, default: int, least: int, most: int, auto: Callable[[], int] | None = None
    ) -> int:
        """With `auto`, the value may also be 0 or the word auto, which stand for what the function returns."""
        value = self.text(variable, str(default))
        if auto and value in ("0", "auto"):
            return min(max(auto(), least), most)
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            word = "auto or " if auto else ""
            refuse(variable, f"must be {word}a whole number from {least} to {most}, not {value!r}.")
        return int(value)

    def choice(self, variable: str, options: tuple[str, ...], *, default: str) -> str:
        value = self.text(variable, default)
        if value not in options:
            refuse(variable, f"must be one of {', '.join(options)}, not {value!r}.")
        return value

    def hosts(self, variable: str, default: str | None, *, hint: str) -> list[str]:
        return self._listed(variable, default, HOST, hint)

    def origins(self, variable: str) -> list[str]:
        return self._listed(variable, "", ORIGIN, ORIGINS)

    def _listed(self, variable: str, default: str | None, pattern: re.Pattern[str], hint: str) -> list[str]:
        text = self.text(variable, default, hint=hint)
        values = [value.strip() for value in text.split(",")] if text else []
        for value in values:
            if not pattern.fullmatch(value):
                refuse(variable, f"has the invalid value {value!r}. {hint}")
        return values

    def address(self, variable: str, default: str, *, tcp_only: bool = False) -> str:
        """`default` may be empty: the service then does not listen on this address."""
        value = self.text(variable, default)
        host, _, port = value.rpartition(":")
        try:
            ipaddress.ip_address(host.strip("[]"))
            valid = re.fullmatch(r"[0-9]{1,5}", port) is not None and 1 <= int(port) <= 65535
        except ValueError:
            valid = value == default or (value.startswith("unix:") and not tcp_only)
        if not valid:
            example = "127.0.0.1:9100" if tcp_only else "127.0.0.1:8000 or unix:/run/tasks.sock"
            refuse(variable, f"must be an address such as {example}, not {value!r}.")
        return value

    def postgresql(self, variable: str) -> dict[str, Any]:
        try:
            return {"ENGINE": "config.postgresql", **connection_settings(self.secret(variable))}
        except ValueError as exc:
            refuse(variable, str(exc))
