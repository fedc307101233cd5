"""Tasks and their tags.

Two rules live in triggers (tasks/sql/), so that they hold for the API, the admin, a shell and plain SQL
alike: `completed_at` follows `completed`, and `updated_at` moves, strictly upwards, with every change of a task,
its tags and their names.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.core.validators import MaxLengthValidator
from django.db import models, transaction
from django.db.models.functions import Length, Lower, Now
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from config.api.fields import case_folded
from tasks.history import models as history
from tasks.history.models import Change
from tasks.transfer.models import Reference, Upload

__all__ = ["Change", "Reference", "Tag", "Task", "Upload"]

# "simple": every word counts, in every language; no stemming and no stop words that would be ignored in silence.
SEARCH_CONFIG = "simple"
SEARCH_VECTOR = SearchVector("title", "description", config=SEARCH_CONFIG)
# What history can set back. `updated_at` can't be: it moves on.
RESTORED_COLUMNS = ("title", "description", "completed", "completed_at", "due_date")
TITLE_LENGTH, DESCRIPTION_LENGTH, TAG_LENGTH, TAGS_PER_TASK = 200, 10_000, 50, 20

# What Python strips is wider than this; a narrower rule in the database keeps the two from contradicting each other.
TRIMMED = r"^[^ \t\n\r\f\v](.*[^ \t\n\r\f\v])?$"


EPOCH, MICROSECOND = datetime.fromtimestamp(0, UTC), timedelta(microseconds=1)


def always(etag: str) -> bool:
    """The condition of a write without one."""
    return True


class Stale(Exception):  # noqa: N818 - what the task is, for the caller who asked for another
    """The task is not, or no longer, the one that the caller asked for."""

    def __init__(self, task: "Task") -> None:
        super().__init__(task.etag)
        self.task = task


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


class DueKey(models.Func):
    """A due date to sort by: a task without one stands behind all that have one."""

    template = "coalesce(%(expressions)s, 'infinity'::date)"
    output_field = models.DateField()


class TaskQuerySet(models.QuerySet["Task"]):
    def create_with_tags(self, tags: Sequence[str], **values: object) -> "Task":
        """A new task with the tags of these names, both or neither."""
        # A savepoint would give the task another xmin than the transaction's, and the trigger would move updated_at.
        with transaction.atomic(savepoint=False):
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
        wanted = list(names)
        known = {case_folded(tag.name): tag.pk for tag in Tag.objects.spelled(*wanted)} if wanted else {}
        tasks = self
        for name in wanted:
            if case_folded(name) not in known:
                return self.none()
            # By its id: from there PostgreSQL knows how many carry it, and by which index to find them.
            carriers = Task.tags.through.objects.filter(tag_id=known[case_folded(name)])
            tasks = tasks.filter(pk__in=carriers.values("task_id"))
        return tasks

    def bring_back(self, delete: Change) -> "Task":
        """The task that this change deleted: same id, members, tags and `created_at`; an `updated_at` of its own.

        Raises IntegrityError where a task of that id exists.
        """
        recorded = history.members_before(delete)
        columns = {name: column_value(name, recorded[name]) for name in (*RESTORED_COLUMNS, "created_at")}
        last: datetime = column_value("updated_at", delete.old["updated_at"])
        # Later than any before, also when the clock steps back: an old ETag never comes true again.
        columns["updated_at"] = max(timezone.now(), last + MICROSECOND)
        with transaction.atomic():
            task = self.create(pk=delete.task_id, **columns)
            task.tags.set(Tag.objects.named(recorded.get("tags", [])))
        return task


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
            # GET /tasks/?ordering=due_date and due_date__gte/__lte: a cursor can't be compared with null
            models.Index(DueKey("due_date"), "id", name="task_due_key"),
            # GET /tasks/?ordering=title, which would sort all tasks for each page
            models.Index(fields=("title", "id"), name="task_title"),
            # the admin's start page: open tasks by age and tag; GET /tasks/?completed=false in its default order
            models.Index(fields=("created_at", "id"), name="task_open", condition=models.Q(completed=False)),
            # what is open or overdue by due date: by task_due_key, the tasks of years that are done come first. With
            # the column itself, or PostgreSQL would look it up in the table for the start page's count
            models.Index(
                DueKey("due_date"),
                "id",
                include=("due_date",),
                name="task_open_due",
                condition=models.Q(completed=False),
            ),
            # the same page: what was completed on which day, and how late. A condition that a range of times implies
            models.Index(
                fields=("completed_at",),
                include=("due_date",),
                name="task_completed",
                condition=models.Q(completed_at__isnull=False),
            ),
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
        return sorted((tag.name for tag in self.tags.all()), key=case_folded)

    @property
    def etag(self) -> str:
        """Its entity tag: strong, since updated_at never stands still at a change and never comes back."""
        return f'"{(self.updated_at - EPOCH) // MICROSECOND:x}"'

    @classmethod
    def locked(cls, pk: int, allow: Callable[[str], bool]) -> "Task":
        """The task, locked until the transaction ends. Raises DoesNotExist, or Stale where `allow` refuses its etag."""
        task = Task.objects.select_for_update().get(pk=pk)
        if not allow(task.etag):
            raise Stale(task)
        return task

    @classmethod
    def change(
        cls,
        pk: int,
        changes: dict[str, object],
        tags: Sequence[str] | None = None,
        allow: Callable[[str], bool] = always,
    ) -> "Task":
        """Write these columns, and these tags where given, and no others; what is equal already is not written.

        The row is locked first: of two callers who change different members both succeed. Raises as `locked` does.
        """
        with transaction.atomic():
            task = cls.locked(pk, allow)
            different = {name: value for name, value in changes.items() if getattr(task, name) != value}
            if different:
                Task.objects.filter(pk=pk).update(**different)
            if tags is not None:
                task.tags.set(Tag.objects.named(tags))
            task.refresh_from_db()
        return task

    @classmethod
    def remove(cls, pk: int, allow: Callable[[str], bool] = always) -> None:
        """Delete the task. Raises as `locked` does."""
        with transaction.atomic():
            cls.locked(pk, allow).delete()

    def members(self) -> dict[str, Any]:
        """What history can set back, as it is now."""
        return {name: getattr(self, name) for name in RESTORED_COLUMNS} | {"tags": self.tag_names()}

    def members_after(self, change: Change) -> dict[str, Any]:
        """The same as it was right after this change of the task."""
        now, recorded = self.members(), history.members_after(self.pk, change.pk)
        return now | {
            name: value if name == "tags" else column_value(name, value)
            for name, value in recorded.items()
            if name in now
        }

    def restore(self, change: Change) -> "Task":
        """Set the members to what they were right after this change; one more change in the history."""
        members = self.members_after(change)
        return Task.change(self.pk, {name: members[name] for name in RESTORED_COLUMNS}, members["tags"])


def column_value(name: str, recorded: Any) -> Any:
    """The Python value of what the history holds, in JSON, for a column of a task."""
    field: models.Field[Any, Any] = Task._meta.get_field(name)  # type: ignore[assignment]  # noqa: SLF001 - public
    return None if recorded is None else field.to_python(recorded)
