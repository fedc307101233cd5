"""The admin overwrites nothing unseen: what changed since staff opened a page is shown instead."""

import datetime
import html
import re
import threading
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.api.attribution import attribute_changes
from tasks.models import TAGS_PER_TASK, Change, Tag, Task
from tests.factories import change_task, make_task, make_tasks
from tests.pages import form_in, form_on
from tests.waiting import await_lock_waiter, in_thread

pytestmark = pytest.mark.django_db
LIST = "/admin/tasks/task/"


@pytest.fixture
def task(db: None) -> Task:
    return make_task("Old", description="two\nlines", tags=("home",), due_date=datetime.date(2026, 12, 1))


def page_of(task: Task) -> str:
    return f"{LIST}{task.pk}/change/"


def change_as_bob(task: Task, tags: tuple[str, ...] | None = None, **columns: Any) -> None:
    attribute_changes("bob")
    change_task(task.pk, columns, tags)


def state(task: Task) -> dict[str, Any]:
    return Task.objects.get(pk=task.pk).members()


def text_of(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def conflict_on(page: str) -> str:
    found = re.search(r'<section class="conflict.*?</section>', page, re.DOTALL)
    assert found, page
    return found[0]


def questions_on(page: str) -> dict[str, dict[str, str]]:
    """For each field that both edited, what can be chosen. The first choice has a star."""
    found = {}
    for legend, choices in re.findall(r"<legend>(.*?)</legend>(.*?)</fieldset>", conflict_on(page), re.DOTALL):
        option = r'value="\w+"( checked)?> (\w+)</label>\s*<div class="value">(.*?)</div>'
        found[legend] = {
            label + ("*" if checked else ""): html.unescape(re.sub(r"<[^>]*>", "", value))
            for checked, label, value in re.findall(option, choices, re.DOTALL)
        }
    return found


def notes_on(page: str) -> list[str]:
    return [text_of(note) for note in re.findall(r"<li>(.*?)</li>", conflict_on(page), re.DOTALL)]


def sent(staff: Client, task: Task, form: dict[str, Any]) -> str:
    """The page that asks."""
    answer = staff.post(page_of(task), form)
    assert answer.status_code == 200
    page: str = answer.content.decode()
    return page


def save(staff: Client, task: Task, page: str, **chosen: Any) -> dict[str, Any]:
    """The task once these choices on this page are saved."""
    form = form_in(page, **{f"choice-{name}": choice for name, choice in chosen.items()})
    answer = staff.post(page_of(task), form)
    assert answer.status_code == 302, answer.content.decode()
    return state(task)


def tag(name: str) -> int:
    return Tag.objects.named([name])[0].pk


def test_what_others_updated_meanwhile_is_said_and_nothing_is_saved_yet(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, title="Bob's")
    before = state(task)
    page = sent(staff, task, form)
    assert state(task) == before
    assert re.match(
        r"bob updated this task at 2\S+ \S+ UTC while you were editing Nothing was saved yet. You edited the same",
        text_of(conflict_on(page)),
    )
    assert 'class="errornote"' not in page
    assert 'class="errorlist' not in page
    assert "<h1>Bob&#x27;s</h1>" in page
    assert questions_on(page) == {"Title": {"Mine*": "Mine", "Theirs": "Bob's"}}
    assert notes_on(page) == []
    assert form_in(page)["title"] == ["Mine"]


# What is edited in the form, what bob makes of it meanwhile, and what each choice saves.
TEXT = "one\ntwo\nthree\nfour"
BOTH: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "title": ("Mine", "Bob's", {"mine": "Mine", "theirs": "Bob's"}),
    "due_date": (
        "2027-01-01",
        datetime.date(2027, 1, 2),
        {"mine": datetime.date(2027, 1, 1), "theirs": datetime.date(2027, 1, 2)},
    ),
    "priority": ("1", 4, {"mine": 1, "theirs": 4}),
    "description": (
        "one\r\nmine\r\nthree\r\nfour",
        "one\ntwo\nthree\nbob's",
        {
            "mine": "one\nmine\nthree\nfour",
            "theirs": "one\ntwo\nthree\nbob's",
            "merged": "one\nmine\nthree\nbob's",
        },
    ),
    "tags": (
        ["kept", "mine"],
        ("kept", "old", "bob's"),
        {"mine": ["kept", "mine"], "theirs": ["bob's", "kept", "old"], "merged": ["bob's", "kept", "mine"]},
    ),
}


