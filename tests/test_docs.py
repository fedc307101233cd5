"""The guide for developers of clients: docs/api.md, which the docs page shows."""

import html
import os
import re
import subprocess

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from config.api.errors import CODES
from config.api.parsers import MAX_DEPTH
from config.pages.docs import GUIDE
from config.postgresql.keyset import MOST_COUNTED
from tasks.filters import TaskPagination
from tests.factories import make_member, make_token
from tests.servers import ROOT, Server
from tests.test_readme import exchanges, without_times

TEXT = (ROOT / "docs/api.md").read_text()


@pytest.fixture(name="page")
def docs_page() -> str:
    return Client().get("/docs").content.decode()


def masked(text: str) -> str:
    return re.sub(r"cursor=[\w-]+", "cursor=CURSOR", without_times(text))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_requests_of_the_guide_print_what_it_shows(server: Server) -> None:
    call_command("flush", verbosity=0, interactive=False)  # so that the first task is number 1
    blocks = re.findall(r"^```console\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    session = [exchange for block in blocks for exchange in exchanges(block)]
    script = "".join(f"{command}\nprintf '\\0'\n" for command, _ in session)
    script = script.replace("http://127.0.0.1:8000", server.url)
    environment = os.environ | {"TOKEN": make_token(make_member("client", "Task readers"))}
    shown = subprocess.check_output(["bash", "-c", script], env=environment, text=True)
    answers = shown.replace(server.url, "http://127.0.0.1:8000").split("\0")[:-1]
    for (command, expected), answer in zip(session, answers, strict=True):
        assert masked(answer.strip()) == masked(expected), command


def test_the_docs_page_shows_the_whole_guide(page: str) -> None:
    titles = re.findall(r"^## (.+)", TEXT, re.MULTILINE)
    assert [section.title for section in GUIDE] == titles
    for section in GUIDE:
        assert page.count(f'<a href="#{section.anchor}">{section.title}</a>') == 1
        assert page.count(f'id="{section.anchor}"') == 1
    for command, _ in exchanges(TEXT):
        assert html.escape(command, quote=False).replace('"', "&quot;") in page


def test_the_docs_page_explains_every_error_code(page: str) -> None:
    parts = re.findall(r'<section id="error-(\w+)">.*?</section>', page, re.DOTALL)
    assert parts == list(CODES)
    for code, (status, _) in CODES.items():
        part = page.partition(f'id="error-{code}"')[2].partition("</section>")[0]
        assert f"<code>{code}</code> {status} " in part
        assert f'"code": "{code}"' in html.unescape(part)


def test_the_guide_names_the_limits_that_hold() -> None:
    limit = TaskPagination.limit
    for text in (
        f"`limit` tasks ({limit.min_value} to {limit.max_value}, default {limit.default})",
        f"at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20} MiB",
        f"exact up to {MOST_COUNTED:,}.",
        f"at most {MAX_DEPTH} levels deep",
    ):
        assert text in " ".join(TEXT.split())
