"""The pages for developers in a real browser, which needs nothing from elsewhere for them (tests.browser.visit)."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Locator, Page, expect

from tasks.models import Task
from tests.browser import Scheme, faults, size, visit
from tests.factories import make_member, make_token
from tests.servers import Server, running_server

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

COLORS: dict[Scheme, str] = {"dark": "rgb(228, 230, 230)", "light": "rgb(59, 65, 81)"}
CREATE = "#operations-tasks-create_task"


def read_docs(page: Page, address: str = "/docs") -> None:
    page.goto(address)
    page.locator(CREATE).wait_for()


def open_operation(operation: Locator) -> None:
    operation.locator(".opblock-summary-control").click()
    operation.locator(".responses-table").first.wait_for()


def measure(page: Page, side: str) -> int:
    """The width or height of the whole page."""
    return int(page.evaluate(f"document.scrollingElement.scroll{side}"))


def try_out_a_post(page: Page) -> None:
    row = page.locator(CREATE)
    open_operation(row)
    row.get_by_role("textbox").last.fill('{"title": "From the docs"}')
    row.get_by_role("button", name="Execute").press("Enter")
    answer = row.locator(".live-responses-table tbody")
    expect(answer.locator(".response-col_status")).to_contain_text("201")
    expect(answer).to_contain_text('"title": "From the docs"')
    expect(row.get_by_role("button", name="Execute")).to_be_focused()


def test_a_developer_authorizes_and_sees_the_answer_to_a_post(chromium: Browser, transactional_db: None) -> None:
    token = make_token(make_member("robot", "Task editors"))
    with running_server(API_ANONYMOUS="none") as server, visit(chromium, server) as page:
        read_docs(page)
        page.get_by_role("button", name="Authorize").click()
        page.get_by_role("textbox", name="auth-bearer-value").fill(token)
        page.get_by_role("button", name="Apply credentials").first.click()
        page.get_by_role("button", name="Close").first.click()
        try_out_a_post(page)
    assert Task.objects.get().title == "From the docs"


def test_staff_tries_out_a_post_with_their_session(chromium: Browser, server: Server, alice: User) -> None:
    with visit(chromium, server, alice) as page:
        read_docs(page)
        try_out_a_post(page)
    assert Task.objects.get().title == "From the docs"


def test_the_docs_page_has_no_fault_closed_or_open(chromium: Browser, server: Server) -> None:
    with visit(chromium, server) as page:
        read_docs(page, "/redoc")
        assert page.url == f"{server.url}/docs"
        found = faults(page)
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        try_out_a_post(page)
        found += faults(page)
        assert not found, "\n".join(found)


def test_the_docs_page_fits_a_desk_and_a_phone(chromium: Browser, server: Server) -> None:
    with visit(chromium, server) as page:
        page.set_viewport_size({"width": 1440, "height": 900})
        read_docs(page)
        first = page.locator(".opblock").first.bounding_box()
        assert first
        assert first["y"] + first["height"] < 900
        open_operation(page.locator(CREATE))
        assert measure(page, "Height") <= 2500
        page.set_viewport_size(size(390))
        for operation in page.locator(f".opblock:not({CREATE})").all():
            open_operation(operation)
        assert measure(page, "Width") == 390


def test_the_docs_page_follows_the_light_or_dark_mode_of_the_system(chromium: Browser, server: Server) -> None:
    with visit(chromium, server) as page:
        read_docs(page)
        for scheme, text in COLORS.items():
            page.emulate_media(color_scheme=scheme)
            for part in ("body", ".opblock-tag >> nth=0"):  # of the guide, and of Swagger UI
                expect(page.locator(part)).to_have_css("color", text)


@pytest.mark.parametrize("script", [True, False])
def test_an_address_leads_to_its_explanation(chromium: Browser, server: Server, script: bool) -> None:
    for anchor in ("error-codes", "error-database_unavailable", "search"):
        with chromium.new_context(base_url=server.url, viewport=size(390), java_script_enabled=script) as context:
            page = context.new_page()
            page.goto(f"/docs#{anchor}")
            if script:
                page.locator(CREATE).wait_for()
            expect(page.locator(f"#{anchor}")).to_be_in_viewport()
            expect(page.locator(f"#{anchor}")).to_be_visible()
            assert page.url == f"{server.url}/docs#{anchor}"


def test_an_address_leads_to_an_operation(chromium: Browser, server: Server) -> None:
    """Without a look at the console: Swagger UI complains there about the `_` in each operationId."""
    with chromium.new_context(base_url=server.url) as context:
        page = context.new_page()
        page.goto("/docs#/tasks/create_task")
        expect(page.locator(f"{CREATE}.is-open")).to_be_in_viewport()


def test_links_lead_to_the_operations_the_guide_and_the_error_codes(chromium: Browser, server: Server) -> None:
    with visit(chromium, server) as page:
        read_docs(page)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the operations")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#operations")).to_be_focused()
        page.get_by_role("navigation", name="Guide").get_by_role("link", name="Concurrency").click()
        expect(page.get_by_text("the last write wins, field by field")).to_be_in_viewport()
        row = page.locator(CREATE)
        open_operation(row)
        row.get_by_role("link", name="idempotency_key_reused").click()
        expect(page.locator("#error-idempotency_key_reused")).to_be_in_viewport()
        assert len(page.context.pages) == 1
