"""Pages that begin after a row, not after a number of rows: as fast at the end as at the beginning.

A cursor holds the values of the row where a page ends, in the columns of the order. While others insert and delete,
a walk along cursors meets every row that stays exactly once.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django import forms

# As far as rows are counted one by one, which is as many as a page can have. Elasticsearch does it up to 10,000, and
# PostgREST as far as it is told; each more would cost every page of a longer list.
MOST_COUNTED = 1000
DEFAULT_LIMIT = 50


@dataclass(frozen=True)
class Column:
    """What an order can go by: the SQL to sort by, which is never null, its type, and the check of a cursor's value."""

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
        """From `-created_at` and the like; what comes behind the unique column makes no difference."""
        last = "-" if terms[-1].startswith("-") else ""
        complete = (*terms, f"{last}{unique}")
        end = [term.removeprefix("-") for term in complete].index(unique)
        names = complete[: end + 1]
        return cls(tuple((known[name.removeprefix("-")], name.startswith("-")) for name in names), names)

    def sql(self, table: str, *, backwards: bool = False) -> str:
        """Behind ORDER BY."""
        return ", ".join(
            f"{column.sql.format(table)} {'DESC' if descending != backwards else 'ASC'}"
            for column, descending in self.columns
        )

    def after(self, table: str, *, backwards: bool = False) -> str:
        """The condition of a page that begins behind the row whose values are %(cursor_0)s and the following.

        One direction in all columns is one comparison of rows, which an index serves from end to end. With several,
        the first column still bounds what is read.
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
    """Where a page begins: behind, or before, the row with these values."""

    values: tuple[str, ...]
    backwards: bool

    @classmethod
    def at(cls, row: Mapping[str, Any], order: Order, *, backwards: bool) -> str:
        """The text of a cursor at a row, as an answer shows it."""
        values = [row[name.removeprefix("-")] for name in order.names]
        text = json.dumps([order.names, backwards, values], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, order: Order) -> Self:
        """Raises ValueError where `text` was not made for this order."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
            names, backwards, values = json.loads(raw)
            parsed = tuple(column.parse(value) for (column, _), value in zip(order.columns, values, strict=True))
        except (binascii.Error, ValueError, TypeError, KeyError, RecursionError, forms.ValidationError) as exc:
            raise ValueError(text) from exc
        if names != [*order.names] or not isinstance(backwards, bool):
            raise ValueError(text)
        return cls(parsed, backwards)


@dataclass(frozen=True)
class Shape:
    """What pages have in common whose statements differ in their parameters alone."""

    order: Order
    has_cursor: bool
    backwards: bool
    rows: str  # how many the statement gets: one more than the page has
    offset: str


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    order: Order
    limit: int
    offset: int | None
    cursor: Cursor | None

    @property
    def backwards(self) -> bool:
        return self.cursor is not None and self.cursor.backwards

    @property
    def shape(self) -> Shape:
        """A limit that is the same for most is planned for once, and so is no offset."""
        rows = f"{self.limit + 1}" if self.limit == DEFAULT_LIMIT else "%(limit)s"
        offset = "" if self.offset is None else "OFFSET %(offset)s"
        return Shape(self.order, self.cursor is not None, self.backwards, rows, offset)

    @property
    def values(self) -> dict[str, Any]:
        """Of the statement's parameters. One row more than the page has tells whether there is a next one."""
        cursor = self.cursor.values if self.cursor else ()
        return {f"cursor_{place}": value for place, value in enumerate(cursor)} | {
            "limit": self.limit + 1,
            "offset": self.offset,
        }


def estimate_in(plan: str | bytes) -> int:
    """The rows that PostgreSQL expects, from what EXPLAIN (FORMAT JSON) answers."""
    estimate: int = json.loads(plan)[0]["Plan"]["Plan Rows"]
    return estimate
