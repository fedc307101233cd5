"""What `manage.py check --deploy` looks at that Django's own checks do not.

An error is wrong in every deployment; a warning may be right in a network that this service can't see. Passwords are
looked at with `--database default` only, as Django looks at everything that a database holds.
"""

import ipaddress
import os
from collections.abc import Iterable, Iterator
from itertools import islice, product
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name
from django.db import DatabaseError

PUBLISHED = (".env.example", "Makefile", "README.md", "SECURITY.md")
NEW_KEY = "Put what `openssl rand -base64 48` prints."
ENCRYPTED = ("require", "verify-ca", "verify-full")
DEFAULT_PASSWORDS = ("admin", "password", "changeme", "12345678")
MAX_TRIES = 40  # of a password; each takes a good part of a second, as it does whoever guesses


@register(Tags.security, deploy=True)
def settings_fit_a_deployment(**kwargs: Any) -> list[CheckMessage]:
    return [*secret_key(), *strangers(), *way_to_the_database()]


def secret_key() -> Iterator[CheckMessage]:
    key = settings.SECRET_KEY
    # 50 characters, as Django asks for; 12 different ones, which 50 random hexadecimal digits have.
    if len(key) < 50 or len(set(key)) < 12:
        yield Error("SECRET_KEY can be guessed: it is short, or repeats itself.", hint=NEW_KEY, id="tasks_api.E001")
    for file in (settings.BASE_DIR / name for name in PUBLISHED):
        if file.exists() and key in file.read_text(encoding="utf-8"):
            message = f"SECRET_KEY stands in {file.name}, which everybody can read."
            yield Error(message, hint=NEW_KEY, id="tasks_api.E002")
    if key == settings.DATABASES["default"].get("PASSWORD"):
        yield Error("SECRET_KEY is also the password of the database.", hint=NEW_KEY, id="tasks_api.E003")
    local = settings.LOCAL_FOLDER / "secret_key"
    if local.exists() and key == local.read_text(encoding="utf-8"):
        yield Error("SECRET_KEY is also the key of the local trial.", hint=NEW_KEY, id="tasks_api.E003")


def strangers() -> Iterator[CheckMessage]:
    if settings.DEBUG:  # Django's own W018 is a warning only
        message = "DEBUG echoes every SQL statement, with what is in it, and shows tracebacks to strangers."
        yield Error(message, hint="Take DEBUG out of the environment.", id="tasks_api.E004")
    if settings.API_ANONYMOUS == "write":
        hint = "Put API_ANONYMOUS=none, or read if every task may be public."
        yield Error("Whoever reaches the API may change and delete every task.", hint=hint, id="tasks_api.E005")
    if "*" in settings.ALLOWED_HOSTS:
        message = "ALLOWED_HOSTS has *: the links in an answer lead wherever its caller says."
        yield Warning(message, hint="List the names that clients call the service by.", id="tasks_api.W002")
    # TLS never ends at gunicorn here, and the login form is refused where its page came by another scheme.
    if not settings.TRUSTED_PROXIES:
        message = "TRUSTED_PROXIES is 0: HTTPS is not noticed, so that staff can't log in and HSTS is not sent."
        yield Warning(message, hint="Put the number of proxies in front, usually 1.", id="tasks_api.W003")


def way_to_the_database() -> Iterator[CheckMessage]:
    """`prefer`, libpq's default, is no TLS: whoever sits between says that the server has none."""
    database = settings.DATABASES["default"]
    mode = database.get("OPTIONS", {}).get("sslmode") or os.environ.get("PGSSLMODE", "prefer")
    if mode not in ENCRYPTED and not all(is_local(host) for host in database.get("HOST", "").split(",")):
        message = f"The database is on another host, and sslmode={mode} lets what is sent there be read on the way."
        hint = "End DATABASE_URL in ?sslmode=verify-full, or at least ?sslmode=require."
        yield Warning(message, hint=hint, id="tasks_api.W001")


def is_local(host: str) -> bool:
    """A Unix socket, which libpq also takes where there is no host, or loopback."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@register(Tags.database, deploy=True)
def superusers_have_passwords_of_their_own(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The oldest accounts first, which are the ones that were made in a hurry."""
    accounts = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").only("username", "password")
    try:
        tries = islice(product(accounts, (None, *DEFAULT_PASSWORDS)), MAX_TRIES) if databases else ()
        weak = {user.username for user, password in tries if check_password(password or user.username, user.password)}
    except DatabaseError:  # before the first `migrate` there is nobody; whoever else needs the database will say so
        return []
    message, hint = "The superuser {} has a password that is tried first.", "manage.py changepassword {}"
    return [Error(message.format(name), hint=hint.format(name), id="tasks_api.E006") for name in sorted(weak)]
