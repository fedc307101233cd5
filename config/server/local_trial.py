"""What the first start needs to work without configuration: tables, a staff account, a greeting."""

import ipaddress
import secrets
import shlex
import socket
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.environment import refuse
from config.postgresql import embedded
from config.server import database

ACCOUNT = "admin"


def refuse_other_machines(host: str) -> None:
    """End with one line if other machines could connect to `host`, unless somebody set API_ANONYMOUS by hand.

    A container whose DATABASE_URL was forgotten is a local trial too, and would be open to everyone.
    """
    if settings.LOOPBACK_ONLY and not is_loopback(host):
        refuse(
            "BIND",
            f"is on {host}, which other machines can reach, but without DATABASE_URL everyone may write every task."
            " Set DATABASE_URL, or set API_ANONYMOUS to what everyone may do: write, read or none.",
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_used_port(bind: str) -> None:
    """End with one line if the port of `bind` is in use; gunicorn would retry for five seconds, with a line each."""
    if bind.startswith("unix:"):
        return
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as exc:
            refuse("BIND", f"is {bind}, which is not available: {exc.strerror}. Try `make run PORT={int(port) + 1}`.")


def prepare() -> None:
    """Migrate, and create the staff account if there is none. Its password is shown only this time.

    Prints a line before each slow step.
    """
    django.setup()
    folder = connection.settings_dict["EMBEDDED_FOLDER"]
    if not embedded.has_data(Path(folder)):
        say(f"Creating the database in {folder}")
    database.refuse_flawed()
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say("Creating the tables")
    call_command("migrate", verbosity=0, interactive=False)
    if password := _new_account():
        say(f"Created the staff account {ACCOUNT} with the password {password} (shown only this time)")
    connection.close()  # the workers, which are forked from here, must not share it


def _new_account() -> str | None:
    from django.contrib.auth.models import User  # noqa: PLC0415 - models can't be imported before django.setup()

    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(ACCOUNT, password=password)
    return password


def greet(bind: str) -> None:
    say("Tasks API is running. Ctrl-C stops it and its database.")
    address, options = _address(bind), ""
    if bind.startswith("unix:"):
        options = f"--unix-socket {shlex.quote(bind.removeprefix('unix:').removeprefix('//'))} "
    else:
        say(f"  docs   {address}/docs")
        say(f"  admin  {address}/admin/  (account {ACCOUNT})")
        say(f"         new password: .venv/bin/python manage.py changepassword {ACCOUNT}")
    say(f"  try    curl {options}-H 'Content-Type: application/json' -d '{{\"title\": \"Buy milk\"}}' {address}/tasks/")


def _address(bind: str) -> str:
    """The address for clients on this machine. A browser can't open 0.0.0.0 or [::], which stand for all addresses."""
    if bind.startswith("unix:"):
        return "http://localhost"
    host, _, port = bind.rpartition(":")
    if ipaddress.ip_address(host.strip("[]")).is_unspecified:
        host = "[::1]" if host.startswith("[") else "127.0.0.1"
    return f"http://{host}:{port}"


def say(line: str) -> None:
    print(line, flush=True)
