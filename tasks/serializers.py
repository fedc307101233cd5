"""A task as JSON, in and out."""

from rest_framework.serializers import IntegerField

from config.api.fields import BooleanField, CharField, DateField, NamesField, StrictSerializer
from config.api.pagination import BIGINT_MAX
from tasks.models import DESCRIPTION_LENGTH, TAG_LENGTH, TAGS_PER_TASK, TITLE_LENGTH, Task


class TaskSerializer(StrictSerializer):
    """The members of a task. Those that the server sets are accepted and ignored in a request."""

    id = IntegerField(read_only=True, min_value=1, max_value=BIGINT_MAX)
    title = CharField(max_length=TITLE_LENGTH, help_text="Blanks around it are removed.")
    description = CharField(
        max_length=DESCRIPTION_LENGTH, allow_null=True, allow_blank=True, trim_whitespace=False, default=None
    )
    completed = BooleanField(default=False)
    due_date = DateField(allow_null=True, default=None)
    tags = NamesField(
        child=CharField(max_length=TAG_LENGTH),
        max_length=TAGS_PER_TASK,
        default=list,
        help_text="Made on first use. Capitals make no difference: the spelling that was first stays.",
    )

    class Meta:
        model = Task
        fields = Task.MEMBERS
        read_only_fields = ("completed_at", "created_at", "updated_at")
