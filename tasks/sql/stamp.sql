-- Sets the times of a task: completed_at follows completed, and updated_at moves with every change.

CREATE OR REPLACE FUNCTION tasks_task_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.completed THEN
        NEW.completed_at := NULL;
    ELSIF NEW.completed_at IS NULL THEN
        NEW.completed_at := clock_timestamp();
    END IF;
    IF TG_OP = 'UPDATE' AND NEW IS DISTINCT FROM OLD THEN
        -- Strictly upwards: two changes never share a time, however fast, and also when the clock steps back.
        NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER tasks_task_stamp BEFORE INSERT OR UPDATE ON tasks_task
    FOR EACH ROW EXECUTE FUNCTION tasks_task_stamp();
