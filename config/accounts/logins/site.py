"""The door of the admin: its login with limits, and what it says to those whom it does not let in."""

import logging
import math
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from config.accounts.logins.limits import account_in, limits_of, remember_device
from config.accounts.logins.models import Attempts, Limit
from config.api.attribution import ADMIN
from config.api.errors import problem

logger = logging.getLogger("config.accounts.logins")


class AdminSite(admin.AdminSite):
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "POST":
            return super().login(request, extra_context)
        limits = limits_of(request)
        # Taken before the password is looked at and given back when it is right: else many at once would all get in.
        used_up = next((limit for limit in limits if not limit.take()), None)
        if used_up:
            return limited(request, used_up)
        answer = super().login(request, extra_context)
        if answer.status_code != 302:
            logger.warning("login failed: %s", who(request))
            return answer
        Attempts.objects.give_back(*(limit.key for limit in limits))
        request.session.clear_expired()  # Django leaves the sessions that ended in the table
        remember_device(request, answer)
        return answer


def limited(request: HttpRequest, limit: Limit) -> HttpResponse:
    logger.warning("login limited: %s", who(request))
    wait = limit.wait()
    context = {"title": "Too many attempts to log in", "minutes": math.ceil(wait / 60)}
    answer = notice(request, "login_limited", context, status=429)
    answer["Retry-After"] = str(wait)
    return answer


def notice(request: HttpRequest, name: str, context: dict[str, Any], status: int) -> HttpResponse:
    """A page in the look of the login."""
    answer = render(request, f"admin/{name}.html", {**admin.site.each_context(request), **context}, status=status)
    add_never_cache_headers(answer)
    return answer


def who(request: HttpRequest) -> str:
    """For the log. A name that is no account's is left out: it may be a password that was typed into the wrong box."""
    account = account_in(request)
    # PostgreSQL can't be asked for a NUL.
    known = account.isprintable() and User.objects.filter(username=account).exists()
    return f"{f'account {account}' if known else 'no such account'}, address {request.META['REMOTE_ADDR']}"


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: a form that is not from here, or from a page that is too old."""
    return refusal(request, "csrf_failure", "This page was too old", reason)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return refusal(request, "permission_denied", "You may not do this", str(exception))


def refusal(request: HttpRequest, name: str, title: str, reason: str) -> HttpResponse:
    """A page for a browser in the admin, and a problem for whatever else: a program does not ask for HTML."""
    if request.path.startswith(ADMIN) and "text/html" in request.headers.get("Accept", ""):
        return notice(request, name, {"title": title}, status=403)
    return problem("permission_denied", reason)
