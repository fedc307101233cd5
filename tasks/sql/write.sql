-- The functions that write tasks and tags, for the API, the admin, restore and import. Each statement in a function
-- sees what was committed before the statement began, so a writer that had to wait for another one continues with its
-- result.

-- The entity tag of a task, without quotes. It is strong, because every change moves updated_at.
CREATE OR REPLACE FUNCTION tasks_etag(updated_at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_hex((extract(epoch FROM updated_at) * 1000000)::bigint)
$$;

-- The tags of these names in alphabetical order, created where they are missing; the first spelling is kept. All
-- writers create tags in this order, so they can't deadlock. The tags are locked until the end of the transaction, so
-- that inserting a link to them can't fail.
CREATE OR REPLACE FUNCTION tasks_tags_named(names text[]) RETURNS SETOF tasks_tag LANGUAGE plpgsql AS $$
DECLARE
    keys text[] := ARRAY(SELECT DISTINCT tasks_folded(name) FROM unnest(names) AS name);
    found bigint[];
BEGIN
    LOOP
        found := ARRAY(SELECT id FROM tasks_tag WHERE key = ANY (keys) ORDER BY id FOR KEY SHARE);
        EXIT WHEN cardinality(found) = cardinality(keys);
        INSERT INTO tasks_tag (name)
            SELECT DISTINCT ON (tasks_folded(name) COLLATE "C") name
              FROM unnest(names) WITH ORDINALITY AS wanted (name, place)
             WHERE NOT EXISTS (SELECT FROM tasks_tag AS tag WHERE tag.key = tasks_folded(wanted.name))
             ORDER BY tasks_folded(name) COLLATE "C", place
        ON CONFLICT (key) DO NOTHING;
    END LOOP;
    RETURN QUERY SELECT * FROM tasks_tag WHERE id = ANY (found) ORDER BY key COLLATE "C";
END $$;

CREATE OR REPLACE FUNCTION tasks_tags_of(task bigint) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY(SELECT tag.name FROM tasks_task_tags AS link JOIN tasks_tag AS tag ON tag.id = link.tag_id
                  WHERE link.task_id = task ORDER BY tag.key COLLATE "C")
$$;

-- Writes the columns in `changes` (names and values) and replaces all tags by `names` (null keeps them), if anything
-- differs, and if the entity tag is one of `allowed` (null allows all) and none of `refused`.
-- Returns the state 'changed'; 'same', if nothing differs, and nothing is written; or 'stale', if the entity tag is not
-- allowed. Returns no row if the task does not exist.
CREATE OR REPLACE FUNCTION tasks_task_change(
    key bigint, allowed text[], refused text[], changes jsonb, names text[],
    OUT state text, OUT task tasks_task, OUT tags text[]
) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    seen record;
    was tasks_task;
    same_tags boolean := true;
BEGIN
    LOOP
        -- Both in one statement, and so as they were at one moment.
        SELECT tasks_task AS task, tasks_tags_of(id) AS tags INTO seen FROM tasks_task WHERE id = key;
        EXIT WHEN NOT FOUND;
        was := seen.task;
        task := was;
        tags := seen.tags;
        IF tasks_etag(was.updated_at) <> ALL (allowed) OR tasks_etag(was.updated_at) = ANY (refused) THEN
            state := 'stale';
            RETURN NEXT;
            EXIT;
        END IF;
        task := jsonb_populate_record(was, changes);
        IF names IS NOT NULL THEN
            same_tags := ARRAY(SELECT tasks_folded(name) COLLATE "C" FROM unnest(names) AS name ORDER BY 1)
                = ARRAY(SELECT tasks_folded(name) COLLATE "C" FROM unnest(tags) AS name ORDER BY 1);
        END IF;
        IF same_tags AND task IS NOT DISTINCT FROM was THEN
            state := 'same';
            RETURN NEXT;
            EXIT;
        END IF;
        -- A trigger sets the time; that updated_at is written says that the task changes, also where only tags do.
        UPDATE tasks_task
           SET (title, description, completed, completed_at, due_date, priority, updated_at)
             = ROW(task.title, task.description, task.completed, task.completed_at, task.due_date, task.priority,
                   was.updated_at + interval '1 microsecond')
         WHERE id = key AND updated_at = was.updated_at RETURNING * INTO task;
        IF FOUND THEN
            IF NOT same_tags THEN
                PERFORM tasks_task_set_tags(key, names);
                tags := tasks_tags_of(key);
            END IF;
            state := 'changed';
            RETURN NEXT;
            EXIT;
        END IF;
        PERFORM FROM tasks_task WHERE id = key FOR NO KEY UPDATE;  -- another writer was faster: look again
    END LOOP;
END $$;

-- First removes tags, then adds tags: each of the two is a change in the history.
CREATE OR REPLACE FUNCTION tasks_task_set_tags(task bigint, names text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wanted bigint[] := ARRAY(SELECT id FROM tasks_tags_named(names));
    present bigint[] := ARRAY(SELECT tag_id FROM tasks_task_tags WHERE task_id = task);
BEGIN
    IF NOT present <@ wanted THEN
        DELETE FROM tasks_task_tags WHERE task_id = task AND tag_id <> ALL (wanted);
    END IF;
    IF NOT wanted <@ present THEN
        INSERT INTO tasks_task_tags (task_id, tag_id) SELECT task, id FROM unnest(wanted) AS id WHERE id <> ALL (present);
    END IF;
END $$;

-- Deletes the task under the same conditions. Returns the state 'deleted' or 'stale', or no row if there is no such
-- task.
CREATE OR REPLACE FUNCTION tasks_task_delete(
    key bigint, allowed text[], refused text[], OUT state text, OUT task tasks_task, OUT tags text[]
) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    seen record;
BEGIN
    LOOP
        SELECT tasks_task AS task, tasks_tags_of(id) AS tags INTO seen FROM tasks_task WHERE id = key;
        EXIT WHEN NOT FOUND;
        task := seen.task;
        tags := seen.tags;
        IF tasks_etag(task.updated_at) <> ALL (allowed) OR tasks_etag(task.updated_at) = ANY (refused) THEN
            state := 'stale';
            RETURN NEXT;
            EXIT;
        END IF;
        IF cardinality(tags) > 0 THEN
            PERFORM FROM tasks_task WHERE id = key AND updated_at = task.updated_at FOR UPDATE;
            CONTINUE WHEN NOT FOUND;  -- another writer was faster: look again
            DELETE FROM tasks_task_tags WHERE task_id = key;  -- first, so that the history has the tags that it had
            SELECT * INTO task FROM tasks_task WHERE id = key;  -- which changed with them
        END IF;
        DELETE FROM tasks_task WHERE id = key AND updated_at = task.updated_at;
        IF FOUND THEN
            state := 'deleted';
            RETURN NEXT;
            EXIT;
        END IF;
    END LOOP;
END $$;
