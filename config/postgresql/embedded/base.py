"""Django's PostgreSQL backend for the embedded server, which it starts if needed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import client

from config.postgresql import base

from . import programs
from .files import ServerUnavailable
from .users import ensure_running, is_user


class DatabaseClient(client.DatabaseClient):
    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        arguments, environment = super().settings_to_cmd_args_env(settings_dict, parameters)
        psql = next((each.folder / "psql" for each in programs.find_all()), None)
        program = str(psql) if psql and psql.exists() else cls.executable_name
        return [program, *arguments[1:]], environment

    def runshell(self, parameters: Iterable[str]) -> None:
        ensure_running(Path(self.connection.settings_dict["EMBEDDED_FOLDER"]))
        super().runshell(parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    client_class = DatabaseClient

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        folder = Path(self.settings_dict["EMBEDDED_FOLDER"])
        if not is_user(folder):
            self._ensure_running(folder)
        try:
            return super().get_new_connection(conn_params)
        except self.Database.OperationalError:
            self._ensure_running(folder)
        return super().get_new_connection(conn_params)

    def _ensure_running(self, folder: Path) -> None:
        try:
            ensure_running(folder)
        except ServerUnavailable as error:
            raise self.Database.OperationalError(str(error)) from error
