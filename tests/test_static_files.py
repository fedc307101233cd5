"""Static files: how long browsers keep them, and who compresses what."""

import gzip
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.templatetags.static import static
from django.test import Client
from pytest_django import Settings

from config.pages.static_files import Storage, version
from tests.factories import make_task

STYLE = "admin/css/base.css"
GZIP = {"Accept_Encoding": "gzip"}


def get(url: str, method: str = "GET", **headers: str) -> tuple[Any, bytes]:
    """The answer and its body, read to the end: the answer to a request for a file has the file open."""
    answer = Client().generic(method, url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer, b"".join(answer)


def test_a_browser_keeps_a_file_for_a_year_because_its_url_changes_with_the_files() -> None:
    answer, _ = get(static(STYLE))
    assert static(STYLE) == f"/static/{version()}/{STYLE}"
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "max-age=31536000, public, immutable"
    known, _ = get(static(STYLE), If_None_Match=answer.headers["ETag"])
    assert (known.status_code, known.headers["Cache-Control"]) == (304, answer.headers["Cache-Control"])


@pytest.mark.parametrize("url", [f"/static/{STYLE}", f"/static/{'0' * 12}/{STYLE}"])
def test_another_version_gets_the_current_file_for_a_minute(url: str) -> None:
    answer, _ = get(url)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "max-age=60, public")


def test_a_missing_file_is_never_kept() -> None:
    answer, _ = get(static("nothing.css"))
    assert answer.status_code == 404
    assert "Cache-Control" not in answer.headers


def test_the_version_depends_on_the_content_of_each_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before = version()
    version.cache_clear()
    assert version() == before
    version.cache_clear()
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda path: b"new" if path.name == "base.css" else b"")
    changed = version()
    version.cache_clear()
    assert changed != before
    monkeypatch.undo()
    assert version() == before


def test_a_developer_gets_each_edit_at_once(settings: Settings) -> None:
    settings.DEBUG = True
    assert Storage().url(STYLE) == f"/static/{STYLE}"


@pytest.mark.django_db
@pytest.mark.parametrize("url", [f"/static/{STYLE}", "/admin/login/", "/docs"])
def test_files_and_pages_are_compressed_for_who_accepts_it(url: str) -> None:
    (plain, raw), (small, content) = get(url), get(url, **GZIP)
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small.headers["Vary"]
    assert len(content) < len(raw) / 2
    assert gzip.decompress(content)[:100] == raw[:100]


@pytest.mark.django_db
def test_json_is_not_compressed_so_that_its_etag_stays_strong() -> None:
    url = f"/tasks/{make_task(description='A' * 5_000).pk}"
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "a"  # so that it takes the way of pages
    for accepted in ("identity", "gzip"):
        answer = client.get(url, headers={"Accept-Encoding": accepted})
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["ETag"].startswith('"')


@pytest.mark.django_db
def test_a_head_of_a_file_has_no_body() -> None:
    answer, content = get(f"/static/{STYLE}", "HEAD", **GZIP)
    assert (answer.status_code, content) == (200, b"")


def test_a_login_without_a_destination_leads_to_the_admin(alice: User) -> None:
    answer = Client().post("/admin/login/", {"username": "alice", "password": "correct horse"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
