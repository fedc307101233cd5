"""django-filter's filters, strict: a parameter that is unknown, malformed or given twice is an error that names it."""

import datetime
import difflib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django_filters.rest_framework import DjangoFilterBackend, FilterSet

from config.api.errors import Fault, InvalidQuery
from config.api.fields import BLANK, DATE, DATE_SCHEMA
from config.postgresql.conditions import Parameter

WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
# RFC 3339 with capitals, as finely as PostgreSQL keeps time.
LOCAL_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
OFFSET = r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
DATE_TIME = re.compile(f"(?P<local>{LOCAL_TIME})(?P<offset>{OFFSET})?")
EDGES = ("0001-01-01", "9999-12-31")  # an offset could push a time of these days over the edge of the calendar
DATE_TIME_PATTERN = f"^(?!0000|({'|'.join(EDGES)}).*[^Z]$){LOCAL_TIME}{OFFSET}$"
NOT_BLANK = rf"^[^\u0000\ufffd]*[^{BLANK}\u0000\ufffd][^\u0000\ufffd]*$"


class FilterBackend(DjangoFilterBackend):
    """Reports all faults of a query string at once: unknown names, repetitions, wrong values, a wrong page."""

    def filter_queryset(self, request: Any, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """A queryset with a Parameter for each value; the values are in request.filters, by the parameters' names.

        So it is one and the same object for all requests with the same filters, and its SQL is compiled once.
        """
        request.filters = {}
        if not request.META["QUERY_STRING"]:
            return queryset
        query, filters = request.query_params, view.filterset_class.base_filters
        known = [*filters, *view.paginator.names()]
        repeatable = {name for name in query if isinstance(filters.get(name), RepeatableFilter)}
        faults = unknown_parameters(query, known) + repeated_parameters(query, repeatable)
        faults += view.paginator.read(query)[1]
        for name, one in filters.items():
            if name not in query:
                continue
            try:
                value = one.field.clean(query.getlist(name) if name in repeatable else query[name])
            except forms.ValidationError as exc:
                faults += [
                    {"parameter": name, "code": each.code or "", "detail": str(each.message)} for each in exc.error_list
                ]
            else:
                request.filters |= one.values(name, value)
        if faults:
            raise InvalidQuery(faults)
        return filtered(view.filterset_class, tuple(request.filters))


@lru_cache(maxsize=256)
def filtered(filterset: type[FilterSet], names: tuple[str, ...]) -> QuerySet[Any]:
    """The rows that meet the conditions of these parameters."""
    rows: QuerySet[Any] = filterset.Meta.model.objects.all()
    for name in names:
        rows = filterset.base_filters[name.partition("[")[0]].filter(rows, Parameter(name))
    return rows


def unknown_parameters(query: QueryDict, known: Sequence[str]) -> list[Fault]:
    faults: list[Fault] = []
    for name in query:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            right = (
                f"Did you mean {near[0]}?"
                if near
                else f"Known are {', '.join(sorted(known))}."
                if known
                else "None is."
            )
            faults.append({"parameter": name, "code": "unknown", "detail": f"Not a parameter here. {right}"})
    return faults


def repeated_parameters(query: QueryDict, repeatable: set[str]) -> list[Fault]:
    return [
        {"parameter": name, "code": "repeated", "detail": f"Given {len(values)} times; put it once."}
        for name, values in query.lists()
        if len(values) > 1 and name not in repeatable
    ]


class QueryField(forms.Field):
    """A text from the query string; an empty one is a mistake, not a filter that is off."""

    widget: type[forms.Widget] = forms.TextInput

    def clean(self, value: Any) -> Any:
        return None if value is None else self.parse(value)

    # Of one value, for the OpenAPI document. No example: the docs page would send those of all, and find nothing.
    schema: dict[str, Any]

    def parse(self, value: str) -> Any:
        """The value, or a ValidationError that says what would be right."""
        raise NotImplementedError


def invalid(detail: str, code: str = "invalid") -> forms.ValidationError:
    return forms.ValidationError(detail, code=code)


class BooleanQueryField(QueryField):
    schema: dict[str, Any] = {"type": "boolean"}

    def parse(self, value: str) -> bool:
        if value not in ("true", "false"):
            raise invalid("Put true or false.")
        return value == "true"


class IntegerQueryField(QueryField):
    def __init__(self, *, min_value: int, max_value: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bounds = min_value, max_value
        self.schema = {"type": "integer", "minimum": min_value, "maximum": max_value}

    def parse(self, value: str) -> int:
        least, most = self.bounds
        if not WHOLE_NUMBER.fullmatch(value):
            raise invalid(f"Expected a whole number from {least} to {most}.")
        if not least <= int(value) <= most:
            raise invalid(f"{value} is not between {least} and {most}.", "out_of_range")
        return int(value)


class DateQueryField(QueryField):
    schema: dict[str, Any] = DATE_SCHEMA

    def parse(self, value: str) -> datetime.date:
        try:
            if DATE.fullmatch(value):
                return datetime.date.fromisoformat(value)
        except ValueError:
            raise invalid(f"There is no day {value}.") from None
        raise invalid("Put a date like 2026-11-22.")


class DateTimeQueryField(QueryField):
    schema: dict[str, Any] = {
        "type": "string",
        "format": "date-time",
        "pattern": DATE_TIME_PATTERN,
    }

    def parse(self, value: str) -> datetime.datetime:
        if " " in value and DATE_TIME.fullmatch(value.replace(" ", "+")):
            raise invalid("A + in a query string means a blank: write the offset's + as %2B, or use Z.")
        parts = DATE_TIME.fullmatch(value)
        if not parts:
            raise invalid("Put a time like 2026-11-22T09:30:00Z.")
        if not parts["offset"]:
            raise invalid("The offset is missing: put Z or one like +01:00 (its + written as %2B) behind it.")
        if value.startswith(EDGES) and parts["offset"] != "Z":
            raise invalid("On the first and the last day of the calendar put Z as the offset.", "out_of_range")
        try:
            # In UTC: PostgreSQL takes no offset above 15:59.
            return datetime.datetime.fromisoformat(value).astimezone(datetime.UTC)
        except ValueError:
            raise invalid(f"There is no time {value}.") from None


class TextQueryField(QueryField):
    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length = max_length
        self.schema = {"type": "string", "minLength": 1, "maxLength": max_length, "pattern": NOT_BLANK}

    def parse(self, value: str) -> str:
        if not value.strip():
            raise invalid("It is empty: leave it out, or put a text.", "blank")
        if "\x00" in value:
            raise invalid("It holds a NUL character.", "null_character")
        if "\ufffd" in value:
            raise invalid("It is not UTF-8 (or holds U+FFFD, which stands for what is not).", "not_utf8")
        if len(value) > self.max_length:
            raise invalid(f"Put at most {self.max_length} characters.", "max_length")
        return value


class RepeatedField(TextQueryField):
    """The same parameter, several times."""

    widget = forms.MultipleHiddenInput

    def __init__(self, *, max_items: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_items = max_items
        self.schema = {"type": "array", "items": self.schema, "maxItems": max_items}

    def clean(self, value: Any) -> list[str]:
        values = [self.parse(one) for one in value or []]
        if len(values) > self.max_items:
            raise invalid(f"Put it at most {self.max_items} times.", "max_items")
        return values


class OrderingField(QueryField):
    """Names of columns by comma, `-` for descending."""

    def __init__(self, *, columns: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.columns = columns
        names = "|".join(columns)
        once = rf"(?!.*\b({names})\b.*\b\1\b)"
        self.schema = {
            "type": "string",
            "pattern": rf"^{once}-?({names})(,-?({names}))*$",
            "default": "-created_at",
        }

    def parse(self, value: str) -> list[str]:
        terms = value.split(",")
        names = [term.removeprefix("-") for term in terms]
        for name in names:
            if name not in self.columns:
                raise invalid(
                    f"Can't order by {name!r}. Put one or more of {', '.join(self.columns)}, - for descending."
                )
            if names.count(name) > 1:
                raise invalid(f"{name} is in it twice.", "repeated")
        return terms


class Filter(django_filters.Filter):
    """Of the values that it was given, `values` makes those of the condition's parameters."""

    def values(self, name: str, value: Any) -> dict[str, Any]:
        return {name: value}


class BooleanFilter(Filter):
    field_class = BooleanQueryField


class IntegerFilter(Filter):
    field_class = IntegerQueryField


class DateFilter(Filter):
    field_class = DateQueryField


class DateTimeFilter(Filter):
    field_class = DateTimeQueryField


class TextFilter(Filter):
    field_class = TextQueryField


class RepeatableFilter(Filter):
    """A parameter that may be given several times: `name[0]`, `name[1]`, ..."""

    field_class = RepeatedField

    def values(self, name: str, value: Any) -> dict[str, Any]:
        return {f"{name}[{place}]": each for place, each in enumerate(value)}


class OrderingFilter(Filter):
    """Is checked here, and followed by the pagination, which cuts pages along it."""

    field_class = OrderingField

    def values(self, name: str, value: Any) -> dict[str, Any]:
        return {}


__all__ = ["FilterSet"]
