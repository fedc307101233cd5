"""The admin in a real browser."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser

from tests.browser import faults, visit
from tests.servers import Server
from tests.test_page_policy import starts, walk

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_page_that_links_lead_to_has_a_fault(chromium: Browser, closed_server: Server, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    found = []
    with visit(chromium, closed_server, alice) as page:
        for path, url in walk(client, *starts()).items():
            if path.startswith("/admin"):
                page.goto(url)
                found += faults(page)
        assert not found, "\n".join(found)
