"""A connection that ended while nobody used it can be told from its socket: the end, or a last message, waits there.

Django's own check, which is a query before each request's first one, costs as much as reading a task.
"""

import select
from collections import OrderedDict
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    health_check_done: bool

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.prepared = OrderedDict[bytes, None]()  # names of statements, the one used last at the end
        return super().get_new_connection(conn_params)

    def close_if_health_check_failed(self) -> None:
        if self.connection and not self.health_check_done and self._is_silent():
            self.health_check_done = True
        super().close_if_health_check_failed()

    def _is_silent(self) -> bool:
        """Whether nothing has come in on the connection, which is how an idle one is. A server that goes says so."""
        if self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)
