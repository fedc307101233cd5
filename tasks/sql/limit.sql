-- A task has at most 20 tags, whatever program adds them. A task that had more before this rule keeps them, but gets no
-- new ones. By its name the trigger fires after those in touch.sql, which lock the task: so if two transactions add
-- tags at once, the second one counts those that the first one committed.

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
