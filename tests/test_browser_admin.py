"""The admin in a real browser: what staff does all day, and that nobody is kept out by how a page looks."""

import re

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from config.logins.limits import PER_ACCOUNT
from tasks.models import Change, Task
from tests.browser import faults, visit
from tests.factories import make_task, make_tasks, make_user
from tests.servers import Server
from tests.test_logins import statuses
from tests.test_page_policy import starts, walk

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/tasks/task/"


def press(page: Page, name: str) -> None:
    """The button of a form, until the answer is there."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def log_in(page: Page, password: str = "correct horse") -> None:
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(password)
    press(page, "Log in")


def ask_to_delete(page: Page, *titles: str) -> None:
    for title in titles:
        page.get_by_role("row", name=title).get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option("delete_selected")
    press(page, "Go")


def test_staff_logs_in_finds_a_task_and_edits_it(chromium: Browser, server: Server, alice: User) -> None:
    User.objects.update(password=PBKDF2PasswordHasher().encode("correct horse", "a grain of salt"))
    make_tasks(200)
    task = make_task("Water the plants", created_at="2020-01-01T00:00:00Z")
    with visit(chromium, server) as page:
        page.goto(LIST)
        log_in(page)
        page.get_by_role("textbox", name="Search").fill("plants")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Water the plants").click()
        page.get_by_label("Title").fill("Water the garden")
        press(page, "Save")
        expect(page.get_by_text("was changed successfully")).to_be_visible()
    task.refresh_from_db()
    assert task.title == "Water the garden"
    assert Change.objects.filter(task_id=task.pk).first().actor == "alice"  # type: ignore[union-attr]


def test_a_stale_form_is_refused_and_shows_both_values(chromium: Browser, server: Server, alice: User) -> None:
    task = make_task("Buy milk")
    with visit(chromium, server, alice) as page:
        page.goto(f"{LIST}{task.pk}/change/")
        page.get_by_label("Title").fill("Mine")
        task.change(task.pk, {"title": "Theirs"})
        press(page, "Save")
        expect(page.get_by_text("Nothing was saved")).to_be_visible()
        expect(page.get_by_text("It is now: Theirs")).to_be_visible()
        expect(page.get_by_label("Title")).to_have_value("Mine")
        assert not faults(page)
        press(page, "Save")
        expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Task.objects.get().title == "Mine"


def test_selected_tasks_are_deleted_once_confirmed(chromium: Browser, server: Server, alice: User) -> None:
    make_tasks(3)
    with visit(chromium, server, alice) as page:
        page.goto(LIST)
        ask_to_delete(page, "Task 1", "Task 3")
        assert Task.objects.count() == 3
        assert not faults(page)
        press(page, "Yes, I’m sure")
        expect(page.get_by_text("Successfully deleted 2 tasks.")).to_be_visible()
        expect(page.get_by_role("link", name="Task 2")).to_be_visible()
    assert Task.objects.get().title == "Task 2"


def test_a_deleted_task_is_brought_back(chromium: Browser, server: Server, alice: User) -> None:
    task = make_task("Buy milk", tags=("home",))
    with visit(chromium, server, alice) as page:
        page.goto(f"{LIST}{task.pk}/delete/")
        press(page, "Yes, I’m sure")
        page.goto("/admin/tasks/change/")
        page.get_by_role("link", name="Buy milk").first.click()
        page.get_by_role("link", name="Bring it back").click()
        press(page, "Bring it back")
        expect(page.get_by_text("is back.")).to_be_visible()
    assert Task.objects.get().tag_names() == ["home"]


def test_the_admin_is_dark_where_the_machine_is(chromium: Browser, server: Server, alice: User) -> None:
    with visit(chromium, server, alice) as page:
        page.goto("/admin/")
        expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
        page.emulate_media(color_scheme="dark")
        expect(page.locator("body")).to_have_css("background-color", "rgb(18, 18, 18)")


def test_no_page_that_links_lead_to_has_a_fault(chromium: Browser, server: Server, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    with visit(chromium, server, alice) as page:
        found = []
        for path, url in walk(client, *starts()).items():
            if path.startswith("/admin"):
                page.goto(url)
                found += faults(page)
        assert not found, "\n".join(found)


def test_no_answer_to_a_form_has_a_fault(chromium: Browser, server: Server, alice: User) -> None:
    make_task("Buy milk", tags=("home",))
    with visit(chromium, server, alice) as page:
        page.goto(f"{LIST}add/")
        page.get_by_label("Title").fill(" ")
        press(page, "Save")
        expect(page.get_by_text("Please correct the error below.")).to_be_visible()
        found = faults(page)
        page.goto("/admin/tasks/tag/")
        ask_to_delete(page, "home")
        expect(page.get_by_text("Are you sure")).to_be_visible()
        found += faults(page)
        page.goto("/admin/tokens/token/add/")
        page.get_by_label("Name").fill("phone")
        press(page, "Save")
        expect(page.get_by_label("Token", exact=True)).to_have_value(re.compile("^tasks_"))
        found += faults(page)
        press(page, "Log out")
        expect(page.get_by_text("Log in again")).to_be_visible()
        found += faults(page)
        assert not found, "\n".join(found)


def test_no_page_for_those_who_are_kept_out_has_a_fault(chromium: Browser, server: Server, alice: User) -> None:
    with visit(chromium, server) as page:
        page.goto("/admin/")
        found = faults(page)
        log_in(page, "a wrong secret")
        expect(page.get_by_text("Please enter the correct username and password")).to_be_visible()
        found += faults(page)
        statuses(PER_ACCOUNT)
        log_in(page)
        expect(page.get_by_text("There were too many attempts")).to_be_visible()
        found += faults(page)
        page.goto("/admin/")
        page.context.clear_cookies()
        log_in(page)
        expect(page.get_by_text("This page was too old")).to_be_visible()
        found += faults(page)
        assert not found, "\n".join(found)


def test_no_page_for_those_who_may_do_nothing_has_a_fault(chromium: Browser, server: Server) -> None:
    with visit(chromium, server, make_user("bob", is_staff=True)) as page:
        page.goto("/admin/")
        found = faults(page)
        page.goto(LIST)
        expect(page.get_by_text("ask whoever manages the accounts")).to_be_visible()
        found += faults(page)
        assert not found, "\n".join(found)
