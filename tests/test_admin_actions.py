"""What staff does to many tasks at once: asked first, all or nothing, recorded, undone."""

import datetime
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.api.attribution import attribute_changes
from config.pages.confirmation import count_of
from tasks.history.undo import undoable_change
from tasks.models import TAGS_PER_TASK, Change, Tag, Task
from tests.factories import change_task, client_of, etag_of, make_task, make_tasks, make_user
from tests.pages import form_in, form_on, notes_on
from tests.waiting import await_lock_waiter, in_thread

pytestmark = pytest.mark.django_db
in_transactions = pytest.mark.django_db(transaction=True)
LIST = "/admin/tasks/task/"
DAY = datetime.date(2026, 12, 24)


def question(staff: Client, action: str, *tasks: Task, across: bool = False) -> str:
    """The page that asks."""
    keys = [task.pk for task in tasks] or [Task.objects.values_list("pk", flat=True)[0]]
    chosen = {"action": action, "_selected_action": keys, "select_across": int(across), "index": 0}
    answer = staff.post(LIST, chosen)
    assert answer.status_code == 200, answer.headers
    page: str = answer.content.decode()
    return page


def ask(staff: Client, action: str, *tasks: Task, across: bool = False) -> dict[str, Any]:
    """The form of the page that asks."""
    return form_in(question(staff, action, *tasks, across=across))


def do(staff: Client, action: str, *tasks: Task, **entered: Any) -> str:
    """The list that follows on a yes, with its message."""
    answer = staff.post(LIST, ask(staff, action, *tasks) | entered, follow=True)
    assert answer.redirect_chain, answer.content.decode()
    return message_on(answer.content.decode())


def message_on(page: str) -> str:
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', page, re.DOTALL)
    return found[1] if found else ""


def undo_url(message: str) -> str:
    found = re.search(r'<a href="(/admin/tasks/task/undo/\d+/)">Undo</a>', message)
    assert found, message
    return found[1]


def undo(staff: Client, message: str) -> str:
    url = undo_url(message)
    answer = staff.post(url, form_in(staff.get(url).content.decode()), follow=True)
    return message_on(answer.content.decode())


def state() -> list[dict[str, Any]]:
    return [task.members() for task in Task.objects.order_by("pk")]


def varied() -> list[Task]:
    """Tasks that differ in all that an action changes."""
    return [
        make_task("Open", tags=("home",)),
        make_task("Done", tags=("Work", "home"), completed=True, due_date=DAY),
        make_task("Due", description="two\nlines", due_date=DAY + datetime.timedelta(days=1)),
    ]


ACTIONS: list[tuple[str, dict[str, Any], int, Callable[[Task], bool]]] = [
    ("complete", {}, 2, lambda task: task.completed and task.completed_at is not None),
    ("reopen", {}, 1, lambda task: not task.completed and task.completed_at is None),
    ("set_due_date", {"due_date": "2026-12-24"}, 2, lambda task: task.due_date == DAY),
    ("set_due_date", {"due_date": ""}, 2, lambda task: task.due_date is None),
    ("add_tag", {"tag": "WORK"}, 2, lambda task: "Work" in task.tag_names()),
    ("add_tag", {"tag": "new"}, 3, lambda task: "new" in task.tag_names()),
    ("remove_tag", {"tag": "Home"}, 2, lambda task: "home" not in task.tag_names()),
    ("delete_selected", {}, 3, lambda _: False),
]


