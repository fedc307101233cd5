"""A page of tasks."""

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote

from django.forms import ValidationError

from config.accounts.tokens.grants import HOLDS
from config.api.fast_path import Answer, PlainRequest
from config.api.keyset import Cursor, Order
from config.api.pagination import MOST_COUNTED, Page, estimate_in
from config.postgresql.statements import Statement
from tasks.fast_path.sql import MEMBERS, TAG_IDS, array
from tasks.filters import TaskFilter
from tasks.models import SEARCH_CONFIG, TAGS_PER_TASK
from tasks.pagination import ORDERING, TaskPagination

PAGINATION = TaskPagination()
FIND_TAGS = Statement(TAG_IDS)
TEXT = f"to_tsvector('{SEARCH_CONFIG}', coalesce(task.title, '') || ' ' || coalesce(task.description, ''))"
DUE_KEY = ORDERING["due_date"].sql.format("task")
# What each parameter means, with its value at {}.
CONDITIONS = {
    "completed": "task.completed = {}::boolean",
    "tag": "task.id IN (SELECT link.task_id FROM tasks_task_tags AS link WHERE link.tag_id = {}::bigint)",
    "due_date__gte": f"task.due_date IS NOT NULL AND {DUE_KEY} >= {{}}::date",
    "due_date__lte": f"task.due_date IS NOT NULL AND {DUE_KEY} <= {{}}::date",
    "created_at__gte": "task.created_at >= {}::timestamptz",
    "created_at__lt": "task.created_at < {}::timestamptz",
    "updated_at__gte": "task.updated_at >= {}::timestamptz",
    "updated_at__lt": "task.updated_at < {}::timestamptz",
    "search": f"{TEXT} @@ websearch_to_tsquery('{SEARCH_CONFIG}', {{}}::text)",
}
PARSERS: dict[str, Callable[[str], Any]] = {
    name: TaskFilter.base_filters[name].field.parse for name in (*CONDITIONS, "ordering")
}


MOST_BY_INDEX = 300_000  # matches that the index of the search lists sooner than tasks are read as they lie
MOST_PARAMETERS = 100  # nobody who means it sends more
TAKEN = frozenset((*CONDITIONS, "limit", "offset", "cursor", "ordering"))


@dataclass(frozen=True)
class Query:
    """A query string of which nothing is to be said."""

    pairs: list[tuple[str, str]]
    filters: list[tuple[str, bytes]]
    page: Page

    @classmethod
    def of(cls, text: str) -> "Query | None":
        if text.count("&") > MOST_PARAMETERS:
            return None
        pairs = parse_qsl(text, keep_blank_values=True) if text else []
        names = [name for name, _ in pairs if name != "tag"]
        page, _ = PAGINATION.read(dict(pairs))
        if page is None or not text.isascii() or len(set(names)) < len(names) or not TAKEN.issuperset(names):
            return None
        if len(pairs) - len(names) > TAGS_PER_TASK:
            return None
        try:
            values = [(name, PARSERS[name](value)) for name, value in pairs if name in PARSERS]
        except ValidationError:
            return None
        return cls(pairs, [(name, text_of(value)) for name, value in values if name in CONDITIONS], page)

    @property
    def is_usual(self) -> bool:
        """Whether it is one of the few that are worth a plan on every connection, and whose plan fits all values."""
        return not self.filters and self.page.offset is None and self.page.limit == PAGINATION.default_limit

    @property
    def condition(self) -> str:
        """Behind WHERE, without the cursor."""
        conditions = [CONDITIONS[name].format(f"${place}") for place, (name, _) in enumerate(self.filters, 1)]
        return " AND ".join(conditions) or "true"

    @property
    def sql(self) -> str:
        """A row for each task of the page, and one more where there is a next one: the count, and the task."""
        return f"""
            SELECT (SELECT count(*) FROM (
                       SELECT 1 FROM tasks_task AS task WHERE {self.condition} LIMIT {MOST_COUNTED + 1}) AS counted),
                   row_to_json(members)
              FROM ({self.rows("tasks_task", self.condition)}) AS members
             WHERE {self.is_granted}
        """

    @property
    def sql_of_few(self) -> str:
        """The same, for a search that PostgreSQL expects to find little.

        It knows the frequent words alone. For a page it would walk along the order, and for a word that is rarer than
        it believes read every task. So `matches` is planned for all of them, which is by the index, and stops when
        there are enough; if those are all, the page is cut from them.
        """
        count = "(SELECT count FROM counted)"
        return f"""
            WITH matches AS MATERIALIZED (SELECT task.id FROM tasks_task AS task WHERE {self.condition}),
                 counted AS MATERIALIZED (
                    SELECT count(*) AS count FROM (SELECT 1 FROM matches LIMIT {MOST_COUNTED + 1}) AS enough),
                 few AS MATERIALIZED (
                    SELECT * FROM tasks_task WHERE id = ANY (ARRAY(SELECT id FROM matches LIMIT {MOST_COUNTED})))
            SELECT {count}, row_to_json(members)
              FROM (({self.rows("few", f"{count} <= {MOST_COUNTED}")})
                    UNION ALL
                    ({self.rows("tasks_task", f"{count} > {MOST_COUNTED} AND {self.condition}")})) AS members
             WHERE {self.is_granted}
        """

    @property
    def is_granted(self) -> str:
        """Behind the values of the filters and those of the cursor."""
        cursor = self.page.order.columns if self.page.cursor else ()
        return HOLDS.format(f"${len(self.filters) + len(cursor) + 1}")

    def rows(self, table: str, condition: str) -> str:
        """The tasks of the page."""
        page = self.page
        behind = page.order.after("task", len(self.filters) + 1, backwards=page.backwards) if page.cursor else "true"
        return f"""
            SELECT {MEMBERS} FROM {table} AS task WHERE {condition} AND {behind}
             ORDER BY {page.order.sql("task", backwards=page.backwards)}
             LIMIT {page.limit + 1} OFFSET {page.offset or 0}
        """

    def find_tags(self) -> bool:
        """Put the ids of the tags for their names; false where there is no such tag.

        From an id PostgreSQL knows how many tasks carry the tag, and by which index to find them.
        """
        names = [value for name, value in self.filters if name == "tag"]
        if not names:
            return True
        found = FIND_TAGS.run(array(names))
        ids = [found.get_value(row, 0) for row in range(found.ntuples)]
        rest = [(name, value) for name, value in self.filters if name != "tag"]
        self.filters[:] = rest + [("tag", pk) for pk in ids if pk is not None]
        return None not in ids

    def estimate(self, values: Sequence[bytes]) -> int:
        sql = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM tasks_task AS task WHERE {self.condition}"
        return estimate_in(Statement(sql, prepare=False).run(*values).get_value(0, 0) or b"")


