"""What every page of HTML tells the browser, and that no page needs more than that allows."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from config.accounts.logins.limits import PER_ACCOUNT
from config.accounts.logins.site import csrf_failure
from config.pages.policy import CONTENT_SECURITY_POLICY
from tasks.models import Change, Tag
from tasks.transfer.models import Upload
from tests.factories import change_task, make_task, make_user
from tests.pages import form_in, form_on
from tests.test_settings import DEPLOYMENT, value

pytestmark = pytest.mark.django_db

ADD = "/admin/tasks/task/add/"
FILES = (
    "/admin/tasks/task/export/csv/",
    "/admin/tasks/task/export/json",
    "/admin/tasks/task/import/bad/",
    "/admin/tasks/task/import/sample/",
)
NOT_PAGES = ("/static/", "/admin/jsi18n/", "/openapi.json", "/favicon.ico", "/tasks", *FILES)


class PageParser(HTMLParser):
    """The addresses that a page leads to, and what of it the policy would stop."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.stopped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        inline_script = tag == "script" and "src" not in values and values.get("type") != "application/json"
        handlers = [name for name in values if name.startswith("on") or name == "style"]
        addresses = [values[name] for name in ("href", "src", "action", "formaction", "data") if name in values]
        elsewhere = [address for address in addresses if re.match(r"[a-z]+:|//", address.strip(), re.IGNORECASE)]
        if inline_script or handlers or elsewhere or tag in ("style", "base", "iframe", "object", "embed"):
            self.stopped.append(self.get_starttag_text() or tag)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])


def read(answer: HttpResponse) -> PageParser:
    """The page, once it is seen to be as every page must be."""
    assert answer["Content-Type"].startswith("text/html"), answer["Content-Type"]
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy == CONTENT_SECURITY_POLICY
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in answer["Permissions-Policy"]
    page = PageParser()
    page.feed(b"".join(answer).decode())
    if answer.streaming:
        answer.close()
    assert not page.stopped
    return page


def walk(client: Client, *starts: str) -> dict[str, str]:
    """Every page that can be reached by links, each once, whatever its query: its path without numbers, and its URL."""
    waiting, seen = list(starts), dict[str, str]()
    while waiting:
        url = waiting.pop()
        path = re.sub(r"\d+", "N", url.partition("?")[0] + ("?_popup" if "_popup=" in url else ""))
        if path in seen or path.startswith(NOT_PAGES):
            continue
        answer = client.get(url, follow=True)
        assert answer.status_code == 200, url
        seen[path] = url
        links = (urljoin(url, link) for link in read(answer).links)  # type: ignore[arg-type]
        waiting += [link.partition("#")[0] for link in links if link.startswith("/")]
    return seen


def starts() -> list[str]:
    """Something on every page, and those from which links lead to all others."""
    task, gone = make_task("Buy milk", tags=("home",)), make_task("Gone")
    change_task(task.pk, {"title": "Buy cheese", "description": "long " * 50})
    Group.objects.create(name="readers")
    gone_pk = gone.pk
    gone.delete()
    user = User.objects.latest("pk")
    Upload.objects.create(user=user, name="tasks.csv", content=b"title,due_date\nBuy milk,\nBuy bread,soon\n")
    first = Change.objects.filter(task_id=task.pk).last()
    return [
        "/admin/",
        "/docs",
        "/admin/tasks/tag/add/?_popup=1&_to_field=id",
        "/admin/tasks/task/import/preview/",
        f"/admin/tasks/task/{gone_pk}/history/",
        f"/admin/tasks/task/{task.pk}/history/{first.pk if first else ''}/restore/",
        f"/admin/tasks/task/undo/{first.pk if first else ''}/",
        "/admin/auth/user/add/",
        f"/admin/auth/user/{user.pk}/password/",
        "/admin/password_change/",
        f"/admin/tasks/task/{task.pk}/change/",
        "/admin/tasks/task/?completed__exact=0",
    ]


def test_the_policy_allows_no_inline_script_no_eval_and_no_other_host() -> None:
    assert CONTENT_SECURITY_POLICY["script-src"] == "'self'"
    assert CONTENT_SECURITY_POLICY["default-src"] == "'none'"
    assert not re.search(r"unsafe|\*|http|//", " ".join(CONTENT_SECURITY_POLICY.values()))


def test_every_page_has_the_policy_and_keeps_to_it(staff: Client) -> None:
    seen = walk(staff, *starts())
    assert {
        "/admin/",
        "/docs",
        ADD,
        "/admin/tasks/tag/add/?_popup",
        "/admin/tasks/change/",
        "/admin/tasks/task/export/",
        "/admin/tasks/task/import/",
        "/admin/tasks/task/import/preview/",
        "/admin/tasks/task/N/change/",
        "/admin/tasks/task/N/delete/",
        "/admin/tasks/task/N/history/",
        "/admin/tasks/task/N/history/N/restore/",
        "/admin/tasks/task/N/restore/",
        "/admin/auth/user/N/change/",
        "/admin/auth/group/N/history/",
    } <= seen.keys()


def test_the_answers_to_forms_have_it_too(staff: Client) -> None:
    task = make_task()
    page = f"/admin/tasks/task/{task.pk}/change/"
    stale = form_on(staff, page, title="Mine")
    change_task(task.pk, {"title": "Theirs"})
    chosen = {"action": "delete_selected", "_selected_action": [task.pk]}
    popup = {"name": "home", "_popup": "1"}
    assert "Nothing was saved yet" in staff.post(page, stale).content.decode()
    for answer in (
        staff.post(page, stale),
        staff.post(ADD, {}),
        staff.post("/admin/tasks/task/", chosen),
        staff.post("/admin/tasks/tag/add/?_popup=1", popup),
        staff.post("/admin/logout/"),
    ):
        assert answer.status_code == 200
        read(answer)  # type: ignore[arg-type]
    assert Tag.objects.get().name == "home"


