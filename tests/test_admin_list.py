"""The list of tasks for staff: its columns, its order, its dates, and what it costs."""

import datetime
import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.postgresql.keyset import Plan
from tasks.admin.list import nearness
from tasks.models import Change, Tag, Task
from tests.factories import change_task, make_task, make_tasks, make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/tasks/task/"
TODAY = timezone.localdate()
DAY = datetime.timedelta(days=1)


def text_of(staff: Client, query: str = "") -> str:
    answer = staff.get(f"{LIST}{query}")
    assert answer.status_code == 200, answer.headers
    return answer.content.decode()


def titles(staff: Client, query: str = "") -> list[str]:
    return re.findall(r'<th class="field-title"><a [^>]*>(.*?)</a>', text_of(staff, query))


def cells(staff: Client, column: str, query: str = "") -> list[str]:
    return re.findall(rf'<td class="field-{column}">(.*?)</td>', text_of(staff, query))


def created_at(title: str, *when: int) -> None:
    Task.objects.filter(pk=make_task(title).pk).update(created_at=datetime.datetime(*when, tzinfo=datetime.UTC))  # type: ignore[arg-type, misc]


# Columns


def test_a_button_completes_or_reopens_a_task(staff: Client) -> None:
    make_task("A", completed=True)
    make_task("B")
    assert [re.sub(r'value="[^"]*" formaction="[^"]*"', "", each) for each in cells(staff, "state")] == [
        '<button class="state open" name="version"  aria-label="Complete: B"></button>',
        '<button class="state done" name="version"  aria-label="Reopen: A"></button>',
    ]


def test_who_may_not_change_tasks_sees_their_state(client: Client) -> None:
    make_task("A", completed=True)
    client.force_login(make_user("reader", "view", is_staff=True))
    assert cells(client, "state") == ['<span class="state done" role="img" aria-label="done"></span>']


def press_state(staff: Client, query: str, title: str) -> Any:
    """Presses the button of this task in the list."""
    button = next(each for each in cells(staff, "state", query) if each.endswith(f': {title}"></button>'))
    found = re.search(r'value="([^"]*)" formaction="([^"]*)"', button)
    assert found
    return staff.post(found[2].replace("&amp;", "&"), {"version": html.unescape(found[1])})


@pytest.mark.django_db(transaction=True)
def test_the_button_leads_back_to_the_same_list_with_undo(staff: Client) -> None:
    task = make_task("A")
    query = "?completed__exact=0&o=2&q=a"
    answer = press_state(staff, query, "A")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{LIST}{query}")
    assert Task.objects.get().completed
    page = text_of(staff)
    assert "The task “A” was completed." in page
    undo = re.search(r'<a href="([^"]*)">Undo</a>', page)
    assert undo
    staff.post(undo[1])
    assert not Task.objects.get().completed
    assert Change.objects.filter(task_id=task.pk)[1].actor == "alice"


def test_the_button_changes_nothing_that_someone_else_has_updated(staff: Client) -> None:
    task = make_task("A")
    (button,) = cells(staff, "state")
    change_task(task.pk, {"completed": True})
    version, url = re.search(r'value="([^"]*)" formaction="([^"]*)"', button).groups()  # type: ignore[union-attr]
    answer = staff.post(url, {"version": version}, follow=True)
    assert (
        "Nothing was saved: someone else updated the task. The list shows “A” as it is now." in answer.content.decode()
    )
    assert Task.objects.get().completed


def test_the_button_of_a_deleted_task_leads_to_its_history(staff: Client) -> None:
    task = make_task("A")
    (button,) = cells(staff, "state")
    Task.objects.remove(task.pk)
    version, url = re.search(r'value="([^"]*)" formaction="([^"]*)"', button).groups()  # type: ignore[union-attr]
    page = staff.post(url, {"version": version}, follow=True).content.decode()
    assert "The task “A” was deleted" in page
    assert "Nothing was saved. This is its history." in page


def test_the_address_of_the_button_opens_the_form(staff: Client) -> None:
    task = make_task("A")
    assert staff.get(f"{LIST}{task.pk}/state/").headers["Location"] == f"{LIST}{task.pk}/change/"


