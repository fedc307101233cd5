"""Django's PostgreSQL backend, on a server that it starts itself."""

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base, client

from . import programs
from .client import ensure_running, is_user
from .errors import ServerUnavailable


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
    _pool_guard = threading.Lock()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        folder = Path(self.settings_dict["EMBEDDED_FOLDER"])
        if not is_user(folder):
            self._ensure_running(folder)
        started, pool = time.monotonic(), self.pool
        try:
            return super().get_new_connection(conn_params)
        except self.Database.OperationalError:
            away_at = self._ensure_running(folder)
            if pool and away_at < started:
                # The server was there and the pool is exhausted: waiting again would double its timeout.
                raise
            if pool:
                self._drop_pool(pool)
        return super().get_new_connection(conn_params)

    def _ensure_running(self, folder: Path) -> float:
        try:
            return ensure_running(folder)
        except ServerUnavailable as error:
            raise self.Database.OperationalError(str(error)) from error

    def _drop_pool(self, pool: object) -> None:
        """Make room for a new pool: the next attempt of one that met a dead server may be seconds away."""
        with self._pool_guard:
            if self._connection_pools.get(self.alias) is pool:  # type: ignore[attr-defined]  # not in the stubs
                self.close_pool()
