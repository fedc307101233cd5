"""The columns of the list of tasks. Days and times are in settings.TIME_ZONE, which is UTC."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import admin
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from config.pages.confirmation import Context
from config.templatetags.dates import ago
from tasks.admin.base import StaffAdmin, all_or_nothing
from tasks.admin.filters import (
    DueFilter,
    PriorityLevelFilter,
    StateFilter,
    TagsFilter,
    TogetherFilter,
    UpdatedByFilter,
    UpdatedFilter,
)
from tasks.admin.history import CHANGED, version_of
from tasks.admin.periods import CompletedFilter, CreatedFilter, OverdueFilter
from tasks.models import DueKey, PriorityKey, Task

SOON = 7  # up to this many days ahead, the list says "in 3 days"
STATES = ("open", "done")  # by `completed`: the name of an icon
CHIPS = 3  # tags of a task, the others are counted
NOT_FILTERS = {ORDER_VAR, PAGE_VAR, SEARCH_VAR, ERROR_FLAG}


def views() -> dict[str, dict[str, str]]:
    """The lists that staff open most, by name: the parameters of each."""
    today = f"{timezone.localdate()}"
    return {
        "All": {},
        "Open": {StateFilter.parameter_name: "0"},
        "Overdue": {DueFilter.parameter_name: "overdue"},
        "Due today": {StateFilter.parameter_name: "0", DueFilter.parameter_name: "today"},
        "Done today": {CompletedFilter.parameter_name: today},
    }


class TaskList(StaffAdmin):
    list_display_links = ("title",)
    list_filter = (
        StateFilter,
        DueFilter,
        TagsFilter,
        PriorityLevelFilter,
        UpdatedFilter,
        UpdatedByFilter,
        # the links of the start page
        CreatedFilter,
        CompletedFilter,
        OverdueFilter,
        TogetherFilter,
    )
    list_per_page = 50
    date_hierarchy = "created_at"
    ordering = ("-created_at",)  # the API's default, and the column of date_hierarchy

    class Media:
        css = {"all": ("tasks/list.css",)}

    @property
    def media(self) -> Any:
        """With the scripts and styles of the tags filter."""
        return super().media + TagsFilter.field().widget.media

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        return (self._state_for(request), "title", "due", "priority_level", "chips", "created", "updated")

    def _state_for(self, request: HttpRequest) -> Callable[[Task], str]:
        """The column with a button that completes or reopens the task, for those who may."""
        may_change = self.has_change_permission(request)
        filters = self.get_preserved_filters(request)

        @admin.display(description="state")
        def state(task: Task) -> str:
            mark = STATES[task.completed]
            if not may_change:
                return format_html('<span class="state {}" role="img" aria-label="{}"></span>', mark, mark)
            return format_html(
                '<button class="state {}" name="version" value="{}" formaction="{}?{}" aria-label="{}: {}"></button>',
                mark,
                version_of(task),
                reverse("admin:tasks_task_state", args=[task.pk]),
                filters,
                "Reopen" if task.completed else "Complete",
                task.title,
            )

        return state

    def changelist_view(self, request: HttpRequest, extra_context: Context | None = None) -> HttpResponse:
        given = {name: value for name, value in request.GET.items() if name not in NOT_FILTERS}
        links = [
            {"name": name, "url": f"?{urlencode(filters)}", "is_current": filters == given}
            for name, filters in views().items()
        ]
        return super().changelist_view(request, {"views": links, **(extra_context or {})})

    @all_or_nothing
    def state_view(self, request: HttpRequest, task_id: int) -> HttpResponse:
        """Completes or reopens a task, if it is still as the list showed it, and leads back to the list."""
        task = self.get_object(request, f"{task_id}")
        if task is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, f"{task_id}")  # type: ignore[attr-defined, no-any-return]  # not in the stub
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:tasks_task_change", args=[task_id]))
        if request.POST.get("version") == version_of(task):
            done = not task.completed
            Task.objects.change(task_id, {"completed": done})
            what = "completed" if done else "reopened"
            self.log_change(request, task, f"{what.capitalize()}.")
            self.tell(request, f"The task “{task}” was {what}.")
        else:
            self.refuse(request, f"Nothing was saved: {CHANGED} The list shows “{task}” as it is now.")
        filters: dict[str, Any] = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
        return HttpResponseRedirect(add_preserved_filters(filters, reverse("admin:tasks_task_changelist")))

    @admin.display(description="due", ordering=DueKey("due_date"), empty_value="")
    def due(self, task: Task) -> str | None:
        """The date; for an open task also how near it is."""
        if task.due_date is None:
            return None
        day = format_html('<time datetime="{0}">{0}</time>', task.due_date.isoformat())
        kind, mark = ("", "") if task.completed else nearness(task.due_date)
        return format_html('{} <span class="due {}">{}</span>', day, kind, mark) if mark else day

    @admin.display(description="priority", ordering=PriorityKey("priority"), empty_value="")
    def priority_level(self, task: Task) -> int | None:
        return task.priority

    @admin.display(description="tags", empty_value="")
    def chips(self, task: Task) -> str:
        listed, tags = reverse("admin:tasks_task_changelist"), sorted(task.tags.all(), key=lambda tag: tag.name.lower())
        shown = format_html_join(
            " ",
            '<a class="chip" href="{}?{}={}">{}</a>',
            ((listed, TagsFilter.parameter, tag.pk, tag.name) for tag in tags[:CHIPS]),
        )
        rest = [tag.name for tag in tags[CHIPS:]]
        return (
            format_html('{} <span class="more" title="{}">+{}</span>', shown, ", ".join(rest), len(rest))
            if rest
            else shown
        )

    @admin.display(description="created", ordering="created_at")
    def created(self, task: Task) -> str:
        return ago(task.created_at)

    @admin.display(description="updated", ordering="updated_at")
    def updated(self, task: Task) -> str:
        return ago(task.updated_at)


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
