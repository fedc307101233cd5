"""The filters in the links of the start page. The sidebar shows each only while it is set."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Func, Q, QuerySet
from django.db.models.lookups import LessThan
from django.http import HttpRequest
from django.utils.formats import date_format

from tasks.models import DueKey, Task

PART = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2})?")
OPEN_END = ".."


class PeriodFilter(admin.SimpleListFilter):
    """By a period in UTC, written as in ISO 8601: a day, an hour, or an interval that includes both ends.

    2026-11-20, 2026-11-20T14, 2026-11-01/2026-11-07, ../2026-11-07 (and earlier), 2026-11-01/.. (and later).
    The sidebar offers the value in the URL and "All". Without a value, Django leaves the filter out.
    """

    wanted = "a day such as 2026-11-20, an hour such as 2026-11-20T14, or two of them with a / between"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.value()
        if value is None:
            return []
        try:
            return [(value, self.words(value))]
        except (ValueError, OverflowError) as exc:
            message = f"The filter {self.parameter_name} was ignored. Expected {self.wanted}, not “{value[:40]}”."
            model_admin.message_user(request, message, messages.ERROR)
            raise IncorrectLookupParameters from exc

    def words(self, value: str) -> str:
        """Raises ValueError or OverflowError if the value is invalid."""
        first, _, last = value.partition("/")
        period(value)
        if not last:
            return words_of(first)
        if first == OPEN_END:
            return f"up to {words_of(last)}"
        return f"since {words_of(first)}" if last == OPEN_END else f"{words_of(first)} to {words_of(last)}"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        since, until = period(str(self.value()))
        bounds = {f"{self.parameter_name}__gte": since, f"{self.parameter_name}__lt": until}
        return queryset.filter(**{name: bound for name, bound in bounds.items() if bound})


class CreatedFilter(PeriodFilter):
    title, parameter_name = "created", "created_at"


class CompletedFilter(PeriodFilter):
    title, parameter_name = "completed", "completed_at"


class AtFilter(PeriodFilter):
    title, parameter_name = "time", "at"


class OverdueFilter(PeriodFilter):
    """Tasks that were overdue at the end of a day, counted as figures.completed_and_overdue does."""

    title, parameter_name, wanted = "overdue on", "overdue_on", "a day such as 2026-11-20"

    def words(self, value: str) -> str:
        if len(value) != len("2026-11-20"):
            raise ValueError(value)
        return super().words(value)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        on = str(self.value())
        due = Task.objects.filter(LessThan(DueKey("due_date"), start_of(on).date()))
        return queryset.filter(among(due.filter(completed=False)) | among(due.filter(completed_at__gte=after(on))))


class AnyOf(Func):
    arg_joiner, template, output_field = " = ANY (", "%(expressions)s)", BooleanField()


def among(tasks: QuerySet[Task]) -> Q:
    """Tasks that are among these, which are found first.

    For conditions that depend on each other, such as open and past the due date: PostgreSQL would expect fifty times as
    many tasks as there are, and read most of the table in the list's order. Of an array it expects few.
    """
    return Q(AnyOf("pk", ArraySubquery(tasks.order_by().values("pk"))))


def period(text: str) -> tuple[datetime | None, datetime | None]:
    """The start, which is included, and the end, which is not; None for an open end."""
    first, slash, last = text.partition("/")
    since = None if slash and first == OPEN_END else start_of(first)
    until = None if since and last == OPEN_END else after(last if slash else first)
    return since, until


def start_of(part: str) -> datetime:
    if not PART.fullmatch(part):
        raise ValueError(part)
    return datetime.fromisoformat(part).replace(tzinfo=UTC)


def after(part: str) -> datetime:
    return start_of(part) + (timedelta(hours=1) if "T" in part else timedelta(days=1))


def words_of(part: str) -> str:
    return date_format(start_of(part), "DATE_FORMAT" if "T" not in part else "Y-m-d H:i e")
