"""Pages that begin after a row, not after a number of rows. The last page is as fast as the first.

A cursor holds the values of the last row of a page in the columns of the order. A client that follows cursors sees
every row exactly once, except rows that others insert or delete in the meantime.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from django import forms

# Rows are counted exactly up to this number, which is the maximum size of a page. A higher number would slow down every
# page of a longer list. Elasticsearch counts up to 10,000, PostgREST up to a configured number.
MOST_COUNTED = 1000
DEFAULT_LIMIT = 50


@dataclass(frozen=True)
class Column:
    """A column to order by: its SQL, which is never null, its type, and the validation of a value in a cursor."""

    sql: str  # with {0} for the table
    type: str
    parse: Callable[[Any], str]  # raises ValueError, TypeError or ValidationError


@dataclass(frozen=True)
class Order:
    """Columns, each with its direction; the last one is unique."""

    columns: tuple[tuple[Column, bool], ...]  # true: descending
    names: tuple[str, ...]

    @classmethod
    def of(cls, terms: Sequence[str], known: Mapping[str, Column], unique: str) -> Self:
        """From terms such as `-created_at`. Terms after the unique column make no difference."""
        last = "-" if terms[-1].startswith("-") else ""
        complete = (*terms, f"{last}{unique}")
        end = [term.removeprefix("-") for term in complete].index(unique)
        names = complete[: end + 1]
        return cls(tuple((known[name.removeprefix("-")], name.startswith("-")) for name in names), names)

    def sql(self, table: str, *, backwards: bool = False) -> str:
        """The terms after ORDER BY."""
        return ", ".join(
            f"{column.sql.format(table)} {'DESC' if descending != backwards else 'ASC'}"
            for column, descending in self.columns
        )

    def after(self, table: str, *, backwards: bool = False) -> str:
        """The condition of a page that begins after the row with the values %(cursor_0)s, %(cursor_1)s and so on.

        If all columns have the same direction, it is one comparison of rows, which an index answers completely. If
        not, the first column still limits what is read.
        """
        columns = [column.sql.format(table) for column, _ in self.columns]
        values = [f"%(cursor_{place})s::{column.type}" for place, (column, _) in enumerate(self.columns)]
        operators = ["<" if descending != backwards else ">" for _, descending in self.columns]
        if len(set(operators)) == 1:
            return f"({', '.join(columns)}) {operators[0]} ({', '.join(values)})"
        *terms, (column, operator, value) = zip(columns, operators, values, strict=True)
        condition = f"{column} {operator} {value}"
        for column, operator, value in reversed(terms):
            condition = f"({column} {operator} {value} OR ({column} = {value} AND {condition}))"
        return f"({columns[0]} {operators[0]}= {values[0]} AND {condition})"


@dataclass(frozen=True)
class Cursor:
    """Where a page begins: after, or before, the row with these values."""

    values: tuple[str, ...]
    backwards: bool

    @classmethod
    def at(cls, row: Mapping[str, Any], order: Order, *, backwards: bool) -> str:
        """The text of a cursor at a row, for a response."""
        values = [row[name.removeprefix("-")] for name in order.names]
        text = json.dumps([order.names, backwards, values], ensure_ascii=False, separators=(",", ":"))
        return encoded(text.encode())

    @classmethod
    def parse(cls, text: str, order: Order) -> Self:
        """Raises ValueError if `text` is not a cursor of this order."""
        try:
            names, backwards, values = json.loads(decoded(text))
            parsed = tuple(column.parse(value) for (column, _), value in zip(order.columns, values, strict=True))
        except (ValueError, TypeError, KeyError, RecursionError, forms.ValidationError) as exc:
            raise ValueError(text) from exc
        if names != [*order.names] or not isinstance(backwards, bool):
            raise ValueError(text)
        return cls(parsed, backwards)


@dataclass(frozen=True)
class Shape:
    """What determines the statement of a page, apart from its parameters."""

    order: Order
    has_cursor: bool
    backwards: bool
    rows: str  # how many the statement gets: one more than the page has
    offset: str


@dataclass(frozen=True)
class Page:
    """The part of a list that a request asks for."""

    order: Order
    limit: int
    offset: int | None
    cursor: Cursor | None

    @property
    def backwards(self) -> bool:
        return self.cursor is not None and self.cursor.backwards

    @property
    def shape(self) -> Shape:
        """The default limit is part of the statement, not a parameter, so that its plan is made only once."""
        rows = f"{self.limit + 1}" if self.limit == DEFAULT_LIMIT else "%(limit)s"
        offset = "" if self.offset is None else "OFFSET %(offset)s"
        return Shape(self.order, self.cursor is not None, self.backwards, rows, offset)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of the statement. It reads one row more than the page has, to know if there is a next page."""
        cursor = self.cursor.values if self.cursor else ()
        return {f"cursor_{place}": value for place, value in enumerate(cursor)} | {
            "limit": self.limit + 1,
            "offset": self.offset,
        }


def encoded(content: bytes) -> str:
    """For a URL (base64url of RFC 4648, without padding)."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Raises ValueError if `encoded` does not return this text, as where bits after the end are set."""
    content = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
    if encoded(content) != text:
        raise ValueError(text)
    return content


class Plan(NamedTuple):
    """What PostgreSQL expects of a statement: how many rows, and the cost of finding them, in its own units."""

    rows: int
    cost: float


def plan_in(explained: str | bytes) -> Plan:
    """From the output of EXPLAIN (FORMAT JSON)."""
    plan = json.loads(explained)[0]["Plan"]
    return Plan(plan["Plan Rows"], plan["Total Cost"])
