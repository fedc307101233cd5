"""A page of tasks: one statement that also counts, and for which PostgreSQL makes the JSON."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from time import monotonic
from typing import Any

from psycopg.pq.abc import PGresult

from config.postgresql.conditions import condition_of
from config.postgresql.keyset import MOST_COUNTED, Page, Shape, plan_in
from config.postgresql.statements import Call, Statement
from tasks.rows import ALPHABETICAL, members_of

MOST_AT_ONCE = 50  # rows that are fetched at once; a larger page may have 40 MB
MOST_BY_INDEX = (
    30_000  # matches; up to here the index of the search is faster than reading tasks until there are enough
)
MOST_READ = 40_000  # tasks that are read for a search of more matches, before the index is used all the same
# How many estimates a worker remembers, and for how many seconds. One takes a tenth of the time of a page.
MOST_ESTIMATES, MOMENT = 1000, 10.0
ESTIMATES: dict[tuple[Any, ...], tuple[int, float]] = {}
TAG = "tag["  # the names of the Parameters for tags begin with this


@dataclass(frozen=True, slots=True)
class Listed:
    """The tasks of a page as JSON, whether more tasks follow, and how many there are on all pages."""

    rows: list[bytes]
    more: bool
    count: int
    is_estimate: bool

    def parts(self, head: Mapping[str, Any]) -> list[bytes]:
        """The page as JSON, with the fields of `head` before `results`."""
        start = json.dumps(head, separators=(",", ":"))[:-1].encode() + b',"results":['
        return [start, *self.rows[:1], *(part for row in self.rows[1:] for part in (b",", row)), b"]}"]


class TaskPages:
    model: Any  # the queryset's

    @cached_property
    def condition(self) -> str:
        """The filters as SQL."""
        return condition_of(self)  # type: ignore[arg-type]  # it is one of a queryset

    def page(self, page: Page, values: Mapping[str, Any], guard: Call | None = None) -> Listed:
        """One page of the tasks. `values` are those of the filters, by the names of their Parameters."""
        names = tuple(values)
        estimate = self.expected(values) if "search" in names and not any(map(is_tag, names)) else None
        find = None if estimate is None else few if estimate <= MOST_BY_INDEX else many
        statement = page_of(self.model, self.condition, names, page.shape, find)
        count, rows = 0, []
        for result in results(statement, {**values, **page.values}, guard, by_row=page.limit > MOST_AT_ONCE):
            for row in range(result.ntuples):
                count = int(result.get_value(row, 0) or 0)
                if task := result.get_value(row, 1):
                    rows.append(task)
        more = len(rows) > page.limit
        del rows[page.limit :]
        if page.backwards:
            rows.reverse()
        if count > MOST_COUNTED and names:  # without filters, the statement returns the estimate itself
            count = max(self.expected(values) if estimate is None else estimate, count)
        return Listed(rows, more, count, is_estimate=count > MOST_COUNTED)

    def expected(self, values: Mapping[str, Any]) -> int:
        """PostgreSQL's estimate of the number of tasks, at most MOMENT seconds old."""
        key, now = (self.condition, *values.values()), monotonic()
        estimate, until = ESTIMATES.get(key, (0, 0.0))
        if now >= until:
            sql = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM tasks_task WHERE {self.condition}"
            estimate = plan_in(Statement(sql, prepare=False).run(values).get_value(0, 0) or b"").rows
            if len(ESTIMATES) >= MOST_ESTIMATES:
                ESTIMATES.clear()
            ESTIMATES[key] = estimate, now + MOMENT
        return estimate


def results(statement: Statement, values: Mapping[str, Any], guard: Call | None, *, by_row: bool) -> Iterator[PGresult]:
    if not by_row:
        yield statement.run(values, guard)
        return
    if guard:
        guard.statement.run(guard.values)
    yield from statement.run_by_row(values)


def is_tag(name: str) -> bool:
    return name.startswith(TAG)


