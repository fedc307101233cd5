"""Which limits apply to an attempt to log in.

Each network address and each account has a limit. A browser that has logged in to the account before has a separate
limit instead (a "device cookie", as OWASP calls it), so that attempts from elsewhere can't lock the owner out.
"""

import hashlib
import ipaddress
import secrets

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from config.accounts.logins.models import Limit

PER_ACCOUNT, PER_ADDRESS, PER_DEVICE = 10, 30, 10
DEVICE_COOKIE, DEVICE_AGE = "device", 180 * 24 * 3600
USERNAME = AuthenticationForm().fields["username"]


def account_in(request: HttpRequest) -> str:
    """The name as the login form reads it: trimmed and normalized."""
    return str(USERNAME.to_python(request.POST.get("username", "")))


def limits_of(request: HttpRequest) -> list[Limit]:
    account = account_in(request)
    device = request.get_signed_cookie(DEVICE_COOKIE, default="", salt=device_salt(account), max_age=DEVICE_AGE)
    if device:
        return [Limit(key_of("device", device), PER_DEVICE)]
    # The address first: once it is over its limit, further attempts don't count against the account.
    return [Limit(address_key(request.META["REMOTE_ADDR"]), PER_ADDRESS), Limit(account_key(account), PER_ACCOUNT)]


def remember_device(request: HttpRequest, answer: HttpResponseBase) -> None:
    answer.set_signed_cookie(
        DEVICE_COOKIE,
        secrets.token_urlsafe(16),
        salt=device_salt(account_in(request)),
        max_age=DEVICE_AGE,
        path=reverse("admin:login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def device_salt(account: str) -> str:
    """Makes the signature valid for only this account."""
    return f"{__name__}.device {account}"


def account_key(account: str) -> str:
    return key_of("account", account)


def address_key(address: str) -> str:
    """For IPv6, of the /64, which one subscriber has."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:  # the client is on a Unix socket
        return key_of("address", address)
    prefix = 64 if known.version == 6 else 32
    return key_of("address", str(ipaddress.ip_network((known, prefix), strict=False)))


def key_of(kind: str, name: str) -> str:
    """A digest: a name can be of any length, and may be a password that was typed into the wrong box."""
    return hashlib.sha256(f"{kind} {name}".encode()).hexdigest()
