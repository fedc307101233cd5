"""Pages of tasks, and the orders that they can have."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from config.api.fields import BIGINT_MAX, CharField, DateField, DateTimeField, IntegerField
from config.api.pagination import OrderingField, Pagination
from config.postgresql.keyset import Column
from tasks.models import TITLE_LENGTH, DueKey, PriorityKey
from tasks.serializers import TaskSerializer


def by(field: Any, last: str | None = None) -> Callable[[Any], str]:
    """What takes a column's value from a cursor: as the API shows it, or null, which is `last` in the order."""

    def parse(value: Any) -> str:
        if value is None and last is not None:
            return last
        try:
            text = str(field.run_validation(value))
        except serializers.ValidationError as exc:
            raise ValueError(value) from exc
        if "\x00" in text:
            raise ValueError(value)
        return text.encode().decode()  # or an error, for half of a surrogate pair

    return parse


TIME, ID = DateTimeField(), IntegerField(min_value=1, max_value=BIGINT_MAX)
TITLE = CharField(max_length=TITLE_LENGTH, trim_whitespace=False)  # as it is: plain SQL can leave blanks around it
PRIORITY = TaskSerializer.shared().fields["priority"]
# Each is the beginning of an index that ends in id.
ORDERING = {
    "created_at": Column("{0}.created_at", "timestamptz", by(TIME)),
    "updated_at": Column("{0}.updated_at", "timestamptz", by(TIME)),
    "due_date": Column(DueKey.template % {"expressions": "{0}.due_date"}, "date", by(DateField(), DueKey.last)),
    "priority": Column(
        PriorityKey.template % {"expressions": "{0}.priority"}, "smallint", by(PRIORITY, PriorityKey.last)
    ),
    "title": Column("{0}.title", "varchar", by(TITLE)),
    "id": Column("{0}.id", "bigint", by(ID)),
}


class TaskPagination(Pagination):
    ordering = OrderingField(
        columns=ORDERING,
        default="-created_at",
        help_text=f"By comma, `-` for descending: {', '.join(f'`{name}`' for name in ORDERING)}; such as"
        " `due_date,-created_at`. Every order ends in `id`. A task without due date, or without priority, comes after"
        " all that have one, or before when descending.",
    )
