"""What a first start needs, so that it works with no configuration: tables, a staff account, a greeting."""

import ipaddress
import secrets
import shlex
import socket
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.environment import refuse
from config.postgresql import embedded

ACCOUNT = "admin"


def refuse_used_port(bind: str) -> None:
    """End with one line where `bind` has a port that is taken; gunicorn would try for five seconds, a line each."""
    if bind.startswith("unix:"):
        return
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as exc:
            refuse("BIND", f"is {bind}, which can't be had ({exc.strerror}): try `make run PORT={int(port) + 1}`")


def prepare() -> None:
    """Migrate, and make the staff account if there is none; its password is shown this once.

    A line announces each step that is taken: on a slow machine it lasts.
    """
    django.setup()
    folder = connection.settings_dict["EMBEDDED_FOLDER"]
    if not embedded.has_data(Path(folder)):
        say(f"Making the database in {folder}")
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say("Making the tables")
    call_command("migrate", verbosity=0, interactive=False)
    if password := _new_account():
        say(f"A staff account was made: {ACCOUNT}, password {password} (shown this once)")
    connection.close()  # the workers, which are forked from here, must not share it


def _new_account() -> str | None:
    from django.contrib.auth.models import User  # noqa: PLC0415 - models can be imported after django.setup()

    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(ACCOUNT, password=password)
    return password


def greet(bind: str) -> None:
    say("Tasks API is running. Ctrl-C stops it, and its database.")
    address, options = _address(bind), ""
    if bind.startswith("unix:"):
        options = f"--unix-socket {shlex.quote(bind.removeprefix('unix:').removeprefix('//'))} "
    else:
        say(f"  docs   {address}/docs")
        say(
            f"  admin  {address}/admin/  (account {ACCOUNT}; a new password: python manage.py changepassword {ACCOUNT})"
        )
    say(f"  try    curl {options}-H 'Content-Type: application/json' -d '{{\"title\": \"Buy milk\"}}' {address}/tasks/")


def _address(bind: str) -> str:
    """What clients on this machine call `bind`: nobody can open the address that stands for all of them."""
    if bind.startswith("unix:"):
        return "http://localhost"
    host, _, port = bind.rpartition(":")
    if ipaddress.ip_address(host.strip("[]")).is_unspecified:
        host = "[::1]" if host.startswith("[") else "127.0.0.1"
    return f"http://{host}:{port}"


def say(line: str) -> None:
    print(line, flush=True)
