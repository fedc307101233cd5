"""Pages of tasks."""

from typing import Any

from config.api.filters import DateField, DateTimeField
from config.api.keyset import Column
from config.api.pagination import BIGINT_MAX, Pagination
from tasks.models import TITLE_LENGTH

LATEST = "infinity"  # where a task without due date stands


def time(value: str) -> str:
    DateTimeField().parse(value)
    return value


def day(value: str | None) -> str:
    return LATEST if value is None else DateField().parse(value).isoformat()


def title(value: str) -> str:
    if len(value) > TITLE_LENGTH or "\x00" in value:
        raise ValueError(value)
    return value.encode().decode()  # or an error, for half of a surrogate pair


def whole(value: Any) -> str:
    if not (isinstance(value, int) and 1 <= value <= BIGINT_MAX):
        raise ValueError(value)
    return str(value)


# Each is the beginning of an index that ends in id.
ORDERING = {
    "created_at": Column("{0}.created_at", "timestamptz", time),
    "updated_at": Column("{0}.updated_at", "timestamptz", time),
    "due_date": Column(f"coalesce({{0}}.due_date, '{LATEST}'::date)", "date", day),
    "title": Column("{0}.title", "varchar", title),
    "id": Column("{0}.id", "bigint", whole),
}


class TaskPagination(Pagination):
    columns = ORDERING
    default_order = ("-created_at",)