@pytest.mark.parametrize(
    ("name", "choice"), [(name, choice) for name, (*_, choices) in BOTH.items() for choice in choices]
)
def test_what_both_edited_is_saved_as_chosen(staff: Client, name: str, choice: str) -> None:
    task = make_task("Old", description=TEXT, tags=("kept", "old"), due_date=datetime.date(2026, 12, 1))
    mine, theirs, saved = BOTH[name]
    form = form_on(staff, page_of(task), **{name: [tag(each) for each in mine] if name == "tags" else mine})
    change_as_bob(task, theirs if name == "tags" else None, **({} if name == "tags" else {name: theirs}))
    others = {key: value for key, value in state(task).items() if key != name}
    page = sent(staff, task, form)
    assert len(questions_on(page)) == 1
    assert form_in(page)[f"choice-{name}"] == ["merged" if "merged" in saved else "mine"]
    now = save(staff, task, page, **{name: choice})
    assert now.pop(name) == saved[choice]
    assert now == others


def test_what_both_edited_is_shown_side_by_side(staff: Client, task: Task) -> None:
    change_task(task.pk, {"description": TEXT})
    form = form_on(staff, page_of(task), description=TEXT.replace("one", "1"), priority="1", tags=[tag("work")])
    change_as_bob(task, ("home", "garden"), description=TEXT.replace("four", "4"), priority=None, due_date=None)
    page = sent(staff, task, form)
    assert questions_on(page) == {
        "Description": {
            "Mine": "1\ntwo\nthree\nfour",
            "Theirs": "one\ntwo\nthree\n4",
            "Both*": "1\ntwo\nthree\n4",
        },
        "Tags": {"Mine": "work", "Theirs": "garden, home", "Both*": "garden, work"},
    }
    assert conflict_on(page).count("<ins>1</ins>\ntwo") == 2
    assert notes_on(page) == ["Due date , by bob: 2026-12-01 → none", "Priority , by you: none → 1 (highest)"]


def test_a_choice_of_mine_saves_what_is_in_the_box_by_then(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, title="Bob's")
    form = form_in(sent(staff, task, form), title="Mine and Bob's")
    assert staff.post(page_of(task), form).status_code == 302
    assert state(task)["title"] == "Mine and Bob's"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("one\nmine\nthree\nfour", "one\nbob's\nthree\nfour"),  # the same line
        ("one\nmine\nthree\nfour", "one\ntwo\nbob's\nfour"),  # the next line
        ("one\ntwo\nthree\nfour\nmine", "one\ntwo\nthree\nfour\nbob's"),  # both at the end
        ("one\ntwo\nmine\nthree\nfour", "one\ntwo\nbob's\nthree\nfour"),  # both between the same lines
        ("", "one\ntwo\nthree\nbob's"),
        ("mine\n" + "more\n" * 500 + TEXT, TEXT + "\nbob's"),  # too long to compare
    ],
)
@pytest.mark.parametrize("is_turned", [False, True])
def test_texts_that_were_edited_in_the_same_place_are_not_merged(
    staff: Client, task: Task, mine: str, theirs: str, is_turned: bool
) -> None:
    if is_turned:
        mine, theirs = theirs, mine
    change_task(task.pk, {"description": TEXT})
    form = form_on(staff, page_of(task), description=mine.replace("\n", "\r\n"))
    change_as_bob(task, description=theirs)
    page = sent(staff, task, form)
    assert questions_on(page) == {"Description": {"Mine*": mine or "none", "Theirs": theirs or "none"}}
    assert save(staff, task, page)["description"] == (mine or None)


FULL = tuple(f"tag {number}" for number in range(1, TAGS_PER_TASK))


