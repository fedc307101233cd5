"""What `manage.py check --deploy` checks in addition to Django's checks.

An error is wrong in every deployment. A warning may be right in a network that this service can't see. Passwords, and
whether the database can hold every text, are checked only with `--database default`, like everything in Django that
needs a database. `migrate` checks the database too, and so does the start of the server.
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
from django.db import DatabaseError, OperationalError

from config.postgresql.flaws import HINT, find_flaw
from config.postgresql.migrations import missing_migrations

PUBLISHED = (".env.example", "Makefile", "*.md", "docs/*.md")
NEW_KEY = "Set it to what `openssl rand -base64 48` prints."
ENCRYPTED = ("require", "verify-ca", "verify-full")
DEFAULT_PASSWORDS = ("admin", "password", "changeme", "12345678")
MAX_TRIES = 40  # of a password; each takes a good part of a second


@register(Tags.security, deploy=True)
def settings_fit_a_deployment(**kwargs: Any) -> list[CheckMessage]:
    return [*secret_key(), *strangers(), *way_to_the_database()]


def secret_key() -> Iterator[CheckMessage]:
    key = settings.SECRET_KEY
    # 50 characters, as Django requires; 12 different ones, as in 50 random hexadecimal digits.
    if len(key) < 50 or len(set(key)) < 12:
        yield Error(
            "SECRET_KEY is too short or repeats itself, so it can be guessed.", hint=NEW_KEY, id="tasks_api.E001"
        )
    for file in (file for pattern in PUBLISHED for file in settings.BASE_DIR.glob(pattern)):
        if key in file.read_text(encoding="utf-8"):
            message = f"SECRET_KEY is in {file.name}, which is public."
            yield Error(message, hint=NEW_KEY, id="tasks_api.E002")
    if key == settings.DATABASES["default"].get("PASSWORD"):
        yield Error("SECRET_KEY is also the password of the database.", hint=NEW_KEY, id="tasks_api.E003")
    local = settings.LOCAL_FOLDER / "secret_key"
    if local.exists() and key == local.read_text(encoding="utf-8"):
        yield Error("SECRET_KEY is also the key of the local trial.", hint=NEW_KEY, id="tasks_api.E003")


def strangers() -> Iterator[CheckMessage]:
    if settings.DEBUG:  # Django's own W018 is a warning only
        message = "DEBUG is true: it logs every SQL statement with its values, and shows tracebacks to everyone."
        yield Error(message, hint="Remove DEBUG from the environment.", id="tasks_api.E004")
    if settings.API_ANONYMOUS == "write":
        hint = "Set API_ANONYMOUS=none, or API_ANONYMOUS=read if every task may be public."
        yield Error(
            "API_ANONYMOUS is write: everyone who reaches the API may update and delete every task.",
            hint=hint,
            id="tasks_api.E005",
        )
    if "*" in settings.ALLOWED_HOSTS:
        message = "ALLOWED_HOSTS contains *, so a client decides where the links in an answer lead."
        yield Warning(message, hint="List the host names of this service.", id="tasks_api.W002")
    # TLS never ends at gunicorn here, and Django refuses a login form whose page came by another scheme.
    if not settings.TRUSTED_PROXIES:
        message = "TRUSTED_PROXIES is 0, so HTTPS is not detected: staff can't log in, and HSTS is not sent."
        yield Warning(
            message, hint="Set it to the number of proxies in front of the service, usually 1.", id="tasks_api.W003"
        )


def way_to_the_database() -> Iterator[CheckMessage]:
    """`prefer`, libpq's default, protects nothing: an attacker on the way can say that the server has no TLS."""
    database = settings.DATABASES["default"]
    mode = database.get("OPTIONS", {}).get("sslmode") or os.environ.get("PGSSLMODE", "prefer")
    if mode not in ENCRYPTED and not all(is_local(host) for host in database.get("HOST", "").split(",")):
        message = f"The database is on another host, and with sslmode={mode} others may read what is sent to it."
        hint = "End DATABASE_URL in ?sslmode=verify-full, or at least ?sslmode=require."
        yield Warning(message, hint=hint, id="tasks_api.W001")


def is_local(host: str) -> bool:
    """A Unix socket, which libpq also uses if there is no host, or loopback."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@register(Tags.database)
def every_migration_is_applied(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    try:
        missing = missing_migrations() if databases else []
    except DatabaseError as exc:
        return [Error(f"The database can't be used: {exc}".strip(), id="tasks_api.E009")]
    message = f"The database lacks migrations: {', '.join(missing)}."
    return [Error(message, hint="Run manage.py migrate.", id="tasks_api.E009")] if missing else []


@register(Tags.database, deploy=True)
def superusers_have_passwords_of_their_own(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Checks the oldest accounts first: they are the ones that were created in a hurry."""
    accounts = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").only("username", "password")
    try:
        tries = islice(product(accounts, (None, *DEFAULT_PASSWORDS)), MAX_TRIES) if databases else ()
        weak = {user.username for user, password in tries if check_password(password or user.username, user.password)}
    except DatabaseError:  # no table before the first `migrate`; other checks report a database that is down
        return []
    message, hint = "The superuser {} has a password that attackers try first.", "manage.py changepassword {}"
    return [Error(message.format(name), hint=hint.format(name), id="tasks_api.E006") for name in sorted(weak)]


@register(Tags.database)
def the_database_can_hold_every_text(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    try:
        flaw = find_flaw() if databases else None
    except OperationalError:  # other checks report a database that is down
        flaw = None
    return [Error(f"The database {flaw.text}", hint=HINT, id=f"tasks_api.{flaw.number}")] if flaw else []
