"""How long a request may read and write a file: gunicorn ends one that runs at a stop or reload after 15 seconds."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection
from django.http import HttpRequest
from psycopg.errors import QueryCanceled

SECONDS = 12
GONE = getattr(select, "POLLRDHUP", 0)  # only Linux tells; elsewhere the time is the only limit


class TooSlow(Exception):  # noqa: N818 - it reports a state
    """The time is over, or the client has gone."""


@contextmanager
def patience(request: HttpRequest) -> Iterator[Callable[[], None]]:
    """Yields a function to call often. It raises TooSlow, as does a statement that runs for too long.

    Use it in a transaction, which must then be rolled back.
    """
    end, poll = time.monotonic() + SECONDS, select.poll()
    if client := request.META.get("gunicorn.socket"):
        poll.register(client, GONE)

    def check() -> None:
        if time.monotonic() > end or poll.poll(0):
            raise TooSlow

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        left = max(1, int(1000 * (end - time.monotonic())))
        run(f"SET LOCAL statement_timeout = {left}", None, False, context)
        return run(sql, params, many, context)

    try:
        with connection.execute_wrapper(execute):
            yield check
    except (OperationalError, QueryCanceled) as exc:
        if isinstance(exc.__cause__ or exc, QueryCanceled):
            raise TooSlow from exc
        raise
