"""django-filter's filters: a query parameter, the field that reads it, and the condition that it stands for."""

from functools import cache, lru_cache
from typing import Any

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import FilterSet
from rest_framework.filters import BaseFilterBackend

from config.api.errors import InvalidQuery
from config.api.fields import BooleanField, DateField, IntegerField
from config.api.parameters import HintedTimeField, RepeatedField, TextField, described, read
from config.postgresql.conditions import Parameter


class FilterBackend(BaseFilterBackend):
    """Reports everything that is wrong with a query string at once: names, repetitions, values and the page."""

    def filter_queryset(self, request: Any, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """A queryset with a Parameter in place of each value, shared by all requests with the same filters.

        So its SQL is compiled once. Sets request.filters, the values by the names of their Parameters, and
        request.page, the page that the client asks for.
        """
        filterset, pages = view.filterset_class, view.pagination_class
        request.filters, request.page = {}, pages.first()
        if not request.META["QUERY_STRING"]:
            return queryset
        query = request.query_params
        values, faults = read(query, fields_of(filterset) | pages.fields())
        request.page, more = pages.read(query, values)
        if faults or more:
            raise InvalidQuery(faults + more)
        for name, one in filterset.base_filters.items():
            if name in values:
                request.filters |= one.values(name, values[name])
        return filtered(filterset, tuple(request.filters))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return described(fields_of(view.filterset_class))


@cache
def fields_of(filterset: type[FilterSet]) -> dict[str, Any]:
    return {name: one.field for name, one in filterset.base_filters.items()}


@lru_cache(maxsize=256)
def filtered(filterset: type[FilterSet], names: tuple[str, ...]) -> QuerySet[Any]:
    """The rows that meet the conditions of these parameters."""
    rows: QuerySet[Any] = filterset.Meta.model.objects.all()
    for name in names:
        rows = filterset.base_filters[name.partition("[")[0]].filter(rows, Parameter(name))
    return rows


class Filter(django_filters.Filter):
    """`values` turns the value of the query parameter into those of the condition's Parameters."""

    def values(self, name: str, value: Any) -> dict[str, Any]:
        return {name: value}


class BooleanFilter(Filter):
    field_class = BooleanField


class IntegerFilter(Filter):
    field_class = IntegerField


class DateFilter(Filter):
    field_class = DateField


class DateTimeFilter(Filter):
    field_class = HintedTimeField


class TextFilter(Filter):
    field_class = TextField


class RepeatableFilter(Filter):
    """A query parameter that may be repeated; its Parameters are `name[0]`, `name[1]`, ..."""

    field_class = RepeatedField

    def values(self, name: str, value: Any) -> dict[str, Any]:
        return {f"{name}[{place}]": each for place, each in enumerate(value)}
