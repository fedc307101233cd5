"""A task as PostgreSQL puts it into JSON. `task` is the row."""

from collections.abc import Iterable

TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
TAGS = """ARRAY(SELECT tag.name FROM tasks_task_tags AS link JOIN tasks_tag AS tag ON tag.id = link.tag_id
                 WHERE link.task_id = task.id ORDER BY lower(tag.name) COLLATE "C")"""
MEMBERS = f"""task.id, task.title, task.description, task.completed, {TIME.format("task.completed_at")} AS completed_at,
    task.due_date, {TAGS} AS tags,
    {TIME.format("task.created_at")} AS created_at, {TIME.format("task.updated_at")} AS updated_at"""
# Of the names in $1, in their order: the id of the tag, or null.
TAG_IDS = """SELECT (SELECT tag.id FROM tasks_tag AS tag WHERE lower(tag.name) = lower(wanted.name))
               FROM unnest($1::varchar[]) WITH ORDINALITY AS wanted (name, place) ORDER BY place"""
ETAG = "to_hex((extract(epoch FROM task.updated_at) * 1000000)::bigint)"


def array(values: Iterable[bytes]) -> bytes:
    """Of texts, as PostgreSQL reads it."""
    quoted = (value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') for value in values)
    return b"{%s}" % b",".join(b'"%s"' % value for value in quoted)
