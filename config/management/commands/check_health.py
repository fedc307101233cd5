"""Asks the service that runs on this machine for /health/ready, for the HEALTHCHECK of a container."""

import http.client
import socket
from contextlib import closing
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from gunicorn.util import parse_address

TIMEOUT = 4  # seconds; the service itself answers within 3, also when the database is down


class Command(BaseCommand):
    help = "Ask the service on BIND whether it can answer requests. Ends with status 1 if it can't."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            status, body = ask(settings.BIND, settings.ALLOWED_HOSTS[0])
        except (OSError, http.client.HTTPException) as exc:
            raise CommandError(f"{settings.BIND} does not answer: {exc}") from None
        if status != HTTPStatus.OK:
            raise CommandError(f"{settings.BIND} answers {status}: {body}")


def ask(bind: str, allowed: str) -> tuple[int, str]:
    """The status and body of /health/ready. `allowed` is a value of ALLOWED_HOSTS."""
    address = parse_address(bind)  # 0.0.0.0 and :: lead to this machine
    with closing(http.client.HTTPConnection("localhost")) as connection:
        if isinstance(address, str):
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(TIMEOUT)
            connection.sock.connect(address)
        else:
            connection.sock = socket.create_connection(address, TIMEOUT)
        host = allowed.lstrip(".").replace("*", "localhost")
        connection.request("GET", "/health/ready", headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
