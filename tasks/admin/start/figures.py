"""The numbers on the admin's start page. Each statement reads only the part of an index that it counts, and no table.

Days and hours are in UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Any

from django.db import connection

DAY = timedelta(days=1)
# Limits for the statements that read more than one index entry per row, so that they stay fast.
NEWEST_OPEN, NEWEST_CHANGES = 30_000, 250_000

# Index task_created, or task_open for open tasks. One count per period takes half the time of a GROUP BY.
IN_PERIODS = """
SELECT (SELECT count(*) FROM tasks_task WHERE {} created_at >= since AND created_at < until)
  FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS period (since, until)
"""
# Index task_completed. For completed tasks: the day they were completed and the day they became overdue, both as days
# since the first day.
COMPLETED = """
SELECT day::date - %(first)s, due - %(first)s, tasks
  FROM (SELECT date_bin('1 day', completed_at, %(start)s) AS day,
               CASE WHEN due_date < %(first)s THEN %(first)s ELSE due_date + 1 END AS due, count(*) AS tasks
          FROM tasks_task WHERE completed_at >= %(start)s GROUP BY 1, 2) AS completed
"""
# Index task_open_due, on the same expression.
OVERDUE = """
SELECT greatest(due_date + 1, %(first)s) - %(first)s, count(*)
  FROM tasks_task WHERE NOT completed AND coalesce(due_date, 'infinity'::date) < %(last)s GROUP BY 1
"""
# Index task_open. The creation time of the first task over the limit.
OLDER_OPEN = "SELECT created_at FROM tasks_task WHERE NOT completed ORDER BY created_at DESC OFFSET %s LIMIT 1"
# Index task_open, then for each task the unique index of its tags.
TAGS = """
SELECT tag.id, tag.name, tasks
  FROM (SELECT tag_id, count(*) AS tasks
          FROM (SELECT id FROM tasks_task WHERE NOT completed AND created_at >= %s
                 ORDER BY created_at DESC LIMIT %s) AS task
          JOIN tasks_task_tags AS link ON link.task_id = task.id
         GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s) AS used
  JOIN tasks_tag AS tag ON tag.id = tag_id
 ORDER BY tasks DESC, tag.key
"""
# Index change_at_who.
CHANGES = """
SELECT extract(epoch FROM hour - %(start)s)::int / 3600, actor, operation, changes
  FROM (SELECT date_bin('1 hour', at, %(start)s) AS hour, actor, operation, count(*) AS changes
          FROM (SELECT at, actor, operation FROM tasks_change WHERE at >= %(start)s AND at < %(end)s
                 ORDER BY at DESC LIMIT %(most)s) AS newest
         GROUP BY 1, 2, 3) AS counted
"""


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def created(periods: Sequence[tuple[date, date]], *, is_open: bool = False) -> list[int]:
    """The number of tasks created in each period, first and last day included; with `is_open`, only open tasks."""
    since = [midnight(first) for first, _ in periods]
    until = [midnight(last + DAY) for _, last in periods]
    return [row[0] for row in rows(IN_PERIODS.format("NOT completed AND" if is_open else ""), [since, until])]


def completed_and_overdue(days: Sequence[date]) -> tuple[list[int], list[int]]:
    """For each day, the number of tasks completed on it and the number overdue at its end.

    Uses current due dates: a task whose due date was moved later counts as if it always had the new one.
    """
    dates, end = {"first": days[0], "last": days[-1], "start": midnight(days[0])}, len(days)
    # The extra entry is for tasks with a completion time in the future.
    done, steps = [0] * (end + 1), [0] * (end + 1)
    for completed, due, tasks in rows(COMPLETED, dates):
        day = min(completed, end)
        done[day] += tasks
        if due is not None and due < day:
            steps[due] += tasks
            steps[day] -= tasks
    for due, tasks in rows(OVERDUE, dates):
        steps[due] += tasks
    return done[:end], list(accumulate(steps[:end]))


def tags_of_open(today: date, most: int) -> tuple[date | None, bool, list[tuple[int, str, int]]]:
    """The most used tags of open tasks, each as (id, name, number of tasks).

    With more than NEWEST_OPEN open tasks, only those created since a day are counted; that day is the first value,
    otherwise None. The second value is true if even today has too many, so that some of today's are not counted.
    """
    older = rows(OLDER_OPEN, [NEWEST_OPEN])
    since = min(older[0][0].date() + DAY, today) if older else None
    found = rows(TAGS, [midnight(since or date.min), NEWEST_OPEN, most])
    return since, bool(older) and older[0][0].date() >= today, found


def changes(start: date, end: date) -> tuple[list[tuple[int, str, str, int]], bool]:
    """Changes from `start` to `end`, both included, each as (hours since the start, actor, operation, number).

    With more than NEWEST_CHANGES, only the newest are counted and the second value is true: the earliest hour in the
    result is then incomplete.
    """
    found = rows(CHANGES, {"start": midnight(start), "end": midnight(end + DAY), "most": NEWEST_CHANGES})
    return found, sum(row[-1] for row in found) == NEWEST_CHANGES


def rows(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[Any] = cursor.fetchall()
        return found
