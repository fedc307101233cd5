-- A task has at most 20 tags, whoever adds them. One that has more from before this rule keeps them, and gets no other.
-- The name of the trigger comes after those in touch.sql: they have locked the task, so that of two transactions which
-- add at once the second one counts what the first one has committed.

CREATE OR REPLACE FUNCTION tasks_task_tags_limit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    full_task bigint;
BEGIN
    SELECT task_id INTO full_task FROM (SELECT DISTINCT task_id FROM changed) AS task
     WHERE (SELECT count(*) FROM tasks_task_tags AS link WHERE link.task_id = task.task_id) > 20 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Task % would have more than 20 tags.', full_task
            USING ERRCODE = 'check_violation', TABLE = 'tasks_task_tags', CONSTRAINT = 'task_tags_limit';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tasks_task_tags_too_many AFTER INSERT ON tasks_task_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_limit();

CREATE OR REPLACE TRIGGER tasks_task_tags_too_many_moved AFTER UPDATE ON tasks_task_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_limit();