@in_transactions
@pytest.mark.parametrize(("action", "entered", "count", "is_done"), ACTIONS)
def test_an_action_does_what_it_says_is_recorded_and_can_be_undone_and_that_too(
    alice: User, action: str, entered: dict[str, Any], count: int, is_done: Callable[[Task], bool]
) -> None:
    staff, tasks = Client(), varied()
    staff.force_login(alice)
    before, first = state(), Change.objects.all()[0].pk
    other = make_task("Not chosen", tags=("home",))
    etag = etag_of(other)
    message = do(staff, action, *tasks, **entered)
    assert re.search(rf"\b{count} task{'s' if count > 1 else ''}\b", message)
    assert (f" {count_of(3 - count)} left as before." in message) == (count < 3)
    assert all(map(is_done, Task.objects.exclude(pk=other.pk)))
    other.refresh_from_db()
    assert etag_of(other) == etag
    changed = Change.objects.filter(pk__gt=first, task_id__isnull=False).exclude(task_id=other.pk)
    assert (len({change.task_id for change in changed}), {change.actor for change in changed}) == (count, {"alice"})
    other.delete()
    undone = undo(staff, message)
    assert f"Undone for {count} task{'s' if count > 1 else ''}." in undone
    assert state() == before
    assert "Undone for" in undo(staff, undone)
    assert all(map(is_done, Task.objects.all()))


def test_the_question_has_the_count_and_changes_nothing(staff: Client) -> None:
    make_tasks(120)
    keys = list(Task.objects.order_by("pk").values_list("pk", flat=True))
    chosen = {"action": "complete", "_selected_action": keys, "select_across": 1, "index": 0}
    page = staff.post(LIST, chosen).content.decode()
    assert "Complete 120 open tasks?" in page
    assert "… and 20 more." in page
    assert list(notes_on(page)) == [f"Task {number}" for number in range(120, 20, -1)]
    assert page.count('name="_selected_action"') == 1
    assert not Task.objects.filter(completed=True).exists()


QUESTIONS = {
    "complete": ("Complete 2 open tasks?", "1 other is completed already.", "Complete 2 tasks"),
    "reopen": ("Reopen 1 completed task?", "2 others are open already.", "Reopen 1 task"),
    "set_due_date": (
        "Set the due date of 3 tasks?",
        "2 of them have one already.",
        "Set the due date of 3 tasks",
    ),
    "add_tag": ("Add a tag to 3 tasks?", "", "Add the tag to 3 tasks"),
    "remove_tag": ("Remove a tag from 3 tasks?", "2 of them have tags.", "Remove the tag from 3 tasks"),
    "delete_selected": (
        "Delete 3 tasks?",
        "2 of them are open. You can restore them later: their history stays.",
        "Delete 3 tasks",
    ),
    "export_selected": ("Export 3 tasks?", "", "Export 3 tasks"),
}


def question_on(page: str) -> tuple[str, str, str]:
    """Its title, its note and the label of its button."""
    parts = r"<h1>(.*?)</h1>", r"</h1>\s*<p>(.*?)</p>", r'<input type="submit" value="([^"]*)" class="d'
    title, note, button = (re.search(part, page) for part in parts)
    return title[1] if title else "", note[1] if note else "", button[1] if button else ""


@pytest.mark.parametrize("action", QUESTIONS)
def test_the_question_says_what_will_happen_to_how_many_and_so_does_its_button(staff: Client, action: str) -> None:
    page = question(staff, action, *varied())
    assert question_on(page) == QUESTIONS[action]
    assert list(notes_on(page).items()) == [("Due", "due 2026-12-25"), ("Done", "due 2026-12-24"), ("Open", "")]
    assert re.findall(r'role="img" aria-label="(\w+)"', page) == ["open", "done", "open"]


@pytest.mark.parametrize(
    ("action", "fields", "title", "note"),
    [
        ("complete", {"completed": True}, "Nothing to complete", "All of these tasks are completed already."),
        ("reopen", {"completed": False}, "Nothing to reopen", "All of these tasks are open already."),
        ("remove_tag", {}, "Nothing to remove", "None of these tasks has a tag."),
    ],
)
def test_where_nothing_would_change_there_is_nothing_to_confirm(
    staff: Client, action: str, fields: dict[str, Any], title: str, note: str
) -> None:
    page = question(staff, action, make_task(**fields), make_task(**fields))
    assert question_on(page) == (title, note, "")
    assert form_in(page).keys() == {"csrfmiddlewaretoken"}
    assert "Back to the list" in page


