"""Tasks and their tags.

Two rules live in triggers (migration 0002), so that they hold for the API, the admin, a shell and plain SQL
alike: `completed_at` follows `completed`, and `updated_at` moves, strictly upwards, with every change of a task,
its tags and their names.
"""

from collections.abc import Iterable, Sequence
from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.core.validators import MaxLengthValidator
from django.db import models, transaction
from django.db.models.functions import Length, Lower, Now
from django.db.models.lookups import LessThanOrEqual

# "simple": every word counts, in every language; no stemming and no stop words that would be ignored in silence.
SEARCH_CONFIG = "simple"
SEARCH_VECTOR = SearchVector("title", "description", config=SEARCH_CONFIG)
TITLE_LENGTH, DESCRIPTION_LENGTH, TAG_LENGTH, TAGS_PER_TASK = 200, 10_000, 50, 20

# What Python strips is wider than this; a narrower rule in the database keeps the two from contradicting each other.
TRIMMED = r"^[^ \t\n\r\f\v](.*[^ \t\n\r\f\v])?$"


class TagQuerySet(models.QuerySet["Tag"]):
    def named(self, names: Iterable[str]) -> list["Tag"]:
        """The tags of these names, made where they are missing; safe when two callers make one at once.

        Capitals make no difference: the first spelling stays.
        """
        wanted = sorted(names, key=str.lower)  # in one order, so that two callers can't wait for each other in a ring
        self.bulk_create((Tag(name=name) for name in wanted), ignore_conflicts=True)
        return list(self.spelled(*wanted))

    def spelled(self, *names: str) -> Self:
        """The tags of these names, whatever their capitals."""
        return self.alias(key=Lower("name")).filter(key__in=[Lower(models.Value(name)) for name in names])


class Tag(models.Model):
    name = models.CharField(max_length=TAG_LENGTH)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = (Lower("name"),)
        constraints = (
            models.UniqueConstraint(Lower("name"), name="tag_name_unique"),
            models.CheckConstraint(condition=models.Q(name__regex=TRIMMED), name="tag_name_trimmed"),
        )

    def __str__(self) -> str:
        return self.name


class TaskQuerySet(models.QuerySet["Task"]):
    def create_with_tags(self, tags: Sequence[str], **values: object) -> "Task":
        """A new task with the tags of these names, both or neither."""
        with transaction.atomic():
            task = self.create(**values)
            if tags:
                task.tags.set(Tag.objects.named(tags))
        task.refresh_from_db()  # what the database set: times, and completed_at
        return task

    def search(self, query: str) -> Self:
        """Tasks whose title or description holds every word of `query`.

        `query` is what PostgreSQL's websearch_to_tsquery takes: words, "a phrase", -without, this or that.
        Served by the index task_search, which is why the vector is the same expression.
        """
        terms = SearchQuery(query, config=SEARCH_CONFIG, search_type="websearch")
        return self.alias(search=SEARCH_VECTOR).filter(search=terms)

    def tagged(self, names: Iterable[str]) -> Self:
        """Tasks that carry all of these tags, each whatever its capitals."""
        tasks = self
        for name in names:
            carriers = Task.tags.through.objects.filter(tag__in=Tag.objects.spelled(name))
            tasks = tasks.filter(pk__in=carriers.values("task_id"))
        return tasks


class Task(models.Model):
    title = models.CharField(max_length=TITLE_LENGTH)
    description = models.TextField(null=True, blank=True, validators=[MaxLengthValidator(DESCRIPTION_LENGTH)])
    completed = models.BooleanField(default=False, db_default=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    due_date = models.DateField(null=True, blank=True)
    tags = models.ManyToManyField(Tag, related_name="tasks", blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # GET /tasks/ in its default order, and created_at__gte/__lt
            models.Index(fields=("created_at", "id"), name="task_created"),
            # GET /tasks/?ordering=updated_at and updated_at__gte: a client that fetches what is new
            models.Index(fields=("updated_at", "id"), name="task_updated"),
            # GET /tasks/?ordering=due_date and due_date__gte/__lte
            models.Index(fields=("due_date", "id"), name="task_due"),
            # GET /tasks/?search=: the expression of TaskQuerySet.search, or the index is not used
            GinIndex(SEARCH_VECTOR, name="task_search"),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(title__regex=TRIMMED), name="task_title_trimmed"),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), DESCRIPTION_LENGTH), name="task_description_length"
            ),
            models.CheckConstraint(
                condition=models.Q(completed=True, completed_at__isnull=False)
                | models.Q(completed=False, completed_at__isnull=True),
                name="task_completed_at_follows",
            ),
        )

    def __str__(self) -> str:
        return self.title

    def tag_names(self) -> list[str]:
        """The names of its tags in alphabetical order; no query where the tags are prefetched."""
        return sorted((tag.name for tag in self.tags.all()), key=str.lower)

    def change(self, changes: dict[str, object], tags: Sequence[str] | None = None) -> None:
        """Write these columns, and these tags where given, and no others; what is equal already is not written.

        One transaction, and the row is locked first: of two callers who change different members both succeed.
        """
        with transaction.atomic():
            current = Task.objects.select_for_update().get(pk=self.pk)
            different = {name: value for name, value in changes.items() if getattr(current, name) != value}
            if different:
                Task.objects.filter(pk=self.pk).update(**different)
            if tags is not None:
                self.tags.set(Tag.objects.named(tags))
        self.refresh_from_db()
