"""The plots on the start page of the admin. Each figure leads to the list of what it counts."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from tasks.admin.start import figures
from tasks.admin.start.figures import DAY
from tasks.admin.start.plots import Bars, Cells, Columns, Figure, Plot, PlotRow
from tasks.history.models import Change
from tasks.models import Task

DAYS, WEEK, MOST_TAGS, MOST_ACTORS = 90, 7, 10, 10
Lookups = dict[str, str]
Changes = list[tuple[int, str, str, int]]
OPEN = {"completed__exact": "0"}
# Open tasks that were created from so many to so many days ago.
AGES = (
    ("today", 0, 0),
    ("1 to 7 days", 7, 1),
    ("8 to 30 days", 30, 8),
    ("31 to 90 days", 90, 31),
    ("91 to 365 days", 365, 91),
)


def plots_for(request: HttpRequest, site: AdminSite) -> Iterator[Plot]:
    """What this member of staff may see of them: those of lists that they may open."""
    today = datetime.now(UTC).date()
    if site.get_model_admin(Task).has_view_or_change_permission(request):
        yield from task_plots(today)
    if site.get_model_admin(Change).has_view_or_change_permission(request):
        yield from change_plots(today)


def task_plots(today: date) -> Iterator[Plot]:
    days = [today - DAY * ago for ago in range(DAYS - 1, -1, -1)]
    created = figures.created([(day, day) for day in days])
    completed, overdue = figures.completed_and_overdue(days)
    yield Columns(
        "plot-days",
        "Created and completed",
        f"Tasks of the last {DAYS} days: {sum(created):,} created, {sum(completed):,} completed.",
        ("created", "completed"),
        [
            PlotRow(short(day), [tasks(one, {"created_at": f"{day}"}), tasks(other, {"completed_at": f"{day}"})])
            for day, one, other in zip(days, created, completed, strict=True)
        ],
    )
    yield Columns(
        "plot-overdue",
        "Overdue",
        f"Open and past their due date: {overdue[0]:,} on {short(days[0])}, {overdue[-1]:,} today.",
        ("open at the end of the day and past their due date",),
        [
            PlotRow(short(day), [tasks(count, {"overdue_on": f"{day}"})])
            for day, count in zip(days, overdue, strict=True)
        ],
    )
    yield ages(today)
    yield tags(today)


def ages(today: date) -> Plot:
    bands = [(name, today - DAY * since, today - DAY * until) for name, since, until in AGES]
    oldest = bands[-1][1] - DAY
    periods = [f"{since}/{until}" for _, since, until in bands] + [f"../{oldest}"]
    counts = figures.created([(since, until) for _, since, until in bands] + [(date.min, oldest)], is_open=True)
    rows = [
        PlotRow(name, [tasks(count, OPEN | {"created_at": period})])
        for name, count, period in zip([*(name for name, *_ in AGES), "older"], counts, periods, strict=True)
    ]
    return Bars("plot-age", "Open tasks by age", f"Open tasks: {sum(counts):,}.", ("open",), rows)


def tags(today: date) -> Plot:
    since, cut, found = figures.tags_of_open(today, MOST_TAGS)
    period = {"created_at": f"{since}/.."} if since else {}
    rows = [
        PlotRow(name, [tasks(count, OPEN | {"tags__id__exact": f"{pk}"} | period, at_least=cut)])
        for pk, name, count in found
    ]
    note = f"Of the open tasks created since {short(since)}." if since else "Of all open tasks."
    return Bars("plot-tags", "Open tasks by tag", note, ("open",), rows)


def change_plots(today: date) -> Iterator[Plot]:
    start = today - DAY * (WEEK - 1)
    found, cut = figures.changes(start, today)
    oldest = min(hour for hour, *_ in found) if cut else -1
    limit = f" Only the newest {figures.NEWEST_CHANGES:,} are counted." if cut else ""
    yield hours(start, found, oldest, limit)
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
    note = f"Changes of tasks and tags in the last {WEEK} days: {sums.total():,}.{limit}"
    return Bars("plot-actors", "Who changed what", note, [str(each) for each in Change.Operation.labels], rows)


def hours(start: date, found: Changes, cut_at: int, limit: str) -> Plot:
    """Of an hour before `cut_at` nothing is known, and of that hour itself not all."""
    counts = Counter[int]()
    for hour, _, _, count in found:
        counts[hour] += count

    def figure(hour: int) -> Figure | None:
        return changes(counts[hour], {"at": hour_of(start, hour)}, at_least=hour == cut_at) if hour >= cut_at else None

    rows = [
        PlotRow(f"{start + DAY * day:%a %d}", [figure(24 * day + hour) for hour in range(24)]) for day in range(WEEK)
    ]
    note = "No changes."
    if found:
        hour, most = counts.most_common(1)[0]
        note = f"Most changes: {most:,} on {short(start + DAY * (hour // 24))} from {hour % 24:02}:00.{limit}"
    return Cells("plot-hours", "Busiest hours", note, [f"{hour:02}" for hour in range(24)], rows)


def hour_of(start: date, hour: int) -> str:
    """As PeriodFilter takes it."""
    return f"{start + DAY * (hour // 24)}T{hour % 24:02}"


def short(day: date) -> str:
    return f"{day.day} {day:%b}"


def tasks(count: int, lookups: Lookups, *, at_least: bool = False) -> Figure:
    return Figure(count, f"{reverse('admin:tasks_task_changelist')}?{urlencode(lookups)}", at_least)


def changes(count: int, lookups: Lookups, *, at_least: bool) -> Figure:
    return Figure(count, f"{reverse('admin:tasks_change_changelist')}?{urlencode(lookups)}", at_least)