def test_the_list_below_a_question_is_in_the_order_of_the_list_and_leads_to_each_task_and_back(staff: Client) -> None:
    tasks = [make_task(title, priority=1) for title in "bca"]
    chosen = {"action": "complete", "_selected_action": [task.pk for task in tasks], "index": 0}
    page = staff.post(f"{LIST}?priority=1&o=2", chosen).content.decode()
    assert list(notes_on(page)) == ["a", "b", "c"]
    back = f'<a href="{LIST}?priority=1&amp;o=2">Cancel</a>'
    assert back in page
    assert f'href="{LIST}{tasks[0].pk}/change/?_changelist_filters=priority%3D1%26o%3D2">b</a>' in page


def test_the_tags_that_most_tasks_have_are_suggested_first(staff: Client) -> None:
    tasks = [make_task(tags=("rare", "usual")), make_task(tags=("usual",))]
    for _ in range(3):
        make_task(tags=("other",))
    Tag.objects.named(["unused", "new"])
    suggested = [
        re.findall(r'<option value="(.*?)"></option>', question(staff, action, *tasks))
        for action in ("add_tag", "remove_tag")
    ]
    assert suggested == [["other", "usual", "rare", "new", "unused"], ["usual", "rare"]]


@in_transactions
def test_what_is_so_already_is_said_and_there_is_nothing_to_undo(alice: User) -> None:
    message = do(client_of(alice), "set_due_date", make_task(due_date=DAY), due_date=DAY)
    assert "Nothing to update: all of these tasks are like that already." in message
    assert "Undo" not in message


@pytest.mark.parametrize(
    ("action", "entered", "message"),
    [
        ("set_due_date", {"due_date": "tomorrow"}, "Enter a valid date."),
        ("add_tag", {"tag": "  "}, "This field is required."),
        ("add_tag", {"tag": "x" * 51}, "at most 50 characters; this has 51."),
        ("add_tag", {"tag": "a\0b"}, "Null characters are not allowed."),
        ("remove_tag", {"tag": "home"}, "None of these tasks has the tag “home”."),
    ],
)
def test_wrong_input_is_said_and_changes_nothing(
    staff: Client, action: str, entered: dict[str, str], message: str
) -> None:
    task = make_task(tags=("work",))
    answer = staff.post(LIST, ask(staff, action, task) | entered)
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert Tag.objects.get().name == "work"
    assert etag_of(Task.objects.get()) == etag_of(task)
    corrected = form_in(answer.content.decode())
    assert corrected["version"]


def test_no_task_gets_more_tags_than_one_can_have(staff: Client) -> None:
    full = make_task("Full", tags=tuple(f"tag {number}" for number in range(TAGS_PER_TASK)))
    other = make_task("Other")
    answer = staff.post(LIST, ask(staff, "add_tag", full, other) | {"tag": "one more"})
    assert "1 task would have more than 20 tags." in answer.content.decode()
    assert other.tag_names() == []
    assert not Tag.objects.filter(name="one more").exists()
    assert "Tag “tag 7” added to 1 task." in do(staff, "add_tag", full, other, tag="tag 7")


@pytest.mark.parametrize("action", ["complete", "set_due_date", "add_tag", "delete_selected"])
def test_what_changed_after_the_question_is_not_touched_unseen(staff: Client, action: str) -> None:
    task, other = make_task(), make_task()
    form = ask(staff, action, task, other) | {"tag": "x", "due_date": "2026-12-24"}
    change_task(task.pk, {"description": "Bob's"})
    before = state()
    answer = staff.post(LIST, form)
    assert "someone else updated some of them. Confirm again to continue." in answer.content.decode()
    assert state() == before
    again = form_in(answer.content.decode()) | {"tag": "x", "due_date": "2026-12-24"}
    assert staff.post(LIST, again).status_code == 302
    assert state() != before


def test_all_that_a_filter_finds_is_chosen_at_once_and_nothing_else(staff: Client) -> None:
    make_tasks(60, tags=("home",))
    other = make_task("Other")
    tagged = f"{LIST}?tags__id__exact={Tag.objects.get().pk}"
    chosen = {"action": "complete", "_selected_action": [1], "select_across": 1, "index": 0}
    answer = staff.post(tagged, form_in(staff.post(tagged, chosen).content.decode()), follow=True)
    assert "60 tasks completed." in answer.content.decode()
    other.refresh_from_db()
    assert not other.completed