def test_what_is_in_force_stands_above_the_list_and_each_can_be_removed(staff: Client) -> None:
    make_task(tags=("home", "work"))
    home, work = Tag.objects.order_by("name")
    tags = f"tags__id__exact={home.pk}&tags__id__exact={work.pk}"
    page = text_of(staff, f"?q=task&completed__exact=0&{tags}&created_at=2020-01-01/..&p=1")
    links = re.findall(r'<a class="chip" href="([^"]*)"><span class="visually-hidden">Remove</span> (.*?) <span', page)
    rest = {text: urlsplit(html.unescape(url)).query for url, text in links}
    assert [*rest] == [
        "search: <b>task</b>",
        "state: <b>Open</b>",
        "tags: <b>home</b>",
        "tags: <b>work</b>",
        "created: <b>since 2020-01-01</b>",
    ]
    assert "q=" not in rest["search: <b>task</b>"]
    assert parse_qs(rest["tags: <b>home</b>"]) == {
        "q": ["task"],
        "completed__exact": ["0"],
        "created_at": ["2020-01-01/.."],
        "tags__id__exact": [f"{work.pk}"],
    }
    assert "completed__exact" not in rest["state: <b>Open</b>"]
    assert '<ul class="list-chips"' not in text_of(staff)


@pytest.mark.parametrize(
    ("query", "name"),
    [("", "All"), ("?completed__exact=0&o=2&p=1", "Open"), ("?due=overdue&q=a", "Overdue"), ("?due=none", None)],
)
def test_the_views_above_the_list_know_which_one_is_shown(staff: Client, query: str, name: str | None) -> None:
    make_task("a", due_date=TODAY - DAY)
    views = re.search(r'<nav class="views".*?</nav>', text_of(staff, query), re.DOTALL)
    assert views
    assert re.findall(r'aria-current="page">(.*?)</a>', views[0]) == ([name] if name else [])


@pytest.mark.parametrize(
    ("days", "mark"),
    [
        (-400, ("overdue", "overdue")),
        (-1, ("overdue", "overdue")),
        (0, ("today", "today")),
        (1, ("soon", "tomorrow")),
        (3, ("soon", "in 3 days")),
        (7, ("soon", "in 7 days")),
        (8, ("", "")),
    ],
)
def test_a_due_date_is_marked_when_it_is_past_or_near(days: int, mark: tuple[str, str]) -> None:
    assert nearness(timezone.localdate() + days * DAY) == mark


def test_a_due_date_stands_beside_its_mark_which_only_open_tasks_have(staff: Client) -> None:
    for fields in ({"due_date": TODAY}, {"due_date": TODAY, "completed": True}, {"due_date": TODAY + 90 * DAY}, {}):
        make_task(**fields)
    day = f'<time datetime="{TODAY}">{TODAY}</time>'
    far = TODAY + 90 * DAY
    assert cells(staff, "due") == [
        "",
        f'<time datetime="{far}">{far}</time>',
        day,
        f'{day} <span class="due today">today</span>',
    ]


def test_tags_are_chips_in_alphabetical_order_that_lead_to_their_tasks(staff: Client) -> None:
    make_task(tags=("Work", "<b>", "home"))
    keys = {tag.name: tag.pk for tag in Tag.objects.all()}
    chip = '<a class="chip" href="/admin/tasks/task/?tags__id__exact={}">{}</a>'
    shown = [("&lt;b&gt;", keys["<b>"]), ("home", keys["home"]), ("Work", keys["Work"])]
    assert cells(staff, "chips") == [" ".join(chip.format(key, name) for name, key in shown)]
    make_task(tags=("a", "b", "c", "d", "e"))
    assert cells(staff, "chips")[0].endswith('>c</a> <span class="more" title="d, e">+2</span>')


def test_times_are_relative_and_exact_for_who_points_at_them(staff: Client) -> None:
    at = timezone.now() - datetime.timedelta(days=2, hours=5)
    Task.objects.filter(pk=make_task().pk).update(created_at=at)
    (created,) = cells(staff, "created")
    exact = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert created == f'<time datetime="{at.isoformat()}" title="{exact}">2\xa0days ago</time>'
    assert "0\xa0minutes ago" in cells(staff, "updated")[0]


# Order


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "cba"),
        ("?o=2", "abc"),
        ("?o=-2", "cba"),
        ("?o=3", "bca"),  # without a due date: last
        ("?o=-3", "acb"),
        ("?o=4", "cab"),  # without a priority: last
        ("?o=-4", "bac"),
        ("?o=6", "abc"),
        ("?o=7", "bca"),
        ("?o=7.1", "bca"),
        ("?o=-7.-1", "acb"),
        ("?o=1", "cba"),  # has no order
        ("?o=99", "cba"),
        ("?o=x", "cba"),
    ],
)
def test_the_list_is_ordered_by_one_column(staff: Client, query: str, expected: str) -> None:
    task = make_task("a")
    make_task("b", due_date=TODAY)
    make_task("c", due_date=TODAY + DAY, priority=4)
    change_task(task.pk, {"description": "changed last"})
    assert titles(staff, query) == list(expected)


