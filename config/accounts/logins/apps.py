from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """Django's admin with our AdminSite."""

    default = False
    default_site = "config.accounts.logins.site.AdminSite"
