"""The pages for developers in a real browser, which needs nothing from elsewhere for them (tests.browser.visit)."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from tasks.models import Task
from tests.browser import faults, visit
from tests.factories import make_member, make_token
from tests.servers import Server, running_server

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def try_out_a_post(page: Page) -> None:
    row = page.locator("#operations-tasks-create_task")
    row.get_by_role("button", name="POST /tasks/").first.click()
    row.get_by_role("textbox").last.fill('{"title": "From the docs"}')
    row.get_by_role("button", name="Execute").click()
    answer = row.locator(".live-responses-table tbody")
    expect(answer.locator(".response-col_status")).to_contain_text("201")
    expect(answer).to_contain_text('"title": "From the docs"')


def test_a_developer_authorizes_and_sees_the_answer_to_a_post(chromium: Browser, transactional_db: None) -> None:
    token = make_token(make_member("robot", "Task editors"))
    with running_server(API_ANONYMOUS="none") as server, visit(chromium, server) as page:
        page.goto("/docs")
        page.get_by_role("button", name="Authorize").click()
        page.get_by_role("textbox", name="auth-bearer-value").fill(token)
        page.get_by_role("button", name="Apply credentials").first.click()
        page.get_by_role("button", name="Close").first.click()
        try_out_a_post(page)
    assert Task.objects.get().title == "From the docs"


def test_staff_tries_out_a_post_with_their_session(chromium: Browser, server: Server, alice: User) -> None:
    with visit(chromium, server, alice) as page:
        page.goto("/docs")
        try_out_a_post(page)
    assert Task.objects.get().title == "From the docs"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_of_the_docs_has_a_fault(chromium: Browser, server: Server, path: str) -> None:
    with visit(chromium, server) as page:
        page.goto(path)
        page.get_by_text("Create a task").first.wait_for(state="attached")
        found = faults(page)
        assert not found, "\n".join(found)