def test_a_list_that_is_cut_offers_no_choice_of_all(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tasks(60)
    assert "Select all 60 tasks" in staff.get(LIST).content.decode()
    monkeypatch.setattr("config.pages.bounded_list.MOST", 55)
    page = staff.get(LIST).content.decode()
    assert not re.search(r"Select all \d+ tasks", page)
    assert "Only the first 55 of about " in page


# Each: the session, the user, who it is for the history; the list from which it was chosen (the names in the
# history twice, the estimate, the keys); the transaction and its end, the estimate and the keys again, the tasks under
# their lock, the change to undo (2), and what it does.
BUDGETS = {
    "complete": 15,
    "reopen": 15,
    "set_due_date": 15,
    "add_tag": 18,  # who has the tag, who has too many, the tag created where it is missing, the links
    "remove_tag": 15,
    "delete_selected": 16,  # the links, the tasks
}


@pytest.mark.parametrize("action", QUESTIONS)
def test_a_question_costs_the_same_queries_for_1_and_for_60_tasks(staff: Client, action: str) -> None:
    counts = []
    for number in (1, 59):
        make_tasks(number, tags=("home", f"tag {number}"))
        make_task(completed=True)
        with CaptureQueriesContext(connection) as queries:
            question(staff, action, across=True)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(("action", "entered"), [(name, entered) for name, entered, _, _ in ACTIONS])
def test_an_action_costs_the_same_queries_for_1_and_for_60_tasks(
    staff: Client, action: str, entered: dict[str, Any]
) -> None:
    counts = []
    for number in (1, 59):
        Task.objects.all().delete()
        make_tasks(number, tags=("home",))
        Task.objects.update(completed=action == "reopen", due_date="2026-01-01")
        make_task("Has the tags", tags=("work", "new"), completed=action == "complete")
        form = ask(staff, action, across=True) | entered
        with CaptureQueriesContext(connection) as queries:
            assert staff.post(LIST, form).status_code == 302
        counts.append(len(queries))
    assert counts == [BUDGETS[action]] * 2


# Who may


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        (("view",), set()),
        (("view", "change"), {"complete", "reopen", "set_due_date", "add_tag", "remove_tag"}),
        (("view", "delete"), {"delete_selected"}),
    ],
)
def test_actions_follow_the_permissions_on_tasks(permissions: tuple[str, ...], offered: set[str]) -> None:
    task, client = make_task(), Client()
    client.force_login(make_user("dave", *permissions, is_staff=True))
    page = client.get(LIST).content.decode()
    names = {action for action, *_ in ACTIONS}
    assert {name for name in names if f'<option value="{name}">' in page} == offered
    for name in names - offered:
        client.post(LIST, {"action": name, "_selected_action": [task.pk], "post": "yes", "version": "x"})
    assert etag_of(Task.objects.get()) == etag_of(task)


@in_transactions
@pytest.mark.parametrize(
    ("action", "permissions", "status"),
    [
        ("complete", ("view",), 403),
        ("complete", ("view", "change"), 200),
        ("delete_selected", ("view", "change"), 403),
        ("delete_selected", ("view", "change", "add"), 200),
    ],
)
def test_who_undoes_needs_what_it_takes_to_do_it(
    alice: User, action: str, permissions: tuple[str, ...], status: int
) -> None:
    task, staff, client = make_task(), Client(), Client()
    staff.force_login(alice)
    client.force_login(make_user("dave", *permissions, is_staff=True))
    url = undo_url(do(staff, action, task))
    before = state()
    assert client.get(url).status_code == status
    assert client.post(url).status_code == (302 if status == 200 else 403)
    assert (state() == before) == (status == 403)


def test_what_was_never_done_is_not_undone(staff: Client) -> None:
    assert staff.get(f"{LIST}undo/999999/").status_code == 404


# Undo


