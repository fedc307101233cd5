"""GET /tasks/: pages, filters, search and order."""

import base64
import datetime
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from config.postgresql.statements import Statement
from tasks import pages
from tasks.models import Task
from tests.factories import make_task, make_tasks, make_token, make_user

pytestmark = pytest.mark.django_db


def titles(api: APIClient, query: str = "") -> list[str]:
    answer = api.get(f"/tasks/{query}")
    assert answer.status_code == 200, answer.content
    return [task["title"] for task in answer.json()["results"]]


def faults(api: APIClient, query: str) -> list[tuple[str, str]]:
    answer = api.get(f"/tasks/{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    return [(fault["parameter"], fault["code"]) for fault in answer.json()["errors"]]


def cursor_of(names: list[str], values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([names, False, values]).encode()).decode().rstrip("=")


def test_an_empty_list_is_a_page(api: APIClient) -> None:
    links = {"next": None, "previous": None}
    assert api.get("/tasks").json() == {"count": 0, "count_is_estimate": False, **links, "results": []}


class TestPages:
    def test_newest_first_and_50_by_default(self, api: APIClient) -> None:
        make_tasks(60)
        page = api.get("/tasks/").json()
        assert (page["count"], len(page["results"]), page["results"][0]["title"]) == (60, 50, "Task 60")
        assert re.fullmatch(r"http://testserver/tasks/\?cursor=[\w-]+&limit=50", page["next"])
        assert page["previous"] is None

    def test_the_links_of_a_page_with_an_offset_have_offsets(self, api: APIClient) -> None:
        make_tasks(25)
        page = api.get("/tasks/?limit=10&offset=10").json()
        assert page["next"] == "http://testserver/tasks/?limit=10&offset=20"
        assert page["previous"] == "http://testserver/tasks/?limit=10"
        page = api.get("/tasks/?limit=10&offset=20&completed=false").json()
        assert page["next"] is None
        assert page["previous"] == "http://testserver/tasks/?completed=false&limit=10&offset=10"

    def test_following_the_links_returns_each_task_once(self, api: APIClient) -> None:
        make_tasks(25)
        seen, url = [], "/tasks/?limit=10"
        while url:
            page = api.get(url).json()
            seen += [task["title"] for task in page["results"]]
            url = page["next"]
        assert seen == [f"Task {number}" for number in range(25, 0, -1)]

    @pytest.mark.parametrize(
        "ordering",
        ["-created_at", "created_at", "due_date", "-due_date", "title", "-title,id", "due_date,-title", "id"],
    )
    def test_following_the_links_returns_each_task_once_while_others_are_created_and_deleted(
        self, api: APIClient, ordering: str
    ) -> None:
        days = (None, datetime.date(2026, 1, 1), datetime.date(2026, 1, 2))
        stay = {make_task("abc"[number % 3], due_date=days[number % 3]).pk for number in range(20)}
        go = [make_task(title) for title in "abcabc"]

        def walk(url: str, link: str) -> Iterator[list[int]]:
            while url:
                page = api.get(url).json()
                yield [task["id"] for task in page["results"]]
                url = page[link]
                make_task("b", due_date=days[1])
                if go:
                    go.pop().delete()
                self.last = page

        expected = [task["id"] for task in api.get(f"/tasks/?ordering={ordering}&limit=1000").json()["results"]]
        kept = [pk for pk in expected if pk in stay]
        there = list(walk(f"/tasks/?limit=3&ordering={ordering}", "next"))
        met = [pk for page in there for pk in page]
        assert [pk for pk in met if pk in stay] == kept
        assert len(met) == len(set(met))
        back = [pk for page in reversed(list(walk(self.last["previous"], "previous"))) for pk in page]
        before = kept[: len(kept) - sum(pk in stay for pk in there[-1])]
        assert [pk for pk in back if pk in stay] == before

    @pytest.mark.parametrize(
        "cursor",
        [
            "",
            "x",
            "W10",  # []
            "W1siLWNyZWF0ZWRfYXQiLCItaWQiXSxmYWxzZSxbXV0",  # without values
            "!!!",
            "\u00e9",
            "W" * 5000,
        ],
    )
    def test_an_invalid_cursor_is_a_400(self, api: APIClient, cursor: str) -> None:
        assert faults(api, f"?cursor={quote(cursor)}") == [("cursor", "invalid")]

    @pytest.mark.parametrize(
        "values", [["junk", 1], ["2026-01-01T00:00:00Z", 0], ["2026-01-01T00:00:00Z", "1"], [1, 1]]
    )
    def test_a_cursor_with_impossible_values_is_a_400(self, api: APIClient, values: list[Any]) -> None:
        assert faults(api, f"?cursor={cursor_of(['-created_at', '-id'], values)}") == [("cursor", "invalid")]

    @pytest.mark.parametrize(
        ("ordering", "values"),
        [
            ("title", ["x" * 201, 1]),
            ("title", ["\x00", 1]),
            ("title", ["\ud800", 1]),
            ("title", [None, 1]),
            ("title", [["x"], 1]),
            ("due_date", ["2026-1-1", 1]),
            ("due_date", ["2026-02-30", 1]),
            ("due_date", [1, 1]),
            ("priority", [0, 1]),
            ("priority", [5, 1]),
            ("priority", ["1", 1]),
            ("priority", [True, 1]),
        ],
    )
    def test_a_cursor_with_impossible_values_for_another_order_is_a_400(
        self, api: APIClient, ordering: str, values: list[Any]
    ) -> None:
        query = f"?ordering={ordering}&cursor={cursor_of([ordering, 'id'], values)}"
        assert faults(api, query) == [("cursor", "invalid")]

    def test_a_cursor_with_an_offset_or_another_order_is_a_400(self, api: APIClient) -> None:
        make_tasks(2)
        link = api.get("/tasks/?limit=1").json()["next"]
        assert faults(api, f"{link.removeprefix('http://testserver/tasks/')}&ordering=title") == [("cursor", "invalid")]
        assert faults(api, f"{link.removeprefix('http://testserver/tasks/')}&offset=1") == [("cursor", "conflict")]

    def test_a_page_after_the_last_task_has_no_links(self, api: APIClient) -> None:
        make_tasks(2)
        link = api.get("/tasks/?limit=1").json()["next"]
        Task.objects.order_by("pk")[:1].get().delete()
        page = api.get(link).json()
        assert page == {"count": 1, "count_is_estimate": False, "next": None, "previous": None, "results": []}

    @pytest.mark.parametrize(
        ("query", "count"), [("?limit=1", 1), ("?limit=1000", 3), ("?offset=2", 1), ("?offset=3", 0)]
    )
    def test_the_smallest_and_largest_values_are_accepted(self, api: APIClient, query: str, count: int) -> None:
        make_tasks(3)
        assert len(titles(api, query)) == count

    @pytest.mark.parametrize("name", ["limit", "offset"])
    @pytest.mark.parametrize("value", ["", "abc", "-1", "1.0", "+1", "%201", "01", "1e3", "１", "9" * 20, "9" * 5000])
    def test_what_is_not_a_number_is_a_400(self, api: APIClient, name: str, value: str) -> None:
        assert faults(api, f"?{name}={value}") == [(name, "invalid")]

    @pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=9223372036854775808"])
    def test_what_is_out_of_range_is_a_400(self, api: APIClient, query: str) -> None:
        assert faults(api, f"?{query}") == [(query.partition("=")[0], "out_of_range")]

    def test_the_largest_offset_is_an_empty_page(self, api: APIClient) -> None:
        make_tasks(1)
        assert titles(api, f"?offset={2**63 - 1}") == []


class TestFilters:
    def test_by_completed(self, api: APIClient) -> None:
        make_task("open")
        make_task("done", completed=True)
        assert titles(api, "?completed=true") == ["done"]
        assert titles(api, "?completed=false") == ["open"]

    def test_by_all_of_several_tags_in_any_case(self, api: APIClient) -> None:
        make_task("both", tags=("Home", "green"))
        make_task("one", tags=("Home",))
        assert titles(api, "?tag=home") == ["one", "both"]
        assert titles(api, "?tag=home&tag=GREEN") == ["both"]
        assert titles(api, "?tag=unknown") == []

    def test_by_due_date(self, api: APIClient) -> None:
        for day in (1, 2, 3):
            make_task(str(day), due_date=datetime.date(2026, 1, day))
        make_task("none")
        assert titles(api, "?due_date__gte=2026-01-02&ordering=due_date") == ["2", "3"]
        assert titles(api, "?due_date__lte=2026-01-02&ordering=due_date") == ["1", "2"]

    def test_by_priority(self, api: APIClient) -> None:
        for priority in (1, 2, None, 1):
            make_task(str(priority), priority=priority)
        assert titles(api, "?priority=1") == ["1", "1"]
        assert titles(api, "?priority=4") == []

    @pytest.mark.parametrize("column", ["created_at", "updated_at"])
    def test_by_time_from_gte_inclusive_to_lt_exclusive(self, api: APIClient, column: str) -> None:
        at = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
        make_task("at", created_at=at, updated_at=at)
        make_task("later", created_at=at + datetime.timedelta(seconds=1), updated_at=at + datetime.timedelta(seconds=1))
        assert titles(api, f"?{column}__gte=2026-01-01T12:00:00Z") == ["later", "at"]
        assert titles(api, f"?{column}__lt=2026-01-01T13:00:01%2B01:00") == ["at"]
        assert titles(api, f"?{column}__gte=2026-01-01T12:00:00.000001Z") == ["later"]
        assert titles(api, f"?{column}__lt=2026-01-02T11:59:00.000001%2B23:59") == ["at"]

    @pytest.mark.parametrize(
        "edge", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-30T23:59:59-23:59"]
    )
    def test_a_time_may_be_as_early_and_as_late_as_the_calendar_goes(self, api: APIClient, edge: str) -> None:
        make_task()
        assert titles(api, f"?created_at__gte={edge}") == (["Buy milk"] if edge < "2" else [])

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("completed=", "invalid"),
            ("completed=True", "invalid"),
            ("completed=banana", "invalid"),
            ("tag=", "blank"),
            ("tag=%20", "blank"),
            ("tag=%00", "null_character"),
            (f"tag={'x' * 51}", "max_length"),
            ("tag=a" + "&tag=a" * 20, "max_items"),
            ("due_date__gte=2026-1-1", "invalid"),
            ("due_date__gte=2026-02-30", "invalid"),
            ("due_date__lte=0000-01-01", "invalid"),
            ("due_date__lte=", "invalid"),
            ("priority=", "invalid"),
            ("priority=high", "invalid"),
            ("priority=1.0", "invalid"),
            ("priority=-1", "invalid"),
            ("priority=0", "out_of_range"),
            ("priority=5", "out_of_range"),
            ("priority=1&priority=2", "repeated"),
            ("created_at__gte=2026-01-01", "invalid"),
            ("created_at__gte=2026-01-01T00:00:00", "invalid"),
            ("created_at__gte=2026-01-01T00:00Z", "invalid"),
            ("created_at__gte=2026-01-01T24:00:00Z", "invalid"),
            ("created_at__gte=2026-01-01T00:00:00%2B01:60", "invalid"),
            ("created_at__gte=2026-01-01T00:00:00Z%0A", "invalid"),
            ("created_at__gte=2026-01-01T00:00:00+01:00", "invalid"),
            ("created_at__lt=2026-02-30T00:00:00Z", "invalid"),
            ("updated_at__gte=0001-01-01T00:00:00%2B01:00", "out_of_range"),
            ("updated_at__lt=9999-12-31T23:59:59-01:00", "out_of_range"),
            ("updated_at__lt=9999-12-31T00:00:00%2B01:00", "out_of_range"),
            ("search=", "blank"),
            ("search=%00", "null_character"),
            ("search=%ff", "not_utf8"),
            (f"search={'x' * 201}", "max_length"),
            (f"search={'-' * 33}", "no_words"),
            ("ordering=", "invalid"),
            ("ordering=nope", "invalid"),
            ("ordering=title,", "invalid"),
            ("ordering=title,-title", "repeated"),
            ("complete=true", "unknown"),
            ("page=2", "unknown"),
            ("completed=true&completed=true", "repeated"),
            ("limit=1&limit=1", "repeated"),
        ],
    )
    def test_a_wrong_filter_is_named(self, api: APIClient, query: str, code: str) -> None:
        make_task()
        assert faults(api, f"?{query}") == [(query.partition("=")[0], code)]

    def test_all_errors_are_reported_at_once(self, api: APIClient) -> None:
        found = faults(api, "?complete=1&limit=0&offset=x&completed=1&search=a&search=b")
        assert sorted(name for name, _ in found) == ["complete", "completed", "limit", "offset", "search"]

    @pytest.mark.parametrize(
        ("query", "hint"),
        [
            ("complete=true", "Did you mean completed?"),
            ("created_at__gte=2026-01-01T00:00:00+01:00", "%2B"),
            ("created_at__gte=2026-01-01T00:00:00", "Must end with an offset: Z, or"),
            ("xyz=1", "Accepted are completed, created_at__gte"),
        ],
    )
    def test_the_answer_says_what_is_accepted(self, api: APIClient, query: str, hint: str) -> None:
        assert hint in api.get(f"/tasks/?{query}").json()["errors"][0]["detail"]


