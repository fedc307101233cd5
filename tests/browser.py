"""A real browser for tests, the system's chromium: actions of people on a page, and checks of every page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.contrib.auth.models import User
from django.test import Client
from django.utils.text import slugify
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.servers import Server

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--disable-gpu", "--disable-quic", "--disable-sync"]  # in addition to Playwright's flags
WIDTHS = {1440: 1000, 390: 844}  # a desktop and a phone, with their heights
SCREENSHOTS = os.environ.get("SCREENSHOTS")  # a folder for a picture of each page that is checked


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One per module: Playwright's event loop runs in this thread, where other tests need their own."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("there is no chromium on this machine: apt-get install chromium")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        expect.set_options(timeout=30_000)  # as long as other waits
        patch.setenv(
            "DJANGO_ALLOW_ASYNC_UNSAFE", "1"
        )  # an event loop runs here, but only this thread uses the connection
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, server: Server, user: User | None = None) -> Iterator[Page]:
    """A page in a new browser profile, logged in as that user if given. Fails if anything went wrong on the page."""
    wrong: list[str] = []
    with browser.new_context(base_url=server.url, viewport=size(1440)) as context:
        context.on("console", lambda message: wrong.extend(complaints(message)))
        context.on("weberror", lambda error: wrong.append(f"error: {error.error}"))
        context.on("requestfinished", lambda request: wrong.extend(strange(request, server)))
        context.on("requestfailed", lambda request: wrong.extend(strange(request, server)))
        if user:
            context.add_cookies([{"name": "sessionid", "value": session_of(user), "url": server.url}])
        yield context.new_page()
    assert not wrong, "\n".join(wrong)


def complaints(message: ConsoleMessage) -> Iterator[str]:
    page = message.page.url if message.page else ""
    if message.type not in ("error", "warning"):
        return
    # The browser also reports a page with an error status; that is the page a test asked for.
    if message.text.startswith("Failed to load resource") and message.location["url"] == page:
        return
    yield f"console of {page}: {message.text} {message.location}"


def strange(request: Request, server: Server) -> Iterator[str]:
    """A request to another host. One that the page's policy stopped was not sent."""
    if not request.url.startswith((f"{server.url}/", "data:", "blob:")) and request.failure != "csp":
        yield f"request to another host: {request.url} {request.failure or ''}"


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def press(page: Page, name: str) -> None:
    """Clicks the button of a form and waits for the answer."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def log_in(page: Page, password: str = "correct horse") -> None:
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(password)
    press(page, "Log in")


def choose(page: Page, action: str, *names: str) -> None:
    """Chooses an action for these rows of a list."""
    for name in names:
        page.get_by_role("row", name=name).get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(action)
    press(page, "Go")


def preview(page: Page, text: str, name: str = "tasks.csv") -> None:
    """The file of an import."""
    file: Any = {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("File").set_input_files(file)
    press(page, "Preview")


def size(width: int) -> Any:
    return {"width": width, "height": WIDTHS[width]}


def faults(page: Page) -> list[str]:
    """What axe-core finds on the page, and whether it scrolls sideways: in both widths, light and dark."""
    page.evaluate(AXE_SCRIPT)
    found = []
    for width in WIDTHS:
        page.set_viewport_size(size(width))
        for scheme, rules in RULES.items():
            page.emulate_media(color_scheme=scheme)
            found += [f"{page.url} {width} {scheme}: {fault}" for fault in page.evaluate(FAULTS, [EXCEPTIONS, rules])]
            if SCREENSHOTS:
                name = slugify(f"{urlsplit(page.url).path.replace('/', ' ')} {page.title()} {width} {scheme}")
                page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True, caret="initial")
    return found


Scheme = Literal["light", "dark"]
# All rules, and only those about colours for dark mode, which changes nothing else.
RULES: dict[Scheme, list[str]] = {"light": [], "dark": ["color-contrast", "link-in-text-block"]}
# For each rule, elements for which it is wrong, or that a library creates.
EXCEPTIONS = {
    "heading-order": ".opblock-tag",  # Swagger UI goes from a heading of the first level to one of the third
    "list": "ul.select2-selection__rendered",  # Select2, as Django brings it, has a button to clear it among its items
    "nested-interactive": ".opblock-summary-control",  # Swagger UI has a button in a button
    "region": "#swagger-ui *",  # and puts its introduction beside its main part
}
FAULTS = """async ([exceptions, rules]) => {
    for (const frame of [1, 2]) await new Promise(requestAnimationFrame);  // by then scripts know that it is dark
    for (const each of document.getAnimations()) each.finish();  // a colour that is on its way
    const some = rules.length ? { runOnly: rules } : {};
    const { violations } = await axe.run({ ...some, resultTypes: ["violations"], preload: false, elementRef: true });
    const found = violations.flatMap(({ id, impact, nodes }) => nodes
        .filter(({ element }) => !(id in exceptions && element.matches(exceptions[id])))
        .map(({ html, failureSummary }) => `${impact} ${id}: ${html} ${failureSummary}`));
    const width = document.scrollingElement.scrollWidth;
    return width > innerWidth ? [...found, `it is ${width} pixels wide`] : found;
}"""
