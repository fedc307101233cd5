"""The columns of the list of tasks. Days and times are in settings.TIME_ZONE, which is UTC."""

from datetime import date, datetime
from typing import Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince

from tasks.admin.base import StaffAdmin
from tasks.admin.filters import DueFilter, PriorityLevelFilter, StateFilter, TagsFilter, UpdatedByFilter, UpdatedFilter
from tasks.admin.periods import CompletedFilter, CreatedFilter, OverdueFilter
from tasks.models import DueKey, PriorityKey, Task

SOON = 7  # up to this many days ahead, the list says "in 3 days"


class TaskList(StaffAdmin):
    list_display = ("title", "state", "due", "priority_level", "chips", "created", "updated")
    list_filter = (
        StateFilter,
        DueFilter,
        PriorityLevelFilter,
        UpdatedFilter,
        UpdatedByFilter,
        TagsFilter,
        # the links of the start page
        CreatedFilter,
        CompletedFilter,
        OverdueFilter,
    )
    list_per_page = 50
    date_hierarchy = "created_at"
    ordering = ("-created_at",)  # the API's default, and the column of date_hierarchy

    @property
    def media(self) -> Any:
        """With the scripts and styles of the tags filter."""
        return super().media + TagsFilter.field().widget.media

    @admin.display(description="completed")
    def state(self, task: Task) -> str:
        if not task.completed:
            return format_html('<span class="visually-hidden">{}</span>', "open")
        return format_html('<img src="{}" alt="completed">', static("admin/img/icon-yes.svg"))

    @admin.display(description="due", ordering=DueKey("due_date"))
    def due(self, task: Task) -> str | None:
        """The date; for an open task also how near it is."""
        if task.due_date is None:
            return None
        day = format_html('<time datetime="{0}">{0}</time>', task.due_date.isoformat())
        kind, mark = ("", "") if task.completed else nearness(task.due_date)
        return format_html('{} <span class="due {}">{}</span>', day, kind, mark) if mark else day

    @admin.display(description="priority", ordering=PriorityKey("priority"))
    def priority_level(self, task: Task) -> int | None:
        return task.priority

    @admin.display(description="tags")
    def chips(self, task: Task) -> str:
        listed, tags = reverse("admin:tasks_task_changelist"), sorted(task.tags.all(), key=lambda tag: tag.name.lower())
        return format_html_join(
            " ",
            '<a class="chip" href="{}?{}={}">{}</a>',
            ((listed, TagsFilter.parameter, tag.pk, tag.name) for tag in tags),
        )

    @admin.display(description="created", ordering="created_at")
    def created(self, task: Task) -> str:
        return ago(task.created_at)

    @admin.display(description="updated", ordering="updated_at")
    def updated(self, task: Task) -> str:
        return ago(task.updated_at)


def ago(moment: datetime) -> str:
    """How long ago, with the exact time in a tooltip."""
    at = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{} ago</time>',
        at.isoformat(),
        date_format(at, "DATETIME_FORMAT"),
        timesince(at, depth=1),
    )


def nearness(due: date) -> tuple[str, str]:
    """A CSS class and a text for a date that is past or near; empty for a later one."""
    match (due - timezone.localdate()).days:
        case days if days < 0:
            return "overdue", "overdue"
        case 0:
            return "today", "today"
        case 1:
            return "soon", "tomorrow"
        case days if days <= SOON:
            return "soon", f"in {days} days"
    return "", ""
