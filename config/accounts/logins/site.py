"""The site of the admin: its login with limits, and its error pages."""

import logging
import math
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from config.accounts.logins.limits import account_in, limits_of, remember_device
from config.accounts.logins.models import Attempts, Limit
from config.api import handlers
from config.api.attribution import ADMIN
from config.api.errors import CODES, problem
from config.server.handler import body_limit

logger = logging.getLogger("config.accounts.logins")
ORDER = ("Task", "Tag", "Change", "Token", "User", "Group")


class AdminSite(admin.AdminSite):
    enable_nav_sidebar = False  # the header has the links (config/templates/admin/base_site.html)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """With the daily work first, where Django sorts by name."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda model: place(model["object_name"]))
        return sorted(apps, key=lambda app: place(app["models"][0]["object_name"]))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "POST":
            return super().login(request, extra_context)
        limits = limits_of(request)
        # Counted before the password is checked, and given back if it is right: otherwise many simultaneous attempts
        # would all be allowed.
        used_up = next((limit for limit in limits if not limit.take()), None)
        if used_up:
            return limited(request, used_up)
        answer = super().login(request, extra_context)
        if answer.status_code != 302:
            logger.warning("login failed: %s", who(request))
            return answer
        Attempts.objects.give_back(*(limit.key for limit in limits))
        request.session.clear_expired()  # Django leaves expired sessions in the table
        remember_device(request, answer)
        return answer


def place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


def limited(request: HttpRequest, limit: Limit) -> HttpResponse:
    logger.warning("login limited: %s", who(request))
    wait = limit.wait()
    context = {"title": "Too many attempts to log in", "minutes": math.ceil(wait / 60)}
    answer = notice(request, "login_limited", context, status=429)
    answer["Retry-After"] = str(wait)
    return answer


def notice(request: HttpRequest, name: str, context: dict[str, Any], status: int) -> HttpResponse:
    """A page in the admin's style."""
    answer = render(request, f"admin/{name}.html", {**admin.site.each_context(request), **context}, status=status)
    add_never_cache_headers(answer)
    return answer


def who(request: HttpRequest) -> str:
    """For the log. An unknown name is left out: it may be a password that was typed into the wrong box."""
    account = account_in(request)
    # PostgreSQL fails on a NUL.
    known = account.isprintable() and User.objects.filter(username=account).exists()
    return f"{f'account {account}' if known else 'no such account'}, address {request.META['REMOTE_ADDR']}"


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: the form is from another address, or from a page that is too old."""
    sent_from = request.headers.get("Origin") or request.headers.get("Referer")
    if not (sent_from and reason.startswith(("Origin checking", "Referer checking"))):
        return refusal(request, "csrf_failure", {"title": "This page was too old"}, reason)
    context = {
        "title": "This form came from another address",
        "sent_from": sent_from,
        "expected": f"{request.scheme}://{request.get_host()}",
    }
    return refusal(request, "csrf_failure", context, reason)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return refusal(request, "permission_denied", {"title": "You may not do this"}, str(exception))


def refusal(
    request: HttpRequest, name: str, context: dict[str, Any], reason: str, code: str = "permission_denied"
) -> HttpResponse:
    """A page for a browser in the admin, otherwise a problem: a program does not ask for HTML."""
    if request.path.startswith(ADMIN) and "text/html" in request.headers.get("Accept", ""):
        return notice(request, name, context, status=CODES[code][0])
    return problem(code, reason)


def body_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuses a body that is too long before anything reads it: Django would store each file of a form in /tmp.

    The API has a 413 of its own, after its 401 and 403.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        limit = body_limit(request.path_info)
        if int(request.META.get("CONTENT_LENGTH") or 0) <= limit or settings.API_PATHS.match(request.path_info):
            return get_response(request)
        request.user = AnonymousUser()  # for the page; the session is not read yet
        mib = f"{limit // 2**20} MiB"
        context = {"title": "This was too large", "mib": mib, "is_upload": request.path_info == settings.UPLOAD_PATH}
        return refusal(request, "too_large", context, f"The request body is larger than {mib}.", "body_too_large")

    return middleware


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: a page in the admin, elsewhere a problem."""
    if request.path.startswith(ADMIN):
        return notice(request, "not_found", {"title": "Page not found"}, status=404)
    return handlers.not_found(request, exception)