class TestOrder:
    @pytest.mark.parametrize(
        ("ordering", "expected"),
        [
            ("title", ["a", "b", "c"]),
            ("-title", ["c", "b", "a"]),
            ("due_date", ["c", "a", "b"]),
            ("-due_date", ["b", "a", "c"]),
            ("created_at", ["b", "a", "c"]),
            ("-updated_at", ["c", "a", "b"]),
            ("id", ["b", "a", "c"]),
            ("-id", ["c", "a", "b"]),
            ("due_date,-title", ["c", "a", "b"]),
        ],
    )
    def test_by_the_documented_columns(self, api: APIClient, ordering: str, expected: list[str]) -> None:
        day = datetime.date(2026, 1, 1)
        make_task("b")
        make_task("a", due_date=day)
        make_task("c", due_date=day - datetime.timedelta(days=1))
        assert titles(api, f"?ordering={ordering}") == expected

    @pytest.mark.parametrize(("ordering", "expected"), [("priority", "14--"), ("-priority", "--41")])
    def test_by_priority_with_none_last(self, api: APIClient, ordering: str, expected: str) -> None:
        for priority in (4, None, 1, None):
            make_task(str(priority or "-"), priority=priority)
        assert "".join(titles(api, f"?ordering={ordering}")) == expected
        url, walked = f"/tasks/?limit=1&ordering={ordering}", ""
        while url:
            page = api.get(url).json()
            walked += page["results"][0]["title"]
            url = page["next"]
        assert walked == expected

    @pytest.mark.parametrize("ordering", ["title", "-title", "due_date", "-created_at"])
    def test_equal_values_are_in_the_order_of_their_ids(self, api: APIClient, ordering: str) -> None:
        make_tasks(7)
        Task.objects.update(title="same", created_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        pages = [api.get(f"/tasks/?limit=2&offset={offset}&ordering={ordering}").json() for offset in range(0, 8, 2)]
        ids = [task["id"] for page in pages for task in page["results"]]
        assert ids == sorted(ids, reverse=ordering.startswith("-"))


# count, page and tags in one
@pytest.mark.parametrize("count", [1, 200])
@pytest.mark.parametrize("tags", [(), tuple("abcdefghijklmnopqrst")])
def test_a_page_costs_one_query(
    api: APIClient, django_assert_num_queries: DjangoAssertNumQueries, count: int, tags: tuple[str, ...]
) -> None:
    make_tasks(count, tags=tags)
    with django_assert_num_queries(1):
        page: Any = api.get("/tasks/?limit=1000").json()
    assert len(page["results"]) == count
    assert page["results"][-1]["tags"] == sorted(tags)


@pytest.mark.parametrize("query", ["", "?completed=false", "?completed=false&limit=1000"])
def test_a_count_above_a_thousand_is_an_estimate(api: APIClient, query: str) -> None:
    make_tasks(1001)
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('task_words')")
        cursor.execute("ANALYZE tasks_task")
    token = make_token(make_user("anna", "view"))
    page = api.get(f"/tasks/{query}", HTTP_AUTHORIZATION=f"Bearer {token}").json()
    assert (page["count"], page["count_is_estimate"]) == (1001, True)


def test_estimates_are_cached_briefly_and_their_number_is_limited(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tasks(1001)
    monkeypatch.setattr(pages, "MOST_ESTIMATES", 1)
    for query, statements in (
        ("completed=false", 2),
        ("completed=false", 1),
        ("created_at__gte=2020-01-01T00:00:00Z", 2),
    ):
        with CaptureQueriesContext(connection) as queries:
            assert api.get(f"/tasks/?{query}").json()["count_is_estimate"]
        assert len(queries) == statements
    assert len(pages.ESTIMATES) == 1


def test_an_empty_query_string_is_ignored(api: APIClient) -> None:
    assert api.get(f"/tasks/{make_task().pk}?&").status_code == 200


def test_filters_cost_no_query_except_one_for_all_tags(api: APIClient) -> None:
    make_task(tags=("a", "b"))
    with CaptureQueriesContext(connection) as queries:
        titles(api, "?tag=a&tag=b&search=milk&completed=false&ordering=due_date&created_at__gte=2020-01-01T00:00:00Z")
    assert len(queries) == 2


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "task_created"),
        ("?ordering=updated_at", "task_updated"),
        ("?ordering=-due_date", "task_due_key"),
        ("?ordering=title", "task_title"),
        ("?ordering=-priority", "task_priority_key"),
        ("?priority=1", "task_priority_key"),
        ("?due_date__gte=2999-01-01", "task_due_key"),
        ("?search=nothing", "task_words"),
    ],
)
def test_a_page_is_found_by_an_index(api: APIClient, monkeypatch: pytest.MonkeyPatch, query: str, index: str) -> None:
    make_tasks(5000)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tasks_task SET due_date = date '2026-01-01' + id::integer % 500")
        cursor.execute("SELECT gin_clean_pending_list('task_words')")
        cursor.execute("ANALYZE tasks_task")
    plans: list[str] = []
    run = Statement.run

    def explain(self: Statement, values: Mapping[str, Any], guard: Any = None) -> Any:
        sql = self.bytes.removeprefix(b"EXPLAIN (FORMAT JSON)")
        found = connection.connection.pgconn.exec_params(b"EXPLAIN " + sql, self.texts(values))
        plans.extend(found.get_value(row, 0).decode() for row in range(found.ntuples))
        return run(self, values, guard)

    monkeypatch.setattr(Statement, "run", explain)
    api.get(f"/tasks/{query}")
    assert index in "".join(plans)
