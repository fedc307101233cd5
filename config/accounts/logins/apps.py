from django.apps import AppConfig
from django.contrib.admin import apps


class LoginsConfig(AppConfig):
    name = "config.accounts.logins"


class AdminConfig(apps.AdminConfig):
    """Django's admin, on our site."""

    default = False
    default_site = "config.accounts.logins.site.AdminSite"
