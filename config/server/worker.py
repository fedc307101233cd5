"""gunicorn's gthread worker: it stays with a connection that goes on at once, and at a stop leaves nobody waiting."""

import select
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

MOST_IN_A_ROW = 8  # requests of one connection, while others may wait for a thread
# Milliseconds for the next request of a connection. A client that is busy sends it in less; for whoever waits for the
# thread meanwhile it is no more than this.
PATIENCE = 1


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    def handle(self, conn: Any) -> Any:
        """Answer the next requests of the connection, too, where they come at once.

        gunicorn itself gives each connection back to the thread that waits for all of them, which takes a fifth of the
        time of a short request.
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
        """Take what the kernel has accepted already, and refuse what comes later.

        gunicorn itself keeps its listeners until the last connection is done, which takes seconds, and then resets
        the clients that connected meanwhile and wait for an answer.
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
