from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """Django's admin, on our site."""

    default = False
    default_site = "config.accounts.logins.site.AdminSite"