@pytest.mark.parametrize(
    ("opened", "mine", "theirs"),
    [
        (("a",), ("a", "b"), ("a", "b", "c")),  # theirs includes mine
        (("a",), ("a", "b", "c"), ("a", "b")),
        (("a", "b"), ("b",), ()),
        (FULL, (*FULL, "mine"), (*FULL, "bob's")),  # together too many
    ],
)
def test_tags_are_not_merged_where_that_would_be_no_other_choice_or_too_many(
    staff: Client, opened: tuple[str, ...], mine: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    task = make_task(tags=opened)
    form = form_on(staff, page_of(task), tags=[tag(name) for name in mine])
    change_as_bob(task, theirs)
    page = sent(staff, task, form)
    assert [*questions_on(page)["Tags"]] == ["Mine*", "Theirs"]
    assert save(staff, task, page)["tags"] == sorted(mine, key=str.lower)


def test_what_only_others_edited_is_said_taken_over_and_not_red(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, ("work",), description="Bob's\ntext", completed=True, due_date=None, priority=2)
    page = sent(staff, task, form)
    assert notes_on(page) == [
        "Title , by you: Old → Mine",
        "Description , by bob Bob's text",
        "Completed , by bob: no → yes",
        "Due date , by bob: 2026-12-01 → none",
        "Priority , by bob: none → 2",
        "Tags , by bob: home → work",
    ]
    assert questions_on(page) == {}
    assert 'class="errorlist' not in page
    assert "You edited other fields than they did, so both can be kept." in page
    now = save(staff, task, page)
    assert (now["title"], now["description"], now["tags"]) == ("Mine", "Bob's\ntext", ["work"])
    assert (now["completed"], now["due_date"], now["priority"]) == (True, None, 2)


def test_what_both_edited_alike_needs_no_choice(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), completed="on", title="New")
    change_as_bob(task, completed=True, title="New")
    page = sent(staff, task, form)
    assert questions_on(page) == {}
    assert notes_on(page) == ["Title , by bob: Old → New", "Completed , by bob: no → yes"]


def test_theirs_can_be_kept_whole(staff: Client, task: Task) -> None:
    url = f"{page_of(task)}?_changelist_filters=priority%3D1"
    form = form_on(staff, url, title="Mine")
    change_as_bob(task, title="Bob's")
    page = staff.post(url, form).content.decode()
    link = re.search(r'<a href="([^"]*)">Keep theirs, drop mine</a>', page)
    assert link
    assert link[1] == url
    assert form_on(staff, url)["title"] == ["Bob's"]


@pytest.mark.parametrize("choice", ["mine", "theirs", "merged"])
def test_a_second_change_is_asked_about_again_with_what_was_chosen(staff: Client, task: Task, choice: str) -> None:
    change_task(task.pk, {"description": TEXT})
    form = form_on(staff, page_of(task), title="Mine", description=TEXT.replace("one", "1"), tags=[])
    change_as_bob(task, ("home", "work"), title="Bob's", description=TEXT.replace("four", "4"))
    chosen = {"choice-title": "mine", "choice-description": choice, "choice-tags": "theirs"}
    form = form_in(sent(staff, task, form), **chosen)
    attribute_changes("carol")
    change_task(task.pk, {"title": "Carol's", "priority": 3}, ("home", "work", "garden"))
    page = sent(staff, task, form)
    kept = {"mine": "1\ntwo\nthree\nfour", "theirs": "one\ntwo\nthree\n4", "merged": "1\ntwo\nthree\n4"}[choice]
    assert text_of(conflict_on(page)).startswith("carol updated this task at ")
    assert questions_on(page) == {"Title": {"Mine*": "Mine", "Theirs": "Carol's"}}
    assert form_in(page)["description"] == [kept.replace("\n", "\r\n")]
    assert notes_on(page)[-2:] == ["Priority , by carol: none → 3", "Tags , by carol: home, work → garden, home, work"]
    now = save(staff, task, page)
    assert (now["title"], now["description"], now["priority"]) == ("Mine", kept, 3)
    assert now["tags"] == ["garden", "home", "work"]


