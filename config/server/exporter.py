"""gunicorn's hooks that serve the metrics of all workers on METRICS_BIND. Not imported unless it is set.

A thread of the arbiter answers, so metrics can be read while every worker is busy. It survives a reload (SIGHUP). At an
upgrade of the running server (SIGUSR2) the new arbiter inherits the socket, and both serve what all workers counted.
"""

import os
import shutil
import socket
import tempfile
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gunicorn.arbiter import Arbiter

from config import settings
from config.environment import refuse

INHERITED, FOLDER = "GUNICORN_METRICS_FD", "PROMETHEUS_MULTIPROC_DIR"
PATIENCE = 5  # seconds that a client gets to send its request
MEMORY = Path("/dev/shm")  # noqa: S108 - where there is one, counting does not wait for a slow disk
listeners: list[socket.socket] = []


def when_ready(server: Arbiter) -> None:
    """Before the first worker starts. Each worker counts in files of this folder, which it finds by the variable."""
    inherited = os.environ.pop(INHERITED, "")
    listener = socket.socket(fileno=int(inherited)) if inherited else listen()
    port = listener.getsockname()[1]
    folder = (MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())) / f"tasks-api-metrics-{os.getuid()}-{port}"
    if not inherited:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    os.environ[FOLDER] = str(folder)
    listeners.append(listener)
    serve(listener)


def listen() -> socket.socket:
    host, _, port = settings.METRICS_BIND.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    except OSError as exc:
        refuse("METRICS_BIND", f"is {settings.METRICS_BIND}, which is not available: {os.strerror(exc.errno or 0)}.")


def serve(listener: socket.socket) -> None:
    from prometheus_client import CollectorRegistry, MetricsHandler, multiprocess  # noqa: PLC0415 - reads the variable

    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    handler: Any = MetricsHandler.factory(registry)
    handler.timeout = PATIENCE
    server = ThreadingHTTPServer(listener.getsockname()[:2], handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    threading.Thread(target=server.serve_forever, daemon=True).start()


def post_fork(server: Arbiter, worker: object) -> None:
    """A worker that outlives its arbiter must not keep the port."""
    for listener in listeners:
        listener.close()


def child_exit(server: Arbiter, worker: Any) -> None:
    """Its requests still count, its connections don't."""
    from prometheus_client import multiprocess  # noqa: PLC0415

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def pre_exec(server: Arbiter) -> None:
    """In the process that becomes the new arbiter."""
    for listener in listeners:
        listener.set_inheritable(True)
        server.cfg.env_orig[INHERITED] = str(listener.fileno())


def on_exit(server: Arbiter) -> None:
    if not server.reexec_pid and os.getppid() != server.master_pid:  # otherwise the other arbiter still counts
        shutil.rmtree(os.environ[FOLDER], ignore_errors=True)
