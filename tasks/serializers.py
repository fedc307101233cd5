"""A task as JSON, in requests and responses."""

from config.api.fields import BIGINT_MAX, BooleanField, CharField, DateField, IntegerField, NamesField
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


class TaskSerializer(StrictSerializer):
    """The fields of a task. In a request, those that the server sets are accepted and ignored."""

    id = IntegerField(read_only=True, min_value=1, max_value=BIGINT_MAX)
    title = CharField(max_length=TITLE_LENGTH, help_text="One line. Spaces around it are removed.")
    description = CharField(
        max_length=DESCRIPTION_LENGTH, allow_null=True, allow_blank=True, trim_whitespace=False, default=None
    )
    completed = BooleanField(default=False)
    due_date = DateField(allow_null=True, default=None)
    priority = IntegerField(
        min_value=min(PRIORITIES),
        max_value=max(PRIORITIES),
        allow_null=True,
        default=None,
        help_text=f"From {min(PRIORITIES)} (highest) to {max(PRIORITIES)} (lowest).",
    )
    tags = NamesField(
        child=CharField(max_length=TAG_LENGTH),
        max_length=TAGS_PER_TASK,
        default=list,
        help_text="Names, created on first use. Upper and lower case count as the same: the first spelling is kept.",
    )

    class Meta:
        model = Task
        fields = Task.MEMBERS
        read_only_fields = ("completed_at", "created_at", "updated_at")
