"""gunicorn's gthread worker: it answers requests of one connection in a row, and leaves no client waiting at a stop."""

import select
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from config.server.logs import CURRENT_REQUEST, NO_REQUEST

# Requests of one connection; others may be waiting for a thread. With 8, the slowest percent took twice as long.
MOST_IN_A_ROW = 2
# Milliseconds to wait for the next request of a connection. A busy client sends it sooner, and other clients that wait
# for the thread lose no more than this.
PATIENCE = 1


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    def handle(self, conn: Any) -> Any:
        """Answer the next requests of the connection too, if they come at once.

        gunicorn would hand the connection back to the thread that waits for all of them. That takes a fifth of the time
        of a short request.
        """
        result = self._handle_next(conn)
        for _ in range(MOST_IN_A_ROW):
            if result is not True or not self.alive or not has_data(conn.sock):
                break
            result = self._handle_next(conn)
        return result

    def is_parent_alive(self) -> bool:
        """A killed arbiter is a stop too: the port is free within a second, and requests in progress are finished.

        gunicorn would listen until the last connection is closed, and the next start would find the port in use.
        """
        if not super().is_parent_alive():
            self.alive = False
        return bool(self.alive)

    def _handle_next(self, conn: Any) -> Any:
        CURRENT_REQUEST.set(NO_REQUEST)  # the id in the log of this thread is still that of the previous request
        return super().handle(conn)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not (enabled or self.alive):
            self._stop_listening()

    def _stop_listening(self) -> None:
        """Serve the connections that the kernel has accepted already, and refuse later ones.

        gunicorn would keep its listeners open until the last connection is done, which takes seconds, and then reset
        the clients that connected in between and wait for an answer.
        """
        for listener in self.sockets:
            before = -1
            while before < self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()


def has_data(sock: Any) -> bool:
    """Whether the client sends more within PATIENCE."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(PATIENCE))
