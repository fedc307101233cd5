"""The operations on one task."""

import json
import re
from functools import lru_cache

from django.db import transaction
from psycopg.pq.abc import PGresult

from config.accounts.tokens.grants import HOLDS
from config.api.errors import IdempotencyKeyReused, InvalidHeader
from config.api.fast_path import Answer, PlainRequest
from config.idempotency.models import StoredAnswer, key_in
from config.postgresql.statements import Statement
from tasks.fast_path.bodies import COLUMNS, MEDIA_TYPES, PATCH_MEDIA_TYPES, values_of
from tasks.fast_path.sql import ETAG, MEMBERS, TAGS

ENTITY_TAG = re.compile(r'"([0-9a-f]+)"')
CREATED = "201 Created"
DEFAULTS = {"description": None, "completed": b"false", "due_date": None}
READ = f"SELECT row_to_json(members), {ETAG}, task.id FROM {{}} AS task, LATERAL (SELECT {MEMBERS}) AS members"
# Who and which request, for the triggers that write the history, and for this statement alone.
SIGN = "set_config('tasks.actor', $1, true), set_config('tasks.request', $2, true)"
IS_GRANTED = HOLDS.format("$3")
IS_ASKED_FOR = f"task.id = $4::bigint AND coalesce({ETAG} = $5, true) AND {IS_GRANTED}"
# The rows that this statement sees are those of its beginning. Where it had to wait for another writer of the task, it
# sees that one's row, but not its tags: then it does nothing.
IS_AS_SEEN = "task.updated_at = (SELECT seen.updated_at FROM tasks_task AS seen WHERE seen.id = $4::bigint)"
# The tags of these names, made where they are missing, always in the order of their names, so that two statements can't
# wait for each other in a ring. One that somebody else makes at this moment can't be seen: then some are missing.
FIND_TAGS = f"""
    wanted AS (SELECT name FROM unnest({{names}}::varchar[]) AS name),
    known AS (SELECT tag.id, tag.name FROM tasks_tag AS tag JOIN wanted ON lower(tag.name) = lower(wanted.name)),
    new AS (
        INSERT INTO tasks_tag (name)
        SELECT wanted.name FROM wanted, (SELECT {SIGN}) AS signature
         WHERE {{condition}} AND NOT EXISTS (SELECT 1 FROM known WHERE lower(known.name) = lower(wanted.name))
         ORDER BY lower(wanted.name)
        ON CONFLICT (lower(name)) DO NOTHING RETURNING id, name),
    found AS (SELECT id, name FROM known UNION ALL SELECT id, name FROM new)"""
ARE_FOUND = "(SELECT count(*) FROM found) = (SELECT count(*) FROM wanted)"
FOUND_TAGS = 'ARRAY(SELECT found.name FROM found ORDER BY lower(found.name) COLLATE "C")'

RETRIEVE = Statement(READ.format("tasks_task") + f" WHERE task.id = $1::bigint AND {HOLDS.format('$2')}")
INSERT = f"""
    INSERT INTO tasks_task (title, description, completed, due_date)
    SELECT $4, $5, $6::boolean, $7::date FROM (SELECT {SIGN}) AS signature WHERE {IS_GRANTED}"""
