"""Pages by `limit`, and by `cursor` or `offset`. An invalid value is an error; DRF would clamp it or use a default."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from rest_framework import pagination, serializers

from config.api.faults import Fault, shortened
from config.api.fields import BIGINT_MAX, IntegerField, Schema, StrictField
from config.api.parameters import described, invalid
from config.postgresql.keyset import DEFAULT_LIMIT, MOST_COUNTED, Column, Cursor, Order, Page

PARAMETERS = ("limit", "offset", "cursor")


class CursorField(StrictField, serializers.Field):  # type: ignore[type-arg]  # accepts any text
    """Accepts any text: Pagination.read parses it, together with the order that it belongs to."""

    def to_internal_value(self, data: str) -> str:
        return data

    def schema(self, direction: str) -> Schema:
        return {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}


class OrderingField(StrictField, serializers.Field):  # type: ignore[type-arg]  # a list of names
    """Names of columns separated by commas, each with `-` for descending."""

    def __init__(self, *, columns: Mapping[str, Column], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.columns = columns

    def to_internal_value(self, data: str) -> list[str]:
        terms = data.split(",")
        names = [term.removeprefix("-") for term in terms]
        for name in names:
            if name not in self.columns:
                accepted = f"Accepted are {', '.join(self.columns)}, each with - for descending."
                raise invalid(f'Can\'t order by "{shortened(name, 40)}". {accepted}')
            if names.count(name) > 1:
                raise invalid(f"Must not repeat {name}.", "repeated")
        return terms

    def schema(self, direction: str) -> Schema:
        names = "|".join(self.columns)
        return {"type": "string", "pattern": f"^-?({names})(,-?({names}))*$"}


def by(field: Any, last: str | None = None) -> Callable[[Any], str]:
    """The parser of a column's value in a cursor. The API shows null; the order has `last` in its place."""

    def parse(value: Any) -> str:
        if value is None and last is not None:
            return last
        try:
            text = str(field.run_validation(value))
        except serializers.ValidationError as exc:
            raise ValueError(value) from exc
        if "\x00" in text:
            raise ValueError(value)
        return text.encode().decode()  # raises a ValueError for half of a surrogate pair

    return parse


class Pagination(pagination.BasePagination):
    """The page by `limit` (1 to 1000, default 50) and by `cursor` or `offset` (at most PostgreSQL's largest bigint)."""

    limit = IntegerField(
        min_value=1, max_value=1000, default=DEFAULT_LIMIT, help_text="The maximum number of results per page."
    )
    offset = IntegerField(
        min_value=0,
        max_value=BIGINT_MAX,
        help_text=f"How many results to skip, at most {BIGINT_MAX}. A large offset is slow: to read many pages, follow"
        " `next`.",
    )
    cursor = CursorField(
        help_text="Where the page starts. Copy it from `next` or `previous`, together with their `ordering`. Can't be"
        " combined with `offset`."
    )
    ordering: OrderingField  # its default is the order without the parameter
    unique = "id"  # the column that no two rows share

    @classmethod
    @cache
    def fields(cls) -> dict[str, Any]:
        """The fields that read the parameters."""
        return {"limit": cls.limit, "offset": cls.offset, "cursor": cls.cursor, "ordering": cls.ordering}

    @classmethod
    @cache
    def first(cls) -> Page:
        """The page that a request without parameters gets."""
        return Page(cls.order_of({}), DEFAULT_LIMIT, None, None)

    @classmethod
    def order_of(cls, values: Mapping[str, Any]) -> Order:
        terms = values.get("ordering") or str(cls.ordering.default).split(",")
        return Order.of(terms, cls.ordering.columns, cls.unique)

    @classmethod
    def read(cls, query: Mapping[str, str], values: Mapping[str, Any]) -> tuple[Page, list[Fault]]:
        """The page that these parameters ask for, and the errors that no single field can find."""
        order, cursor = cls.order_of(values), None
        faults: list[Fault] = []
        if "cursor" in values and ("ordering" in values or "ordering" not in query):
            try:
                cursor = Cursor.parse(values["cursor"], order)
            except ValueError:
                detail = "Expected a cursor from a next or previous link, with the ordering of that link."
                faults.append({"parameter": "cursor", "code": "invalid", "detail": detail})
            if "offset" in query:
                detail = "Must not be combined with offset."
                faults.append({"parameter": "cursor", "code": "conflict", "detail": detail})
        return Page(order, values.get("limit", DEFAULT_LIMIT), values.get("offset"), cursor), faults

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return described(self.fields())

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri", "example": None}
        return {
            "type": "object",
            "description": "A page of results.",
            "properties": {
                "count": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                    "description": f"The results on all pages: exact up to {MOST_COUNTED:,}, above that an estimate.",
                    "example": 1,
                },
                "count_is_estimate": {
                    "type": "boolean",
                    "description": "Whether `count` is an estimate.",
                    "example": False,
                },
                "next": link | {"description": "The URL of the next page, or null on the last page."},
                "previous": link | {"description": "The URL of the previous page, or null on the first page."},
                "results": schema,
            },
        }


def links_of(
    page: Page, url: str, query: QueryDict, ends: Sequence[Mapping[str, Any]], *, more: bool
) -> dict[str, str | None]:
    """`next` and `previous`. `ends` are the first and the last row; `more` says whether further rows follow.

    The links of a request with `offset` have an `offset`; all others have a `cursor`.
    """
    rest = [(name, value) for name, values in query.lists() if name not in PARAMETERS for value in values]

    def link(**parameters: object) -> str:
        own = [(name, str(value)) for name, value in {"limit": page.limit, **parameters}.items()]
        return f"{url}?{urlencode(sorted([*rest, *own]))}"

    if page.offset is not None:
        before = page.offset - page.limit
        return {
            "next": link(offset=page.offset + page.limit) if more else None,
            "previous": None if page.offset == 0 else link(**({"offset": before} if before > 0 else {})),
        }
    if not ends:
        return {"next": None, "previous": None}
    has_next, has_previous = (True, more) if page.backwards else (more, page.cursor is not None)
    return {
        "next": link(cursor=Cursor.at(ends[-1], page.order, backwards=False)) if has_next else None,
        "previous": link(cursor=Cursor.at(ends[0], page.order, backwards=True)) if has_previous else None,
    }
