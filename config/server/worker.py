"""gunicorn's gthread worker, which serves the next request of a connection sooner, and stops without lost requests."""

import select
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

MOST_IN_A_ROW = 8  # requests of one connection, because others may wait for a thread
# Milliseconds to wait for the next request of a connection. A busy client sends it sooner, and the wait is short for
# clients that wait for this thread.
PATIENCE = 1


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    def handle(self, conn: Any) -> Any:
        """Answers the next requests of the connection too, if they come at once.

        gunicorn returns the connection after each request to the thread that polls all connections. That takes a fifth
        of the time of a short request.
        """
        result = super().handle(conn)
        for _ in range(MOST_IN_A_ROW):
            if result is not True or not self.alive or not goes_on(conn.sock):
                break
            result = super().handle(conn)
        return result

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not (enabled or self.alive):
            self._stop_listening()

    def _stop_listening(self) -> None:
        """Serves the connections that the kernel has accepted already, and refuses new ones.

        gunicorn keeps its listeners open until the last connection is done, which takes seconds. Then it resets the
        connections of clients that connected in the meantime and wait for an answer.
        """
        for listener in self.sockets:
            before = -1
            while before < self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()


def goes_on(sock: Any) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(PATIENCE))