def text_of(value: Any) -> bytes:
    """As PostgreSQL reads it: a boolean, a date, a time or a text."""
    return (value.isoformat() if isinstance(value, datetime.date) else str(value)).encode()


@dataclass(frozen=True)
class Found:
    """A page, and how many there are in all."""

    rows: list[bytes]
    more: bool = False
    count: int = 0
    is_estimate: bool = False


def page(request: PlainRequest, pk: bytes) -> Answer | None:
    query = Query.of(request.environ["QUERY_STRING"])
    if query is None:
        return None
    found = look_up(query, request.sender.version) if query.find_tags() else Found([])
    # Where no row is found, there is none to tell the count of the others, or that the caller may know.
    if not found.rows and (query.page.cursor or query.page.offset or not request.is_granted()):
        return None
    return request.answer("200 OK", body(request, query, found))


def look_up(query: Query, version: bytes | None) -> Found:
    values = [value for _, value in query.filters]
    names = {name for name, _ in query.filters}
    estimate = query.estimate(values) if "search" in names and "tag" not in names else None
    cursor = query.page.cursor
    parameters = (*values, *(map(str.encode, cursor.values) if cursor else ()), version)
    count, rows = fetch(statement(query, estimate), parameters, by_row=query.page.limit > PAGINATION.default_limit)
    more = len(rows) > query.page.limit
    del rows[query.page.limit :]
    if query.page.backwards:
        rows.reverse()
    if count <= MOST_COUNTED:
        return Found(rows, more, count)
    return Found(rows, more, max(query.estimate(values) if estimate is None else estimate, count), is_estimate=True)


def fetch(statement: Statement, parameters: Sequence[bytes | None], *, by_row: bool) -> tuple[int, list[bytes]]:
    """The count and the rows; a page of many row by row, since it may have 40 MB."""
    count, rows = 0, []
    for result in statement.run_by_row(*parameters) if by_row else (statement.run(*parameters),):
        for row in range(result.ntuples):
            count = int(result.get_value(row, 0) or 0)
            rows.append(result.get_value(row, 1) or b"")
    return count, rows


def statement(query: Query, estimate: int | None) -> Statement:
    if query.is_usual:
        cursor = query.page.cursor
        return usual(query.page.order, cursor and cursor.backwards)
    is_rare = estimate is not None and estimate <= MOST_BY_INDEX
    return Statement(query.sql_of_few if is_rare else query.sql, prepare=False)


@lru_cache
def usual(order: Order, backwards: bool | None) -> Statement:
    """Prepared; `backwards` is None for the first page."""
    cursor = None if backwards is None else Cursor((), backwards=backwards)
    return Statement(Query([], [], Page(order, PAGINATION.default_limit, None, cursor)).sql)


def body(request: PlainRequest, query: Query, found: Found) -> list[bytes]:
    url, rows = f"{request.origin}{quote(request.environ['PATH_INFO'])}", found.rows
    ends = [json.loads(row) for row in (*rows[:1], *rows[-1:])] if query.page.offset is None else []
    links = query.page.links(url, query.pairs, ends, more=found.more)
    head = {"count": found.count, "count_is_estimate": found.is_estimate, **links}
    start = json.dumps(head, separators=(",", ":"))[:-1].encode() + b',"results":['
    return [start, *rows[:1], *(part for row in rows[1:] for part in (b",", row)), b"]}"]
