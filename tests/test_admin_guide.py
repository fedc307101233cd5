"""docs/staff.md: the names that it uses are on the pages."""

import html
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import client_of, make_token
from tests.servers import ROOT
from tests.test_page_policy import starts, walk

GUIDE = (ROOT / "docs/staff.md").read_text()


def words_on(staff: Client, url: str) -> str:
    """What a reader of the page sees: texts, and the labels of buttons."""
    page = staff.get(url, follow=True).content.decode()
    labels = re.findall(r'(?:value|aria-label|alt)="([^"]*)"', page)
    seen = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(" ".join([seen, *labels])).split())


@pytest.mark.slow
@pytest.mark.django_db
def test_every_name_in_the_guide_for_staff_is_on_a_page(alice: User) -> None:
    staff = client_of(alice)
    make_token(alice)
    text = " | ".join(words_on(staff, url) for url in walk(staff, *starts()).values()).lower()
    named = {" ".join(name.split()).lower() for name in re.findall(r"\*\*([^*]+)\*\*", GUIDE)}
    assert len(named) > 50
    named -= {"bold"}
    assert {name for name in named if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)} == set()


def test_names_in_the_guide_for_staff_are_bold_and_never_in_italics() -> None:
    """So that the test above sees each of them."""
    assert not re.findall(r"(?<![*\w])[*_][^*_\n]+[*_](?![*\w])", re.sub(r"`[^`]*`", "", GUIDE))
