"""Django's PostgreSQL backend, with a health check of connections that reads the socket instead of sending a query.

If an idle connection has ended, its socket is readable: it has the end of the stream or a last message. Django's check
sends a query at the beginning of each request, which costs as much as reading a task.
"""

import select
from collections import OrderedDict
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    health_check_done: bool

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.prepared = OrderedDict[bytes, None]()  # names of statements, least recently used first
        return super().get_new_connection(conn_params)

    def close_if_health_check_failed(self) -> None:
        if self.connection and not self.health_check_done and self._is_silent():
            self.health_check_done = True
        super().close_if_health_check_failed()

    def _is_silent(self) -> bool:
        """Whether the socket has nothing to read, as on a healthy idle connection. A server that stops says so."""
        if self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)
