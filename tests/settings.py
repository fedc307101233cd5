"""config.settings with the required settings of a deployment, so that DATABASE_URL is enough to use another server."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-" * 4)
os.environ["ALLOWED_HOSTS"] = "testserver,localhost,127.0.0.1,[::1]"
os.environ["API_ANONYMOUS"] = "write"
os.environ["DEBUG"] = "false"

from config.settings import *  # noqa: F403

# A test may hold a lock for a while on purpose. Real servers are tested with the real timeout.
DATABASES["default"]["PARAMETERS"] = {"lock_timeout": "10000"}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a slow hasher would slow the tests
