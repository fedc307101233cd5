"""The admin, through its own pages."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.api.fields import CharField
from tasks.admin import form, tags
from tasks.models import Change, Tag, Task
from tests.factories import change_task, make_task, make_tasks
from tests.pages import form_in, form_on

pytestmark = pytest.mark.django_db


def save(staff: Client, task: Task, **edited: Any) -> Task:
    page = f"/admin/tasks/task/{task.pk}/change/"
    answer = staff.post(page, form_on(staff, page, **edited))
    assert answer.status_code == 302, answer.content
    return Task.objects.get(pk=task.pk)


@pytest.mark.parametrize(
    ("page", "content"),
    [
        ("", "Tasks"),
        ("tasks/task/", "Buy milk"),
        ("tasks/task/?q=milk", "Buy milk"),
        ("tasks/task/?q=%00", "Null characters are not allowed."),
        ("tasks/task/?completed__exact=0", "Buy milk"),
        ("tasks/task/add/", 'name="title"'),
        ("tasks/tag/", "home"),
        ("tasks/tag/?q=ho", "home"),
        ("autocomplete/?app_label=tasks&model_name=task&field_name=tags&term=HO", "home"),
    ],
)
def test_every_page_opens(staff: Client, page: str, content: str) -> None:
    make_task(tags=("home",))
    answer = staff.get(f"/admin/{page}")
    assert answer.status_code == 200
    assert content in answer.content.decode()


def test_strangers_are_sent_to_the_login() -> None:
    assert Client().get("/admin/tasks/task/")["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", ["nothing/", "tasks/nothing/", "tasks/task/undo/999/", "tasks/task/export/xml/"])
def test_an_unknown_address_answers_a_page_in_the_style_of_the_admin(staff: Client, path: str) -> None:
    answer = staff.get(f"/admin/{path}")
    page = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert f"There is nothing at /admin/{path}." in page
    assert 'id="site-name"' in page
    assert "Content-Security-Policy" in answer


def test_an_unknown_address_sends_strangers_to_the_login_as_a_known_one_does() -> None:
    assert Client().get("/admin/nothing/")["Location"] == "/admin/login/?next=/admin/nothing/"


def test_an_unknown_address_elsewhere_is_a_problem(staff: Client) -> None:
    assert staff.get("/administration/")["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("tasks/task/", "Tasks"),
        ("tasks/tag/", "Tags"),
        ("tokens/token/", "Tokens"),
        ("auth/user/", "Users"),
        ("tasks/change/", "Recent changes"),
    ],
)
def test_a_list_has_a_title_in_plain_words(staff: Client, page: str, title: str) -> None:
    text = staff.get(f"/admin/{page}").content.decode()
    assert f"<h1>{title}" in text
    assert f"<title>{title} | Tasks</title>" in text


@pytest.mark.parametrize(
    "page", ["tasks/task/{task}/history/", "tasks/task/{task}/change/", "tasks/change/", "tasks/tag/{tag}/history/"]
)
def test_a_time_has_the_same_form_on_every_page(staff: Client, page: str) -> None:
    task = make_task()
    form = {"title": " New ", "description": "", "due_date": ""}
    staff.post("/admin/tasks/tag/add/", {"name": "home"})
    staff.post(f"/admin/tasks/task/{task.pk}/change/", form)
    text = staff.get(f"/admin/{page.format(task=task.pk, tag=Tag.objects.get().pk)}").content.decode()
    assert re.search(r">2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC<", text)


def test_an_object_without_a_log_says_so(staff: Client) -> None:
    tag = Tag.objects.create(name="home")
    assert (
        "No changes have been made in the admin." in staff.get(f"/admin/tasks/tag/{tag.pk}/history/").content.decode()
    )


def test_a_long_log_has_pages(staff: Client, alice: User) -> None:
    tag, kind = Tag.objects.create(name="home"), ContentType.objects.get_for_model(Tag)
    LogEntry.objects.bulk_create(
        LogEntry(user=alice, content_type=kind, object_id=str(tag.pk), action_flag=CHANGE) for _ in range(101)
    )
    text = re.sub(r"\s+", " ", staff.get(f"/admin/tasks/tag/{tag.pk}/history/").content.decode())
    assert '<span class="this-page">1</span> <a href="?p=2">2</a> 101 entries' in text


def test_a_task_is_added_with_tags(staff: Client) -> None:
    tag = Tag.objects.named(["home"])[0]
    staff.post("/admin/tasks/task/add/", {"title": " New ", "description": "", "due_date": "", "tags": [tag.pk]})
    task = Task.objects.get()
    assert (task.title, task.description, task.tag_names()) == ("New", None, ["home"])


@pytest.mark.parametrize("description", [None, "", "  two\nlines  ", "two\r\nlines"])
def test_a_form_that_was_not_edited_changes_nothing(staff: Client, description: str | None) -> None:
    task = make_task(description=description, tags=("home",))
    saved = save(staff, task)
    assert (saved.description, saved.updated_at) == (description, task.updated_at)


def test_only_what_was_edited_is_written(staff: Client) -> None:
    task = make_task("Old", description="text", tags=("home",))
    assert save(staff, task, title="New").title == "New"
    assert Change.objects.filter(task_id=task.pk).first().new == {"title": "New"}  # type: ignore[union-attr]


def test_completing_sets_the_time_and_a_cleared_description_is_null(staff: Client) -> None:
    saved = save(staff, make_task(description="text"), completed="on", description="")
    assert saved.completed_at is not None
    assert saved.description is None


def test_the_times_are_shown_and_can_not_be_edited(staff: Client) -> None:
    task = make_task()
    page = staff.get(f"/admin/tasks/task/{task.pk}/change/").content.decode()
    assert re.search("<span>Created <time>2.* UTC</time></span> · <span>updated <time>2.* UTC</time></span></p>", page)
    assert not any(name.endswith("_at") for name in form_in(page))
    change_task(task.pk, {"completed": True})
    assert " · <span>completed <time>2" in staff.get(f"/admin/tasks/task/{task.pk}/change/").content.decode()


def test_a_new_task_has_no_times_to_show(staff: Client) -> None:
    page = staff.get("/admin/tasks/task/add/").content.decode()
    assert "field-title" in page
    assert "<span>Created" not in page


@pytest.mark.parametrize(
    ("edited", "message"),
    [
        ({"title": ""}, "This field is required."),
        ({"title": "x" * 201}, "at most 200 characters"),
        ({"description": "x" * 10_001}, "at most 10,000 characters"),
        ({"priority": "5"}, "5 is not one of the available choices"),
    ],
)
def test_wrong_input_is_said_and_not_saved(staff: Client, edited: dict[str, str], message: str) -> None:
    task = make_task()
    page = f"/admin/tasks/task/{task.pk}/change/"
    answer = staff.post(page, form_on(staff, page, **edited))
    assert answer.status_code == 200
    assert message in answer.content.decode()


@pytest.mark.parametrize(("name", "value"), [("title", "long title"), ("description", "long description")])
def test_a_member_of_the_form_goes_by_the_rule_of_the_api(
    staff: Client, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setitem(form.RULES, name, CharField(max_length=4))
    answer = staff.post("/admin/tasks/task/add/", {"title": "Task", "tags": [], name: value})
    assert answer.context["adminform"].form.errors.get_json_data() == {
        name: [{"code": "max_length", "message": f"Must be at most 4 characters; this has {len(value)}."}]
    }
    staff.post("/admin/tasks/task/add/", {"title": "Task", "tags": [], name: "  x "})
    assert getattr(Task.objects.get(), name) == "x"  # as the rule leaves it


def test_the_name_of_a_new_tag_goes_by_the_rule_of_the_api(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "TAG_NAME", CharField(max_length=4))
    Tag.objects.create(name="from before the rule")
    page = f"/admin/tasks/tag/{Tag.objects.get().pk}/change/"
    for url, name, status in (("/admin/tasks/tag/add/", "house", 200), (page, "house", 200), (page, None, 302)):
        sent = form_on(staff, url) | ({"name": name} if name else {})
        assert staff.post(url, sent).status_code == status
    assert Tag.objects.get().name == "from before the rule"


def test_a_second_tag_that_differs_in_capitals_alone_is_refused(staff: Client) -> None:
    Tag.objects.create(name="Home")
    answer = staff.post("/admin/tasks/tag/add/", {"name": "home"})
    assert answer.status_code == 200
    assert Tag.objects.count() == 1


def test_search_finds_by_word_as_the_api_does(staff: Client) -> None:
    make_task("Buy milk")
    make_task("Sell eggs", description="for milkshakes")
    for search, found in (("MILK", ["Sell eggs", "Buy milk"]), ('"MILK"', ["Buy milk"]), ("eggs buy", [])):
        page = staff.get("/admin/tasks/task/", {"q": search}).context["cl"]
        assert [task.title for task in page.result_list] == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-" * 33, "Must contain a letter or a digit."),
        ("x" * 3000, "Must be at most 200 characters; this has 3,000."),
    ],
)
def test_a_search_that_postgresql_can_not_do_is_refused_as_the_api_refuses_it(
    staff: Client, text: str, message: str
) -> None:
    make_task("Buy milk")
    page = staff.get("/admin/tasks/task/", {"q": text}).content.decode()
    assert f"Nothing was searched for: {message}" in page
    assert "Buy milk" not in page


@pytest.mark.parametrize("page", ["/admin/tasks/task/", "/admin/tasks/tag/"])
def test_a_list_costs_the_same_queries_for_1_and_for_90_tasks(staff: Client, page: str) -> None:
    counts = []
    for more in (1, 89):
        make_tasks(more, tags=("a", "b"))
        with CaptureQueriesContext(connection) as queries:
            staff.get(page)
        counts.append(len(queries))
    assert counts[0] == counts[1]
