"""Words that are as long as a title may be, on the pages of the admin: on a desktop and on a phone."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page

from tasks.models import TAG_LENGTH, TITLE_LENGTH, Tag
from tests.browser import WIDTHS, size, visit
from tests.factories import change_task, make_task
from tests.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LIST = "/admin/tasks/task/"
WIDTH = "() => [document.scrollingElement.scrollWidth, document.querySelector('.results')?.scrollWidth ?? 0]"


def widths(page: Page, url: str) -> list[tuple[int, int]]:
    """For each window, how wide the page is, and the list on it, which scrolls by itself on a phone."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size(size(width))
        page.goto(url)
        page_width, list_width = page.evaluate(WIDTH)
        found.append((page_width, list_width))
    return found


def test_a_title_of_one_long_word_widens_no_page(chromium: Browser, server: Server, alice: User) -> None:
    task = make_task("Buy milk", tags=("home",))
    pages = [f"{LIST}{task.pk}/{page}/" for page in ("change", "history", "delete")]
    urls = ["/admin/", LIST, "/admin/tasks/tag/", "/admin/tasks/change/", *pages]
    with visit(chromium, server, alice) as page:
        before = {url: widths(page, url) for url in urls}
        change_task(task.pk, {"title": "W" * TITLE_LENGTH, "description": "W" * 1000})
        Tag.objects.update(name="W" * TAG_LENGTH)
        assert {url: widths(page, url) for url in urls} == before
        for url in urls:
            assert [width for width, _ in before[url]] == list(WIDTHS), url
