"""Tasks and their tags.

Triggers (tasks/sql/) hold two rules for the API, the admin, a shell and plain SQL: `completed_at` follows `completed`,
and every change of a task, of its tags or of their names moves `updated_at` strictly upwards.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.functions import Length, Now
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from config.postgresql.statements import Statement
from config.text import HAS_CONTROL, IS_HIDDEN, IS_VISIBLE
from tasks.history import models as history
from tasks.history.models import Change, Trimmed
from tasks.pages import TaskPages
from tasks.rows import TaskRows
from tasks.transfer.models import Reference, Upload

__all__ = ["Change", "Reference", "Tag", "Task", "Trimmed", "Upload"]

TITLE_LENGTH, DESCRIPTION_LENGTH, TAG_LENGTH, TAGS_PER_TASK = 200, 10_000, 50, 20
PRIORITIES = {1: "1 (highest)", 2: "2", 3: "3", 4: "4 (lowest)"}

TAG_IDS = Statement("""
SELECT (SELECT tag.id FROM tasks_tag AS tag WHERE tag.key = tasks_folded(wanted.name))
  FROM unnest(%(names)s::text[]) WITH ORDINALITY AS wanted (name, place) ORDER BY place
""")

# Python strips more characters than these. The rule here is narrower, so it accepts every text that Python trimmed.
TRIMMED = r"^[^ \t\n\r\f\v](.*[^ \t\n\r\f\v])?$"
MICROSECOND = timedelta(microseconds=1)


class Folded(models.Func):
    """The key by which names are compared."""

    function = "tasks_folded"
    output_field = models.TextField()


def is_line(column: str, *, is_name: bool = False) -> models.Q:
    """The rules of config.api.fields.LineField."""
    rule = models.Q(**{f"{column}__regex": IS_VISIBLE}) & ~models.Q(**{f"{column}__regex": HAS_CONTROL})
    return rule & ~models.Q(**{f"{column}__regex": IS_HIDDEN}) if is_name else rule


class TagQuerySet(models.QuerySet["Tag"]):
    def named(self, names: Iterable[str]) -> list["Tag"]:
        """The tags of these names, created where they are missing, also if another transaction creates one at once.

        Names that differ only in case or in Unicode form are the same tag: the first spelling is kept.
        """
        return list(self.raw("SELECT * FROM tasks_tags_named(%s)", [list(names)]))

    def ids(self, names: Sequence[str]) -> list[int]:
        """The ids of the tags of these names, in whatever spelling, in this order; 0 for an unknown name."""
        found = TAG_IDS.run({"names": names})
        return [int(found.get_value(row, 0) or 0) for row in range(found.ntuples)]

    def spelled(self, *names: str) -> Self:
        """The tags of these names, in whatever spelling."""
        return self.filter(key__in=[Folded(models.Value(name)) for name in names])


class Tag(models.Model):
    name = models.CharField(max_length=TAG_LENGTH)
    key = models.GeneratedField(expression=Folded("name"), output_field=models.TextField(), db_persist=True)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ("key",)
        constraints = (
            models.UniqueConstraint(fields=("key",), name="tag_name_unique"),
            models.CheckConstraint(condition=models.Q(name__regex=TRIMMED), name="tag_name_trimmed"),
            models.CheckConstraint(condition=is_line("name", is_name=True), name="tag_name_line"),
        )

    def __str__(self) -> str:
        return self.name


class DueKey(models.Func):
    """A due date to sort by: tasks without one come last."""

    last = "infinity"
    template = f"coalesce(%(expressions)s, '{last}'::date)"
    output_field = models.DateField()


class PriorityKey(models.Func):
    """A priority to sort by: tasks without one come last."""

    last = "32767"
    template = f"coalesce(%(expressions)s, '{last}'::smallint)"
    output_field = models.SmallIntegerField()


class Words(SearchQuery):
    """What sql/search.sql makes of the words that a client searches for."""

    SEARCH_TYPES = {"words": "tasks_search_query"}

    def __init__(self, search: Any) -> None:
        super().__init__(search, search_type="words")


class TaskQuerySet(TaskRows, TaskPages, models.QuerySet["Task"]):
    def search(self, query: str) -> Self:
        """Tasks whose title or description has every word of `query`, from its beginning.

        `"a phrase"`, `-without` and `this or that` work too; sql/search.sql says what a word is.
        """
        return self.filter(search=Words(query))

    def tagged(self, tag_id: Any) -> Self:
        """Tasks with the tag of this id. Given the id, PostgreSQL can estimate their number and choose an index."""
        return self.filter(pk__in=Task.tags.through.objects.filter(tag_id=tag_id).values("task_id"))

    def restore_deleted(self, delete: Change) -> "Task":
        """Restore the task that this change deleted: with its id, fields, tags and `created_at`; `updated_at` is new.

        Raises IntegrityError if a task with that id exists.
        """
        recorded = history.members_before(delete)
        # A column that was added after the delete gets its default.
        known = recorded.keys() & {*RESTORED_COLUMNS, "created_at"}
        columns = {name: column_value(name, recorded[name]) for name in known}
        last: datetime = column_value("updated_at", delete.old["updated_at"])
        # Later than the last one, even if the clock was set back: an old ETag must never match again.
        columns["updated_at"] = max(timezone.now(), last + MICROSECOND)
        row = self.insert({"id": delete.task_id, **columns, "tags": recorded.get("tags", [])})
        return self.get(pk=row.pk)


class Task(models.Model):
    # The fields of a task in the API, in this order.
    MEMBERS = (
        "id", "title", "description", "completed", "completed_at", "due_date", "priority", "tags",
        "created_at", "updated_at",
    )  # fmt: skip

    title = models.CharField(max_length=TITLE_LENGTH)
    description = models.TextField(null=True, blank=True, validators=[MaxLengthValidator(DESCRIPTION_LENGTH)])
    completed = models.BooleanField(default=False, db_default=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    due_date = models.DateField(null=True, blank=True)
    priority = models.SmallIntegerField(null=True, blank=True, choices=PRIORITIES)
    tags = models.ManyToManyField(Tag, related_name="tasks", blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    # The words of title and description, written by a trigger (sql/search.sql). Stored: a search that finds many would
    # otherwise compute them for each row that it reads. Adding a generated column would lock the table for a rewrite.
    search = SearchVectorField(null=True, editable=False)
    # That changed it last, written by a trigger (sql/transaction.sql); null before the column was added.
    transaction = models.BigIntegerField(null=True, editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # GET /tasks/ in its default order, and created_at__gte/__lt
            models.Index(fields=("created_at", "id"), name="task_created"),
            # GET /tasks/?ordering=updated_at and updated_at__gte: a client that fetches the latest updates
            models.Index(fields=("updated_at", "id"), name="task_updated"),
            # GET /tasks/?ordering=due_date and due_date__gte/__lte: a cursor can't be compared with null
            models.Index(DueKey("due_date"), "id", name="task_due_key"),
            # GET /tasks/?ordering=priority, and ?priority=1 if few tasks have it
            models.Index(PriorityKey("priority"), "id", name="task_priority_key"),
            # GET /tasks/?ordering=title, which would sort all tasks for each page
            models.Index(fields=("title", "id"), name="task_title"),
            # the admin's start page: open tasks by age and tag; GET /tasks/?completed=false in its default order
            models.Index(fields=("created_at", "id"), name="task_open", condition=models.Q(completed=False)),
            # open tasks by due date, and overdue ones: in task_due_key, years of completed tasks come first. Includes
            # the column, which PostgreSQL would otherwise read from the table for the count of the start page
            models.Index(
                DueKey("due_date"),
                "id",
                include=("due_date",),
                name="task_open_due",
                condition=models.Q(completed=False),
            ),
            # the start page: tasks completed per day, and how late. A range of completed_at implies its condition
            models.Index(
                fields=("completed_at",),
                include=("due_date",),
                name="task_completed",
                condition=models.Q(completed_at__isnull=False),
            ),
            # GET /tasks/?search=
            GinIndex(fields=("search",), name="task_words"),
            # GET /tasks/changes
            models.Index(
                fields=("transaction", "id"), name="task_changed", condition=models.Q(transaction__isnull=False)
            ),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(title__regex=TRIMMED), name="task_title_trimmed"),
            models.CheckConstraint(condition=is_line("title"), name="task_title_line"),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), DESCRIPTION_LENGTH), name="task_description_length"
            ),
            models.CheckConstraint(
                condition=models.Q(priority__range=(min(PRIORITIES), max(PRIORITIES))), name="task_priority_range"
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
        """The names of its tags in alphabetical order. Prefetched tags need no query."""
        return [tag.name for tag in sorted(self.tags.all(), key=attrgetter("key"))]

    def members(self) -> dict[str, Any]:
        """The current values of the fields that the history can restore."""
        return {name: getattr(self, name) for name in RESTORED_COLUMNS} | {"tags": self.tag_names()}

    def members_after(self, change: Change) -> dict[str, Any]:
        """The values of the same fields right after this change of the task."""
        now, recorded = self.members(), history.members_after(self.pk, change.pk)
        return now | {
            name: value if name == "tags" else column_value(name, value)
            for name, value in recorded.items()
            if name in now
        }

    def restore(self, change: Change) -> "Task":
        """Restore the fields to their values right after this change. This is a new change in the history."""
        Task.objects.change(self.pk, self.members_after(change))
        self.refresh_from_db()
        return self


# The columns that the history can restore; `updated_at` always moves on.
RESTORED_COLUMNS = tuple(
    field.name
    for field in Task._meta.concrete_fields  # noqa: SLF001 - public
    if field.name not in ("id", "created_at", "updated_at", "search", "transaction")
)


def column_value(name: str, recorded: Any) -> Any:
    """The Python value of a column of a task, from its JSON in the history."""
    field: models.Field[Any, Any] = Task._meta.get_field(name)  # type: ignore[assignment]  # noqa: SLF001 - public
    return None if recorded is None else field.to_python(recorded)
