"""gunicorn's settings: `gunicorn -c config/gunicorn.py config.wsgi`."""

import os
import socket
from pathlib import Path

from gunicorn import util
from gunicorn.arbiter import Arbiter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config import settings
from config.api.errors import CODES, problem
from config.environment import refuse
from config.server import database, local_trial
from config.server.access_log import AccessLogger
from config.server.refusals import detail_of

bind = settings.BIND
workers = settings.WEB_CONCURRENCY
worker_class = "config.server.worker.Worker"
threads = settings.WEB_THREADS
# Seconds: a request that runs at a stop or reload gets this long, which is longer than any statement may take.
graceful_timeout = 15
timeout = 30
keepalive = 5
# gunicorn_h1c, which "auto" would take where it is installed, accepts bare line feeds and folded headers.
http_parser = "python"
# Nothing here asks the arbiter over its control socket, which would lie in the home directory.
control_socket_disable = True
MEMORY = Path("/dev/shm")  # noqa: S108 - where there is one, a worker's heartbeat does not wait for a slow disk
worker_tmp_dir = str(MEMORY) if MEMORY.is_dir() else None
accesslog = None if settings.LOCAL_TRIAL else "-"
logger_class = AccessLogger
logconfig_dict = settings.LOGGING
loglevel = "warning" if settings.LOCAL_TRIAL else "info"
limit_request_line = limit_request_field_size = settings.MAX_LINE_BYTES
limit_request_fields = settings.MAX_HEADERS
# Nothing here is mounted under a prefix; a SCRIPT_NAME that a client made up would be a crash, or another path.
forwarder_headers = ""
for variable in ("SCRIPT_NAME", "FORCE_SCRIPT_NAME"):  # gunicorn reads the first from the environment too
    if os.environ.get(variable):
        refuse(variable, "is set, but the service can't run under a path prefix. Give it a host name of its own.")
# It would believe X-Forwarded-Proto of whoever comes from this machine or over a Unix socket;
# config/server/proxy.py decides.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}


def write_problem(sock: socket.socket, status: int, reason: str, message: str) -> None:
    """Answer a request that is not valid HTTP, which never reaches Django, with a problem instead of HTML."""
    code = next((code for code, (known, _) in CODES.items() if known == status > 400), "bad_request")
    answer = problem(code, {400: detail_of(message), 500: "The service failed."}.get(status, ""))
    head = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\r\nDate: {util.http_date()}\r\nConnection: close\r\n"
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.items())
    util.write_nonblock(sock, f"{head}{headers}\r\n".encode() + answer.content)


util.write_error = write_problem


def on_starting(server: Arbiter) -> None:
    if settings.LOCAL_TRIAL:
        for address in server.address:  # of BIND, or of gunicorn's own options
            if isinstance(address, tuple):
                local_trial.refuse_other_machines(address[0])
        local_trial.refuse_used_port(bind)
        local_trial.prepare()
    else:
        database.refuse_flawed()


if settings.METRICS_BIND:
    from config.server import exporter

    post_fork, child_exit = exporter.post_fork, exporter.child_exit
    pre_exec, on_exit = exporter.pre_exec, exporter.on_exit


def when_ready(server: Arbiter) -> None:
    if settings.METRICS_BIND:
        exporter.when_ready(server)
    if settings.LOCAL_TRIAL:
        local_trial.greet(bind)
