"""The pictures of the README: `make pictures` takes them anew, from demo tasks in a test database."""

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Browser

from tests.browser import visit
from tests.servers import ROOT, Server

SIZE = {"width": 1200, "height": 740}
MOST_BYTES = 200 * 1024


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "path", "shown"),
    [("docs-page", "/docs", ".opblock"), ("admin", "/admin/", "svg")],
)
def test_take_a_picture(chromium: Browser, server: Server, alice: User, *, name: str, path: str, shown: str) -> None:
    call_command("seed_tasks", count=2000, verbosity=0)
    picture = ROOT / "docs" / f"{name}.png"
    with visit(chromium, server, alice) as page:
        page.set_viewport_size(SIZE)  # type: ignore[arg-type]  # a literal of its type
        page.goto(path)
        page.locator(shown).last.evaluate("each => each.scrollIntoView({ block: 'nearest' })")
        page.screenshot(path=picture)
    assert picture.stat().st_size <= MOST_BYTES
