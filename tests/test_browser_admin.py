"""The admin in a real browser: what staff does all day."""

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect

from tasks.models import Change, Tag, Task
from tests.browser import choose, faults, log_in, press, preview, size, visit
from tests.factories import change_task, make_task, make_tasks
from tests.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LIST = "/admin/tasks/task/"


def test_staff_logs_in_finds_a_task_and_edits_it(chromium: Browser, server: Server, alice: User) -> None:
    User.objects.update(password=PBKDF2PasswordHasher().encode("correct horse", "a grain of salt"))
    make_tasks(200)
    task = make_task("Water the plants", created_at="2020-01-01T00:00:00Z")
    with visit(chromium, server) as page:
        page.goto(LIST)
        log_in(page)
        page.get_by_role("searchbox", name="Search").fill("plants")
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
        change_task(task.pk, {"title": "Theirs"})
        press(page, "Save")
        expect(page.get_by_text("Nothing was saved yet")).to_be_visible()
        box, choices = page.get_by_label("Title:"), page.get_by_role("group", name="Title")
        expect(box).to_have_value("Mine")
        choices.get_by_label("Theirs").check()
        expect(box).to_be_hidden()
        choices.get_by_label("Mine").press(" ")
        box.fill("Mine and theirs")
        press(page, "Save these choices")
        expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Task.objects.get().title == "Mine and theirs"


def test_selected_tasks_are_completed_once_confirmed_and_open_again_after_undo(
    chromium: Browser, server: Server, alice: User
) -> None:
    make_tasks(3)
    done = Task.objects.filter(completed=True).values_list("title", flat=True)
    with visit(chromium, server, alice) as page:
        page.goto(LIST)
        choose(page, "complete", "Task 1", "Task 3")
        assert not done.all()
        press(page, "Complete 2 tasks")
        expect(page.get_by_text("2 tasks completed.")).to_be_visible()
        assert {*done.all()} == {"Task 1", "Task 3"}
        page.get_by_role("link", name="Undo").click()
        press(page, "Undo")
        expect(page.get_by_text("Undone for 2 tasks.")).to_be_visible()
    assert not done.all()


def test_selected_tasks_are_deleted_once_confirmed(chromium: Browser, server: Server, alice: User) -> None:
    make_tasks(3)
    with visit(chromium, server, alice) as page:
        page.goto(LIST)
        choose(page, "delete_selected", "Task 1", "Task 3")
        assert Task.objects.count() == 3
        press(page, "Delete 2 tasks")
        expect(page.get_by_text("2 tasks deleted.")).to_be_visible()
        expect(page.get_by_role("link", name="Task 2")).to_be_visible()
    assert Task.objects.get().title == "Task 2"


def test_a_deleted_task_is_restored(chromium: Browser, server: Server, alice: User) -> None:
    task = make_task("Buy milk", tags=("home",))
    with visit(chromium, server, alice) as page:
        page.goto(f"{LIST}{task.pk}/delete/")
        press(page, "Delete this task")
        page.goto("/admin/tasks/change/")
        page.get_by_role("link", name="Buy milk").first.click()
        page.get_by_role("link", name="Restore this task").click()
        press(page, "Restore this task")
        expect(page.get_by_text("was restored.")).to_be_visible()
    assert Task.objects.get().tag_names() == ["home"]


def test_a_tag_among_many_is_found_as_it_is_typed_and_narrows_the_list(
    chromium: Browser, server: Server, alice: User
) -> None:
    Tag.objects.bulk_create(Tag(name=f"a {number}") for number in range(1000))
    make_task("Water the plants", tags=("garden",))
    make_task("Buy milk", tags=("home",))
    with visit(chromium, server, alice) as page:
        page.set_viewport_size({"width": 390, "height": 500})
        page.goto(LIST)
        page.get_by_role("button", name="Filter").click()
        page.locator("#changelist-filter").evaluate("drawer => { drawer.scrollTop = 300 }")
        page.get_by_role("searchbox", name="Tags").press_sequentially("gard")
        expect(page.get_by_role("option", name="garden")).to_be_in_viewport()
        page.get_by_role("option", name="garden").click()
        press(page, "Apply")
        expect(page.get_by_role("link", name="Water the plants")).to_be_visible()
        expect(page.get_by_role("link", name="Buy milk")).to_have_count(0)


