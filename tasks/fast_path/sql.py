"""A task as PostgreSQL puts it into JSON. `task` is the row."""

TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
TAGS = """ARRAY(SELECT tag.name FROM tasks_task_tags AS link JOIN tasks_tag AS tag ON tag.id = link.tag_id
                 WHERE link.task_id = task.id ORDER BY lower(tag.name) COLLATE "C")"""
MEMBERS = f"""task.id, task.title, task.description, task.completed, {TIME.format("task.completed_at")} AS completed_at,
    task.due_date, {TAGS} AS tags,
    {TIME.format("task.created_at")} AS created_at, {TIME.format("task.updated_at")} AS updated_at"""
ETAG = "to_hex((extract(epoch FROM task.updated_at) * 1000000)::bigint)"
