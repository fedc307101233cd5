"""The columns of the list of tasks for staff. Days are those of the server's time zone, settings.TIME_ZONE."""

from datetime import date, datetime
from typing import Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince

from tasks.admin.base import StaffAdmin
from tasks.admin.filters import ChangedByFilter, ChangedFilter, DueFilter, PriorityLevelFilter, StateFilter, TagsFilter
from tasks.admin.periods import CompletedFilter, CreatedFilter, OverdueFilter
from tasks.models import DueKey, PriorityKey, Task

SOON = 7  # days ahead that are counted


class TaskList(StaffAdmin):
    list_display = ("title", "state", "due", "priority_level", "chips", "made", "changed")
    list_filter = (
        StateFilter,
        DueFilter,
        PriorityLevelFilter,
        ChangedFilter,
        ChangedByFilter,
        TagsFilter,
        # where a figure of the start page leads
        CreatedFilter,
        CompletedFilter,
        OverdueFilter,
    )
    list_per_page = 50
    date_hierarchy = "created_at"
    ordering = ("-created_at",)  # as the API has it, and as the dates above the list go

    @property
    def media(self) -> Any:
        """With what the filter by tags needs."""
        return super().media + TagsFilter.field().widget.media

    @admin.display(description="done")
    def state(self, task: Task) -> str:
        if not task.completed:
            return format_html('<span class="visually-hidden">{}</span>', "open")
        return format_html('<img src="{}" alt="done">', static("admin/img/icon-yes.svg"))

    @admin.display(description="due", ordering=DueKey("due_date"))
    def due(self, task: Task) -> str | None:
        """With how near it is, as long as the task is open."""
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

    @admin.display(description="made", ordering="created_at")
    def made(self, task: Task) -> str:
        return ago(task.created_at)

    @admin.display(description="changed", ordering="updated_at")
    def changed(self, task: Task) -> str:
        return ago(task.updated_at)


def ago(moment: datetime) -> str:
    """How long ago, with the exact time for who points at it."""
    at = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{} ago</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S %Z"),
        timesince(at, depth=1),
    )


def nearness(due: date) -> tuple[str, str]:
    """A class and a text for a day that is past or near; empty for one further away."""
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
