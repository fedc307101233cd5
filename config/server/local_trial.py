"""What a first start needs, so that it works with no configuration: tables, a staff account, a greeting."""

import secrets
import socket
import sys

import django
from django.core.management import call_command
from django.db import connection

from config.environment import refuse

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
    """Migrate, and make the staff account if there is none; its password is shown this once."""
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    if password := _new_account():
        print(f"A staff account was made: {ACCOUNT}, password {password} (shown this once)", flush=True)
    connection.close()  # the workers, which are forked from here, must not share it


def _new_account() -> str | None:
    from django.contrib.auth.models import User  # noqa: PLC0415 - models can be imported after django.setup()

    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(ACCOUNT, password=password)
    return password


def greet(bind: str) -> None:
    address = f"http://{bind}"
    print(
        f"Tasks API is running. Ctrl-C stops it, and its database.\n"
        f"  docs   {address}/docs\n"
        f"  admin  {address}/admin/  (account {ACCOUNT}; a new password: python manage.py changepassword {ACCOUNT})\n"
        f"  try    curl -H 'Content-Type: application/json' -d '{{\"title\": \"Buy milk\"}}' {address}/tasks/",
        file=sys.stdout,
        flush=True,
    )