def test_the_login_has_it_at_first_when_it_fails_and_when_it_is_limited() -> None:
    wrong = {"username": "alice", "password": "wrong"}
    read(Client().get("/admin/", follow=True))  # type: ignore[arg-type]
    answers = [Client().post("/admin/login/", wrong) for _ in range(PER_ACCOUNT + 1)]
    assert [answer.status_code for answer in answers] == [200] * PER_ACCOUNT + [429]
    for answer in answers:
        read(answer)  # type: ignore[arg-type]


def test_a_page_among_the_static_files_has_it_too() -> None:
    page = "/static/drf_spectacular_sidecar/swagger-ui-dist/oauth2-redirect.html"
    read(Client().get(page))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/tasks/", "/tasks/1", "/health", "/openapi.json", "/nothing"])
def test_what_is_no_page_has_no_policy(path: str) -> None:
    answer = Client().get(path)
    assert not {"Content-Security-Policy", "Permissions-Policy"} & set(answer.headers)


def test_a_form_from_a_page_that_is_too_old_is_answered_with_a_page(alice: User) -> None:
    staff = Client(enforce_csrf_checks=True)
    staff.force_login(alice)
    fields = form_in(staff.get(ADD).content.decode(), title="Mine")
    del staff.cookies["csrftoken"]
    answer = staff.post(ADD, fields, headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "This page was too old" in page
    assert "Nothing was saved." in page
    assert 'id="site-name"' in page
    read(answer)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sent_from", "is_secure"),
    [
        ({"Origin": "https://tasks.example.com"}, False),
        ({"Origin": "http://testserver:8443"}, False),
        ({"Referer": "https://tasks.example.com/admin/"}, True),
    ],
)
def test_a_form_from_another_address_names_both_addresses_and_the_proxy(
    alice: User, sent_from: dict[str, str], is_secure: bool
) -> None:
    staff = Client(enforce_csrf_checks=True)
    staff.force_login(alice)
    fields = form_in(staff.get(ADD).content.decode(), title="Mine")
    answer = staff.post(ADD, fields, headers={"Accept": "text/html", **sent_from}, secure=is_secure)
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "This form came from another address" in page
    assert f"<code>{''.join(sent_from.values())}</code>" in page
    assert f"<code>{'https' if is_secure else 'http'}://testserver</code>" in page
    assert "proxy" in page
    assert "too old" not in page
    read(answer)  # type: ignore[arg-type]


def test_staff_without_a_permission_are_answered_with_a_page_and_a_program_with_a_problem() -> None:
    staff = Client()
    staff.force_login(make_user("bob", is_staff=True))
    answer = staff.get(ADD, headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "The account bob lacks a permission" in page
    assert '<a href="/admin/">overview</a>' in page
    read(answer)  # type: ignore[arg-type]
    problem = staff.get(ADD, headers={"Accept": "application/json"})
    assert (problem.status_code, problem["Content-Type"]) == (403, "application/problem+json")


@pytest.mark.parametrize(("path", "accept"), [(ADD, "*/*"), ("/elsewhere", "text/html")])
def test_whatever_else_sends_a_form_without_a_token_is_answered_with_a_problem(path: str, accept: str) -> None:
    answer = csrf_failure(RequestFactory().post(path, headers={"Accept": accept}), "CSRF token missing.")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")


def test_the_docs_have_the_csrf_token_without_reading_its_cookie(alice: User) -> None:
    """As a browser does it: the script of /docs carries the token, so that the cookie can be HttpOnly."""
    staff = Client(enforce_csrf_checks=True)
    staff.force_login(alice)
    script = staff.get("/docs?script=").content.decode()
    token = re.search(r'headers\["X-CSRFTOKEN"\] = "(\w{64})"', script)
    assert token
    answer = staff.post("/tasks/", {"title": "A"}, "application/json", headers={"X-CSRFToken": token[1]})
    assert answer.status_code == 201


def test_cookies_are_closed_to_scripts_and_to_other_sites(alice: User) -> None:
    browser = Client()
    form = form_in(browser.get("/admin/login/").content.decode(), username="alice", password="correct horse")
    browser.post("/admin/login/", form)
    for name in ("sessionid", "csrftoken"):
        cookie = browser.cookies[name]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax"), name
    assert browser.cookies["sessionid"]["max-age"] == ""  # it ends with the browser
    assert browser.session.get_expiry_age() == 12 * 3600


def test_a_deployment_has_secure_cookies_and_hsts(settings: Settings, alice: User) -> None:
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
        setattr(settings, name, value(name, **DEPLOYMENT) == "True")
    settings.SECURE_HSTS_SECONDS = int(value("SECURE_HSTS_SECONDS", **DEPLOYMENT))
    browser = Client()
    page = browser.get("/admin/login/", secure=True)
    answer = browser.post("/admin/login/", {"username": "alice", "password": "correct horse"}, secure=True)
    assert answer.status_code == 302
    assert {name: bool(cookie["secure"]) for name, cookie in browser.cookies.items()} == {
        "csrftoken": True,
        "sessionid": True,
        "device": True,
    }
    for each in (page, answer, browser.get("/tasks/", secure=True)):
        assert each["Strict-Transport-Security"] == f"max-age={365 * 24 * 3600}"
    assert "Strict-Transport-Security" not in browser.get("/admin/login/")
