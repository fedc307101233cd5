-- Each task has the number of the transaction that changed it last, which GET /tasks/changes reads by.
-- touch.sql makes a change of its tags one of the task, and stamp.sql moves updated_at with every change.

CREATE OR REPLACE FUNCTION tasks_task_in_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.updated_at <> OLD.updated_at THEN
        NEW.transaction := pg_current_xact_id()::text::bigint;
    END IF;
    RETURN NEW;
END $$;

-- Its name comes after stamp.sql's: what it sets is no change of the task.
CREATE OR REPLACE TRIGGER tasks_task_transaction BEFORE INSERT OR UPDATE ON tasks_task
    FOR EACH ROW EXECUTE FUNCTION tasks_task_in_transaction();
