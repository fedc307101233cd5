-- Records every change in tasks_change, in the same transaction, whatever program makes it.
-- Statement triggers with transition tables: a COPY of 10,000 rows is one INSERT ... SELECT, not 10,000 calls.
-- Their names have an x to come after those in touch.sql: PostgreSQL fires the triggers of one event by name.

-- A change without an actor is recorded with its program and database role, such as "psql as postgres".
CREATE OR REPLACE FUNCTION tasks_actor() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('tasks.actor', true), ''),
                    concat_ws(' as ', nullif(current_setting('application_name'), ''), session_user))
$$;

CREATE OR REPLACE FUNCTION tasks_request() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('tasks.request', true), '')
$$;

-- The number of this transaction: when it began, in microseconds, then 11 bits of its id. The id by itself is not enough:
-- ids begin anew when the database is restored into another cluster, and would equal those of old changes.
CREATE OR REPLACE FUNCTION tasks_transaction() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM now()) * 1000000)::bigint << 11 | (pg_current_xact_id()::text::bigint & 2047)
$$;

-- A connection keeps the plan of its first statement. A nested loop, which is right for one task, would compare each
-- old row with each new row: 5,000 tasks took 5 seconds. So nested loops are off. Where there is no other plan, as in a
-- join with the result of a function, PostgreSQL before 18 then estimates such a high cost that it compiles the plan
-- each time (JIT), which took 140 ms for one task.
CREATE OR REPLACE FUNCTION tasks_task_record() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tasks_change (task_id, operation, at, transaction, actor, request, old, new)
        SELECT id, 'insert', clock_timestamp(), tasks_transaction(), tasks_actor(), tasks_request(),
               '{}', to_jsonb(added) - '{id,search,transaction}'::text[]
          FROM added;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tasks_change (task_id, operation, at, transaction, actor, request, old, new, deleted_in)
        SELECT id, 'delete', clock_timestamp(), tasks_transaction(), tasks_actor(), tasks_request(),
               to_jsonb(removed) - '{id,search,transaction}'::text[], '{}', pg_current_xact_id()::text::bigint
          FROM removed;
    ELSE
        -- A task of which only updated_at moved had its tags changed, and that is recorded with the tags.
        INSERT INTO tasks_change (task_id, operation, at, transaction, actor, request, old, new)
        SELECT id, 'update', clock_timestamp(), tasks_transaction(), tasks_actor(), tasks_request(),
               was - same, is_now - same
          FROM (SELECT id, was, is_now,
                       ARRAY(SELECT key FROM jsonb_each(was)
                              WHERE value = is_now -> key OR key IN ('updated_at', 'search', 'transaction')) AS same
                  FROM (SELECT id, to_jsonb(removed) AS was, to_jsonb(added) AS is_now
                          FROM removed JOIN added USING (id) OFFSET 0) AS pair OFFSET 0) AS compared
         WHERE was - same <> '{}';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tasks_task_x_insert AFTER INSERT ON tasks_task
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_record();

CREATE OR REPLACE TRIGGER tasks_task_x_update AFTER UPDATE ON tasks_task
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_record();

CREATE OR REPLACE TRIGGER tasks_task_x_delete AFTER DELETE ON tasks_task
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_record();

-- The tags of a task as a change from one list of names to another.
CREATE OR REPLACE FUNCTION tasks_task_tags_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM changed) THEN
        RETURN NULL;
    END IF;
    INSERT INTO tasks_change (task_id, operation, at, transaction, actor, request, old, new)
    SELECT task_id, 'update', clock_timestamp(), tasks_transaction(), tasks_actor(), tasks_request(),
           jsonb_build_object('tags', CASE TG_OP WHEN 'INSERT' THEN is_now - names ELSE (
               SELECT jsonb_agg(name ORDER BY tasks_folded(name) COLLATE "C")
                 FROM (SELECT jsonb_array_elements_text(is_now) UNION SELECT unnest(names)) AS was (name)
           ) END),
           jsonb_build_object('tags', is_now)
      FROM (SELECT changed.task_id, array_agg(tag.name::text ORDER BY tasks_folded(tag.name) COLLATE "C") AS names,
                   (SELECT coalesce(jsonb_agg(kept.name ORDER BY tasks_folded(kept.name) COLLATE "C"), '[]')
                      FROM tasks_task_tags AS link JOIN tasks_tag AS kept ON kept.id = link.tag_id
                     WHERE link.task_id = changed.task_id) AS is_now
              FROM changed JOIN tasks_tag AS tag ON tag.id = changed.tag_id
             GROUP BY changed.task_id) AS per_task;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tasks_task_tags_x_insert AFTER INSERT ON tasks_task_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_record();

CREATE OR REPLACE TRIGGER tasks_task_tags_x_delete AFTER DELETE ON tasks_task_tags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_record();

CREATE OR REPLACE FUNCTION tasks_tag_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tasks_change (tag_id, operation, at, transaction, actor, request, old, new)
    VALUES (coalesce(NEW.id, OLD.id), lower(TG_OP), clock_timestamp(), tasks_transaction(),
            tasks_actor(), tasks_request(),
            CASE TG_OP WHEN 'INSERT' THEN '{}' ELSE jsonb_build_object('name', OLD.name) END,
            CASE TG_OP WHEN 'DELETE' THEN '{}' ELSE jsonb_build_object('name', NEW.name) END);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tasks_tag_x AFTER INSERT OR UPDATE OF name OR DELETE ON tasks_tag
    FOR EACH ROW EXECUTE FUNCTION tasks_tag_record();
