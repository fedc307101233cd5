"""All settings of the service, in one file.

Two modes, one switch. Without `DATABASE_URL` it is a local trial: an embedded PostgreSQL, a generated
key, localhost only. With it, a deployment: nothing is assumed, and what is missing stops the start.
`.env.example` lists every variable.
"""

import re
import sys
from pathlib import Path
from typing import Any

from config.environment import Environment
from config.postgresql import embedded as embedded_postgres
from config.server.secret_key import local_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_FOLDER = BASE_DIR / ".local"
env = Environment(str(BASE_DIR / ".env"))

LOCAL_TRIAL = not env.secret("DATABASE_URL", "")
DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = (
    env.secret("SECRET_KEY", "") or local_secret_key(LOCAL_FOLDER)
    if LOCAL_TRIAL
    else env.secret("SECRET_KEY", hint="put 50 random characters or more, such as `openssl rand -base64 48` prints")
)
ALLOWED_HOSTS = env.hosts(
    "ALLOWED_HOSTS",
    "localhost,127.0.0.1,[::1]" if LOCAL_TRIAL else None,
    hint="put the names that clients call this service by, such as tasks.example.com,10.0.0.7",
)
API_ANONYMOUS = env.choice("API_ANONYMOUS", ("write", "read", "none"), default="write" if LOCAL_TRIAL else "none")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", default=0, least=0, most=9)
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
BIND = env.address("BIND", "127.0.0.1:8000")
WEB_CONCURRENCY = env.number("WEB_CONCURRENCY", default=2, least=1, most=256)
# Requests that one worker process serves at a time, each on a thread that keeps a connection of its own.
WEB_THREADS = 4

INSTALLED_APPS = [
    "config",
    "config.idempotency",
    "config.accounts.tokens",
    "config.accounts.logins",
    "tasks",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config.accounts.logins.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "config.api.attribution.request_id_middleware",
    # Before whatever may refuse: a page on another origin reads errors too, and a preflight carries no credentials.
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ALLOWED_ORIGINS else []),
    "config.api.handlers.host_middleware",
    "config.api.handlers.method_middleware",
    "config.pages.policy.policy_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.api.attribution.admin_middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# For calls of these paths without a session.
API_PATHS = re.compile(r"/(tasks|health|openapi\.json)(/|\Z)")
API_MIDDLEWARE = [
    "config.api.attribution.request_id_middleware",
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ALLOWED_ORIGINS else []),
    "config.api.handlers.host_middleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Who is who in pg_stat_activity and, where nobody is named, in the history: "manage.py shell", or the service.
PROGRAM = " ".join(["manage.py", *sys.argv[1:2]]) if Path(sys.argv[0]).name == "manage.py" else "tasks-api"
DATABASES: dict[str, dict[str, Any]] = {
    "default": embedded_postgres.connection_settings(LOCAL_FOLDER / "postgres")
    if LOCAL_TRIAL
    else env.postgresql("DATABASE_URL")
}
DATABASES["default"] |= {
    # A connection per thread and no pool: psycopg's waits with a new connection for up to minutes after PostgreSQL was
    # away, and lets requests wait meanwhile. Without it each request finds out by itself, at once.
    "CONN_MAX_AGE": 3600,
    "CONN_HEALTH_CHECKS": True,  # a restart of PostgreSQL costs no request an error
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),
        "application_name": PROGRAM,
        "connect_timeout": 2,
        # A peer that vanished is noticed after 10 + 3 x 3 seconds, not after two hours.
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        # In milliseconds. A statement of the API takes a few; what takes seconds would only pile up. The last one
        # ends the query of a worker that was killed. A row that stays locked is a 503 within 3 seconds also when all
        # threads wait for it: each waits up to twice (for its turn, then for the row), and others wait for a thread.
        # And neither parallel workers nor JIT: to start them takes longer than a statement, even one that does not need
        # them in the end.
        "options": "-c statement_timeout=10000 -c lock_timeout=500"
        " -c idle_in_transaction_session_timeout=15000 -c client_connection_check_interval=1000"
        " -c max_parallel_workers_per_gather=0 -c jit=off",
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# In a deployment TLS ends at a proxy, which also redirects plain HTTP (hence no W008 here). Other services may share
# the domain, so that including subdomains (W005) and the preload list (W021) are their owner's decision.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL_TRIAL
# No script reads either cookie: the forms, and the script of /docs, have the CSRF token from their template. Lax and
# not Strict, or a link in a mail would lead to the login.
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# A working day from the login, used or not: one login a day, a stolen cookie is of no use the next, and no request
# writes a session. It ends with the browser where that is earlier.
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SECURE_HSTS_SECONDS = 0 if LOCAL_TRIAL else 365 * 24 * 3600
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]

# Pages on CORS_ALLOWED_ORIGINS may call the API with a token of theirs, but not with the session of whoever looks at
# them: cookies stay at home.
CORS_URLS_REGEX = API_PATHS
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"]
CORS_ALLOW_HEADERS = ["Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "X-Request-ID"]
CORS_EXPOSE_HEADERS = ["ETag", "Location", "Idempotency-Replayed", "Retry-After", "X-Request-ID"]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "config.pages.formats"  # settings such as DATETIME_FORMAT would lose to those of the language
SESSION_ENGINE = "config.accounts.sessions"
CSRF_FAILURE_VIEW = "config.accounts.logins.site.csrf_failure"
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # straight from the packages: no collectstatic, no folder to keep in step

# In bytes, of a body that is not a file. One more than that is a 413.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    # The first one also says how a 401 asks for credentials.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.accounts.tokens.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.accounts.permissions.ModelPermissionsOrAnonymous"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.negotiation.ContentNegotiation",
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.handlers.exception_handler",
    "URL_FORMAT_OVERRIDE": None,  # ?format= is a parameter like any other that is unknown
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tasks API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": ["config.api.schema.complete", "tasks.guide.describe"],
    "CONTACT": {"name": "Errors", "url": "/docs#error-codes"},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,  # the request has no read-only members, the answer has no optional ones
    "COMPONENT_SPLIT_PATCH": True,
    "TAGS": [{"name": "tasks"}, {"name": "health"}],
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "displayRequestDuration": True,
        "tryItOutEnabled": True,
        "validatorUrl": None,  # else the page asks a server of Swagger's about every document
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.db.backends": {"level": "DEBUG" if DEBUG else "WARNING"},  # at DEBUG: every statement and its time
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # a stranger's request, answered with 400
    },
}