def test_a_figure_of_the_start_page_leads_to_the_list_of_what_it_counts(
    chromium: Browser, server: Server, alice: User
) -> None:
    make_task("Late", due_date="2020-01-01")
    make_task("Any time")
    with visit(chromium, server, alice) as page:
        page.goto("/admin/")
        page.locator(".plot-overdue svg a").last.click()
        expect(page.get_by_role("link", name="Late")).to_be_visible()
        expect(page.get_by_role("link", name="Any time")).to_have_count(0)


def test_an_import_names_what_is_wrong_with_a_file_and_makes_the_tasks_of_a_right_one(
    chromium: Browser, server: Server, alice: User
) -> None:
    with visit(chromium, server, alice) as page:
        page.goto(LIST)
        page.get_by_role("link", name="Import").click()
        preview(page, "title,due_date\nBuy milk,2030-01-01\nBuy bread,soon\n")
        expect(page.get_by_role("row", name="3 due_date Expected a date such as")).to_be_visible()
        page.get_by_role("link", name="Choose another file").click()
        preview(page, "title,due_date\nBuy milk,2030-01-01\nBuy bread,2030-01-02\n")
        assert not Task.objects.exists()
        press(page, "Import 2 tasks")
        expect(page.get_by_role("link", name="Buy milk")).to_be_visible()
        expect(page.get_by_role("link", name="Buy bread")).to_be_visible()


def test_the_admin_is_dark_where_the_machine_is(chromium: Browser, server: Server, alice: User) -> None:
    with visit(chromium, server, alice) as page:
        page.goto("/admin/")
        expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
        page.emulate_media(color_scheme="dark")
        expect(page.locator("body")).to_have_css("background-color", "rgb(21, 24, 29)")


def test_the_key_slash_leads_to_the_search(chromium: Browser, server: Server, alice: User) -> None:
    with visit(chromium, server, alice) as page:
        page.goto("/admin/tasks/tag/add/")
        page.get_by_label("Name").fill("either/or")
        expect(page.get_by_label("Name")).to_have_value("either/or")
        page.get_by_role("heading").first.click()
        page.keyboard.press("/")
        page.wait_for_url("**/admin/tasks/task/#searchbar")
        expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
        page.get_by_role("heading").first.click()
        page.keyboard.press("/")
        page.keyboard.type("milk")
        expect(page.get_by_role("searchbox", name="Search")).to_have_value("milk")


def test_on_a_phone_a_button_opens_the_menu(chromium: Browser, server: Server, alice: User) -> None:
    with visit(chromium, server, alice) as page:
        page.set_viewport_size(size(390))
        page.goto("/admin/")
        expect(page.get_by_role("button", name="Log out")).to_be_hidden()
        page.get_by_role("button", name="Menu").press("Enter")
        assert not faults(page)
        page.set_viewport_size(size(390))
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Tags").click()
        page.wait_for_url("**/admin/tasks/tag/")


def test_a_task_is_completed_in_the_list_with_the_keyboard(chromium: Browser, server: Server, alice: User) -> None:
    make_task("Buy milk")
    with visit(chromium, server, alice) as page:
        page.goto(f"{LIST}?completed__exact=0")
        with page.expect_navigation():
            page.get_by_role("button", name="Complete: Buy milk").press("Enter")
        expect(page.get_by_text("The task “Buy milk” was completed.")).to_be_visible()
        expect(page.get_by_text("0 tasks")).to_be_visible()
    assert Task.objects.get().completed


def test_on_a_phone_the_filters_are_one_tap_away(chromium: Browser, server: Server, alice: User) -> None:
    make_task("Late", due_date="2020-01-01")
    make_task("Any time")
    with visit(chromium, server, alice) as page:
        page.set_viewport_size(size(390))
        page.goto(LIST)
        page.get_by_role("button", name="Filter").click()
        page.get_by_role("navigation", name="Filter").get_by_role("link", name="Overdue").click()
        expect(page.get_by_role("link", name="Late")).to_be_visible()
        expect(page.get_by_role("link", name="Any time")).to_have_count(0)
        page.get_by_role("link", name="Remove due date: Overdue").click()
        expect(page.get_by_role("link", name="Any time")).to_be_visible()