@lru_cache(maxsize=256)
def page_of(
    model: Any, condition: str, names: tuple[str, ...], shape: Shape, find: Callable[[str, Shape], str] | None
) -> Statement:
    """A row with the count and a task, for each task of the page and for one more if there is a next page.

    An empty page is one row without a task. The tags of all tasks are found at once: one by one they would cost three
    times as much as everything else. With filters the statement is planned each time, for their values: among 300,000
    tasks, a generic plan took 140 ms instead of 9 for a rare value.
    """
    links = [name for name in names if is_tag(name)]
    tables = find(condition, shape) if find else f"page AS MATERIALIZED ({cut(condition, shape)})"
    if find:
        also = "UNION ALL TABLE sample" if find is many else ""
        counted = f"SELECT max(count) AS count FROM (TABLE enough {also}) AS found"
    elif names:
        counted = count_of(matches(condition, links if links == [*names] else []))
    else:
        counted = COUNT_OF_ALL
    sql = f"""
        WITH {tables}, tagged AS MATERIALIZED (
                SELECT link.task_id, array_agg(tag.name ORDER BY {ALPHABETICAL}) AS tags
                  FROM tasks_task_tags AS link JOIN tasks_tag AS tag ON tag.id = link.tag_id
                 WHERE link.task_id = ANY (ARRAY(SELECT id FROM page)) GROUP BY link.task_id)
        SELECT counted.count, row_to_json(members)
          FROM ({counted}) AS counted
          LEFT JOIN (SELECT page.*, coalesce(tagged.tags, '{{}}') AS tags
                       FROM page LEFT JOIN tagged ON tagged.task_id = page.id) AS task ON true
          LEFT JOIN LATERAL (SELECT {members_of(model)}) AS members ON task.id IS NOT NULL
         ORDER BY {shape.order.sql("task", backwards=shape.backwards)}"""
    return Statement(sql, plan_each_time=bool(names))


def cut(condition: str, shape: Shape, table: str = "tasks_task") -> str:
    """The rows of the page."""
    return f"""
        SELECT tasks_task.* FROM {table} WHERE {condition} AND {after(shape)}
         ORDER BY {shape.order.sql("tasks_task", backwards=shape.backwards)} LIMIT {shape.rows} {shape.offset}"""


def after(shape: Shape) -> str:
    """The condition that a cursor is."""
    return shape.order.after("tasks_task", backwards=shape.backwards) if shape.has_cursor else "true"


def matches(condition: str, links: list[str]) -> str:
    """The rows to count. If the only filters are tags, the links between tags and tasks are enough."""
    if not links:
        return f"SELECT FROM tasks_task WHERE {condition}"
    first, *others = links
    also = (f" AND task_id IN (SELECT task_id FROM tasks_task_tags WHERE tag_id = %({name})s)" for name in others)
    return f"SELECT FROM tasks_task_tags WHERE tag_id = %({first})s{''.join(also)}"


def count_of(rows: str) -> str:
    return f"SELECT count(*) AS count FROM ({rows} LIMIT {MOST_COUNTED + 1}) AS counted"


COUNT_OF_ALL = f"""
    SELECT CASE WHEN count > {MOST_COUNTED} THEN greatest(count, (
               SELECT reltuples::bigint FROM pg_class WHERE oid = 'tasks_task'::regclass)) ELSE count END AS count
      FROM ({count_of("SELECT FROM tasks_task")}) AS counted"""


def few(condition: str, shape: Shape, found: str = "") -> str:
    """The page of a search for which PostgreSQL expects few matches.

    PostgreSQL has statistics only on frequent words. For a page it would scan the tasks in their order, and read all of
    them if a word is rarer than estimated. So `matches` is planned without an order, which uses the index, and it stops
    at MOST_COUNTED. If there are no more matches, the page is cut from them.
    """
    count = "(SELECT count FROM enough)"
    return f"""
        matches AS MATERIALIZED (SELECT tasks_task.id FROM tasks_task WHERE {condition}),
        enough AS MATERIALIZED ({count_of("SELECT FROM matches")}),
        few AS MATERIALIZED (
            SELECT * FROM tasks_task WHERE id = ANY (ARRAY(SELECT id FROM matches LIMIT {MOST_COUNTED}))),
        page AS MATERIALIZED (
            {found} ({cut(f"{count} <= {MOST_COUNTED}", shape, "few AS tasks_task")})
            UNION ALL ({cut(f"{count} > {MOST_COUNTED} AND {condition}", shape)}))"""


def many(condition: str, shape: Shape) -> str:
    """The page of a search for which PostgreSQL expects many matches.

    The index would list all matches first. So `near` reads tasks in their order, and `sample` in that of the table,
    until both have enough. Each reads at most MOST_READ: the estimate may be wrong, for frequent words that never occur
    in the same task. Then the page is that of a search with few matches.
    """
    ahead = after(shape)
    order = shape.order.sql("tasks_task", backwards=shape.backwards)
    near = f"(SELECT * FROM tasks_task WHERE {ahead} ORDER BY {order} LIMIT {MOST_READ}) AS tasks_task"
    first = f"(SELECT * FROM tasks_task LIMIT {MOST_READ}) AS tasks_task"
    enough = f"((SELECT count(*) FROM near) = {shape.rows} AND (SELECT count FROM sample) > {MOST_COUNTED})"
    return f"""
        near AS MATERIALIZED ({cut(condition, shape, near)}),
        sample AS MATERIALIZED ({count_of(f"SELECT FROM {first} WHERE {condition}")}),
        {few(f"NOT {enough} AND {condition}", shape, f"(SELECT * FROM near WHERE {enough}) UNION ALL")}"""
