"""The pages for developers in a real browser."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from tasks.models import Change, Task
from tests.browser import faults, visit
from tests.factories import make_member, make_token
from tests.servers import Server, running_server

pytestmark = pytest.mark.django_db(transaction=True)


def try_out(page: Page, operation: str, body: str) -> None:
    page.get_by_role("button", name=operation).click()
    page.get_by_role("textbox", name="Request body").fill(body)
    page.get_by_role("button", name="Execute").click()


def test_a_developer_authorizes_and_tries_out_a_post(chromium: Browser, transactional_db: None) -> None:
    token = make_token(make_member("robot", "Task editors"))
    with running_server(API_ANONYMOUS="none") as server, visit(chromium, server) as page:
        page.goto("/docs")
        page.get_by_role("button", name="Authorize").click()
        print(page.locator("body").aria_snapshot())
        page.get_by_role("dialog").get_by_role("textbox").first.fill(token)
        page.get_by_role("dialog").get_by_role("button", name="Apply credentials").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        try_out(page, "POST /tasks/", '{"title": "From the docs"}')
        expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("201")
        expect(page.locator(".live-responses-table")).to_contain_text("From the docs")
    assert Task.objects.get().title == "From the docs"


def test_redoc(chromium: Browser, server: Server) -> None:
    with visit(chromium, server) as page:
        page.goto("/redoc")
        expect(page.get_by_role("heading", name="Tasks API")).to_be_visible()
        found = faults(page)
        page.goto("/docs")
        expect(page.get_by_role("heading", name="Tasks API")).to_be_visible()
        found += faults(page)
        assert not found, "\n".join(found)
