"""Pages by `limit`, and by `cursor` or `offset`; refused where DRF would clamp or fall back to a default."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.forms import ValidationError
from django.http import QueryDict
from rest_framework import pagination
from rest_framework.request import Request

from config.api.errors import Fault, InvalidQuery
from config.api.filters import IntegerQueryField
from config.postgresql.keyset import DEFAULT_LIMIT, MOST_COUNTED, Column, Cursor, Order, Page

BIGINT_MAX = 2**63 - 1
PARAMETERS = ("limit", "offset", "cursor")
CURSOR_TEXT = (
    "Where the page begins, as `next` and `previous` have it, with the `ordering` of that link; not with `offset`."
)


class Pagination(pagination.BasePagination):
    """`limit` 1 to 1000, default 50; `offset` from 0 to 2^63 - 1, which is as far as PostgreSQL counts; or `cursor`."""

    default_limit = DEFAULT_LIMIT
    max_limit = 1000
    # What the rows can be ordered by, how they are when nobody says, and the column that no two rows share.
    columns: Mapping[str, Column]
    default_order: Sequence[str]
    unique = "id"

    def names(self) -> tuple[str, ...]:
        return PARAMETERS

    def read(self, query: Mapping[str, str]) -> tuple[Page | None, list[Fault]]:
        """The page that these parameters ask for; or what is wrong with them, to be told with the filters' faults."""
        faults = [*number_faults("limit", query, 1, self.max_limit), *number_faults("offset", query, 0, BIGINT_MAX)]
        terms = query["ordering"].split(",") if "ordering" in query else self.default_order
        if any(term.removeprefix("-") not in self.columns for term in terms):
            return None, faults  # which the filter of that name tells
        order = Order.of(terms, self.columns, self.unique)
        cursor: Cursor | None = None
        if "cursor" in query:
            try:
                cursor = Cursor.parse(query["cursor"], order)
            except ValueError:
                detail = "Put what a link of a page has, with the ordering of that link."
                faults.append({"parameter": "cursor", "code": "invalid", "detail": detail})
            if "offset" in query:
                detail = "Put cursor or offset, not both."
                faults.append({"parameter": "cursor", "code": "conflict", "detail": detail})
        if faults:
            return None, faults
        offset = int(query["offset"]) if "offset" in query else None
        return Page(order, int(query.get("limit", self.default_limit)), offset, cursor), []

    def page_of(self, request: Request) -> Page:
        """The page that a request asks for. Raises InvalidQuery."""
        if not request.META["QUERY_STRING"]:
            return self.first_page
        page, faults = self.read(request.query_params)
        if page is None:
            raise InvalidQuery(faults)
        return page

    @cached_property
    def first_page(self) -> Page:
        return Page(Order.of(self.default_order, self.columns, self.unique), self.default_limit, None, None)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        whole: dict[str, Any] = {"type": "integer"}
        schemas = {
            "limit": (
                "Results per page.",
                whole | {"minimum": 1, "maximum": self.max_limit, "default": self.default_limit},
            ),
            "offset": (
                "Results to skip before the page. The more, the slower; to walk through many, follow `next`.",
                whole | {"minimum": 0, "maximum": BIGINT_MAX},
            ),
            "cursor": (CURSOR_TEXT, {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}),
        }
        return [
            {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
            for name, (description, schema) in schemas.items()
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri", "example": None}
        return {
            "type": "object",
            "properties": {
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "description": f"Of all pages: exact up to {MOST_COUNTED:,}, else PostgreSQL's estimate.",
                    "example": 1,
                },
                "count_is_estimate": {"type": "boolean", "description": "Whether `count` is one.", "example": False},
                "next": link | {"description": "The page behind this one."},
                "previous": link | {"description": "The page before this one."},
                "results": schema,
            },
        }


def number_faults(name: str, query: Mapping[str, str], least: int, most: int) -> Iterator[Fault]:
    try:
        IntegerQueryField(min_value=least, max_value=most).clean(query.get(name))
    except ValidationError as exc:
        yield {"parameter": name, "code": str(exc.code), "detail": str(exc.message)}


def links_of(
    page: Page, url: str, query: QueryDict, ends: Sequence[Mapping[str, Any]], *, more: bool
) -> dict[str, str | None]:
    """`next` and `previous`. `ends` are the first and the last row; `more`: there are rows behind them.

    Who asked by `offset` goes on by it. Who did not walks by cursors.
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
