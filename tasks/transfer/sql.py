"""What PostgreSQL is asked in an import and an export."""

from tasks.rows import TIME

# No character of JSON is below the blank, save the line breaks between: nothing in a row is quoted.
RAW = "FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02'"

BATCH = 20_000  # tasks at a time, between two moves of the progress bar
# A statement takes longer than a request's may, and compiling one (jit) longer than it saves. Foreign keys are checked
# batch by batch, or the list of what is to be checked at the end would grow with the file.
SETTINGS = """SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
              SET LOCAL lock_timeout = '10s'; SET LOCAL jit = off; SET LOCAL work_mem = '32MB';
              SET CONSTRAINTS ALL IMMEDIATE"""
# Triggers plan their search for the tasks once in a session, at the first batch; on a table that is small then, they
# would plan to read all of it in every batch.
PLANS = "SET LOCAL enable_hashjoin = {0}; SET LOCAL enable_mergejoin = {0}"
STAGE = """
    DROP TABLE IF EXISTS pg_temp.stage, pg_temp.fresh;
    CREATE TEMP TABLE stage (
        row bigint, line bigint, reference varchar, title varchar, description text, completed boolean,
        completed_at timestamptz, due_date date, tags varchar[], created_at timestamptz
    ) ON COMMIT DROP"""
COPY = """COPY stage (row, line, reference, title, description, completed, completed_at, due_date, tags, created_at)
          FROM STDIN"""
# A row without a reference gets one of what stands in it, and of how many such rows the file has before it.
NAME = """
    UPDATE stage SET reference = named.reference FROM (
        SELECT row, 'row:' || digest || ':' || row_number() OVER (PARTITION BY digest ORDER BY row) AS reference
          FROM (SELECT row, left(encode(sha256(convert_to(
                       ROW(title, description, completed, completed_at, due_date, tags, created_at)::text, 'UTF8'
                       )), 'hex'), 32) AS digest
                  FROM stage WHERE reference IS NULL) AS digests
    ) AS named WHERE stage.row = named.row"""
TWICE = "SELECT reference, min(row) AS row FROM stage GROUP BY reference HAVING count(*) > 1"
REPEATS = f"""
    COPY (SELECT json_build_object('line', stage.line, 'before', first.line, 'values', json_strip_nulls(
                 json_build_object('reference', stage.reference, 'title', stage.title,
                                   'description', stage.description, 'completed', stage.completed,
                                   'completed_at', {TIME.format("stage.completed_at")}, 'due_date', stage.due_date,
                                   'tags', stage.tags, 'created_at', {TIME.format("stage.created_at")})))
            FROM ({TWICE}) AS twice
            JOIN stage AS first ON first.row = twice.row
            JOIN stage ON stage.reference = twice.reference AND stage.row > twice.row
           ORDER BY stage.row) TO STDOUT ({RAW})"""
DROP_REPEATS = f"""
    DELETE FROM stage USING ({TWICE}) AS twice WHERE stage.reference = twice.reference AND stage.row > twice.row"""
MADE_REFERENCE = "concat('task:', task.id, ':', (extract(epoch FROM task.created_at) * 1000000)::bigint)"
# What is there is known by the reference that an import wrote down, or by the one that an export made of a task's id
# and created_at. That one is compared after the id has been: as a key of a join it would be made for all tasks.
FRESH = f"""
    FROM stage WHERE NOT EXISTS (
        SELECT FROM tasks_reference AS known JOIN tasks_task AS task ON task.id = known.task_id
         WHERE known.reference = stage.reference
    ) AND NOT EXISTS (
        SELECT FROM tasks_task AS task
         WHERE task.id = CASE WHEN stage.reference ~ '^task:[1-9][0-9]{{0,17}}:'
                              THEN split_part(stage.reference, ':', 2)::bigint END
           AND {MADE_REFERENCE} IS NOT DISTINCT FROM stage.reference
    )"""
KEEP_FRESH = f"""
    CREATE TEMP TABLE fresh ON COMMIT DROP AS
        SELECT nextval((SELECT pg_get_serial_sequence('tasks_task', 'id')::regclass)) AS id, new.*
          FROM (SELECT stage.* {FRESH} ORDER BY row) AS new;
    CREATE UNIQUE INDEX ON fresh (row); ANALYZE fresh"""
COUNT = "SELECT count(*), coalesce(md5(string_agg(row::text, ',' ORDER BY row)), ''), (SELECT count(*) FROM stage)"
TAGS = """
    INSERT INTO tasks_tag (name)
    SELECT name FROM (
        SELECT DISTINCT ON (lower(name)) name FROM fresh, unnest(tags) WITH ORDINALITY AS tag (name, place)
         ORDER BY lower(name), row, place
    ) AS new WHERE NOT EXISTS (SELECT FROM tasks_tag AS tag WHERE lower(tag.name) = lower(new.name))
    ON CONFLICT DO NOTHING"""
BATCHES = (
    """INSERT INTO tasks_task (id, title, description, completed, completed_at, due_date, created_at)
       SELECT id, title, description, completed, completed_at, due_date, coalesce(created_at, statement_timestamp())
         FROM fresh WHERE row BETWEEN %s AND %s ORDER BY row""",
    """INSERT INTO tasks_task_tags (task_id, tag_id)
       SELECT fresh.id, tag.id FROM fresh, unnest(fresh.tags) AS named (name)
         JOIN tasks_tag AS tag ON lower(tag.name) = lower(named.name)
        WHERE row BETWEEN %s AND %s""",
    """INSERT INTO tasks_reference (reference, task_id) SELECT reference, id FROM fresh WHERE row BETWEEN %s AND %s
       ON CONFLICT (reference) DO UPDATE SET task_id = excluded.task_id""",
)

REFERENCE = f"coalesce(known.reference, {MADE_REFERENCE}) AS reference"
NAMES = "FROM tasks_task_tags AS link JOIN tasks_tag AS tag ON tag.id = link.tag_id WHERE link.task_id = task.id"
ORDER = 'ORDER BY lower(tag.name) COLLATE "C"'
TABLES = "FROM tasks_task AS task LEFT JOIN tasks_reference AS known ON known.task_id = task.id"
TIMES = {name: f"{TIME.format(f'task.{name}')} AS {name}" for name in ("completed_at", "created_at")}
# In CSV no text is empty, which PostgreSQL would write as "" (see csv_rows).
EXPORT_CSV = f"""
    SELECT {REFERENCE}, task.title,
           CASE WHEN task.description ~ '^\\\\*$' THEN '\\' ELSE '' END || task.description AS description,
           CASE WHEN task.completed THEN 'true' ELSE 'false' END AS completed, {TIMES["completed_at"]}, task.due_date,
           (SELECT string_agg(CASE WHEN tag.name ~ '[,"\\r\\n]' THEN '"' || replace(tag.name, '"', '""') || '"'
                                   ELSE tag.name END, ',' {ORDER}) {NAMES}) AS tags, {TIMES["created_at"]}
    {TABLES}"""
EXPORT_JSON = f"""
    SELECT {REFERENCE}, task.title, task.description, task.completed, {TIMES["completed_at"]}, task.due_date,
           ARRAY(SELECT tag.name {NAMES} {ORDER}) AS tags, {TIMES["created_at"]}
    {TABLES}"""
