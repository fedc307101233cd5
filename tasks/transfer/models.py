"""What import stores besides the tasks."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

REFERENCE_LENGTH = 200


class Reference(models.Model):
    """The reference under which a task was imported. An import skips a row whose reference exists."""

    # No foreign key: a deleted task that staff bring back keeps its reference, and DELETE has no extra cost.
    task_id = models.BigIntegerField(primary_key=True)
    reference = models.CharField(max_length=REFERENCE_LENGTH)

    class Meta:
        db_table = "tasks_reference"
        default_permissions = ()
        constraints = (
            # import: finds existing rows; when two imports run at once, only one creates the task
            models.UniqueConstraint(fields=("reference",), name="reference_unique"),
        )

    def __str__(self) -> str:
        return self.reference


class Upload(models.Model):
    """A file that a member of staff previews before importing it. Their next upload replaces it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    name = models.TextField()
    content = models.BinaryField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "tasks_upload"
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