CREATE = Statement(f"WITH made AS ({INSERT} RETURNING *) {READ.format('made')}")
CREATE_WITH_TAGS = Statement(
    f"""
    WITH {FIND_TAGS.format(names="$8", condition=IS_GRANTED)},
         made AS ({INSERT} AND {ARE_FOUND} RETURNING *),
         links AS (INSERT INTO tasks_task_tags (task_id, tag_id) SELECT made.id, found.id FROM made, found)
    {READ.format("made").replace(TAGS, FOUND_TAGS)}
    """
)
# The links first: the history then has the tags that the task had.
DESTROY = Statement(
    f"""
    WITH task AS (SELECT task.id, {SIGN} FROM tasks_task AS task WHERE {IS_ASKED_FOR} FOR UPDATE),
         links AS (DELETE FROM tasks_task_tags WHERE task_id = (SELECT id FROM task) RETURNING 1)
    DELETE FROM tasks_task USING task WHERE tasks_task.id = task.id AND (SELECT count(*) FROM links) >= 0 RETURNING 1
    """
)
# The tags that go, before others come.
REMOVE_TAGS = Statement(
    f"""
    WITH task AS (SELECT task.id, {SIGN} FROM tasks_task AS task WHERE {IS_ASKED_FOR} FOR UPDATE)
    DELETE FROM tasks_task_tags AS link USING task
     WHERE link.task_id = task.id AND link.tag_id NOT IN (
           SELECT tag.id FROM tasks_tag AS tag JOIN unnest($6::varchar[]) AS wanted (name)
               ON lower(tag.name) = lower(wanted.name)) RETURNING 1
    """
)


@lru_cache
def update_of(columns: tuple[str, ...]) -> Statement:
    """Writes these columns where one of them differs."""
    values = values_for(columns)
    return Statement(
        f"""
        WITH made AS (
            UPDATE tasks_task AS task SET {", ".join(map("{} = {}".format, columns, values))}
              FROM (SELECT {SIGN}) AS signature
             WHERE {IS_ASKED_FOR} AND {IS_AS_SEEN}
               AND {differs(columns, values)}
            RETURNING task.*
        ) {READ.format("made")}
        """
    )


@lru_cache
def update_with_tags_of(columns: tuple[str, ...]) -> Statement:
    """Writes these columns and all tags where one of them differs.

    Not where some tags come and others go: the triggers that record the two would both see the end alone. That takes
    REMOVE_TAGS first. And no tag is made for a task that is not there or not the one that was asked for.
    """
    values = values_for(columns)
    # The trigger puts the time; that updated_at is written at all says that the task changes with its tags.
    written = [*map("{} = {}".format, columns, values), "updated_at = task.updated_at + interval '1 microsecond'"]
    return Statement(
        f"""
        WITH RECURSIVE {FIND_TAGS.format(names=f"${len(columns) + 6}", condition="EXISTS (SELECT 1 FROM locked)")},
             present AS (SELECT tag_id AS id FROM tasks_task_tags WHERE task_id = $4::bigint),
             going AS (SELECT id FROM present EXCEPT SELECT id FROM known),
             locked AS (
                SELECT task.id FROM tasks_task AS task
                 WHERE {IS_ASKED_FOR} AND {IS_AS_SEEN}
                   AND (NOT EXISTS (SELECT 1 FROM going)
                        OR (SELECT count(*) FROM wanted) = (SELECT count(*) FROM known JOIN present USING (id)))
                   FOR UPDATE),
             coming AS (SELECT id FROM found EXCEPT SELECT id FROM present),
             target AS (SELECT id FROM locked WHERE {ARE_FOUND}),
             removed AS (
                DELETE FROM tasks_task_tags
                 WHERE task_id = (SELECT id FROM target) AND tag_id IN (SELECT id FROM going) RETURNING 1),
             added AS (
                INSERT INTO tasks_task_tags (task_id, tag_id)
                SELECT target.id, coming.id FROM target, coming RETURNING 1),
             made AS (
                UPDATE tasks_task AS task SET {", ".join(written)}
                  FROM target, (SELECT {SIGN}) AS signature
                 WHERE task.id = target.id AND ({differs(columns, values)}
                    OR EXISTS (SELECT 1 FROM removed) OR EXISTS (SELECT 1 FROM added))
                RETURNING task.*)
        {READ.format("made").replace(TAGS, FOUND_TAGS)}
        """
    )


def values_for(columns: tuple[str, ...]) -> list[str]:
    return [f"${place}::{COLUMNS[column]}" for place, column in enumerate(columns, 6)]


def differs(columns: tuple[str, ...], values: list[str]) -> str:
    return f"ROW({', '.join(f'task.{column}' for column in columns)}) IS DISTINCT FROM ROW({', '.join(values)})"


