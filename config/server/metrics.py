"""What is measured in each worker; config/server/exporter.py serves it. Not imported unless METRICS_BIND is set."""

import json
import re
import threading
import time
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Gauge, Histogram

from config.api.schema import rendered_document

# In seconds. Most requests take a few milliseconds, and 10 seconds are the limit of a statement.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SECONDS = Histogram(
    "http_request_duration_seconds", "Time to answer requests.", ["operation", "status"], buckets=BUCKETS
)
REPLAYS = Counter("idempotency_replays", "Responses that were repeated for an Idempotency-Key.")
CONNECTIONS = Gauge("database_connections", "Open connections to the database.", multiprocess_mode="livesum")
# The first part of a path that is not an operation of the API; all others are "other".
PAGES = frozenset({"admin", "docs", "openapi.json", "static"})
PARAMETER = re.compile(r"<[^>]*>|{[^}]*}")
Key = tuple[str, str]  # method and path
thread = threading.local()


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    operations = documented_operations()

    def measured(request: HttpRequest) -> HttpResponse:
        start = time.perf_counter()
        answer = get_response(request)
        operation = operations.get(key_of(request)) or page_of(request)
        SECONDS.labels(operation, str(answer.status_code)).observe(time.perf_counter() - start)
        if "Idempotency-Replayed" in answer.headers:
            REPLAYS.inc()
        count_connection()
        return answer

    return measured


def documented_operations() -> dict[Key, str]:
    """The ids of the operations in the OpenAPI document."""
    paths = json.loads(rendered_document(settings.API_ANONYMOUS))["paths"]
    return {
        (method.upper(), pattern_of(path)): operation["operationId"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


def key_of(request: HttpRequest) -> Key:
    route = request.resolver_match.route if request.resolver_match else "-"
    return "GET" if request.method == "HEAD" else str(request.method), pattern_of(route)


@lru_cache(maxsize=1024)
def pattern_of(route: str) -> str:
    """What a path of the document and a route of Django have in common."""
    return PARAMETER.sub("{}", route).strip("/")


def page_of(request: HttpRequest) -> str:
    """The kind of page, for what is no operation. Clients can't add values."""
    page = request.path_info.strip("/").partition("/")[0]
    return page if page in PAGES else "other"


def count_connection() -> None:
    """Count the connection of this thread if it was opened or closed since the previous request."""
    is_open = connection.connection is not None
    if is_open != getattr(thread, "is_open", False):
        CONNECTIONS.inc(1 if is_open else -1)
        thread.is_open = is_open
