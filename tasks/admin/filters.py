"""The filters of the list of tasks for staff. Days are those of the server's time zone, settings.TIME_ZONE."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.db.models import Func, Q, QuerySet
from django.db.models.lookups import Exact
from django.http import HttpRequest
from django.utils.timezone import localdate as today
from django.utils.timezone import make_aware

from config.api.fields import BIGINT_MAX
from tasks.admin.changes import ActorFilter
from tasks.history.models import Change
from tasks.models import TAGS_PER_TASK, DueKey, Tag, Task

DAY = datetime.timedelta(days=1)


class StateFilter(admin.BooleanFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "state"

    def choices(self, changelist: Any) -> Iterator[Any]:
        names = {"Yes": "Done", "No": "Open"}
        for choice in super().choices(changelist):
            yield {**choice, "display": names.get(str(choice["display"]), choice["display"])}


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with few choices, each a title and what it asks for, in `options`."""

    options: dict[str, tuple[str, Callable[[datetime.date], Any]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, title) for value, (title, _) in self.options.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        if self.value() is None:
            return queryset
        if self.value() not in self.options:
            raise IncorrectLookupParameters
        condition = self.options[str(self.value())][1]
        return queryset.alias(due_key=DueKey("due_date")).filter(condition(today()))


class DueFilter(ChoiceFilter):
    """By the expression that the indexes have. "This week" is from Monday to Sunday."""

    title, parameter_name = "due date", "due"
    options = {
        "overdue": ("Overdue", lambda day: Q(due_key__lt=day, completed=False)),
        "today": ("Today", lambda day: Q(due_key=day)),
        "week": (
            "This week",
            lambda day: Q(due_key__range=(day - day.weekday() * DAY, day + (6 - day.weekday()) * DAY)),
        ),
        "none": ("None", lambda _: Q(due_key__gt=datetime.date.max)),
    }


def by_choices(column: str, key: type[Func]) -> type[ChoiceFilter]:
    """A filter of a column with choices, by the expression that its index has."""

    def condition(value: Any) -> Callable[[datetime.date], Any]:
        return lambda _: Exact(key(column), value)

    field: Any = Task._meta.get_field(column)  # noqa: SLF001 - public
    options = {str(value): (text, condition(value)) for value, text in field.choices}
    options["none"] = "None", condition(key.last)  # type: ignore[attr-defined]  # of the keys in tasks/models.py
    members = {"title": column.replace("_", " "), "parameter_name": column, "options": options}
    return type(f"{column.title()}Filter", (ChoiceFilter,), members)


class ChangedFilter(ChoiceFilter):
    title, parameter_name = "last change", "changed"
    options = {
        "today": ("Today", lambda day: Q(updated_at__gte=start_of(day))),
        "week": ("Past 7 days", lambda day: Q(updated_at__gte=start_of(day - 6 * DAY))),
    }


class ChangedByFilter(ActorFilter):
    """Who ever made or changed the task; with a filter by time, within that time."""

    title = "who changed it"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        changes = Change.objects.filter(actor=self.value(), task_id__isnull=False).order_by()
        days = {"today": 0, "week": 6}.get(request.GET.get(ChangedFilter.parameter_name, ""))
        if days is not None:
            changes = changes.filter(at__gte=start_of(today() - days * DAY))
        return queryset.filter(pk__in=changes.values("task_id"))


class TagsFilter(admin.ListFilter):
    """By one or more tags, all of them, chosen by Django's autocompletion."""

    title, parameter, template = "tags", "tags__id__exact", "admin/tasks/task/tags_filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.tags = params.pop(self.parameter, [])
        if len(self.tags) > TAGS_PER_TASK or not all(is_key(each) for each in self.tags):
            raise IncorrectLookupParameters
        if self.tags:
            self.used_parameters[self.parameter] = self.tags

    @staticmethod
    def field() -> forms.Field:
        widget = AutocompleteSelectMultiple(Task._meta.get_field("tags"), admin.site)  # noqa: SLF001 - public
        return forms.ModelMultipleChoiceField(Tag.objects.all(), widget=widget, required=False)

    @classmethod
    def media(cls) -> forms.Media:
        media: forms.Media = cls.field().widget.media
        return media

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        for tag in self.tags:
            # By its id: from there PostgreSQL knows how many carry it, and by which index to find them.
            carriers = Task.tags.through.objects.filter(tag_id=tag)
            queryset = queryset.filter(pk__in=carriers.values("task_id"))
        return queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        """For the template: the box, and the parameters of the other filters to send along."""
        others = {name: values for name, values in changelist.filter_params.items() if name != self.parameter}
        yield {
            "box": self.field().widget.render(self.parameter, self.tags, {"id": "tags-filter", "aria-label": "Tags"}),
            "others": [(name, each) for name, values in others.items() for each in listed(values)],
        }


def start_of(day: datetime.date) -> datetime.datetime:
    return make_aware(datetime.datetime.combine(day, datetime.time.min))


def is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= BIGINT_MAX


def listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]
