"""The settings of the django-bolt peer: `python -m django runbolt --settings bolt_settings`."""

from django_settings import *  # noqa: F403

ROOT_URLCONF = "bolt_service"
INSTALLED_APPS = [*INSTALLED_APPS, "django_bolt"]  # noqa: F405
BOLT_API = ["bolt_service:api"]
# It keeps connections open by itself; with an age it would check it before every query.
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
