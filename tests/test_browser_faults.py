"""Nobody is kept out of the admin by how a page looks: axe-core and both widths, light and dark, on every page."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import localdate as today
from playwright.sync_api import Browser, Route, expect

from config.accounts.logins.limits import PER_ACCOUNT
from tasks.admin.tags import TagAdmin
from tasks.admin.task import TaskAdmin
from tasks.admin.transfer import ENDING
from tasks.models import Tag
from tests.browser import choose, faults, log_in, press, preview, visit
from tests.factories import change_task, make_task, make_user
from tests.servers import Server
from tests.test_logins import statuses
from tests.test_page_policy import starts, walk

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LIST = "/admin/tasks/task/"


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


def test_no_list_in_use_has_a_fault(chromium: Browser, server: Server, alice: User) -> None:
    for days in (-1, 0, 1, 5, 100):
        make_task(f"Due in {days}", due_date=today() + timedelta(days), tags=("home", "long " * 8 + "name"))
    make_task("Done", completed=True)
    tag = Tag.objects.get(name="home")
    with visit(chromium, server, alice) as page:
        page.goto(LIST)
        expect(page.get_by_text("overdue", exact=True).first).to_be_visible()
        found = faults(page)
        page.goto(
            f"{LIST}?completed__exact=0&due=overdue&updated=week&created_at=2020-01-01/..&tags__id__exact={tag.pk}"
        )
        expect(page.get_by_role("link", name="Due in -1")).to_be_visible()
        found += faults(page)
        page.goto(f"{LIST}?q=nothing")
        expect(page.get_by_text("No tasks match.")).to_be_visible()
        found += faults(page)
        assert not found, "\n".join(found)


def test_no_question_before_an_action_and_no_answer_to_it_has_a_fault(
    chromium: Browser, server: Server, alice: User
) -> None:
    make_task("Buy milk", tags=("home", "shop"))
    with visit(chromium, server, alice) as page:
        found = []
        for action in TaskAdmin.actions:
            page.goto(LIST)
            choose(page, action.__name__, "Buy milk")
            found += faults(page)
        for action in TagAdmin.actions:
            page.goto("/admin/tasks/tag/")
            choose(page, action, "home", "shop")
            found += faults(page)
        page.goto(LIST)
        choose(page, "remove_tag", "Buy milk")
        page.get_by_label("Tag").fill("garden")
        press(page, "Remove the tag from 1 task")
        expect(page.get_by_text("None of these tasks has the tag")).to_be_visible()
        found += faults(page)
        page.get_by_label("Tag").fill("home")
        press(page, "Remove the tag from 1 task")
        expect(page.get_by_text("Tag “home” removed from 1 task.")).to_be_visible()
        found += faults(page)
        page.get_by_role("link", name="Undo").click()
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        found += faults(page)
        assert not found, "\n".join(found)


def test_no_answer_to_an_upload_has_a_fault(chromium: Browser, server: Server, alice: User) -> None:
    rows = f"title,description,due_date,tags\n{'Long ' * 30},{'words ' * 20},2030-01-01,{'home ' * 9}\n"
    answers = {rows: "Tasks to create: 1", f"{rows}Late,,soon,\n": "Invalid rows: 1", "nonsense": "can’t be imported"}
    with visit(chromium, server, alice) as page:
        page.goto(f"{LIST}import/")
        preview(page, rows, "tasks.txt")
        expect(page.get_by_text(f"The name must end in {ENDING}.", exact=True)).to_be_visible()
        found = faults(page)
        for text, answer in answers.items():
            page.goto(f"{LIST}import/")
            preview(page, text)
            expect(page.get_by_text(answer)).to_be_visible()
            found += faults(page)
        assert not found, "\n".join(found)


def test_no_answer_to_a_form_has_a_fault(chromium: Browser, server: Server, alice: User) -> None:
    task = make_task("Buy milk", description="one\ntwo\nthree\nfour", tags=("home",))
    with visit(chromium, server, alice) as page:
        page.goto(f"{LIST}{task.pk}/change/")
        page.get_by_label("Title").fill("Mine")
        page.get_by_label("Description").fill("1\ntwo\nthree\nfour")
        change_task(task.pk, {"title": "Buy cheese", "description": "one\ntwo\nthree\n4", "priority": 1}, ("shop",))
        press(page, "Save")
        expect(page.get_by_text("Nothing was saved yet")).to_be_visible()
        found = faults(page)
        page.goto(f"{LIST}add/")
        page.get_by_label("Title").fill(" ")
        press(page, "Save")
        expect(page.get_by_text("Please correct the error below.")).to_be_visible()
        found += faults(page)
        page.goto("/admin/tokens/token/add/")
        page.get_by_label("Name").fill("phone")
        press(page, "Save")
        expect(page.get_by_label("Token", exact=True)).to_have_value(re.compile("^tasks_"))
        found += faults(page)
        page.get_by_role("link", name="Done").click()
        page.get_by_role("link", name="phone").click()
        press(page, "Revoke this token")
        expect(page.get_by_role("heading", name="Revoke 1 token?")).to_be_visible()
        found += faults(page)
        press(page, "Revoke 1 token")
        expect(page.get_by_text("1 token revoked.")).to_be_visible()
        page.get_by_role("button", name="Menu").click()
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
        page.goto("/admin/")
        elsewhere = {"origin": "https://tasks.example.com"}

        def send_from_elsewhere(route: Route) -> None:
            route.fulfill(response=route.fetch(headers=route.request.headers | elsewhere))

        page.route("**/login/**", send_from_elsewhere)
        log_in(page)
        expect(page.get_by_text("from https://tasks.example.com,")).to_be_visible()
        found += faults(page)
        assert not found, "\n".join(found)


def test_no_page_for_those_who_may_do_nothing_has_a_fault(chromium: Browser, server: Server) -> None:
    with visit(chromium, server, make_user("bob", is_staff=True)) as page:
        page.goto("/admin/")
        found = faults(page)
        page.goto(LIST)
        expect(page.get_by_text("Please ask an administrator")).to_be_visible()
        found += faults(page)
        page.goto("/admin/nothing/")
        expect(page.get_by_text("There is nothing at /admin/nothing/.")).to_be_visible()
        found += faults(page)
        assert not found, "\n".join(found)
