"""gunicorn's gthread worker, which at a stop leaves nobody with a connection that is never answered."""

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
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
