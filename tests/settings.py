"""config.settings, with what a deployment must set, so that DATABASE_URL alone sends the tests to another server."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-" * 4)
os.environ["ALLOWED_HOSTS"] = "testserver,localhost,127.0.0.1,[::1]"
os.environ["API_ANONYMOUS"] = "write"
os.environ["DEBUG"] = "false"

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a slow one would only slow the tests
