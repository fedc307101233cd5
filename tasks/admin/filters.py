"""The filters of the list of tasks. Days are in settings.TIME_ZONE, which is UTC."""

import datetime
from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.db.models import Q, QuerySet
from django.db.models.lookups import Exact, GreaterThan, LessThan, Range
from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.timezone import localdate as today
from django.utils.timezone import make_aware

from tasks.admin.changes import ActorFilter
from tasks.admin.history import whole_number
from tasks.admin.periods import among
from tasks.history.models import Change, together_with
from tasks.models import PRIORITIES, TAGS_PER_TASK, DueKey, PriorityKey, Tag, Task

DAY = datetime.timedelta(days=1)


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with a few fixed choices."""

    names: ClassVar[dict[str, str]]  # by value

    def condition(self, value: str) -> Any:
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.names.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is not None and value not in self.names:
            raise IncorrectLookupParameters
        return queryset if value is None else queryset.filter(self.condition(value))


class StateFilter(ChoiceFilter):
    title, parameter_name, names = "state", "completed__exact", {"1": "Completed", "0": "Open"}

    def condition(self, value: str) -> Any:
        return Q(completed=value == "1")


class DueFilter(ChoiceFilter):
    """By the same expression as the indexes. "This week" is Monday to Sunday."""

    title, parameter_name = "due date", "due"
    names = {"overdue": "Overdue", "today": "Today", "week": "This week", "none": "No due date"}

    def condition(self, value: str) -> Any:
        key, day = DueKey("due_date"), today()
        monday = day - day.weekday() * DAY
        return {
            "overdue": among(Task.objects.filter(LessThan(key, day), completed=False)),
            "today": Exact(key, day),
            "week": Range(key, (monday, monday + 6 * DAY)),
            "none": GreaterThan(key, datetime.date.max),
        }[value]


class PriorityLevelFilter(ChoiceFilter):
    title = parameter_name = "priority"
    names = {**{str(value): name for value, name in PRIORITIES.items()}, "none": "No priority"}

    def condition(self, value: str) -> Any:
        return Exact(PriorityKey("priority"), PriorityKey.last if value == "none" else value)


class UpdatedFilter(ChoiceFilter):
    title, parameter_name, names = "last update", "updated", {"today": "Today", "week": "Past 7 days"}
    since: ClassVar = {"today": 0 * DAY, "week": 6 * DAY}

    def condition(self, value: str) -> Any:
        return Q(updated_at__gte=start_of(today() - self.since[value]))


class UpdatedByFilter(ActorFilter):
    """Users and tokens that created or updated the task; with UpdatedFilter, only within that time."""

    title = "who updated it"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        changes = Change.objects.filter(actor=self.value(), task_id__isnull=False).order_by()
        since = UpdatedFilter.since.get(request.GET.get(UpdatedFilter.parameter_name, ""))
        if since is not None:
            changes = changes.filter(at__gte=start_of(today() - since))
        return queryset.filter(pk__in=changes.values("task_id"))


class TogetherFilter(admin.SimpleListFilter):
    """Tasks that the transaction of this change created or updated, such as an import. Shown only while it is set."""

    title, parameter_name = "one change", "with"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.value() or "", "tasks created or updated together")] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        change = Change.objects.filter(pk=whole_number(self.value() or "") or 0).first()
        return queryset.filter(pk__in=together_with(change)) if change else queryset.none()


class TagsFilter(admin.ListFilter):
    """Tasks that have all of the chosen tags. The box is Django's autocomplete."""

    title, parameter, template = "tags", "tags__id__exact", "admin/tasks/task/tags_filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.tags = params.pop(self.parameter, [])
        if len(self.tags) > TAGS_PER_TASK or None in map(whole_number, self.tags):
            raise IncorrectLookupParameters
        if self.tags:
            self.used_parameters[self.parameter] = self.tags

    @staticmethod
    def field() -> Any:
        # Select2 would open its list on the page, behind the drawer; or in a drawer that is scrolled, out of sight.
        attrs = {"data-dropdown-parent": ".tags-filter"}
        widget = AutocompleteSelectMultiple(Task._meta.get_field("tags"), admin.site, attrs)  # noqa: SLF001 - public
        return forms.ModelMultipleChoiceField(Tag.objects.all(), widget=widget, required=False)

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        for tag in self.tags:
            queryset = queryset.tagged(tag)
        return queryset

    def chips(self, changelist: Any) -> Iterator[tuple[str, str]]:
        """The name of each chosen tag, and the list without it."""
        for tag in Tag.objects.filter(pk__in=self.tags) if self.tags else ():
            rest = self.others(changelist)
            rest += [(self.parameter, each) for each in self.tags if each != f"{tag.pk}"]
            yield tag.name, f"?{urlencode(rest)}"

    def others(self, changelist: Any) -> list[tuple[str, str]]:
        """The parameters of the other filters."""
        given = changelist.filter_params.items()
        return [(name, each) for name, values in given if name != self.parameter for each in values]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """For the template: the box, and the parameters of the other filters as hidden inputs."""
        yield {
            "box": self.field().widget.render(self.parameter, self.tags, {"id": "tags-filter", "aria-label": "Tags"}),
            "others": self.others(changelist),
        }


def start_of(day: datetime.date) -> datetime.datetime:
    return make_aware(datetime.datetime.combine(day, datetime.time.min))
