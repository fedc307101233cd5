"""The filters of the list of tasks for staff."""

import datetime
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.api.attribution import attribute_changes
from tasks.admin import filters as admin_filters
from tasks.models import Change, Tag, Task
from tests.factories import change_task, make_task
from tests.test_admin_list import DAY, LIST, text_of, titles

pytestmark = pytest.mark.django_db
WEDNESDAY = datetime.date(2026, 11, 25)


@pytest.fixture
def _on_a_wednesday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_filters, "today", lambda: WEDNESDAY)


@pytest.mark.parametrize(("value", "expected"), [("0", ["open"]), ("1", ["done"])])
def test_by_state(staff: Client, value: str, expected: list[str]) -> None:
    make_task("done", completed=True)
    make_task("open")
    assert titles(staff, f"?completed__exact={value}") == expected
    page = text_of(staff)
    assert re.search(r'<a href="\?completed__exact=1">Completed</a>', page)
    assert re.search(r'<a href="\?completed__exact=0">Open</a>', page)


@pytest.mark.usefixtures("_on_a_wednesday")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("overdue", ["-400", "-3", "-2", "-1"]),
        ("today", ["0", "0 done"]),
        ("week", ["-2", "-1", "-1 done", "0", "0 done", "1", "4"]),  # Monday to Sunday
        ("none", ["none"]),
    ],
)
def test_by_due_date(staff: Client, value: str, expected: list[str]) -> None:
    for days in (-400, -3, -2, -1, 0, 1, 4, 5, 400):
        make_task(str(days), due_date=WEDNESDAY + days * DAY)
    for days in (-1, 0):
        make_task(f"{days} done", due_date=WEDNESDAY + days * DAY, completed=True)
    make_task("none")
    assert titles(staff, f"?due={value}&o=3") == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("1", ["high"]), ("4", ["low 1", "low 2"]), ("none", ["none"]), ("2", [])]
)
def test_by_priority(staff: Client, value: str, expected: list[str]) -> None:
    make_task("high", priority=1)
    make_task("none")
    make_task("low 1", priority=4)
    make_task("low 2", priority=4, completed=True)
    assert titles(staff, f"?priority={value}&o=2") == expected


def change_at(task: Task, at: datetime.datetime, actor: str) -> None:
    """As if `actor` had changed it then."""
    attribute_changes(actor)
    change_task(task.pk, {"description": str(at)})
    Change.objects.filter(task_id=task.pk, actor=actor).update(at=at)
    with connection.cursor() as cursor:  # past the trigger that moves it
        cursor.execute("ALTER TABLE tasks_task DISABLE TRIGGER USER")
        Task.objects.filter(pk=task.pk).update(updated_at=at)
        cursor.execute("ALTER TABLE tasks_task ENABLE TRIGGER USER")


def test_by_the_last_change_and_by_whom_in_that_time(staff: Client) -> None:
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    attribute_changes("carol")
    tasks = {name: make_task(name) for name in "abcde"}
    for name, at in (("a", midnight), ("b", midnight - DAY / 2), ("c", midnight - 6 * DAY), ("d", midnight - 7 * DAY)):
        change_at(tasks[name], at, "bob")
    change_at(tasks["d"], midnight, "dave")
    assert titles(staff, "?updated=today&o=2") == ["a", "d", "e"]
    assert titles(staff, "?updated=week&o=2") == ["a", "b", "c", "d", "e"]
    assert titles(staff, "?actor=bob&o=2") == ["a", "b", "c", "d"]
    assert titles(staff, "?actor=bob&updated=today") == ["a"]
    assert titles(staff, "?actor=bob&updated=week&o=2") == ["a", "b", "c"]
    assert titles(staff, "?actor=nobody") == []
    assert '<a href="?actor=dave">dave</a>' in text_of(staff)


def test_who_changed_a_tag_did_not_change_all_tasks(staff: Client) -> None:
    make_task()
    attribute_changes("bob")
    Tag.objects.create(name="home")
    assert titles(staff, "?actor=bob") == []


def test_by_tags_all_of_them(staff: Client) -> None:
    make_task("both", tags=("home", "work"))
    make_task("home", tags=("home",))
    make_task("work", tags=("work",))
    keys = dict(Tag.objects.values_list("name", "pk"))
    home, work = (f"tags__id__exact={keys[name]}" for name in ("home", "work"))
    assert titles(staff, f"?{home}&o=2") == ["both", "home"]
    assert titles(staff, f"?{home}&{work}") == ["both"]
    assert titles(staff, "?tags__id__exact=999") == []


def test_the_box_for_tags_completes_names_and_keeps_the_rest_of_the_query(staff: Client) -> None:
    tag = make_task("a <b>", tags=("home", "work")).tags.get(name="home")
    query = f"?q=a+%3Cb%3E&completed__exact=0&due=none&o=-3&tags__id__exact={tag.pk}"
    page = text_of(staff, query)
    box = re.search(r'<form method="get" class="tags-filter">(.*?)</form>', page, re.DOTALL)
    assert box
    assert 'data-ajax--url="/admin/autocomplete/"' in box[1]
    assert re.findall(r'<option value="(\d+)" selected>\s*(.*?)\s*</option>', box[1]) == [(str(tag.pk), "home")]
    sent: Any = re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', box[1])
    assert sorted((name, unescape(value)) for name, value in sent) == [
        ("completed__exact", "0"),
        ("due", "none"),
        ("o", "-3"),
        ("q", "a <b>"),
    ]
    assert "select2" in page


@pytest.mark.parametrize(
    "query",
    [
        "due=never",
        "updated=ever",
        "completed__exact=x",
        "tags__id__exact=x",
        "tags__id__exact=",
        f"tags__id__exact={'9' * 30}",
        "&".join(["tags__id__exact=1"] * 21),
    ],
)
def test_what_no_filter_knows_leads_to_the_whole_list(staff: Client, query: str) -> None:
    answer = staff.get(f"{LIST}?{query}")
    assert (answer.status_code, answer.headers.get("Location")) == (302, f"{LIST}?e=1")


def test_filters_can_be_combined_and_cleared(staff: Client, alice: User) -> None:
    task = make_task("this one", tags=("home",), due_date=timezone.localdate())
    make_task("other", due_date=timezone.localdate())
    attribute_changes("alice")
    change_task(task.pk, {"description": "text"})
    query = f"?completed__exact=0&due=today&updated=today&actor=alice&tags__id__exact={task.tags.get().pk}&q=one"
    assert titles(staff, query) == ["this one"]
    assert "Clear all filters" in text_of(staff, query)
