"""The SQL of an import. A row has the columns of records.COLUMNS, in that order."""

from django.db import models

from tasks.models import Task
from tasks.rows import TIME
from tasks.transfer.records import COLUMNS

FIELDS = [field for field in Task._meta.concrete_fields if field.name in COLUMNS]  # noqa: SLF001 - public
TIMES = {each.name: TIME.format(f"task.{each.name}") for each in FIELDS if isinstance(each, models.DateTimeField)}
# JSON escapes control characters, so with these two as quote and delimiter, COPY never quotes.
RAW = "FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02'"


def columns(expressions: dict[str, str]) -> str:
    """A select list: the expression of each column, or the column of the row `task`."""
    return ", ".join(f"{expressions.get(name, f'task.{name}')} AS {name}" for name in COLUMNS)


# A statement may run longer than one of a request; compiling it (jit) takes longer than it saves. Foreign keys are
# checked after each batch: checked at the end, their list would grow with the file.
SETTINGS = """SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
              SET LOCAL lock_timeout = '10s'; SET LOCAL jit = off; SET LOCAL work_mem = '32MB';
              SET CONSTRAINTS ALL IMMEDIATE"""
# Triggers plan their search for tasks once per session, at the first batch. If the table is small then, the plan reads
# all of it in every batch.
PLANS = "SET LOCAL enable_hashjoin = {0}; SET LOCAL enable_mergejoin = {0}"
STAGE = f"""
    DROP TABLE IF EXISTS pg_temp.stage, pg_temp.fresh, pg_temp.named;
    CREATE TEMP TABLE stage ON COMMIT DROP AS
        SELECT 0::bigint AS row, 0::bigint AS line, {columns({"reference": "NULL::varchar", "tags": "NULL::varchar[]"})}
          FROM tasks_task AS task WITH NO DATA"""
# A row without a reference gets a digest of its values, numbered if the file has equal rows. The digest is the one of
# earlier versions: a later column takes part only if it is not null, and as Todoist's priority did, as a tag: p1.
FIRST = ("title", "description", "completed", "completed_at", "due_date", "tags", "created_at")
LATER = ", ".join(f"'{name[0]}' || {name}" for name in COLUMNS if name not in ("reference", *FIRST))
DIGESTED = ", ".join(FIRST).replace("tags", f"array_remove(tags || ARRAY[{LATER}]::varchar[], NULL)")
NAME = f"""
    UPDATE stage SET reference = named.reference FROM (
        SELECT row, 'row:' || digest || ':' || row_number() OVER (PARTITION BY digest ORDER BY row) AS reference
          FROM (SELECT row, left(encode(sha256(convert_to(
                       ROW({DIGESTED})::text, 'UTF8')), 'hex'), 32) AS digest
                  FROM stage WHERE reference IS NULL) AS digests
    ) AS named WHERE stage.row = named.row"""
TWICE = "SELECT reference, min(row) AS row FROM stage GROUP BY reference HAVING count(*) > 1"
REPEATS = f"""
    COPY (SELECT json_build_object('line', task.line, 'before', first.line, 'values', json_strip_nulls(to_json(shown)))
            FROM ({TWICE}) AS twice
            JOIN stage AS first ON first.row = twice.row
            JOIN stage AS task ON task.reference = twice.reference AND task.row > twice.row
           CROSS JOIN LATERAL (SELECT {columns(TIMES)}) AS shown
           ORDER BY task.row) TO STDOUT ({RAW})"""
DROP_REPEATS = f"""
    DELETE FROM stage USING ({TWICE}) AS twice WHERE stage.reference = twice.reference AND stage.row > twice.row"""
OWN_REFERENCE = "concat('task:', task.id, ':', (extract(epoch FROM task.created_at) * 1000000)::bigint)"
# A task exists if an import stored its reference, or if an export built the reference from its id and created_at. The
# id is compared first: as a join key, the reference would be built for every task.
FRESH = f"""
    FROM stage WHERE NOT EXISTS (
        SELECT FROM tasks_reference AS known JOIN tasks_task AS task ON task.id = known.task_id
         WHERE known.reference = stage.reference
    ) AND NOT EXISTS (
        SELECT FROM tasks_task AS task
         WHERE task.id = CASE WHEN stage.reference ~ '^task:[1-9][0-9]{{0,17}}:'
                              THEN split_part(stage.reference, ':', 2)::bigint END
           AND {OWN_REFERENCE} IS NOT DISTINCT FROM stage.reference
    )"""
KEEP_FRESH = f"""
    CREATE TEMP TABLE fresh ON COMMIT DROP AS
        SELECT nextval((SELECT pg_get_serial_sequence('tasks_task', 'id')::regclass)) AS id, new.*
          FROM (SELECT row_number() OVER (ORDER BY row) AS number, stage.* {FRESH} ORDER BY row) AS new;
    CREATE UNIQUE INDEX ON fresh (number); ANALYZE fresh"""
COUNT = "SELECT count(*), coalesce(md5(string_agg(row::text, ',' ORDER BY row)), ''), (SELECT count(*) FROM stage)"
# Each spelling is folded once: a file has many more tags than names.
TAGS = """
    CREATE TEMP TABLE named ON COMMIT DROP AS
        SELECT each.name, tag.id
          FROM (SELECT name, tasks_folded(name) AS key FROM fresh, unnest(tags) AS tag (name) GROUP BY name) AS each
          JOIN tasks_tags_named(
               ARRAY(SELECT name FROM fresh, unnest(tags) AS tag (name) GROUP BY name ORDER BY min(row))
               ) AS tag ON tag.key = each.key;
    CREATE UNIQUE INDEX ON named (name); ANALYZE named"""
WRITTEN = ", ".join(field.name for field in FIELDS)
BATCH = "WHERE number > %s AND number <= %s"
BATCHES = (
    f"""INSERT INTO tasks_task (id, {WRITTEN})
        SELECT id, {WRITTEN.replace("created_at", "coalesce(created_at, statement_timestamp())")}
          FROM fresh {BATCH} ORDER BY number""",
    f"""INSERT INTO tasks_task_tags (task_id, tag_id)
        SELECT fresh.id, named.id FROM fresh, unnest(fresh.tags) AS tag (name)
          JOIN named ON named.name = tag.name {BATCH}""",
    f"""INSERT INTO tasks_reference (reference, task_id) SELECT reference, id FROM fresh {BATCH}
        ON CONFLICT (reference) DO UPDATE SET task_id = excluded.task_id""",
)
