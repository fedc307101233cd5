"""The list of recent changes of all tasks and tags. Read-only, and bounded: the table keeps every change."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from config.pages.bounded_list import BoundedAdmin
from tasks.admin.base import permissions_to_undo
from tasks.admin.periods import AtFilter
from tasks.admin.sentences import joined, shown, told
from tasks.history.models import Change, actors
from tasks.models import Task

MOST, MOST_ACTORS = 1000, 50
OUT_OF_STEP = 10_000  # a change may have a lower id than one that was recorded shortly before it, by at most this many
MOST_IN_PERIOD = 50_000  # with a filter by time, which has an index: the list is as long as the start page says


class NewestPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of only the newest rows: counting all rows would cost more than the page."""

    most = MOST
    is_by_actor = False

    @cached_property
    def found(self) -> list[int]:
        """The keys of the newest rows. Those of one actor, by operation first, as their index is."""
        rows: Any = self.object_list
        keys = rows.values_list("pk", flat=True)
        if not self.is_by_actor:
            return list(keys[: self.most])
        first, *others = (keys.filter(operation=each)[: self.most] for each in Change.Operation.values)
        return list(first.union(*others, all=True).order_by("-pk")[: self.most])

    @property
    def count(self) -> int:
        return len(self.found)

    def page(self, number: Any) -> Page[Any]:
        page: Page[Any] = super().page(number)
        start = (page.number - 1) * self.per_page
        rows: Any = self.object_list
        page.object_list = rows.filter(pk__in=self.found[start : start + self.per_page])
        return page

    @property
    def is_cut(self) -> bool:
        return self.count >= self.most

    @property
    def note(self) -> str:
        return f"Only the newest {self.most:,} are listed. Filter to find older ones."


class ActorFilter(admin.SimpleListFilter):
    title = "who"
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(actor, actor) for actor in actors(MOST_ACTORS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Change]) -> QuerySet[Change]:
        return queryset.filter(actor=self.value()) if self.value() else queryset


class WhatFilter(admin.ChoicesFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "what"


class WhenFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "when"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Change]) -> QuerySet[Change]:
        """Also by primary key, from the first change of that time: the list has that order, so the scan ends there."""
        found: QuerySet[Change] = super().queryset(request, queryset)  # type: ignore[assignment]  # never None
        since: dict[str, Any] = {name: value for name, value in self.used_parameters.items() if name == "at__gte"}
        matching = Change.objects.filter(build_q_object_from_lookup_parameters(since)).order_by("at")
        first = matching.first() if since else None
        return found.filter(pk__gte=first.pk - OUT_OF_STEP) if first else found


@admin.register(Change)
class ChangeAdmin(BoundedAdmin):
    list_display_links = None
    list_filter = (("operation", WhatFilter), ActorFilter, ("at", WhenFilter), AtFilter)
    list_per_page = 50
    sortable_by = ()
    paginator = NewestPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        """With the current title of each task, looked up by primary key and only for the page's rows."""
        titles = Task.objects.filter(pk=OuterRef("task_id")).order_by().values("title")
        changes: QuerySet[Change] = super().get_queryset(request)
        return changes.annotate(current_title=Subquery(titles))

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        return ("subject", "what", "when", self._back(request))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """With a filter by time, by the index on time: by primary key, all newer changes would be read first."""
        return ("-at", "-id") if AtFilter.parameter_name in request.GET else ("-id",)

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        paginator: Any = super().get_paginator(request, *args, **kwargs)
        if AtFilter.parameter_name in request.GET:
            paginator.most = MOST_IN_PERIOD
        else:
            paginator.is_by_actor = ActorFilter.parameter_name in request.GET
        return paginator

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Recent changes", **(extra_context or {})})

    def has_view_permission(self, request: HttpRequest, obj: Change | None = None) -> bool:
        """Whoever may view tasks may view their changes."""
        return request.user.has_perms(["tasks.view_task"])

    def has_no_permission(self, request: HttpRequest, obj: Change | None = None) -> bool:
        return False

    has_add_permission = has_change_permission = has_delete_permission = has_no_permission

    @admin.display(description="when")
    def when(self, change: Change) -> str:
        return format_html('<time datetime="{}">{}</time>', change.at.isoformat(), shown(change.at))

    @admin.display(description="task or tag")
    def subject(self, change: Change) -> str:
        if change.task_id is None:
            return f"tag “{change.new.get('name') or change.old['name']}”"
        name = (
            change.current_title  # type: ignore[attr-defined]  # an annotation of get_queryset
            or change.old.get("title")
            or change.new.get("title")
            or f"task {change.task_id}"
        )
        return format_html('<a href="{}">{}</a>', reverse("admin:tasks_task_history", args=[change.task_id]), name)

    @admin.display(description="what")
    def what(self, change: Change) -> str:
        """A sentence; without the fields of a new or deleted task, which would be too long."""
        phrases = told(change.operation, change.old, change.new, is_tag=change.task_id is None)
        if change.operation != Change.Operation.UPDATE:
            phrases = phrases[:1]
        return format_html("<b>{}</b> {}", change.actor, joined(phrases))

    @staticmethod
    def _back(request: HttpRequest) -> Any:
        """The column with what takes a change back."""

        @admin.display(description="undo", empty_value="")
        def back(change: Change) -> str | None:
            if change.task_id is None:
                return None
            if change.operation == Change.Operation.DELETE and change.current_title is None:  # type: ignore[attr-defined]
                url = reverse("admin:tasks_task_restore_deleted", args=[change.task_id])
                verb, needed = "Restore", ["tasks.view_task", "tasks.add_task"]
            else:
                url = reverse("admin:tasks_task_undo", args=[change.pk])
                verb, needed = "Undo", permissions_to_undo(change.operation)
            may = request.user.has_perms(needed)
            return format_html('<a href="{}">{}</a>', url, verb) if may else None

        return back
