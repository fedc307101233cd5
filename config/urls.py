"""Every path that the service answers. Those of the API take both forms, with and without the trailing slash."""

from collections.abc import Callable

from django.contrib import admin
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from config.accounts.logins.site import not_found, permission_denied
from config.api import handlers, health
from config.api.schema import DocumentView
from config.pages.docs import DocsView


def redirect(url: str) -> Callable[..., HttpResponseBase]:
    """For reading; whatever else is a 405, and not a question of CSRF."""
    return csrf_exempt(RedirectView.as_view(url=url, http_method_names=("get", "head")))


urlpatterns = [
    path("", include("tasks.urls")),  # first: most requests are for these
    path("", redirect("/docs")),
    path("health", health.LiveView.as_view()),
    path("health/ready", health.ReadyView.as_view()),
    path("openapi.json", DocumentView.as_view(), name="openapi"),
    # DRF's answer to OPTIONS would need a template that there is not: it is a 405.
    path("docs", DocsView.as_view(url_name="openapi", http_method_names=("get", "head")), name="docs"),
    path("redoc", redirect("/docs")),  # Redoc has no dark mode, and asks its makers' server for their logo
    path("admin", redirect("/admin/")),
    path("admin/", admin.site.urls),
    path("favicon.ico", redirect(static("drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png"))),
    re_path("", handlers.not_found),  # with DEBUG, Django would answer with a page of HTML
]

handler400 = handlers.bad_request
handler403 = permission_denied
handler404 = not_found
handler500 = handlers.server_error
