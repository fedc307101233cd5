"""What has changed since a point: each task once, as it is now, or that it was deleted. One statement reads it.

Tasks are found by the transaction that changed them last, deletions by the history. Both are read in the order of
transaction and id, up to what the first page saw. A task that changes again meanwhile has a later transaction then: it
comes with the next point.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from config.postgresql.snapshots import MAX, Point, Snapshot, identity_of
from config.postgresql.statements import Call, Statement
from tasks.pages import MOST_AT_ONCE, results
from tasks.rows import ALPHABETICAL, members_of

# Where nothing is new: what a client without a point gets.
NOTHING = Point(0, (0, 0), Snapshot(MAX))
OTHER_DATABASE = "It is of another database: the service has moved, or its database was restored or rewritten."
TRIMMED = "Deletions since then were trimmed from the history."

# `database` is what the statement sees; `last` is the last transaction whose changes it sees.
AT = "(extract(epoch FROM at) * 1000000)::bigint"
DELETIONS = "(SELECT id, task_id, deleted_in AS transaction FROM tasks_change WHERE deleted_in IS NOT NULL)"
HEAD = f"""
    database AS MATERIALIZED (
        SELECT {identity_of("tasks_task", "tasks_task_tags", "tasks_change")} AS id,
               pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS until,
               ARRAY(SELECT each::text::bigint FROM pg_snapshot_xip(pg_current_snapshot()) AS each) AS running),
    trimmed AS MATERIALIZED (
        SELECT coalesce(max(transaction) FILTER (WHERE transaction < until), 0) AS transaction,
               coalesce(max(change), 0) AS change FROM database, tasks_trimmed),
    head AS MATERIALIZED (
        SELECT database.id AS database, until, running, trimmed.transaction AS trimmed,
               greatest(trimmed.transaction, 2,
                   (SELECT transaction FROM tasks_task WHERE transaction < until
                     ORDER BY transaction DESC, id DESC LIMIT 1),
                   (SELECT transaction FROM {DELETIONS} AS deletion WHERE transaction < until
                     ORDER BY transaction DESC, task_id DESC LIMIT 1)) AS last,
               coalesce((SELECT json_build_array(id, {AT}) FROM tasks_change ORDER BY id DESC LIMIT 1),
                        '[0,0]') AS proof,
               %(proof)s::bigint <= trimmed.change
                   OR (SELECT {AT} FROM tasks_change WHERE id = %(proof)s) = %(proof_at)s AS is_proven
          FROM database, trimmed)"""  # noqa: S608 - of constants
# The rows of a table that are new, by its columns for the id of a task. `also` is a further condition.
NEW = """
    SELECT each.* FROM unnest(%(late)s::bigint[], %(late_after)s::bigint[]) AS late (transaction, after)
     CROSS JOIN LATERAL (SELECT one.transaction, one.{id} AS id FROM {table} AS one
                          WHERE one.transaction = late.transaction AND one.{id} > late.after AND {also}
                          ORDER BY one.{id} LIMIT %(rows)s) AS each
     UNION ALL
    (SELECT one.transaction, one.{id} FROM {table} AS one
      WHERE (one.transaction, one.{id}) > (%(start)s, %(start_id)s) AND {before_end} AND {also}
      ORDER BY one.transaction, one.{id} LIMIT %(rows)s)"""
BEFORE_END = """{0}.transaction < coalesce(%(until)s, (SELECT until FROM database))
            AND {0}.transaction <> ALL (%(until_running)s::bigint[])"""
# Of several deletions of a task only the last one counts. OFFSET 0 makes PostgreSQL look at one after the other: it
# would otherwise read all tasks, for an estimate that is wrong.
GONE = f"""
        NOT EXISTS (SELECT FROM tasks_task AS task WHERE task.id = one.task_id OFFSET 0)
        AND NOT EXISTS (
            SELECT FROM {DELETIONS} AS later
             WHERE later.task_id = one.task_id
               AND (later.transaction, later.id) > (one.transaction, one.id)
               AND (later.transaction >= %(since)s OR later.transaction = ANY (%(since_running)s::bigint[]))
               AND {BEFORE_END.format("later")} OFFSET 0)"""  # noqa: S608 - of constants


class UnusablePoint(Exception):  # noqa: N818 - it describes the point
    """What has changed since the point can't be said any more; the text says why."""


