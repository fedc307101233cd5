"""Vikunja's data.json: an array of projects with their tasks. docs/import-export.md has the mapping."""

from collections.abc import Callable, Iterator
from typing import Any

from config.api.parsers import MAX_DEPTH, Members
from tasks.transfer.foreign.draft import Draft, Notices
from tasks.transfer.json_stream import TOO_DEEP, JSONStream
from tasks.transfer.records import Record, faults_of

NO_TIME = "0001-01-01T00:00:00Z"
TASKS, CHILDREN, TITLE = "tasks", "child_projects", "title"
LONGEST_TASK = 1 << 18  # characters; no task in our own format is longer
# Keys, order and views, which have no meaning outside Vikunja.
DROPPED = frozenset([
    "id", "project_id", "identifier", "index", "position", "bucket_id", "updated", "created", "created_by",
    "kanban_position", "list_id", "uid", "cover_image_attachment_id", "owner", "parent_project_id",
    "background_file_id", "background_information", "background_blur_hash", "subscription", "views", "max_permission",
])  # fmt: skip
PRIORITIES = {5: 1, 4: 1, 3: 2, 2: 3, 1: 4}  # do now, urgent, high, medium, low
NAMED = (
    "title", "description", "done", "done_at", "due_date", "labels", "priority", "assignees", "comments",
    "repeat_after", "repeat_mode",
)  # fmt: skip
MONTHLY, FROM_COMPLETION = 1, 2  # values of repeat_mode; by default, 0, a task repeats after its due date
UNITS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
NOTES: dict[str, tuple[str, Callable[[Any], object]]] = {
    "start_date": ("Start", str),
    "end_date": ("End", str),
    "percent_done": ("Done", lambda share: f"{share:.0%}"),
}


def is_vikunja(stream: JSONStream) -> bool:
    """Decides by the first item of the array: a project has `tasks`, or is longer than a task in our format can be."""
    first = stream.first_item(LONGEST_TASK)
    return TASKS in first if isinstance(first, dict) else first is None and len(stream.text) > LONGEST_TASK


def vikunja_records(stream: JSONStream, notices: Notices) -> Iterator[Record]:
    """The tasks of all projects. `notices` counts what is not carried over."""
    for _ in stream.items():
        yield from project_records(stream, notices)


def project_records(stream: JSONStream, notices: Notices, depth: int = 1) -> Iterator[Record]:
    if depth > MAX_DEPTH:
        raise stream.refusal(TOO_DEEP)
    project = ""
    for name in stream.members():
        if name in (TASKS, CHILDREN) and stream.peek() == "[":
            for line in stream.items():
                if name == CHILDREN:
                    yield from project_records(stream, notices, depth + 1)
                else:
                    yield task_record(line, stream.value(), project, notices)
            continue
        value = stream.value()
        if name == TITLE:
            project = str(value)
        elif name not in DROPPED and is_set(value):
            notices.leave(f"{name} of a project")


def task_record(line: int, task: Any, project: str, notices: Notices) -> Record:
    if not isinstance(task, Members) or not isinstance(task.get("title"), str):
        return Record(line, {"text": str(task)}, "This is not a Vikunja task: title is missing.")
    if task.faults:
        return Record(line, task, faults=faults_of(line, task.faults))
    try:
        return Record(line, mapped(task, project, notices))
    except KeyError as exc:
        return Record(line, task, f"This is not a Vikunja task: {exc.args[0]} is missing.")
    except (TypeError, ValueError, AttributeError):
        return Record(line, task, "This is not a Vikunja task: a field has the wrong type.")


def mapped(task: dict[str, Any], project: str, notices: Notices) -> dict[str, Any]:
    draft = Draft(task["title"], task.get("description"), notices)
    draft.values = {
        "reference": f"vikunja:{task['id']}:{task.get('created', '')}",
        "completed": task.get("done", False),
        "created_at": time_of(task.get("created")),
    }
    for label in task.get("labels") or ():
        draft.tag(label["title"], "Label")
    draft.tag(project, "Project")
    priority = task.get("priority")
    if priority in PRIORITIES:
        draft.values["priority"] = PRIORITIES[priority]
    elif priority:
        draft.note("Priority", priority)
    add_times(draft, task)
    add_notes(draft, task, notices)
    return draft.finished()


def add_times(draft: Draft, task: dict[str, Any]) -> None:
    done_at, due = time_of(task.get("done_at")), time_of(task.get("due_date"))
    if done_at and task.get("done"):
        draft.values["completed_at"] = done_at
    elif done_at:
        draft.note("Last done", done_at)  # Vikunja keeps it on a repeating task
    if due:
        draft.values["due_date"], _, clock = due.partition("T")
        if not clock.startswith("00:00:00"):
            draft.note("Due", due)


def add_notes(draft: Draft, task: dict[str, Any], notices: Notices) -> None:
    for name, value in task.items():
        if name in NOTES and is_set(value):
            kind, shown = NOTES[name]
            draft.note(kind, shown(value))
        elif name not in DROPPED and name not in NAMED and name not in NOTES and is_set(value):
            notices.leave(f"{name} of a task")
    if repeats := repetition(task.get("repeat_after") or 0, task.get("repeat_mode") or 0):
        draft.note("Repeats", repeats)
    if task.get("assignees"):
        draft.note("Assignees", ", ".join(user_of(each) for each in task["assignees"]))
    for comment in task.get("comments") or ():
        draft.note("Comment", f"{comment['comment']} ({user_of(comment.get('author'))}, {comment.get('created')})")


def repetition(seconds: int, mode: int) -> str:
    """In words; empty if the task does not repeat."""
    if mode == MONTHLY:
        return "monthly"  # Vikunja ignores repeat_after then
    if not seconds:
        return ""
    whole = ((unit, seconds // size) for unit, size in UNITS.items() if seconds % size == 0)
    unit, count = next(whole, ("second", seconds))
    span = f"{count:,} {unit}{'s' if count != 1 else ''}"
    if mode == FROM_COMPLETION:
        return f"{span} after completion"
    return f"every {span}" if not mode else f"every {span} (mode {mode})"


def user_of(user: Any) -> str:
    return (user or {}).get("username") or "unknown"


def time_of(text: str | None) -> str | None:
    return None if text in (None, "", NO_TIME) else text


def is_set(value: Any) -> bool:
    return bool(value) and value != NO_TIME
