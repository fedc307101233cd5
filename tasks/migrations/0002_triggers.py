"""The rules of a row that hold whoever writes it.

The functions come first and are cheap; CREATE TRIGGER takes a short lock on each table and reads no row.
"""

from django.db import migrations

STAMP = """
CREATE FUNCTION tasks_task_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER tasks_task_stamp BEFORE INSERT OR UPDATE ON tasks_task
    FOR EACH ROW EXECUTE FUNCTION tasks_task_stamp();
"""

# A change of a task's tags is a change of the task. A task that this very transaction wrote has its new time already:
# nobody else can have seen it in between.
TOUCH = """
CREATE FUNCTION tasks_task_tags_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tasks_task SET updated_at = updated_at + interval '1 microsecond'  -- the trigger above puts the time
     WHERE id IN (SELECT task_id FROM changed) AND xmin <> pg_current_xact_id()::xid;
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_task_tags_added AFTER INSERT ON tasks_task_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_touch();
CREATE TRIGGER tasks_task_tags_removed AFTER DELETE ON tasks_task_tags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_touch();
CREATE TRIGGER tasks_task_tags_moved_to AFTER UPDATE ON tasks_task_tags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_touch();
CREATE TRIGGER tasks_task_tags_moved_from AFTER UPDATE ON tasks_task_tags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tasks_task_tags_touch();
CREATE FUNCTION tasks_tag_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tasks_task SET updated_at = updated_at + interval '1 microsecond'  -- the trigger above puts the time
     WHERE id IN (SELECT task_id FROM tasks_task_tags WHERE tag_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_tag_renamed AFTER UPDATE OF name ON tasks_tag
    FOR EACH ROW WHEN (NEW.name <> OLD.name) EXECUTE FUNCTION tasks_tag_touch();
"""


class Migration(migrations.Migration):
    dependencies = (("tasks", "0001_initial"),)
    operations = (
        migrations.RunSQL(STAMP, "DROP TRIGGER tasks_task_stamp ON tasks_task; DROP FUNCTION tasks_task_stamp();"),
        migrations.RunSQL(
            TOUCH,
            """
            DROP TRIGGER tasks_tag_renamed ON tasks_tag;
            DROP FUNCTION tasks_tag_touch();
            DROP TRIGGER tasks_task_tags_moved_from ON tasks_task_tags;
            DROP TRIGGER tasks_task_tags_moved_to ON tasks_task_tags;
            DROP TRIGGER tasks_task_tags_removed ON tasks_task_tags;
            DROP TRIGGER tasks_task_tags_added ON tasks_task_tags;
            DROP FUNCTION tasks_task_tags_touch();
            """,
        ),
    )