@pytest.mark.parametrize("query", ["", "o=2", "o=-2", "o=3", "o=-3", "o=4", "o=6", "o=7", "o=-7"])
@pytest.mark.parametrize("most", [5000, 70])
def test_pages_follow_each_other_however_they_are_found(
    staff: Client, monkeypatch: pytest.MonkeyPatch, query: str, most: int
) -> None:
    """All sorted, or walked along an index: ties are in one order."""
    make_tasks(120)
    Task.objects.update(title="Same", due_date=TODAY)
    monkeypatch.setattr("config.pages.bounded_list.MOST_OF_MANY", most)
    pages = []
    for few in (10_000, -1):
        monkeypatch.setattr("config.pages.bounded_list.BoundedPaginator.few", few)
        monkeypatch.setattr("config.pages.bounded_list.CHEAP", few)
        found = [re.findall(r"/task/(\d+)/change", text_of(staff, f"?p={page}&{query}")) for page in (1, 2)]
        pages.append([*found[0], *found[1]][:70])
    assert pages[0] == pages[1]
    assert len(set(pages[0])) == 70


@pytest.mark.parametrize("estimate", [50_000, 500_000])
def test_a_list_of_many_says_that_it_is_cut(staff: Client, monkeypatch: pytest.MonkeyPatch, estimate: int) -> None:
    make_tasks(70)
    monkeypatch.setattr("config.pages.bounded_list.MOST_OF_MANY", 60)
    monkeypatch.setattr("config.pages.bounded_list.BoundedPaginator.plan", Plan(estimate, 1e6))
    page = text_of(staff, "?p=2")
    assert f"Only the first 60 of about {estimate:,} are listed. Filter or search to find others." in page
    assert not re.search(r"\d results", page)
    assert page.count('class="field-title"') == 10
    assert staff.get(f"{LIST}?p=3").status_code == 302
    monkeypatch.setattr("config.pages.bounded_list.MOST_OF_MANY", 70)
    assert "Only the first" not in text_of(staff)


def test_a_list_that_an_index_has_together_is_longer(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tasks(70)
    monkeypatch.setattr("config.pages.bounded_list.MOST_OF_MANY", 60)
    monkeypatch.setattr("config.pages.bounded_list.BoundedPaginator.plan", Plan(50_000, 1000))
    assert "Only the first" not in text_of(staff)


@pytest.mark.parametrize(
    ("page", "crumbs"),
    [
        ("{task}/change/", "Home › Tasks › Buy milk"),
        ("{task}/history/", "Home › Tasks › Buy milk › History"),
        ("add/", "Home › Tasks › Add task"),
        ("import/", "Home › Tasks › Import tasks"),
        ("", ""),  # the bar at the top says it
    ],
)
def test_every_page_says_where_it_is(staff: Client, page: str, crumbs: str) -> None:
    task = make_task("Buy milk")
    text = text_of(staff, page.format(task=task.pk))
    found = re.search(r'<div class="breadcrumbs">(.*?)</div>', text, re.DOTALL)
    words = html.unescape(re.sub(r"<[^>]*>", "", found[1])).split() if found else []
    assert " ".join(words) == crumbs


def test_a_search_that_finds_nothing_has_an_empty_list(staff: Client) -> None:
    make_task()
    assert "0 tasks" in text_of(staff, "?q=nothing")


def test_a_number_finds_the_task_with_that_number_and_those_with_it_in_their_words(staff: Client) -> None:
    task = make_task("Water the plants")
    room = make_task(f"Paint room {task.pk}")
    make_task(f"Call 9{task.pk}")
    for search in (f"{task.pk}", f" {task.pk} ", f"%23{task.pk}"):
        assert titles(staff, f"?q={search}") == [room.title, task.title]
    assert titles(staff, f"?q={task.pk}&completed__exact=1") == []
    assert titles(staff, f"?q={10**150}") == []


# Dates


def dates(staff: Client, query: str = "") -> list[tuple[str, str]]:
    found = re.search(r'<nav class="toplinks">(.*?)</nav>', text_of(staff, query), re.DOTALL)
    assert found
    return re.findall(r'<a href="\?([^"]*)"[^>]*>\s*(.*?)\s*</a>', found[1].replace("&amp;", "&"))


def test_dates_lead_from_the_first_year_to_the_last_and_down_to_a_day(staff: Client) -> None:
    created_at("first", 2024, 11, 30)
    created_at("middle", 2025, 2, 28)
    created_at("last", 2026, 2, 3)
    assert dates(staff) == [(f"created_at__year={year}", str(year)) for year in (2024, 2025, 2026)]
    years = dates(staff, "?created_at__year=2024")
    assert [title for _, title in years] == ["&lsaquo; All dates", "2024-11", "2024-12"]
    assert years[1][0] == "created_at__month=11&created_at__year=2024"
    days = dates(staff, "?created_at__year=2026&created_at__month=2&completed__exact=0")
    assert [title for _, title in days] == ["&lsaquo; 2026", "2026-02-01", "2026-02-02", "2026-02-03"]
    assert days[1][0] == "completed__exact=0&created_at__day=1&created_at__month=2&created_at__year=2026"
    assert dates(staff, "?created_at__year=2025&created_at__month=2&created_at__day=28") == [
        ("created_at__month=2&created_at__year=2025", "&lsaquo; 2025-02")
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("created_at__year=2025", ["c", "b"]),
        ("created_at__year=2025&created_at__month=2", ["b"]),
        ("created_at__year=2025&created_at__month=2&created_at__day=28", ["b"]),
        ("created_at__year=2025&created_at__month=2&created_at__day=27", []),
    ],
)
def test_a_date_narrows_the_list(staff: Client, query: str, expected: list[str]) -> None:
    created_at("a", 2024, 12, 31, 23, 59, 59)
    created_at("b", 2025, 2, 28, 23, 59, 59)
    created_at("c", 2025, 3, 1)
    created_at("d", 2026, 1, 1)
    assert titles(staff, f"?{query}") == expected