def test_all_who_updated_the_task_are_named(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, title="Bob's")
    attribute_changes("carol")
    change_task(task.pk, {"priority": 1})
    assert text_of(conflict_on(sent(staff, task, form))).startswith("bob and carol updated this task at ")


def test_an_entry_with_an_error_is_shown_in_its_box_where_it_can_be_corrected(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), description="mine\r\nlines\r\n" + "x" * 10_001, due_date="soon")
    change_as_bob(task, description="two\nlines\nby bob\nand more", due_date=None)
    page = sent(staff, task, form)
    assert "at most 10,000 characters" in page
    assert "Enter a valid date." in page
    assert questions_on(page)["Due date"] == {"Mine*": "soon", "Theirs": "none"}
    assert form_in(page)["choice-description"] == ["mine"]
    assert save(staff, task, page, due_date="theirs", description="theirs")["due_date"] is None


def test_a_form_in_which_nothing_was_edited_is_no_conflict(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task))
    change_as_bob(task, ("work",), title="Bob's", completed=True)
    before = Task.objects.get(pk=task.pk)
    assert staff.post(page_of(task), form).status_code == 302
    after = Task.objects.get(pk=task.pk)
    assert (after.members(), after.updated_at) == (before.members(), before.updated_at)


def test_a_tag_that_was_deleted_meanwhile_is_no_error_of_staff(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    attribute_changes("bob")
    Tag.objects.all().delete()
    page = sent(staff, task, form)
    assert "Select a valid choice" not in page
    assert "Tags , by bob: a deleted tag → none" in notes_on(page)
    assert save(staff, task, page)["tags"] == []


def test_a_deleted_tag_among_those_that_staff_chose_is_left_out(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), tags=[tag("home"), tag("mine"), "x"])
    attribute_changes("bob")
    Tag.objects.filter(name="home").delete()
    page = sent(staff, task, form)
    assert "Select a valid choice" not in page
    assert questions_on(page)["Tags"] == {"Mine*": "mine", "Theirs": "none"}
    assert save(staff, task, page)["tags"] == ["mine"]


