"""The admin's start page: its plots, the lists that they lead to, and the filters of those."""

import html
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.api.attribution import attribute_changes
from tasks.admin import changes as admin_changes
from tasks.admin.start import figures
from tasks.admin.start import page as start_page
from tasks.admin.start.plots import round_step, short
from tasks.models import Change, Task
from tests.factories import client_of, make_task, make_tasks, make_user

pytestmark = pytest.mark.django_db
START, LIST, CHANGES = "/admin/", "/admin/tasks/task/", "/admin/tasks/change/"
TODAY = datetime.now(UTC).date()
INSTANT = timedelta(microseconds=1)
TASK_PLOTS = ["plot-days", "plot-overdue", "plot-age", "plot-tags"]
CHANGE_PLOTS = ["plot-actors"]


def text_of(client: Client, url: str = START) -> str:
    answer = client.get(url, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def plots_on(page: str) -> dict[str, str]:
    """The HTML of each plot, by its name."""
    return dict(re.findall(r'<section class="module card plot ([\w-]+)"(.*?)</section>', page, re.DOTALL))


def links_in(plot: str) -> dict[str, str]:
    """Figures of the plot's table, by where they lead."""
    found = re.findall(r'<td><a href="([^"]+)">([^<]+)</a></td>', plot)
    return {html.unescape(url): figure for url, figure in found}


def figures_in(page: str, plot: str) -> dict[str, list[str]]:
    """The rows of the plot's table: name and figures."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', plots_on(page)[plot], re.DOTALL)
    return {html.unescape(name): re.findall(r">([^<>]+)<(?:/a></td>|/td>)", cells) for name, cells in rows}


def at(days: int, **later: float) -> datetime:
    """Midnight so many days ago, and so much later."""
    return datetime.combine(TODAY - timedelta(days), time(), UTC) + timedelta(**later)


def day(ago: int) -> str:
    return f"{TODAY - timedelta(ago)}"


def due(ago: int) -> date:
    return TODAY - timedelta(ago)


def finished(completed: datetime, **fields: Any) -> Task:
    """A completed task; the oldest one, so that other figures don't count it."""
    return make_task(created_at=at(3000), completed=True, completed_at=completed, **fields)


def make_all_kinds() -> None:
    """Tasks and changes on both sides of every border between two figures."""
    for ago in (0, 1, 2, 7, 8, 30, 31, 89, 90, 91, 365, 366, 3000):
        make_task(created_at=at(ago), tags=("home", f"{ago} days"))
        make_task(created_at=at(ago) - INSTANT, due_date=due(ago), tags=("home",))
        finished(at(ago), due_date=due(ago + 2), tags=("home",))
        finished(at(ago) - INSTANT, due_date=due(ago + 50))
        finished(at(ago, hours=12))
    finished(at(-2), due_date=due(3))
    changes = list(Change.objects.all())
    for number, change in enumerate(changes):
        change.at = at(number % 9, hours=number % 5) - INSTANT * (number % 2)
        change.actor = f"actor {number % 4} & co"
        change.operation = Change.Operation.values[number % 3]
        if change.tag_id:  # of which each kind of change is told by its names
            change.old, change.new = {"name": "before"}, {"name": "after"}
    Change.objects.bulk_update(changes, ["at", "actor", "operation", "old", "new"])


# Figures and where they lead


def test_every_figure_leads_to_a_list_of_exactly_what_it_counts(staff: Client) -> None:
    make_all_kinds()
    plots = plots_on(text_of(staff))
    assert list(plots) == TASK_PLOTS + CHANGE_PLOTS
    for plot in plots.values():
        links = links_in(plot)
        assert len(links) > 4
        for url, figure in links.items():
            assert (url, staff.get(url).context["cl"].result_count) == (url, int(figure))


def test_a_list_of_changes_is_as_long_as_its_figure(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_changes.NewestPaginator, "most", 3)
    make_tasks(5)
    ((url, _),) = list(links_in(plots_on(text_of(staff))["plot-actors"]).items())[:1]
    assert [staff.get(each).context["cl"].result_count for each in (url, CHANGES)] == [5, 3]


def test_a_picture_leads_where_its_table_leads(staff: Client) -> None:
    make_all_kinds()
    for plot in plots_on(text_of(staff)).values():
        marks = re.findall(r'<a href="([^"]+)" tabindex="-1"><title>[^<]*: ([\d,]+)</title>', plot)
        assert {html.unescape(url): figure for url, figure in marks} == links_in(plot)


def test_tasks_are_counted_on_the_day_on_which_they_were_created_and_completed(staff: Client) -> None:
    for created in (at(1), at(1, hours=23), at(89), at(89) - INSTANT):
        make_task(created_at=created)
    for completed in (at(0), at(0) - INSTANT, at(2)):
        finished(completed)
    rows = figures_in(text_of(staff), "plot-days")
    assert list(rows) == [day(ago) for ago in range(89, -1, -1)]
    counted = {name: row for name, row in rows.items() if row != ["0", "0"]}
    assert counted == {day(89): ["1", "0"], day(2): ["0", "1"], day(1): ["2", "1"], day(0): ["0", "1"]}


def test_a_task_is_overdue_from_the_day_after_its_due_date_until_it_is_completed(staff: Client) -> None:
    make_task(due_date=due(3))
    make_task(due_date=due(0))
    make_task(due_date=due(-5))
    make_task()
    finished(at(4), due_date=due(6))
    finished(at(4), due_date=due(4))
    finished(at(4), due_date=due(5))  # completed on the very day after
    finished(at(2), due_date=due(200))
    finished(at(2))
    finished(at(-1), due_date=due(1))  # tomorrow, as a clock elsewhere had it
    rows = figures_in(text_of(staff), "plot-overdue")
    assert [rows[day(ago)] for ago in (89, 6, 5, 4, 3, 2, 1, 0)] == [[each] for each in "11211112"]


def test_open_tasks_are_told_apart_by_age(staff: Client) -> None:
    for ago in (0, 7, 8, 30, 31, 90, 91, 365, 366, 3000):
        make_task(created_at=at(ago))
    finished(at(0))
    assert figures_in(text_of(staff), "plot-age") == {
        "today": ["1"],
        "1 to 7 days": ["1"],
        "8 to 30 days": ["2"],
        "31 to 90 days": ["2"],
        "91 to 365 days": ["2"],
        "older": ["2"],
    }


def test_the_tags_of_most_open_tasks_are_shown(staff: Client) -> None:
    for number in range(12):
        make_task(tags=tuple(f"tag {each:02}" for each in range(number + 1)))
    finished(at(0), tags=("tag 11",))
    page = text_of(staff)
    assert figures_in(page, "plot-tags") == {f"tag {number:02}": [f"{12 - number}"] for number in range(10)}
    assert "All open tasks." in page


def test_the_names_of_tags_are_shortened_in_the_picture_and_never_taken_for_html(staff: Client) -> None:
    make_task(tags=("<b> of the long name",))
    page = text_of(staff)
    assert "<b> of" not in page
    assert "&lt;b&gt; of the lo…</text>" in page
    assert '<th scope="row">&lt;b&gt; of the long name</th>' in page


def test_changes_are_counted_by_whom(staff: Client) -> None:
    attribute_changes("bob")
    task = make_task()
    task.delete()
    attribute_changes("carol")
    make_tasks(2)
    Change.objects.filter(actor="bob").update(at=at(6, hours=13))
    Change.objects.filter(actor="carol").update(at=at(1))
    page = text_of(staff)
    assert figures_in(page, "plot-actors") == {"bob": ["1", "0", "1"], "carol": ["2", "0", "0"]}


def test_what_is_older_than_a_week_is_not_in_the_week(staff: Client) -> None:
    make_task()
    Change.objects.update(at=at(6) - INSTANT)
    plots = plots_on(text_of(staff))
    assert [name for name, plot in plots.items() if "Nothing to show." in plot][-1:] == CHANGE_PLOTS


# Too much to count


def test_of_too_many_open_tasks_the_tags_are_those_of_the_newest(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "NEWEST_OPEN", 3)
    for ago in (5, 5, 4, 3, 2):
        make_task(created_at=at(ago), tags=("home",))
    page = text_of(staff)
    assert f"Open tasks created since {day(4)}." in page
    assert list(links_in(plots_on(page)["plot-tags"]).values()) == ["3"]


def test_where_one_day_has_too_many_open_tasks_the_figures_are_at_least(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "NEWEST_OPEN", 3)
    make_tasks(4, tags=("home",))
    plot = plots_on(text_of(staff))["plot-tags"]
    ((url, figure),) = links_in(plot).items()
    assert (figure, staff.get(url).context["cl"].result_count) == ("3 or more", 4)
    assert ">3+</text>" in plot


def test_of_too_many_changes_the_newest_are_counted(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "NEWEST_CHANGES", 3)
    make_tasks(5)
    for change, moment in zip(
        Change.objects.all(), (at(1), at(2, hours=3), at(2, hours=2), at(2, hours=2), at(5)), strict=True
    ):
        Change.objects.filter(pk=change.pk).update(at=moment)
    page = text_of(staff)
    listed = {
        figure: staff.get(url).context["cl"].result_count
        for url, figure in links_in(plots_on(page)["plot-actors"]).items()
    }
    assert listed == {"3 or more": 4, "0 or more": 0}
    assert page.count("Only the newest 3 are counted.") == 1


# Who sees it, and what it costs


def test_a_service_without_tasks_says_what_will_be_here(staff: Client) -> None:
    page = text_of(staff)
    assert "There are no tasks yet." in page
    assert "<rect" not in page
    assert ">Add task</a>" in page
    assert ">Import</a>" in page


def test_the_tiles_count_the_lists_that_they_lead_to(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_all_kinds()
    make_task(due_date=due(0))
    finished(datetime.now(UTC))
    for most, text in ((5000, "{:,}"), (0, "0+")):
        monkeypatch.setattr(start_page, "MOST_IN_TILE", most)
        tiles = re.findall(r'<a class="card" href="([^"]*)"><b>(.*?)</b> (.*?)</a>', text_of(staff))
        assert [name for _, _, name in tiles] == ["Open", "Overdue", "Due today", "Done today"]
        for url, figure, _ in tiles:
            count = staff.get(html.unescape(url)).context["cl"].result_count
            assert count
            assert figure == text.format(count)


def test_the_search_of_the_start_page_leads_to_the_list(staff: Client) -> None:
    found = re.search(r'<form role="search" action="([^"]*)">.*?name="(\w+)"', text_of(staff), re.DOTALL)
    assert found
    assert found.groups() == (LIST, "q")


@pytest.mark.parametrize(("peak", "step"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 5), (21, 10), (4_000, 1_000)])
def test_the_lines_of_a_plot_are_at_round_numbers(peak: int, step: int) -> None:
    assert round_step(peak) == step


@pytest.mark.parametrize(
    ("permission", "names"),
    [("view", TASK_PLOTS + CHANGE_PLOTS), ("change", []), ("add", []), ("delete", [])],
)
def test_staff_sees_the_figures_of_lists_that_they_may_open(permission: str, names: list[str]) -> None:
    make_all_kinds()
    client = client_of(make_user("bob", permission, is_staff=True))
    plots = plots_on(text_of(client))
    assert list(plots) == names
    assert all(client.get(url).status_code == 200 for plot in plots.values() for url in list(links_in(plot))[:2])


def test_who_sees_no_figures_costs_no_query_for_them() -> None:
    client = client_of(make_user("bob", "add", is_staff=True))
    with CaptureQueriesContext(connection) as queries:
        client.get(START)
    assert not [query for query in queries if "tasks_task" in query["sql"] or "tasks_change" in query["sql"]]


def test_the_start_page_costs_the_same_queries_for_few_and_for_many_tasks(staff: Client) -> None:
    for more in (0, 1, 60):
        make_tasks(more, tags=("a", "b"))
        with CaptureQueriesContext(connection) as queries:
            staff.get(START)
        # Session, user; created, completed, overdue, by age; the bound of the tags, tags; changes; four tiles.
        assert len(queries) == 13


def test_the_figures_are_counted_by_indexes_and_without_the_tables(staff: Client) -> None:
    """Whether these are cheaper than the tables is a matter of their size; that they can do, not."""
    make_all_kinds()
    make_tasks(1000)
    with CaptureQueriesContext(connection) as queries:
        staff.get(START)
    counts = [query["sql"] for query in queries if re.search(r'FROM "?tasks_(task|change)\b', query["sql"])]
    assert len(counts) == 11
    with connection.cursor() as cursor:
        # Done tasks that are due and open ones that are not: an index of either alone would not do as well.
        cursor.execute("UPDATE tasks_task SET completed = true, due_date = '2020-01-01' WHERE id % 2 = 0")
        cursor.execute("ANALYZE tasks_task; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off; SET LOCAL random_page_cost = 0.1")
        for sql in counts:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Index Only Scan" in plan
            assert not re.search("(Seq|Index) Scan .*on tasks_(task|change) ", plan), plan


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (500, "500"), (1000, "1k"), (1500, "1.5k"), (200_000, "200k"), (2_000_000, "2M")]
)
def test_numbers_on_an_axis_are_short(number: int, text: str) -> None:
    assert short(number) == text
