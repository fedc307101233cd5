"""One format for every entry of the log, as text or JSON: time, level, request id, logger, message."""

import json
import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

NO_REQUEST = "-"
CURRENT_REQUEST = ContextVar("CURRENT_REQUEST", default=NO_REQUEST)  # the id of the request that this thread serves


def entry(moment: float, level: str, logger: str, message: str) -> dict[str, Any]:
    time = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": time, "level": level, "request_id": CURRENT_REQUEST.get(), "logger": logger, "message": message}


def text(entry: Mapping[str, Any]) -> str:
    """Lines after the first are indented, so that no message can look like another entry."""
    line = f"{entry['time']} {entry['level']} {entry['request_id']} {entry['logger']}: {entry['message']}"
    return "\n    ".join(f"{line}\n{entry.get('traceback', '')}".splitlines())


WRITERS: dict[str, Callable[[Mapping[str, Any]], str]] = {"text": text, "json": json.dumps}


class Formatter(logging.Formatter):
    """For Python's logging. A refused request (4xx) is no failure of the service, so it has no traceback."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.write = WRITERS[kind]

    def format(self, record: logging.LogRecord) -> str:
        fields = entry(record.created, record.levelname, record.name, record.getMessage())
        status = getattr(record, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR)  # from Django
        if record.exc_info and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            fields["traceback"] = self.formatException(record.exc_info)
        return self.write(fields)