def test_an_empty_list_has_no_dates(staff: Client) -> None:
    assert 'class="toplinks"' not in text_of(staff)


@pytest.mark.parametrize(
    "query",
    [
        "created_at__year=x",
        "created_at__year=9999",
        "created_at__year=0",
        "created_at__year=2025&created_at__month=13",
        "created_at__year=2025&created_at__month=2&created_at__day=30",
        "created_at__month=2",
        "created_at__year=2025&created_at__day=2",
        "nonsense=1",
        "p=99",
    ],
)
def test_what_makes_no_sense_leads_to_the_whole_list(staff: Client, query: str) -> None:
    make_tasks(60)
    answer = staff.get(f"{LIST}?{query}")
    assert (answer.status_code, answer.headers.get("Location")) == (302, f"{LIST}?e=1")


# What it costs. Each page: the session, the user, and
BUDGETS: dict[str, int] = {
    # the estimate, the keys, the first and last date, the names in the history, the tasks, their tags
    LIST: 8,
    f"{LIST}?p=2": 8,
    f"{LIST}?o=-3": 8,
    f"{LIST}?q=task": 8,
    f"{LIST}?completed__exact=0": 8,
    f"{LIST}?due=none": 8,
    f"{LIST}?updated=week": 8,
    f"{LIST}?actor=bob": 8,
    f"{LIST}?created_at__year={TODAY.year}": 8,
    f"{LIST}?tags__id__exact={{tag}}": 10,  # and the name of the tag, above the list and in the box
    f"{LIST}add/": 2,
    f"{LIST}{{task}}/change/": 5,  # the task, its tags, their names in the box
    f"{LIST}{{task}}/history/": 5,  # the task, its tags, the changes
    f"{LIST}{{task}}/delete/": 9,  # twice the task and its tags, a savepoint and its end, the links
    "/admin/tasks/change/": 5,  # the names in the history, the count, the changes
    "/admin/tasks/change/?operation__exact=insert": 5,
    "/admin/tasks/tag/": 5,  # the estimate, the keys, the tags
    "/admin/tasks/tag/?q=a": 5,
    "/admin/tasks/tag/?unused=1": 5,
    "/admin/tasks/tag/{tag}/change/": 3,  # the tag
    "/admin/tasks/tag/{tag}/history/": 5,  # the tag, the log, its count
    "/admin/tasks/tag/{tag}/delete/": 8,  # the tag, the estimate, the keys, the tags, the counts of each and of all
    "/admin/autocomplete/?app_label=tasks&model_name=task&field_name=tags": 5,  # the estimate, the keys, the tags
    "/admin/autocomplete/?app_label=tasks&model_name=task&field_name=tags&term=t": 5,
    "/admin/auth/user/": 6,  # the filters by group, twice the count, the users
    "/admin/tokens/token/": 4,  # the estimate, the keys; nothing if there are none
}


def test_every_page_costs_as_many_queries_for_many_tasks_as_for_few(staff: Client) -> None:
    task = make_task("Task 0", tags=("a", "b"))
    for number in (60, 60):
        make_tasks(number, tags=("a", "b"))
        Tag.objects.bulk_create(Tag(name=f"tag {number} of {Tag.objects.count()}") for number in range(60))
        Change.objects.filter(pk__lte=2).update(actor="bob")
        Change.objects.filter(task_id=task.pk).update(actor="bob")
        counted: dict[str, Any] = {}
        for page in BUDGETS:
            url = page.format(task=task.pk, tag=task.tags.all()[0].pk)
            staff.get(url)  # what Django then knows of the content types
            with CaptureQueriesContext(connection) as queries:
                assert staff.get(url).status_code == 200, url
            counted[page] = len(queries)
        assert counted == BUDGETS
