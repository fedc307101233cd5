"""Lists of the admin that cost the same however many rows a table has: bounded, and in an order that has an index."""

import datetime
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.exceptions import EmptyResultSet
from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import F, Max, Min, OrderBy, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property

from config.postgresql.keyset import estimate_in

UNITS = ("year", "month", "day")
MOST = 5000
MOST_OF_MANY = 1000
MOST_MATCHES = 100_000  # matches that the index of a search lists in a few milliseconds


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # Django has no generics here at run time
    """Pages of all rows where there are few, else of the first `most` in the list's order."""

    few = 10_000  # rows that can all be fetched for a page

    @cached_property
    def estimate(self) -> int:
        """How many rows PostgreSQL expects."""
        rows: Any = self.object_list
        plan = rows.order_by().values("pk").explain(format="json")
        return estimate_in(plan) if plan else 0  # there is none for nothing

    @property
    def most(self) -> int:
        return MOST if self.estimate <= self.few else MOST_OF_MANY

    @cached_property
    def found(self) -> list[Any]:
        """The keys of the first `most` rows in their order, and one more where there is one.

        Where there seem to be few, all are fetched and sorted. To walk along the order until there are enough would
        read the whole table for what is rarer than PostgreSQL believes, or lies at its end. Of many the keys are in
        no order, and only tell that there are so many; MATERIALIZED has them found by an index all the same.
        """
        rows: Any = self.object_list
        order = ordering_of(rows)
        keys = rows.order_by().annotate(order_key=order.expression).values_list("pk", "order_key")
        try:
            matches, parameters = keys.query.sql_with_params()
        except EmptyResultSet:
            return []
        direction = "DESC" if order.descending else "ASC"
        sql = f"""
            WITH matches (pk, order_key) AS {"" if self.estimate <= MOST_MATCHES else "NOT"} MATERIALIZED ({matches}),
                 enough AS (SELECT * FROM matches {"" if self.estimate <= self.few else f"LIMIT {self.most + 1}"})
            SELECT pk FROM enough ORDER BY order_key {direction}, pk {direction} LIMIT {self.most + 1}
        """  # noqa: S608 - made by the ORM, with parameters
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return [pk for (pk,) in cursor.fetchall()]

    @cached_property
    def count(self) -> int:
        return min(len(self.found), self.most)

    @property
    def is_cut(self) -> bool:
        return len(self.found) > self.most

    @property
    def note(self) -> str:
        """For a list that is cut."""
        return f"These are the first {self.most:,} of about {self.estimate:,}. Filter or search to narrow the list."

    def page(self, number: Any) -> Page[Any]:
        page: Page[Any] = super().page(number)
        if not self.is_cut or self.estimate <= self.few:
            start = (page.number - 1) * self.per_page
            rows: Any = self.object_list
            page.object_list = rows.filter(pk__in=self.found[start : min(start + self.per_page, self.most)])
        return page


class BoundedChangeList(ChangeList):
    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """By one column and then the key, in one direction: that is what an index serves."""
        if ORDER_VAR in self.params:
            self.params[ORDER_VAR] = self.params[ORDER_VAR].partition(".")[0]
        column, *_ = super().get_ordering(request, queryset)
        order = order_by(column)
        return [order, OrderBy(F("pk"), descending=order.descending)]

    def get_filters(self, request: HttpRequest) -> Any:
        given = [f"{self.date_hierarchy}__{unit}" in self.params for unit in UNITS]
        if given != sorted(given, reverse=True):
            raise IncorrectLookupParameters  # a month of no year
        try:
            return super().get_filters(request)
        except ValueError as exc:  # of the year 9999, which has none after it
            raise IncorrectLookupParameters from exc

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list
        if self.paginator.is_cut:  # else the box for searches would tell it as the number of results
            self.full_result_count = self.result_count

    def dates(self) -> dict[str, Any]:
        """What admin/date_hierarchy.html shows: years, months and days between the first and the last row.

        Django's own would read the whole table to leave out those without a row.
        """
        name = str(self.date_hierarchy)
        ends = self.model._default_manager.aggregate(first=Min(name), last=Max(name))  # noqa: SLF001 - public
        if ends["first"] is None:
            return {"show": False}
        first, last = (timezone.localdate(ends[end]) for end in ("first", "last"))
        chosen = [int(self.params[f"{name}__{unit}"]) for unit in UNITS if f"{name}__{unit}" in self.params]
        formats = ("Y", "YEAR_MONTH_FORMAT", "MONTH_DAY_FORMAT")

        def choice(*parts: int) -> dict[str, str]:
            link = self.get_query_string(
                {f"{name}__{unit}": part for unit, part in zip(UNITS, parts, strict=False)}, [f"{name}__"]
            )
            if not parts:
                return {"link": link, "title": "All dates"}
            return {"link": link, "title": date_format(day_of(*parts), formats[len(parts) - 1])}

        choices = [choice(*parts) for parts in parts_within(first, last, *chosen)]
        back = choice(*chosen[:-1]) if chosen else None
        return {"show": True, "back": back, "choices": choices or [{"title": choice(*chosen)["title"]}]}


def ordering_of(rows: QuerySet[Any]) -> OrderBy:
    return order_by(next(iter(rows.query.order_by), "pk"))


def order_by(term: Any) -> OrderBy:
    if isinstance(term, str):
        return OrderBy(F(term.removeprefix("-")), descending=term.startswith("-"))
    return term if isinstance(term, OrderBy) else OrderBy(term)


def day_of(year: int, month: int = 1, day: int = 1) -> datetime.date:
    return datetime.date(year, month, day)


def parts_within(first: datetime.date, last: datetime.date, *chosen: int) -> list[tuple[int, ...]]:
    """The years; the months of a chosen year; the days of a chosen month: those from the first to the last day."""
    match chosen:
        case ():
            return [(year,) for year in range(first.year, last.year + 1)]
        case (year,):
            months = [(year, month) for month in range(1, 13)]
            return [each for each in months if (first.year, first.month) <= each <= (last.year, last.month)]
        case (year, month):
            start = day_of(year, month)
            days = [start + datetime.timedelta(days=number) for number in range(31)]
            return [(*chosen, day.day) for day in days if day.month == month and first <= day <= last]
    return []
