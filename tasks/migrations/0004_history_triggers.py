"""Every change of a task, its tags and their names, whoever makes it, recorded by the database in the same transaction.

Statement triggers with transition tables: a COPY of 10,000 rows is one INSERT ... SELECT, and not 10,000 calls.
Who and why come from two settings of the session, `tasks.actor` and `tasks.request`; what has neither is recorded as
its program and database role, such as `psql as postgres` or `manage.py shell as tasks`.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION tasks_actor() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('tasks.actor', true), ''),
                    concat_ws(' as ', nullif(current_setting('application_name'), ''), session_user))
$$;

CREATE FUNCTION tasks_request() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('tasks.request', true), '')
$$;

-- Of two rows, the columns in which the first one differs from the second.
CREATE FUNCTION tasks_difference(one jsonb, other jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, value), '{}')
      FROM jsonb_each(one) WHERE value IS DISTINCT FROM other -> key
$$;

CREATE FUNCTION tasks_task_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tasks_change (task_id, operation, at, transaction, actor, request, old, new)
        SELECT id, 'insert', clock_timestamp(), pg_current_xact_id()::text::bigint, tasks_actor(), tasks_request(),
               '{}', to_jsonb(added) - 'id'
          FROM added;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tasks_change (task_id, operation, at, transaction, actor, request, old, new)
        SELECT id, 'delete', clock_timestamp(), pg_current_xact_id()::text::bigint, tasks_actor(), tasks_request(),
               to_jsonb(removed) - 'id', '{}'
          FROM removed;
    ELSE
        -- A task of which only updated_at moved had its tags changed, and that is recorded below.
        INSERT INTO tasks_change (task_id, operation, at, transaction, actor, request, old, new)
        SELECT id, 'update', clock_timestamp(), pg_current_xact_id()::text::bigint, tasks_actor(), tasks_request(),
               tasks_difference(was, is_now), tasks_difference(is_now, was)
          FROM (SELECT id, to_jsonb(removed) - 'updated_at' AS was, to_jsonb(added) - 'updated_at' AS is_now
                  FROM removed JOIN added USING (id)) AS both_rows
         WHERE was <> is_now;
    END IF;
    RETURN NULL;
END $$;

-- The tags of a task as a change from one list of names to another.
CREATE FUNCTION tasks_task_tags_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tasks_change (task_id, operation, at, transaction, actor, request, old, new)
    SELECT task_id, 'update', clock_timestamp(), pg_current_xact_id()::text::bigint, tasks_actor(), tasks_request(),
           jsonb_build_object('tags', CASE TG_OP WHEN 'INSERT' THEN is_now - names ELSE (
               SELECT jsonb_agg(name ORDER BY lower(name))
                 FROM (SELECT jsonb_array_elements_text(is_now) UNION SELECT unnest(names)) AS was (name)
           ) END),
           jsonb_build_object('tags', is_now)
      FROM (SELECT changed.task_id, array_agg(tag.name::text ORDER BY lower(tag.name)) AS names,
                   (SELECT coalesce(jsonb_agg(kept.name ORDER BY lower(kept.name)), '[]')
                      FROM tasks_task_tags AS link JOIN tasks_tag AS kept ON kept.id = link.tag_id
                     WHERE link.task_id = changed.task_id) AS is_now
              FROM changed JOIN tasks_tag AS tag ON tag.id = changed.tag_id
             GROUP BY changed.task_id) AS per_task;
    RETURN NULL;
END $$;

CREATE FUNCTION tasks_tag_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tasks_change (tag_id, operation, at, transaction, actor, request, old, new)
    VALUES (coalesce(NEW.id, OLD.id), lower(TG_OP), clock_timestamp(), pg_current_xact_id()::text::bigint,
            tasks_actor(), tasks_request(),
            CASE TG_OP WHEN 'INSERT' THEN '{}' ELSE jsonb_build_object('name', OLD.name) END,
            CASE TG_OP WHEN 'DELETE' THEN '{}' ELSE jsonb_build_object('name', NEW.name) END);
    RETURN NULL;
END $$;
"""

# Named to come after the triggers of migration 0002: PostgreSQL fires triggers of one event by name.
TRIGGERS = """
CREATE TRIGGER tasks_task_x_insert AFTER INSERT ON tasks_task
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_record();
CREATE TRIGGER tasks_task_x_update AFTER UPDATE ON tasks_task
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_record();
CREATE TRIGGER tasks_task_x_delete AFTER DELETE ON tasks_task
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_record();
CREATE TRIGGER tasks_task_tags_x_insert AFTER INSERT ON tasks_task_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_record();
CREATE TRIGGER tasks_task_tags_x_delete AFTER DELETE ON tasks_task_tags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_record();
CREATE TRIGGER tasks_tag_x AFTER INSERT OR UPDATE OF name OR DELETE ON tasks_tag
    FOR EACH ROW EXECUTE FUNCTION tasks_tag_record();
"""
DROP = """
DROP TRIGGER tasks_tag_x ON tasks_tag;
DROP TRIGGER tasks_task_tags_x_delete ON tasks_task_tags;
DROP TRIGGER tasks_task_tags_x_insert ON tasks_task_tags;
DROP TRIGGER tasks_task_x_delete ON tasks_task;
DROP TRIGGER tasks_task_x_update ON tasks_task;
DROP TRIGGER tasks_task_x_insert ON tasks_task;
DROP FUNCTION tasks_tag_record();
DROP FUNCTION tasks_task_tags_record();
DROP FUNCTION tasks_task_record();
DROP FUNCTION tasks_difference(jsonb, jsonb);
DROP FUNCTION tasks_request();
DROP FUNCTION tasks_actor();
"""


class Migration(migrations.Migration):
    dependencies = (("tasks", "0003_change"),)
    operations = (migrations.RunSQL(FUNCTIONS + TRIGGERS, DROP),)
