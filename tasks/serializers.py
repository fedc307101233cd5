"""A task as JSON, in requests and responses."""

from config.api.fields import BIGINT_MAX, BooleanField, CharField, DateField, IntegerField, LineField, NamesField
from config.api.serializers import StrictSerializer
from tasks.models import DESCRIPTION_LENGTH, PRIORITIES, TAG_LENGTH, TAGS_PER_TASK, TITLE_LENGTH, Task

EXAMPLE = {
    "id": 17,
    "title": "Pay rent",
    "description": None,
    "completed": False,
    "completed_at": None,
    "due_date": "2026-12-01",
    "priority": 1,
    "tags": ["home", "money"],
    "created_at": "2026-11-22T16:00:00.000000Z",
    "updated_at": "2026-11-22T16:00:00.000000Z",
}


def tag_name() -> LineField:
    return LineField(max_length=TAG_LENGTH, is_name=True)


class TaskSerializer(StrictSerializer):
    """A task."""

    id = IntegerField(read_only=True, min_value=1, max_value=BIGINT_MAX, help_text="Set by the service.")
    title = LineField(
        max_length=TITLE_LENGTH,
        help_text="One line with at least one visible character. Whitespace around it is removed. No control"
        " characters.",
    )
    description = CharField(
        max_length=DESCRIPTION_LENGTH,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
        default=None,
        help_text="Any text without NUL characters.",
    )
    completed = BooleanField(default=False, help_text="Whether the task is done.")
    due_date = DateField(
        allow_null=True, default=None, help_text="From 0001-01-01 to 9999-12-31. Null means no due date."
    )
    priority = IntegerField(
        min_value=min(PRIORITIES),
        max_value=max(PRIORITIES),
        allow_null=True,
        default=None,
        help_text=f"From {min(PRIORITIES)} (highest) to {max(PRIORITIES)} (lowest). Null means no priority.",
    )
    tags = NamesField(
        child=tag_name(),
        max_length=TAGS_PER_TASK,
        default=list,
        help_text="A tag is created when a task first uses it. Tags that differ only in case or in Unicode form are the"
        " same tag, which keeps its first spelling. Each is one line. Whitespace around it is removed. No control"
        " characters and no invisible characters such as U+200B.",
    )

    class Meta:
        model = Task
        fields = Task.MEMBERS
        read_only_fields = ("completed_at", "created_at", "updated_at")
        extra_kwargs = {
            "completed_at": {"help_text": "When `completed` became true. Null while the task is open."},
            "created_at": {"help_text": "When the task was created."},
            "updated_at": {"help_text": "When the task was last updated."},
        }