@in_transactions
def test_what_somebody_changed_since_is_left_as_it_is_and_said(alice: User) -> None:
    staff, tasks = Client(), varied()
    staff.force_login(alice)
    message = do(staff, "set_due_date", *tasks, due_date="2027-01-01")
    change_task(tasks[0].pk, {"title": "Bob's"})
    page = staff.get(undo_url(message)).content.decode()
    assert re.search(
        r"alice did to 2 tasks at 2\S+ \S+ UTC.\s+1 more has been updated since and will be left unchanged.", page
    )
    assert "Undone for 2 tasks. 1 task left unchanged, because of later updates." in undo(staff, message)
    dates = [task.due_date for task in Task.objects.order_by("pk")]
    assert dates == [datetime.date(2027, 1, 1), DAY, DAY + datetime.timedelta(days=1)]


@in_transactions
def test_a_deleted_task_that_is_restored_already_is_not_created_twice(alice: User) -> None:
    staff, tasks = Client(), varied()
    staff.force_login(alice)
    message = do(staff, "delete_selected", *tasks)
    Task.objects.restore_deleted(Change.objects.filter(task_id=tasks[1].pk, operation="delete").get())
    assert "Undone for 2 tasks. 1 task left unchanged" in undo(staff, message)
    assert Task.objects.count() == 3
    assert "There is nothing to undo." in staff.get(undo_url(message)).content.decode()


@in_transactions
def test_what_is_restored_is_newer_than_ever(alice: User) -> None:
    staff, task = Client(), make_task(tags=("home",))
    staff.force_login(alice)
    message = do(staff, "delete_selected", task)
    Tag.objects.all().delete()
    undo(staff, message)
    back = Task.objects.get(pk=task.pk)
    assert (back.members(), back.created_at) == (task.members(), task.created_at)
    assert back.updated_at > task.updated_at


@in_transactions
def test_undo_leaves_the_tags_that_the_action_did_not_touch(alice: User) -> None:
    staff, task = Client(), make_task(tags=("home",))
    staff.force_login(alice)
    message = do(staff, "add_tag", task, tag="work")
    Tag.objects.filter(name="home").update(name="house")
    undo(staff, message)
    assert task.tag_names() == ["house"]


