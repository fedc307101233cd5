"""The query parameters of GET /tasks/: filters, search and ordering."""

from typing import Any

from django.db.models import QuerySet
from django.db.models.lookups import Exact
from django_filters.rest_framework import FilterSet

from config.api.fields import BIGINT_MAX, CharField, DateField, DateTimeField, IntegerField
from config.api.filters import BooleanFilter, DateFilter, DateTimeFilter, IntegerFilter, RepeatableFilter, TextFilter
from config.api.pagination import OrderingField, Pagination, by
from config.api.parameters import TextField
from config.postgresql.keyset import Column
from tasks.models import (
    PRIORITIES,
    TAGS_PER_TASK,
    TITLE_LENGTH,
    DueKey,
    PriorityKey,
    Tag,
    Task,
    TaskQuerySet,
)
from tasks.serializers import TaskSerializer, tag_name

SEARCH_LENGTH = 200


class SearchField(TextField):
    default_error_messages = {"no_words": "Must contain a letter or a digit."}

    def to_internal_value(self, data: str) -> str:
        text = super().to_internal_value(data)
        if not any(map(str.isalnum, text)):
            self.fail("no_words")
        return text


class SearchFilter(TextFilter):
    field_class = SearchField

    def filter(self, qs: TaskQuerySet, value: Any) -> QuerySet[Task]:
        return qs.search(value)


class DueDateFilter(DateFilter):
    """By the expression of the index."""

    def filter(self, qs: TaskQuerySet, value: Any) -> QuerySet[Task]:
        return qs.exclude(due_date=None).alias(due=DueKey("due_date")).filter(**{f"due__{self.lookup_expr}": value})


class PriorityFilter(IntegerFilter):
    """By the expression of the index."""

    def filter(self, qs: TaskQuerySet, value: Any) -> QuerySet[Task]:
        found: QuerySet[Task] = qs.filter(Exact(PriorityKey("priority"), value))
        return found


class TagFilter(RepeatableFilter):
    """By the ids of the tags, which are looked up first; an unknown tag has the id 0."""

    def values(self, name: str, value: list[str]) -> dict[str, Any]:
        return super().values(name, Tag.objects.ids(value))

    def filter(self, qs: TaskQuerySet, value: Any) -> QuerySet[Task]:
        return qs.tagged(value)


class TaskFilter(FilterSet):
    completed = BooleanFilter(help_text="Only completed tasks (`true`) or only open tasks (`false`).")
    tag = TagFilter(
        child=tag_name(),
        max_items=TAGS_PER_TASK,
        help_text="Only tasks that have this tag. Repeat the parameter for tasks that have all the tags.",
    )
    due_date__gte = DueDateFilter("due_date", "gte", help_text="Due on or after this date, for example `2026-12-01`.")
    due_date__lte = DueDateFilter("due_date", "lte", help_text="Due on or before this date.")
    priority = PriorityFilter(
        min_value=min(PRIORITIES),
        max_value=max(PRIORITIES),
        help_text="Only tasks with this priority. 1 is the highest.",
    )
    created_at__gte = DateTimeFilter(
        "created_at", "gte", help_text="Created at or after this time, for example `2026-11-22T09:30:00Z`."
    )
    created_at__lt = DateTimeFilter("created_at", "lt", help_text="Created before this time.")
    updated_at__gte = DateTimeFilter("updated_at", "gte", help_text="Last updated at or after this time.")
    updated_at__lt = DateTimeFilter("updated_at", "lt", help_text="Last updated before this time.")
    search = SearchFilter(
        max_length=SEARCH_LENGTH,
        help_text="Full-text search in title and description. All words must match, in any order, each from its"
        ' beginning: `rep` finds "report". `"a phrase"`, `-without` and `this or that` work.',
    )

    class Meta:
        model = Task
        fields = ()


TIME, ID = DateTimeField(), IntegerField(min_value=1, max_value=BIGINT_MAX)
TITLE = CharField(
    max_length=TITLE_LENGTH, trim_whitespace=False
)  # not trimmed: a title that plain SQL wrote may have spaces around it
PRIORITY = TaskSerializer.shared().fields["priority"]
# Each is the beginning of an index that ends with id.
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
        help_text=f"Comma-separated fields, each at most once: {', '.join(f'`{name}`' for name in ORDERING)}. A `-`"
        " means descending, for example `due_date,-created_at`. Ties are ordered by `id`, in the direction of the last"
        " field. Tasks without a due date or priority come last, or first when descending.",
    )
