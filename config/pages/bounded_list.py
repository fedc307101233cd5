"""Lists of the admin with a bounded cost: at most so many rows, sorted by one column that has an index."""

import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.exceptions import EmptyResultSet
from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import F, Max, Min, OrderBy, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from config.postgresql.keyset import Plan, plan_in

UNITS = ("year", "month", "day")
MOST = 5000
MOST_OF_MANY = 1000
MOST_MATCHES = 100_000  # search results that the index returns within a few milliseconds
CHEAP = 30_000  # in the planner's units: about 50 ms


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # Django has no generics here at run time
    """Pages of the first `most` rows in the list's order."""

    few = 10_000  # rows that are fetched and sorted whatever that costs

    @cached_property
    def plan(self) -> Plan:
        """What the query planner expects of finding all rows."""
        rows: Any = self.object_list
        plan = rows.order_by().values("pk").explain(format="json")
        return plan_in(plan) if plan else Plan(0, 0)  # Django sends no query that can't match a row

    @property
    def is_sorted(self) -> bool:
        """Whether all rows are fetched and sorted: they are few, or together in an index."""
        return self.plan.rows <= (MOST_MATCHES if self.plan.cost <= CHEAP else self.few)

    @property
    def most(self) -> int:
        return MOST if self.is_sorted else MOST_OF_MANY

    @cached_property
    def found(self) -> list[Any]:
        """The primary keys of the first `most` rows, plus one that tells whether the list is cut.

        Unless they are many, all matches are fetched and then sorted. Walking an index in the list's order instead
        would read the whole table when matches are rarer than estimated, or at the end of that index. If they are many,
        the keys are unordered: they only prove that there are more than `most`. MATERIALIZED
        makes PostgreSQL find the matches by the index of the filter, not of the order.
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
            WITH matches (pk, order_key) AS {"" if self.plan.rows <= MOST_MATCHES else "NOT"} MATERIALIZED ({matches}),
                 enough AS (SELECT * FROM matches {"" if self.is_sorted else f"LIMIT {self.most + 1}"})
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
        """What to say below a list that is cut."""
        return f"Only the first {self.most:,} of about {self.plan.rows:,} are listed. Filter or search to find others."

    def page(self, number: Any) -> Page[Any]:
        page: Page[Any] = super().page(number)
        if not self.is_cut or self.is_sorted:
            start = (page.number - 1) * self.per_page
            rows: Any = self.object_list
            page.object_list = rows.filter(pk__in=self.found[start : min(start + self.per_page, self.most)])
        return page


class BoundedChangeList(ChangeList):
    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """By one column and then the primary key, both in the same direction, as the indexes are."""
        if ORDER_VAR in self.params:
            self.params[ORDER_VAR] = self.params[ORDER_VAR].partition(".")[0]
        column, *_ = super().get_ordering(request, queryset)
        order = order_by(column)
        return [order, OrderBy(F("pk"), descending=order.descending)]

    def get_filters(self, request: HttpRequest) -> Any:
        given = [f"{self.date_hierarchy}__{unit}" in self.params for unit in UNITS]
        if given != sorted(given, reverse=True):
            raise IncorrectLookupParameters  # a month without a year
        try:
            return super().get_filters(request)
        except ValueError as exc:  # the year 9999, because Django computes the year after it
            raise IncorrectLookupParameters from exc

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list
        if self.paginator.is_cut:  # otherwise the search box would show the cut count as the number of results
            self.full_result_count = self.result_count

    def dates(self) -> dict[str, Any]:
        """The context of admin/date_hierarchy.html: years, months and days from the first row to the last.

        Django's own date_hierarchy tag reads the whole table to skip those without a row.
        """
        name = str(self.date_hierarchy)
        ends = self.model._default_manager.aggregate(first=Min(name), last=Max(name))  # noqa: SLF001 - public
        if ends["first"] is None:
            return {"show": False}
        first, last = (timezone.localdate(ends[end]) for end in ("first", "last"))
        chosen = [int(self.params[f"{name}__{unit}"]) for unit in UNITS if f"{name}__{unit}" in self.params]

        def choice(*parts: int) -> dict[str, str]:
            link = self.get_query_string(
                {f"{name}__{unit}": part for unit, part in zip(UNITS, parts, strict=False)}, [f"{name}__"]
            )
            return {"link": link, "title": "-".join(f"{part:02}" for part in parts) or "All dates"}

        choices = [choice(*parts) for parts in parts_within(first, last, *chosen)]
        back = choice(*chosen[:-1]) if chosen else None
        return {"show": True, "back": back, "choices": choices or [{"title": choice(*chosen)["title"]}]}


class BoundedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django has no generics here at run time
    list_max_show_all = 0
    show_full_result_count = False  # counting all rows would cost more than the page
    show_facets = admin.ShowFacets.NEVER  # each facet would be a count
    paginator: ClassVar[Any] = BoundedPaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return BoundedChangeList


def ordering_of(rows: QuerySet[Any]) -> OrderBy:
    return order_by(next(iter(rows.query.order_by), "pk"))


def order_by(term: Any) -> OrderBy:
    if isinstance(term, str):
        return OrderBy(F(term.removeprefix("-")), descending=term.startswith("-"))
    return term if isinstance(term, OrderBy) else OrderBy(term)


def parts_within(first: datetime.date, last: datetime.date, *chosen: int) -> list[tuple[int, ...]]:
    """The next level below `chosen`: all years, the months of a year or the days of a month, from `first` to `last`."""
    match chosen:
        case ():
            return [(year,) for year in range(first.year, last.year + 1)]
        case (year,):
            months = [(year, month) for month in range(1, 13)]
            return [each for each in months if (first.year, first.month) <= each <= (last.year, last.month)]
        case (year, month):
            start = datetime.date(year, month, 1)
            days = [start + datetime.timedelta(days=number) for number in range(31)]
            return [(*chosen, day.day) for day in days if day.month == month and first <= day <= last]
    return []
