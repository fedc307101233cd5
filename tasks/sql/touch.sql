-- A change of a task's tags, or of the name of a tag, is a change of the task. The trigger in stamp.sql sets the time.

-- A task that this transaction has changed has a new time already, and nobody else can have seen it yet. If it has only
-- written what was there, the task has neither a new time nor its number (transaction.sql).
CREATE OR REPLACE FUNCTION tasks_task_tags_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changed) THEN
        UPDATE tasks_task SET updated_at = updated_at + interval '1 microsecond'
         WHERE id IN (SELECT task_id FROM changed)
           AND (xmin <> pg_current_xact_id()::xid OR transaction IS DISTINCT FROM pg_current_xact_id()::text::bigint);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tasks_task_tags_added AFTER INSERT ON tasks_task_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_touch();

CREATE OR REPLACE TRIGGER tasks_task_tags_removed AFTER DELETE ON tasks_task_tags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_touch();

CREATE OR REPLACE TRIGGER tasks_task_tags_moved_to AFTER UPDATE ON tasks_task_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_touch();

CREATE OR REPLACE TRIGGER tasks_task_tags_moved_from AFTER UPDATE ON tasks_task_tags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_touch();

CREATE OR REPLACE FUNCTION tasks_tag_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Waits for transactions that give the tag to a task: the next statement must see it. By itself, a name that differs
    -- in case only does not wait for them, since its key stays.
    PERFORM FROM tasks_tag WHERE id = NEW.id FOR UPDATE;
    UPDATE tasks_task SET updated_at = updated_at + interval '1 microsecond'
     WHERE id IN (SELECT task_id FROM tasks_task_tags WHERE tag_id = NEW.id);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tasks_tag_renamed AFTER UPDATE OF name ON tasks_tag
    FOR EACH ROW WHEN (NEW.name <> OLD.name) EXECUTE FUNCTION tasks_tag_touch();