@dataclass(frozen=True, slots=True)
class Changes:
    """One page as JSON, the point after it, and whether there are more pages."""

    rows: list[bytes]
    next: Point
    more: bool

    def parts(self, next_url: str) -> list[bytes]:
        end = json.dumps({"next": next_url, "more": self.more}, separators=(",", ":"))[1:].encode()
        separated = [part for row in self.rows for part in (b",", row)][1:]
        return [b'{"results":[', *separated, b"],", end]


def changes(
    model: Any, after: Point | None, limit: int, filters: Mapping[str, Any], guard: Call | None = None
) -> Changes:
    """The page after a point; without one, an empty page. Raises UnusablePoint.

    A task that does not match the filters, `completed` and `tag` (names), is told as a deleted one.
    """
    point = after or NOTHING
    values = {"completed": None, "tag": None, **filters, **point.values, "rows": limit + 1}
    head: Any = None
    found: list[Any] = []
    for result in results(statement(model), values, guard, by_row=limit > 2 * MOST_AT_ONCE):
        for row in range(result.ntuples):
            head = head or json.loads(result.get_value(row, 0) or b"")
            if task := result.get_value(row, 1):
                found.append((task, *(int(result.get_value(row, column) or 0) for column in (2, 3))))
    now = now_of(head, after)
    more = len(found) > limit
    if more:
        now = Point(now.database, now.proof, point.since, point.until or now.since, found[limit - 1][1:])
    elif point.until:
        now = Point(now.database, now.proof, point.until)
    elif after and not found:
        now = after  # the same bytes, and so a 304
    return Changes([task for task, *_ in found[:limit]], now, more)


def now_of(head: Mapping[str, Any], after: Point | None) -> Point:
    """The point of the statement's snapshot. Raises UnusablePoint if the changes after the other one are unknown."""
    if after:
        last = max(each.end for each in (after.since, after.until) if each)
        if after.database != head["database"] or not head["is_proven"] or last > head["until"]:
            raise UnusablePoint(OTHER_DATABASE)
        if after.since.oldest <= head["trimmed"]:
            raise UnusablePoint(TRIMMED)
    first, at = head["proof"]
    return Point(head["database"], (first, at), Snapshot.of(head["last"] + 1, head["running"]))


@cache
def statement(model: Any) -> Statement:
    """A row with the head, and with the JSON and the place of a change for each change of the page and one more."""
    ends = BEFORE_END.format("one")
    tasks = NEW.format(table="tasks_task", id="id", before_end=ends, also="true")
    deletions = NEW.format(table=DELETIONS, id="task_id", before_end=ends, also=GONE)
    sql = f"""
        WITH {HEAD}, changed AS MATERIALIZED (
            SELECT * FROM ({tasks} UNION ALL {deletions}) AS each
             ORDER BY transaction, id LIMIT %(rows)s),
        page AS MATERIALIZED (
            SELECT * FROM tasks_task WHERE id = ANY (ARRAY(SELECT id FROM changed))
               AND (%(completed)s::boolean IS NULL OR completed = %(completed)s)),
        tagged AS MATERIALIZED (
            SELECT link.task_id, array_agg(tag.name ORDER BY {ALPHABETICAL}) AS tags, array_agg(tag.key) AS keys
              FROM tasks_task_tags AS link JOIN tasks_tag AS tag ON tag.id = link.tag_id
             WHERE link.task_id = ANY (ARRAY(SELECT id FROM page)) GROUP BY link.task_id)
        SELECT head.json,
               '{{"id":' || changed.id || ',"task":' || coalesce(row_to_json(members)::text, 'null') || '}}',
               changed.transaction, changed.id
          FROM (SELECT row_to_json(head) AS json FROM head OFFSET 0) AS head LEFT JOIN changed ON true
          LEFT JOIN (SELECT page.*, coalesce(tagged.tags, '{{}}') AS tags
                       FROM page LEFT JOIN tagged ON tagged.task_id = page.id
                      WHERE coalesce(tagged.keys, '{{}}') @> ARRAY(
                                SELECT tasks_folded(name) FROM unnest(%(tag)s::text[]) AS name)) AS task
            ON task.id = changed.id
          LEFT JOIN LATERAL (SELECT {members_of(model)}) AS members ON task.id IS NOT NULL
         ORDER BY changed.transaction, changed.id"""  # noqa: S608 - of constants
    return Statement(sql, plan_once=True)