@in_transactions
def test_more_than_a_page_does_at_once_is_not_undone_at_once(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = Client()
    staff.force_login(alice)
    make_tasks(3)
    Task.objects.update(completed=True)
    monkeypatch.setattr("tasks.admin.history.MOST", 2)
    url = f"{LIST}undo/{Change.objects.all()[0].pk}/"
    assert "at most 2 can be undone at once" in staff.post(url).content.decode()
    assert not Task.objects.filter(completed=False).exists()


def test_a_transaction_that_changed_nothing_has_nothing_to_undo() -> None:
    assert undoable_change() is None


def saved(staff: Client, task: Task, page: str, **edited: Any) -> str:
    url = f"{LIST}{task.pk}/{page}/"
    return message_on(staff.post(url, form_on(staff, url, **edited), follow=True).content.decode())


@in_transactions
@pytest.mark.parametrize(
    ("page", "edited", "words"),
    [
        ("change", {"title": "New"}, "was changed successfully."),
        ("change", {"title": "New", "_continue": "1"}, "You may edit it again below."),
        ("delete", {}, "was deleted successfully."),
    ],
)
def test_a_single_edit_and_a_single_delete_offer_undo_too(
    alice: User, page: str, edited: dict[str, str], words: str
) -> None:
    staff, task = client_of(alice), make_task("Old", tags=("home",))
    before = state()
    message = saved(staff, task, page, **edited)
    assert words in message
    assert "Undone for 1 task." in undo(staff, message)
    assert state() == before


@in_transactions
def test_a_restored_version_offers_undo(alice: User) -> None:
    staff, task = client_of(alice), make_task("Old")
    first = Change.objects.get(task_id=task.pk)
    change_task(task.pk, {"title": "New"})
    message = saved(staff, task, f"history/{first.pk}/restore")
    assert "Restored the version of " in message
    undo(staff, message)
    assert Task.objects.get().title == "New"


@in_transactions
def test_what_can_not_be_undone_offers_no_undo(alice: User) -> None:
    staff, task = client_of(alice), make_task("Old", tags=("home",))
    unchanged = saved(staff, task, "change")
    url = f"/admin/tasks/tag/{Tag.objects.get().pk}/change/"
    renamed = staff.post(url, form_on(staff, url, name="house"), follow=True).content.decode()
    for message in (unchanged, message_on(renamed)):
        assert "success" in message
        assert "Undo" not in message


@in_transactions
def test_what_was_added_or_restored_is_deleted_by_undo(alice: User) -> None:
    staff, other = client_of(alice), make_task("Old", tags=("home",))
    form = form_on(staff, f"{LIST}add/", title="New", tags=[Tag.objects.get().pk])
    added = message_on(staff.post(f"{LIST}add/", form, follow=True).content.decode())
    assert "It deletes 1 task that was created." in staff.get(undo_url(added)).content.decode()
    assert "Undone for 1 task." in undo(staff, added)
    assert Task.objects.get() == other
    saved(staff, other, "delete")
    restored = saved(staff, Task(pk=other.pk), "restore")
    assert "Undone for 1 task." in undo(staff, restored)
    assert not Task.objects.exists()


@in_transactions
def test_what_was_added_and_then_updated_stays(alice: User) -> None:
    staff = client_of(alice)
    form = form_on(staff, f"{LIST}add/", title="New")
    added = message_on(staff.post(f"{LIST}add/", form, follow=True).content.decode())
    change_task(Task.objects.get().pk, {"title": "Newer"})
    assert "There is nothing to undo." in staff.get(undo_url(added)).content.decode()
    staff.post(undo_url(added))
    assert Task.objects.get().title == "Newer"


@in_transactions
def test_who_may_not_delete_does_not_undo_what_was_added() -> None:
    staff = client_of(make_user("dave", "view", "change", "add", is_staff=True))
    form = form_on(staff, f"{LIST}add/", title="New")
    assert "Undo" not in message_on(staff.post(f"{LIST}add/", form, follow=True).content.decode())
    assert staff.post(f"{LIST}undo/{Change.objects.all()[0].pk}/").status_code == 403
    assert Task.objects.exists()


@in_transactions
@pytest.mark.parametrize(("more", "is_offered"), [((), False), (("change",), False), (("change", "add"), True)])
def test_undo_is_offered_only_to_those_who_may(more: tuple[str, ...], is_offered: bool) -> None:
    staff = client_of(make_user("dave", "view", "delete", *more, is_staff=True))
    assert ("Undo" in saved(staff, make_task(), "delete")) == is_offered


# At the same moment


@in_transactions
@pytest.mark.parametrize("action", ["complete", "add_tag", "delete_selected"])
def test_a_change_that_commits_while_the_action_waits_is_not_overwritten(alice: User, action: str) -> None:
    staff, tasks, pages = Client(), varied(), []
    staff.force_login(alice)
    form = ask(staff, action, *tasks) | {"tag": "x"}
    with transaction.atomic():
        attribute_changes("bob")
        change_task(tasks[2].pk, {"title": "Bob's"})
        waiting = in_thread(lambda: pages.append(staff.post(LIST, form).content.decode()))
        await_lock_waiter()
    waiting.join()
    assert "someone else updated some of them. Confirm again to continue." in pages[0]
    assert [task.title for task in Task.objects.order_by("pk")] == ["Open", "Done", "Bob's"]
    assert not Tag.objects.filter(name="x").exists()


@in_transactions
def test_of_two_who_undo_at_once_one_finds_nothing_left(alice: User) -> None:
    clients, tasks, messages = [Client(), Client()], varied(), []
    for client in clients:
        client.force_login(alice)
    url = undo_url(do(clients[0], "delete_selected", *tasks))
    barrier = threading.Barrier(2)

    def press(client: Client) -> None:
        barrier.wait()
        messages.append(message_on(client.post(url, follow=True).content.decode()))

    for thread in [in_thread(lambda client=client: press(client)) for client in clients]:  # type: ignore[misc]
        thread.join()
    assert Task.objects.count() == 3
    assert sorted(re.findall(r"Undone for (\d) task", " ".join(messages))) == ["0", "3"]
