"""The charts on the start page of the admin. Each number links to the list of what it counts."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from tasks.admin.filters import DueFilter, StateFilter
from tasks.admin.list import views
from tasks.admin.periods import CompletedFilter
from tasks.admin.start import figures
from tasks.admin.start.figures import DAY
from tasks.admin.start.plots import Figure, Plot, PlotRow, bars, columns
from tasks.history.models import Change
from tasks.models import Task

MOST_IN_TILE = 5000
DAYS, WEEK, MOST_TAGS, MOST_ACTORS = 90, 7, 10, 10
Lookups = dict[str, str]
Changes = list[tuple[int, str, str, int]]
OPEN = {"completed__exact": "0"}
# Open tasks by the days since they were created: name, most days, fewest days.
AGES = (
    ("today", 0, 0),
    ("1 to 7 days", 7, 1),
    ("8 to 30 days", 30, 8),
    ("31 to 90 days", 90, 31),
    ("91 to 365 days", 365, 91),
)


class Tile(NamedTuple):
    """A list that staff open most, and how many tasks are on it."""

    name: str
    figure: str
    url: str


def tiles_for(request: HttpRequest, site: AdminSite) -> Iterator[Tile]:
    staff_admin = site.get_model_admin(Task)
    if not staff_admin.has_view_permission(request):
        return
    for name, lookups in views().items():
        rows: Any = Task.objects.order_by()
        for each in (StateFilter, DueFilter, CompletedFilter):
            if value := lookups.get(each.parameter_name):
                rows = each(request, {each.parameter_name: [value]}, Task, staff_admin).queryset(request, rows)
        if lookups:
            count = rows[: MOST_IN_TILE + 1].count()
            text = f"{count:,}" if count <= MOST_IN_TILE else f"{MOST_IN_TILE:,}+"
            yield Tile(name, text, f"{reverse('admin:tasks_task_changelist')}?{urlencode(lookups)}")


def plots_for(request: HttpRequest, site: AdminSite) -> Iterator[Plot]:
    """The charts of the lists that this user may open."""
    today = datetime.now(UTC).date()
    if site.get_model_admin(Task).has_view_or_change_permission(request):
        yield from task_plots(today)
    if site.get_model_admin(Change).has_view_or_change_permission(request):
        yield from change_plots(today)


def task_plots(today: date) -> Iterator[Plot]:
    days = [today - DAY * ago for ago in range(DAYS - 1, -1, -1)]
    created = figures.created([(day, day) for day in days])
    completed, overdue = figures.completed_and_overdue(days)

    def by_day(**counts: list[int]) -> list[PlotRow]:
        """Each argument is named after the list's query parameter in its links."""
        return [
            PlotRow(f"{day}", [tasks(each[number], {name: f"{day}"}) for name, each in counts.items()])
            for number, day in enumerate(days)
        ]

    note = f"Tasks of the last {DAYS} days: {sum(created):,} created, {sum(completed):,} completed."
    rows = by_day(created_at=created, completed_at=completed)
    yield Plot("plot-days", "Created and completed", note, ("created", "completed"), rows, columns)
    note = f"Open and past their due date: {overdue[0]:,} on {days[0]}, {overdue[-1]:,} today."
    series = ("open and past their due date at the end of the day",)
    yield Plot("plot-overdue", "Overdue", note, series, by_day(overdue_on=overdue), columns)
    yield ages(today)
    yield tags(today)


def ages(today: date) -> Plot:
    bands = [(today - DAY * since, today - DAY * until) for _, since, until in AGES]
    oldest = bands[-1][0] - DAY
    periods = [*(f"{since}/{until}" for since, until in bands), f"../{oldest}"]
    counts = figures.created([*bands, (date.min, oldest)], is_open=True)
    rows = [
        PlotRow(name, [tasks(count, OPEN | {"created_at": period})])
        for name, count, period in zip([*(name for name, *_ in AGES), "older"], counts, periods, strict=True)
    ]
    return Plot("plot-age", "Open tasks by age", f"Open tasks: {sum(counts):,}.", ("open",), rows, bars)


def tags(today: date) -> Plot:
    since, cut, found = figures.tags_of_open(today, MOST_TAGS)
    period = {"created_at": f"{since}/.."} if since else {}
    rows = [
        PlotRow(name, [tasks(count, OPEN | {"tags__id__exact": f"{pk}"} | period, at_least=cut)])
        for pk, name, count in found
    ]
    note = f"Open tasks created since {since}." if since else "All open tasks."
    return Plot("plot-tags", "Open tasks by tag", note, ("open",), rows, bars)


def change_plots(today: date) -> Iterator[Plot]:
    start = today - DAY * (WEEK - 1)
    found, cut = figures.changes(start, today)
    oldest = min(hour for hour, *_ in found) if cut else -1
    limit = f" Only the newest {figures.NEWEST_CHANGES:,} are counted." if cut else ""
    yield actors(f"{hour_of(start, oldest) if cut else start}/{today}", found, limit)


def actors(period: str, found: Changes, limit: str) -> Plot:
    sums, counts = Counter[str](), Counter[tuple[str, str]]()
    for _, actor, operation, count in found:
        sums[actor] += count
        counts[actor, operation] += count

    def figure(actor: str, operation: str) -> Figure:
        lookups = {"actor": actor, "operation__exact": operation, "at": period}
        return changes(counts[actor, operation], lookups, at_least=bool(limit))

    rows = [
        PlotRow(actor, [figure(actor, operation) for operation in Change.Operation.values])
        for actor, _ in sums.most_common(MOST_ACTORS)
    ]
    note = f"Changes to tasks and tags in the last {WEEK} days: {sums.total():,}.{limit}"
    return Plot("plot-actors", "Who changed what", note, [*map(str, Change.Operation.labels)], rows, bars)


def hour_of(start: date, hour: int) -> str:
    """As PeriodFilter expects it."""
    return f"{start + DAY * (hour // 24)}T{hour % 24:02}"


def tasks(count: int, lookups: Lookups, *, at_least: bool = False) -> Figure:
    return Figure(count, f"{reverse('admin:tasks_task_changelist')}?{urlencode(lookups)}", at_least)


def changes(count: int, lookups: Lookups, *, at_least: bool) -> Figure:
    return Figure(count, f"{reverse('admin:tasks_change_changelist')}?{urlencode(lookups)}", at_least)