def test_a_renamed_tag_is_a_change_of_the_task(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    Tag.objects.update(name="house")
    page = sent(staff, task, form)
    assert "Someone else updated this task while you were editing<" in page
    assert notes_on(page) == ["Title , by you: Old → Mine"]


def test_a_change_that_is_no_longer_in_the_history_is_shown_without_its_author(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine")
    change_as_bob(task, priority=1)
    Change.objects.all().delete()
    assert "Priority , by someone else: none → 1 (highest)" in notes_on(sent(staff, task, form))


def test_nothing_in_a_text_is_html(staff: Client, task: Task) -> None:
    form = form_on(staff, page_of(task), title="Mine", description="<b>mine")
    change_as_bob(task, description="<script>\n" + "x" * 200, title="<script>")
    shown = conflict_on(sent(staff, task, form))
    assert "&lt;b&gt;mine" in shown
    assert "<script>" not in shown


def test_asking_costs_the_same_queries_whatever_differs(staff: Client, task: Task) -> None:
    counts = []
    for edited in ({"title": "Mine"}, {"title": "1", "priority": "1", "description": "x", "due_date": ""}):
        form = form_on(staff, page_of(task), **edited)
        change_as_bob(
            task, ("work", *edited), title=f"Bob's {edited}"[:200], priority=len(edited), description=str(edited)
        )
        with CaptureQueriesContext(connection) as queries:
            sent(staff, task, form)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_form_without_a_version_is_refused(staff: Client, task: Task) -> None:
    answer = staff.post(page_of(task), {"title": "Mine"})
    assert answer.status_code == 200
    assert state(task)["title"] == "Old"


def test_a_task_that_was_deleted_meanwhile_leads_to_its_history(staff: Client, task: Task) -> None:
    url, history = page_of(task), f"{LIST}{task.pk}/history/"
    form = form_on(staff, url, title="Mine")
    attribute_changes("bob")
    task.delete()
    answer = staff.post(url, form, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain == [(history, 302)]
    assert re.search("The task “Old” was deleted by bob at 2.* UTC. Nothing was saved. This is its history.", page)


def test_deleting_what_changed_after_the_question_is_refused(staff: Client, task: Task) -> None:
    url = f"{LIST}{task.pk}/delete/"
    form = form_on(staff, url)
    change_as_bob(task, title="Bob's")
    answer = staff.post(url, form, follow=True)
    assert "Nothing was deleted: someone else updated the task. Confirm again." in answer.content.decode()
    assert staff.post(url, form_in(answer.content.decode())).status_code == 302
    assert not Task.objects.exists()


def test_deleting_what_is_gone_leads_to_its_history(staff: Client, task: Task) -> None:
    url = f"{LIST}{task.pk}/delete/"
    form = form_on(staff, url)
    task.delete()
    assert "was deleted" in staff.post(url, form, follow=True).content.decode()


def test_deleting_many_is_refused_when_one_changed_after_the_question(staff: Client, task: Task) -> None:
    other = make_task("Other")
    tagged = f"{LIST}?tags__id__exact={task.tags.get().pk}"  # a list with DISTINCT, which can't be locked as it is
    other.tags.set(task.tags.all())
    chosen = {"action": "delete_selected", "_selected_action": [task.pk, other.pk], "index": 0}
    form = form_in(staff.post(tagged, chosen).content.decode())
    change_as_bob(task, title="Bob's")
    answer = staff.post(tagged, form)
    assert "Nothing was deleted" in answer.content.decode()
    assert Task.objects.count() == 2
    assert staff.post(tagged, form_in(answer.content.decode())).status_code == 302
    assert not Task.objects.exists()


def test_more_tasks_than_a_form_has_fields_are_deleted_at_once(staff: Client) -> None:
    make_tasks(1500)
    all_of_them = {"action": "delete_selected", "_selected_action": [1], "select_across": "1", "index": 0}
    form = form_in(staff.post(LIST, all_of_them).content.decode())
    late = make_task("Late")
    answer = staff.post(LIST, form)
    assert "Nothing was deleted" in answer.content.decode()  # one came after the question
    late.delete()
    assert staff.post(LIST, form).status_code == 302
    assert not Task.objects.exists()


def test_more_than_a_page_can_ask_about_are_refused(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.pages.bounded_list.MOST", 2)
    make_tasks(3)
    all_of_them = {"action": "delete_selected", "_selected_action": [1], "select_across": "1", "index": 0}
    answer = staff.post(LIST, all_of_them, follow=True)
    assert "Nothing was deleted: select at most 2." in answer.content.decode()
    assert Task.objects.count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", ["change/", "delete/", ""])
def test_a_change_that_commits_while_staff_s_request_waits_is_not_overwritten(
    alice: User, task: Task, url: str
) -> None:
    staff, answers = Client(), []
    staff.force_login(alice)
    page = f"{LIST}{task.pk}/{url}" if url else LIST
    if url:
        form = form_on(staff, page, **({"title": "Mine"} if url == "change/" else {}))
    else:
        chosen = {"action": "delete_selected", "_selected_action": [task.pk], "index": 0}
        form = form_in(staff.post(LIST, chosen).content.decode())
    with transaction.atomic():
        change_as_bob(task, title="Bob's")
        waiting = in_thread(lambda: answers.append(staff.post(page, form, follow=True)))
        await_lock_waiter()
    waiting.join()
    assert "Nothing was " in answers[0].content.decode()
    assert state(task)["title"] == "Bob's"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_refused(alice: User, task: Task) -> None:
    clients, statuses = [Client() for _ in range(4)], []
    for client in clients:
        client.force_login(alice)
    for round_ in range(5):
        forms = [form_on(client, page_of(task), title=f"{round_}-{n}") for n, client in enumerate(clients)]
        barrier = threading.Barrier(len(clients))

        def save(client: Client, form: dict[str, Any], barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            statuses.append(client.post(page_of(task), form).status_code)

        for thread in [in_thread(partial(save, *each)) for each in zip(clients, forms, strict=True)]:
            thread.join()
        assert sorted(statuses) == [200, 200, 200, 302]
        statuses.clear()
