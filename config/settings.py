"""All settings of the service, in one file.

Two modes, one switch. Without `DATABASE_URL` it is a local trial: an embedded PostgreSQL, a generated
key, localhost only. With it, a deployment: nothing is assumed, and a missing variable stops the start.
`.env.example` lists every variable.
"""

import re
import sys
from pathlib import Path
from typing import Any

from config.environment import Environment
from config.postgresql import embedded as embedded_postgres
from config.server import cpus
from config.server.secret_key import local_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_FOLDER = BASE_DIR / ".local"
env = Environment(str(BASE_DIR / ".env"))

LOCAL_TRIAL = not env.secret("DATABASE_URL", "")
DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = (
    env.secret("SECRET_KEY", "") or local_secret_key(LOCAL_FOLDER)
    if LOCAL_TRIAL
    else env.secret(
        "SECRET_KEY", hint="Expected at least 50 random characters, such as `openssl rand -base64 48` prints."
    )
)
ALLOWED_HOSTS = env.hosts(
    "ALLOWED_HOSTS",
    "localhost,127.0.0.1,[::1]" if LOCAL_TRIAL else None,
    hint="Expected the host names of this service, separated by commas, such as tasks.example.com,10.0.0.7.",
)
API_ANONYMOUS = env.choice("API_ANONYMOUS", ("write", "read", "none"), default="write" if LOCAL_TRIAL else "none")
# Nobody has decided who may call the API, so it is served on this machine only (config/server/local_trial.py).
LOOPBACK_ONLY = LOCAL_TRIAL and not env.text("API_ANONYMOUS", "")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", default=0, least=0, most=9)
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
BIND = env.address("BIND", "127.0.0.1:8000")
METRICS_BIND = env.address("METRICS_BIND", "", tcp_only=True)
WEB_CONCURRENCY = env.number("WEB_CONCURRENCY", default=2, least=1, most=256, auto=cpus.available)
LOG_FORMAT = env.choice("LOG_FORMAT", ("text", "json"), default="text")
# Requests that one worker process serves at a time, each on a thread with a separate database connection.
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
METRICS = ["config.server.metrics.middleware"] if METRICS_BIND else []
MIDDLEWARE = [
    *METRICS,
    "config.api.attribution.request_id_middleware",
    # First, because a page on another origin reads errors too, and a preflight carries no credentials.
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ALLOWED_ORIGINS else []),
    "config.api.handlers.host_middleware",
    "config.api.handlers.method_middleware",
    "config.pages.policy.policy_middleware",
    "django.middleware.security.SecurityMiddleware",
    "config.accounts.logins.site.body_middleware",
    "config.pages.static_files.compression_middleware",
    "config.pages.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.api.attribution.admin_middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# Requests for these paths without a session skip the middlewares of pages (config/server/handler.py).
API_PATHS = re.compile(r"/(tasks|health|openapi\.json)(/|\Z)")
PAGE_MIDDLEWARE = frozenset(MIDDLEWARE[MIDDLEWARE.index("config.api.handlers.method_middleware") :]) - {
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
}
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