def retrieve(request: PlainRequest, pk: bytes) -> Answer | None:
    if request.environ["QUERY_STRING"] or "HTTP_IF_MATCH" in request.environ:
        return None
    return shown(request, RETRIEVE.run(pk, request.sender.version))


def create(request: PlainRequest, pk: bytes) -> Answer | None:
    values = values_of(request, MEDIA_TYPES)
    if values is None or "title" not in values or "HTTP_IF_MATCH" in request.environ:
        return None
    try:
        key = key_in(request.environ.get("HTTP_IDEMPOTENCY_KEY"))
    except InvalidHeader:
        return None
    return insert(request, values) if key is None else insert_once(request, values, key)


def insert_once(request: PlainRequest, values: dict[str, bytes | None], key: str) -> Answer | None:
    """With its answer kept. Where the key has been used, the answer comes the long way."""
    body = json.loads(request.environ["wsgi.input"].getvalue())
    with transaction.atomic(savepoint=False):  # for the same reason as in update()
        try:
            stored = StoredAnswer.claim(request.sender.caller, key, body)
        except IdempotencyKeyReused:
            return None
        if stored.status:
            return None
        answer = insert(request, values)
        if answer:
            kept = {name: value for name, value in answer.headers if name in ("Content-Type", "ETag", "Location")}
            stored.keep(201, kept, answer.body)
        else:
            transaction.set_rollback(True)
    return answer


def insert(request: PlainRequest, values: dict[str, bytes | None]) -> Answer | None:
    values = {**DEFAULTS, **values}
    parameters = (*request.signature, *(values[column] for column in COLUMNS))
    tags = values.get("tags")
    return shown(request, CREATE_WITH_TAGS.run(*parameters, tags) if tags else CREATE.run(*parameters), CREATED)


def update(request: PlainRequest, pk: bytes) -> Answer | None:
    values = values_of(request, PATCH_MEDIA_TYPES)
    if not values or not has_plain_condition(request):
        return None
    columns = tuple(column for column in COLUMNS if column in values)
    parameters = tuple(values[column] for column in columns)
    if "tags" not in values:
        return shown(request, update_of(columns).run(*request.signature, pk, etag_of(request), *parameters))
    statement, tags = update_with_tags_of(columns), values["tags"] or b"{}"
    answer = shown(request, statement.run(*request.signature, pk, etag_of(request), *parameters, tags))
    if answer:
        return answer
    # A savepoint would give the task another xmin than the transaction's, and the trigger would move updated_at.
    with transaction.atomic(savepoint=False):
        if REMOVE_TAGS.run(*request.signature, pk, etag_of(request), tags).ntuples:
            answer = shown(request, statement.run(*request.signature, pk, None, *parameters, tags))
            if answer is None:
                transaction.set_rollback(True)
    return answer


def destroy(request: PlainRequest, pk: bytes) -> Answer | None:
    if request.environ["QUERY_STRING"] or not has_plain_condition(request):
        return None
    is_gone = DESTROY.run(*request.signature, pk, etag_of(request)).ntuples
    return request.answer("204 No Content") if is_gone else None


def has_plain_condition(request: PlainRequest) -> bool:
    """Whether If-Match, if there is one, is one strong entity tag."""
    return ENTITY_TAG.fullmatch(request.environ.get("HTTP_IF_MATCH", '"0"')) is not None


def etag_of(request: PlainRequest) -> bytes | None:
    """What If-Match asks for, without the quotes."""
    return request.environ["HTTP_IF_MATCH"][1:-1].encode() if "HTTP_IF_MATCH" in request.environ else None


def shown(request: PlainRequest, found: PGresult, status: str = "200 OK") -> Answer | None:
    """The task that was found; with its address, where it is new."""
    if not found.ntuples:
        return None
    body, etag, pk = (found.get_value(0, column) or b"" for column in range(3))
    headers = [("ETag", f'"{etag.decode()}"')]
    if status == CREATED:
        headers.append(("Location", f"{request.origin}/tasks/{pk.decode()}"))
    return request.answer(status, [body], *headers)
