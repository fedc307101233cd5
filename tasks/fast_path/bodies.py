"""Bodies that leave nothing to be said about them."""

import datetime
import io
import json
from collections.abc import Callable
from typing import Any

from django.conf import settings

from config.api.fast_path import JSON, PlainRequest
from config.api.fields import DATE, case_folded
from config.api.parsers import MergePatchParser
from tasks.fast_path.sql import array
from tasks.models import DESCRIPTION_LENGTH, TAG_LENGTH, TAGS_PER_TASK, TITLE_LENGTH

# What a body can set, with PostgreSQL's type.
COLUMNS = {"title": "varchar", "description": "text", "completed": "boolean", "due_date": "date"}
READ_ONLY = frozenset(("id", "completed_at", "created_at", "updated_at"))
MEDIA_TYPES = frozenset((JSON, f"{JSON}; charset=utf-8"))
PATCH_MEDIA_TYPES = MEDIA_TYPES | {MergePatchParser.media_type}


def values_of(request: PlainRequest, media_types: frozenset[str]) -> dict[str, bytes | None] | None:
    """The columns that the body sets, for PostgreSQL to read; None where something in it has to be looked at."""
    stream = request.environ["wsgi.input"]
    if (
        request.environ["QUERY_STRING"]
        or request.environ.get("CONTENT_TYPE") not in media_types
        or not isinstance(stream, io.BytesIO)
    ):
        return None
    if len(stream.getbuffer()) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return None
    try:
        members = json.loads(stream.getvalue().decode(), object_pairs_hook=unique)
        values = {name: CONVERTERS[name](value) for name, value in members.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return {name: value for name, value in values.items() if name not in READ_ONLY}


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def text(value: str, most: int) -> bytes:
    if len(value) > most or "\0" in value:
        raise ValueError
    return value.encode()  # or an error, for half of a surrogate pair


def short(value: str, most: int) -> bytes:
    """Not blank, and without blanks around it."""
    if not value or value != value.strip():
        raise ValueError
    return text(value, most)


def title(value: str) -> bytes:
    return short(value, TITLE_LENGTH)


def description(value: str | None) -> bytes | None:
    return None if value is None else text(value, DESCRIPTION_LENGTH)


def completed(value: bool) -> bytes:
    if not isinstance(value, bool):
        raise TypeError
    return b"true" if value else b"false"


def due_date(value: str | None) -> bytes | None:
    if value is None:
        return None
    if not DATE.fullmatch(value):
        raise ValueError
    return datetime.date.fromisoformat(value).isoformat().encode()


def tags(value: list[str]) -> bytes | None:
    """An array as PostgreSQL reads it; None for an empty one."""
    if not isinstance(value, list) or len(value) > TAGS_PER_TASK:
        raise TypeError
    names = [short(name, TAG_LENGTH) for name in value]
    if len({case_folded(name) for name in value}) < len(value):
        raise ValueError
    return array(names) if names else None


def ignored(value: str | float | None) -> None:
    if isinstance(value, dict | list):
        raise TypeError  # may be nested too deep


CONVERTERS: dict[str, Callable[[Any], bytes | None]] = {
    "title": title,
    "description": description,
    "completed": completed,
    "due_date": due_date,
    "tags": tags,
    **dict.fromkeys(READ_ONLY, ignored),
}