# The name in pg_stat_activity and, for a change without a user, in the history: "manage.py shell", or the service.
PROGRAM = " ".join(["manage.py", *sys.argv[1:2]]) if Path(sys.argv[0]).name == "manage.py" else "tasks-api"
DATABASES: dict[str, dict[str, Any]] = {
    "default": embedded_postgres.connection_settings(LOCAL_FOLDER / "postgres")
    if LOCAL_TRIAL
    else env.postgresql("DATABASE_URL")
}
DATABASES["default"] |= {
    # A connection per thread, and no pool. After PostgreSQL was down, psycopg's pool waits up to minutes before it
    # reconnects, and requests wait for it. Without a pool each request learns the truth at once.
    "CONN_MAX_AGE": 3600,
    "CONN_HEALTH_CHECKS": True,  # so that no request fails after a restart of PostgreSQL
    # What DATABASE_URL sets takes precedence.
    "OPTIONS": {
        "application_name": PROGRAM,
        "connect_timeout": 2,
        # If a host vanishes, so that packets get no answer at all, a request that waits for it fails after 4 seconds:
        # without tcp_user_timeout (in milliseconds) after 15 minutes, and without keepalives after two hours.
        "tcp_user_timeout": 4000,
        "keepalives_idle": 3,
        "keepalives_interval": 1,
        "keepalives_count": 2,
        **DATABASES["default"].get("OPTIONS", {}),
    },
    # Of PostgreSQL. A statement of the API takes a few milliseconds; slower ones would pile up.
    # client_connection_check_interval ends the query of a worker that was killed. With this lock_timeout, a row
    # that stays locked is a 503 within 3 seconds even if all threads wait for it: each waits at most twice (for its
    # turn, then for the row), and the others wait for a thread. Parallel workers and JIT are off because starting
    # them takes longer than a statement.
    "PARAMETERS": {
        "statement_timeout": "10s",
        "lock_timeout": "500ms",
        "idle_in_transaction_session_timeout": "15s",
        "client_connection_check_interval": "1s",
        "max_parallel_workers_per_gather": "0",
        "jit": "off",
        **DATABASES["default"].get("PARAMETERS", {}),
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

# In a deployment TLS ends at a proxy, which also redirects plain HTTP (so W008 is silenced). Other services may share
# the domain, so its owner decides about subdomains (W005) and the preload list (W021).
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL_TRIAL
# No script reads these cookies: forms and the script of /docs get the CSRF token from their template. Lax and not
# Strict, because with Strict a link in a mail would lead to the login.
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# A working day, counted from the login: staff log in once a day, a stolen cookie is useless the next day, and no
# request has to write the session. The session also ends when the browser is closed.
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SECURE_HSTS_SECONDS = 0 if LOCAL_TRIAL else 365 * 24 * 3600
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]

# Pages on CORS_ALLOWED_ORIGINS may call the API with a token, but not with the session of the person who views them:
# browsers send no cookies.
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
LOGIN_REDIRECT_URL = "/admin/"
STATIC_URL = "/static/"
STORAGES = {"staticfiles": {"BACKEND": "config.pages.static_files.Storage"}}
WHITENOISE_USE_FINDERS = True  # straight from the packages, so no collectstatic is needed

# In bytes. A longer body is a 413, and nothing of it is stored. Only the form that uploads a file may be larger: the
# file has at most 10 MB (tasks/admin/preview.py). It stays in memory, so that no request writes to /tmp.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 11 * 1024 * 1024
UPLOAD_PATH = "/admin/tasks/task/import/"
# What gunicorn reads: bytes of the request line and of each header, and the number of headers.
MAX_LINE_BYTES = 8190
MAX_HEADERS = 100
IDEMPOTENCY_KEY_HOURS = 24

REST_FRAMEWORK = {
    # The first one also determines the WWW-Authenticate header of a 401.
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
    "URL_FORMAT_OVERRIDE": None,  # ?format= is an unknown parameter like any other
}
API_GUIDE = BASE_DIR / "docs" / "api.md"
SPECTACULAR_SETTINGS = {
    "TITLE": "Tasks API",
    "DESCRIPTION": "A task list for scripts, apps, integrations and AI agents. No write is lost, no retry creates a"
    " duplicate, and no mistake in a request is silently ignored. The [guide](/docs#guide) explains what the operations"
    " have in common: search, pages, filters, request bodies, errors, retries, concurrency and tokens.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": ["config.api.schema.complete"],
    "CONTACT": {"name": "Help with errors", "url": "/docs#error-codes"},
    "SERVERS": [{"url": "/", "description": "The service that answered with this document"}],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,  # a request has no read-only fields, a response has no optional ones
    "COMPONENT_SPLIT_PATCH": True,
    "TAGS": [
        {"name": "tasks", "description": "Create, list, read, update and delete tasks."},
        {"name": "health", "description": "Health checks for monitoring and load balancers."},
    ],
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "defaultModelsExpandDepth": 0,  # the list of schemas is closed at first
        "displayRequestDuration": True,
        "tryItOutEnabled": True,
        "validatorUrl": None,  # otherwise the page sends every document to a server of Swagger
    },
}

# All of it goes to stderr: stdout is for what commands print. config/gunicorn.py uses this too.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"entry": {"()": "config.server.logs.Formatter", "kind": LOG_FORMAT}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "entry"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "gunicorn.error": {"handlers": [], "propagate": True},
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # config/api/handlers.py logs each failure, and the access log has each refusal.
        "django.request": {"level": "CRITICAL"},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},  # requests to `runserver`
        "django.db.backends": {"level": "DEBUG" if DEBUG else "WARNING"},  # at DEBUG, every statement and its duration
        "django.security.DisallowedHost": {
            "level": "CRITICAL"
        },  # a wrong Host header is the client's error, and already answered with a 400
    },
}

env.warn()
