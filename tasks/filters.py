"""The query parameters of GET /tasks/, besides `limit` and `offset`."""

from typing import Any

from django.db.models import QuerySet
from django.db.models.lookups import Exact
from django_filters.rest_framework import FilterSet

from config.api.filters import (
    BooleanFilter,
    DateFilter,
    DateQueryField,
    DateTimeFilter,
    DateTimeQueryField,
    IntegerFilter,
    OrderingFilter,
    RepeatableFilter,
    TextFilter,
    TextQueryField,
    invalid,
)
from config.api.pagination import BIGINT_MAX
from config.postgresql.keyset import Column
from tasks.models import (
    PRIORITIES,
    TAG_LENGTH,
    TAGS_PER_TASK,
    TITLE_LENGTH,
    DueKey,
    PriorityKey,
    Tag,
    Task,
    TaskQuerySet,
)

SEARCH_LENGTH = 200
MINUSES = 32  # the depth of the stack of PostgreSQL's parser, which fails where more of them stand in a row


def time(value: str) -> str:
    DateTimeQueryField().parse(value)
    return value


def day(value: str | None) -> str:
    return DueKey.last if value is None else DateQueryField().parse(value).isoformat()


def title(value: str) -> str:
    if len(value) > TITLE_LENGTH or "\x00" in value:
        raise ValueError(value)
    return value.encode().decode()  # or an error, for half of a surrogate pair


def priority(value: Any) -> str:
    return PriorityKey.last if value is None else whole(value, max(PRIORITIES))


def whole(value: Any, most: int = BIGINT_MAX) -> str:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(value)
    return str(value)


# Each is the beginning of an index that ends in id.
ORDERING = {
    "created_at": Column("{0}.created_at", "timestamptz", time),
    "updated_at": Column("{0}.updated_at", "timestamptz", time),
    "due_date": Column(DueKey.template % {"expressions": "{0}.due_date"}, "date", day),
    "priority": Column(PriorityKey.template % {"expressions": "{0}.priority"}, "smallint", priority),
    "title": Column("{0}.title", "varchar", title),
    "id": Column("{0}.id", "bigint", whole),
}


class SearchField(TextQueryField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schema["pattern"] = rf"^(?!([^-]*-){{{MINUSES + 1}}})" + self.schema["pattern"].removeprefix("^")

    def parse(self, value: str) -> str:
        if value.count("-") > MINUSES:
            raise invalid(f"Put at most {MINUSES} minus signs.", "too_many_minus_signs")
        return super().parse(value)


class SearchFilter(TextFilter):
    field_class = SearchField

    def filter(self, qs: TaskQuerySet, value: Any) -> QuerySet[Task]:
        return qs.search(value)


class DueDateFilter(DateFilter):
    """By the expression that the index has."""

    def filter(self, qs: TaskQuerySet, value: Any) -> QuerySet[Task]:
        return qs.exclude(due_date=None).alias(due=DueKey("due_date")).filter(**{f"due__{self.lookup_expr}": value})


class PriorityFilter(IntegerFilter):
    """By the expression that the index has."""

    def filter(self, qs: TaskQuerySet, value: Any) -> QuerySet[Task]:
        found: QuerySet[Task] = qs.filter(Exact(PriorityKey("priority"), value))
        return found


class TagFilter(RepeatableFilter):
    """By the ids of the tags, which are looked up first; 0 where there is no such tag."""

    def values(self, name: str, value: list[str]) -> dict[str, Any]:
        return super().values(name, Tag.objects.ids(value))

    def filter(self, qs: TaskQuerySet, value: Any) -> QuerySet[Task]:
        return qs.tagged(value)


class TaskFilter(FilterSet):
    completed = BooleanFilter(help_text="Only tasks that are done (`true`) or open (`false`).")
    tag = TagFilter(
        max_length=TAG_LENGTH,
        max_items=TAGS_PER_TASK,
        help_text="Only tasks with this tag; several times: with all of them.",
    )
    due_date__gte = DueDateFilter("due_date", "gte", help_text="Due on this day or later, such as `2026-12-01`.")
    due_date__lte = DueDateFilter("due_date", "lte", help_text="Due on this day or earlier.")
    priority = PriorityFilter(
        min_value=min(PRIORITIES), max_value=max(PRIORITIES), help_text="Only tasks of this priority; 1 is the highest."
    )
    created_at__gte = DateTimeFilter(
        "created_at", "gte", help_text="Made at this time or later, such as `2026-11-22T09:30:00Z`."
    )
    created_at__lt = DateTimeFilter("created_at", "lt", help_text="Made before this time.")
    updated_at__gte = DateTimeFilter("updated_at", "gte", help_text="Last changed at this time or later.")
    updated_at__lt = DateTimeFilter("updated_at", "lt", help_text="Last changed before this time.")
    search = SearchFilter(
        max_length=SEARCH_LENGTH,
        help_text='Words in title and description, all of them. `"a phrase"`, `-without` and `this or that` work.'
        f" At most {MINUSES} minus signs.",
    )
    ordering = OrderingFilter(
        columns=tuple(ORDERING),
        help_text=f"By comma, `-` for descending: {', '.join(f'`{name}`' for name in ORDERING)}; such as"
        " `due_date,-created_at`."
        " Every order ends in `id`. A task without due date, or without priority, comes after all that"
        " have one, or before when descending.",
    )

    class Meta:
        model = Task
        fields = ()
