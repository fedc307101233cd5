"""What an import remembers."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

REFERENCE_LENGTH = 200


class Reference(models.Model):
    """By which name a task came in: the same row, imported again, is known by it."""

    # No foreign key: a deleted task that is brought back has its reference still, and a DELETE pays nothing for it.
    task_id = models.BigIntegerField(primary_key=True)
    reference = models.CharField(max_length=REFERENCE_LENGTH)

    class Meta:
        db_table = "tasks_reference"
        default_permissions = ()
        constraints = (
            # import: which rows are there already, and of two imports at one moment one alone makes the task
            models.UniqueConstraint(fields=("reference",), name="reference_unique"),
        )

    def __str__(self) -> str:
        return self.reference


class Upload(models.Model):
    """A file that a member of staff looks at before it is imported; the next one takes its place."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    name = models.TextField()
    content = models.BinaryField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "tasks_upload"
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
