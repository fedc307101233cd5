"""The filters that the start page leads to: by a period of time, and by what was overdue."""

import html
import re

import pytest
from django.test import Client

from tests.factories import make_task

pytestmark = pytest.mark.django_db
LIST, CHANGES = "/admin/tasks/task/", "/admin/tasks/change/"


def text_of(client: Client, url: str) -> str:
    answer = client.get(url, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"{LIST}?created_at=2026-11-20", "2026-11-20"),
        (f"{LIST}?created_at=2026-11-01/2026-11-07", "2026-11-01 to 2026-11-07"),
        (f"{LIST}?completed_at=../2026-11-07", "up to 2026-11-07"),
        (f"{LIST}?completed_at=2026-11-07/..", "since 2026-11-07"),
        (f"{LIST}?overdue_on=2026-11-07", "2026-11-07"),
        (f"{CHANGES}?at=2026-11-07T14", "2026-11-07 14:00 UTC"),
        (f"{CHANGES}?at=2026-11-07T14/2026-11-08", "2026-11-07 14:00 UTC to 2026-11-08"),
    ],
)
def test_a_period_in_force_is_shown_in_words_beside_a_link_without_it(staff: Client, url: str, words: str) -> None:
    page = text_of(staff, url)
    assert re.search(rf'<li>\s*<a href="\?">All</a></li>\s*<li class="selected">\s*<a[^>]*>{words}</a>', page)


def test_a_period_that_is_not_in_force_is_not_in_the_sidebar(staff: Client) -> None:
    assert "By overdue on" not in re.sub(r"\s+", " ", text_of(staff, LIST))


@pytest.mark.parametrize(
    "query",
    [
        "created_at=yesterday",
        "created_at=",
        "created_at=2026-02-30",
        "created_at=2026-11-20/",
        "completed_at=../..",
        "completed_at=2026-11-20T14:30",
        "completed_at=9999-12-31",
        "overdue_on=2026-11-20T14",
        "overdue_on=9999-12-31",
        "overdue_on=../2026-11-20",
    ],
)
def test_a_period_that_is_none_is_named_and_left_out(staff: Client, query: str) -> None:
    make_task("Buy milk")
    page = html.unescape(text_of(staff, f"{LIST}?{query}"))
    name, _, value = query.partition("=")
    assert f"The filter {name} was ignored. Expected a day such as 2026-11-20" in page
    assert f", not “{value}”." in page
    assert "Buy milk" in page
