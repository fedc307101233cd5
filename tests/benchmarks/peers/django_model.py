"""The model of the Django peers."""

from typing import ClassVar

from django.db import models


class Task(models.Model):
    title = models.CharField(max_length=200)
    description = models.TextField(null=True, blank=True)
    completed = models.BooleanField(default=False)
    due_date = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "peers"
        db_table = "task"
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.title
