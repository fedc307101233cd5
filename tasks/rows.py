"""The operations on one task. Each is one statement, and PostgreSQL returns the task as JSON.

The functions that write are in sql/write.sql. Only the API passes `guard`, which checks the token of the request.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import models
from psycopg.pq.abc import PGresult

from config.postgresql.statements import Call, Statement

# Entity tags without quotes: the one of the task must be in `allowed`, unless that is None, and not in `refused`.
Conditions = Mapping[str, Collection[str] | None]
UNCONDITIONAL: Conditions = {"allowed": None, "refused": None}
TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
ALPHABETICAL = 'tag.key COLLATE "C"'
TAGS = f"""ARRAY(SELECT tag.name FROM tasks_task_tags AS link JOIN tasks_tag AS tag ON tag.id = link.tag_id
                  WHERE link.task_id = task.id ORDER BY {ALPHABETICAL})"""
WRITTEN = "SELECT (written.task).*, written.tags, written.state FROM {} AS written OFFSET 0"
CHANGE = WRITTEN.format("tasks_task_change(%(pk)s, %(allowed)s, %(refused)s, %(columns)s, %(tags)s)")
DELETE = WRITTEN.format("tasks_task_delete(%(pk)s, %(allowed)s, %(refused)s)")


@dataclass(frozen=True, slots=True)
class Row:
    """A task as it is sent. `etag` is its strong entity tag, in quotes."""

    json: bytes
    etag: str
    pk: int


class Stale(Exception):  # noqa: N818 - it describes the version that the caller has
    """The conditions do not hold for the current version of the task, which is `row`."""

    def __init__(self, row: Row) -> None:
        super().__init__(row.etag)
        self.row = row


class TaskRows:
    model: Any  # the queryset's

    def read(self, pk: int, guard: Call | None = None) -> Row:
        """Raises DoesNotExist."""
        return self._row("read", {"pk": pk}, guard)

    def insert(self, values: Mapping[str, Any], guard: Call | None = None) -> Row:
        """Create a task, and the tags of these names where they are missing."""
        columns, tags = split(values)
        statement = insert(self.model, tuple(columns), has_tags=bool(tags))
        return self._found(statement.run({"columns": columns, "tags": tags}, guard))

    def change(
        self, pk: int, values: Mapping[str, Any], conditions: Conditions = UNCONDITIONAL, guard: Call | None = None
    ) -> Row:
        """Write only these fields, and only if one of them differs; `tags` is replaced as a whole.

        Two calls that change different fields at once both succeed. Raises DoesNotExist, or Stale if the conditions
        do not hold; then nothing is written.
        """
        columns, tags = split(values)
        return self._row("change", {"pk": pk, "columns": columns, "tags": tags, **conditions}, guard)

    def remove(self, pk: int, conditions: Conditions = UNCONDITIONAL, guard: Call | None = None) -> None:
        """Delete the task. Raises the same as `change`."""
        self._row("delete", {"pk": pk, **conditions}, guard)

    def _row(self, operation: str, values: Mapping[str, Any], guard: Call | None) -> Row:
        return self._found(statements(self.model)[operation].run(values, guard))

    def _found(self, found: PGresult) -> Row:
        if not found.ntuples:
            raise self.model.DoesNotExist
        json, etag, pk, state = (found.get_value(0, column) or b"" for column in range(4))
        row = Row(json, f'"{etag.decode()}"', int(pk))
        if state == b"stale":
            raise Stale(row)
        return row


def split(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str] | None]:
    """The columns, and the names of the tags."""
    columns = dict(values)
    return columns, columns.pop("tags", None)


@cache
def statements(model: Any) -> dict[str, Statement]:
    read = f"SELECT task.*, {TAGS} AS tags, '' AS state FROM tasks_task AS task WHERE task.id = %(pk)s"
    return {
        name: Statement(shown(model, source))
        for name, source in (("read", read), ("change", CHANGE), ("delete", DELETE))
    }


@cache
def insert(model: Any, columns: tuple[str, ...], *, has_tags: bool) -> Statement:
    names = ", ".join(columns)
    new = f"""new AS (INSERT INTO tasks_task ({names})
        SELECT {names} FROM jsonb_populate_record(NULL::tasks_task, %(columns)s) RETURNING *)"""
    source = "SELECT new.*, {} AS tags, '' AS state FROM new"
    if not has_tags:
        nothing = source.format("'{}'::text[]")
        return Statement(f"WITH {new} {shown(model, nothing)}")
    tags = f"ARRAY(SELECT tag.name FROM tag ORDER BY {ALPHABETICAL})"
    return Statement(f"""
        WITH tag AS MATERIALIZED (SELECT * FROM tasks_tags_named(%(tags)s)), {new},
             link AS (INSERT INTO tasks_task_tags (task_id, tag_id) SELECT new.id, tag.id FROM new, tag)
        {shown(model, source.format(tags))}""")


def shown(model: Any, source: str) -> str:
    """Selects, for each task in `source`: its JSON, its entity tag without quotes, its id and its state."""
    return f"""
        SELECT row_to_json(members), tasks_etag(task.updated_at), task.id, task.state
          FROM ({source}) AS task, LATERAL (SELECT {members_of(model)}) AS members"""


@cache
def members_of(model: Any) -> str:
    """The select list for `task`, a row with the names of its tags in `tags`."""
    columns = {field.name: field for field in model._meta.concrete_fields}  # noqa: SLF001 - public
    times = {name for name, field in columns.items() if isinstance(field, models.DateTimeField)}
    return ", ".join(
        f"{TIME.format(f'task.{name}') if name in times else f'task.{name}'} AS {name}" for name in model.MEMBERS
    )
