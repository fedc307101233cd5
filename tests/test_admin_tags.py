"""Tags for staff: counted, renamed, merged, deleted, and whatever becomes of their tasks is in the history."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.api.attribution import attribute_changes
from tasks.admin import tags as admin_tags
from tasks.models import Change, Tag, Task
from tests.factories import change_task, etag_of, make_task, make_tasks, make_user
from tests.pages import form_in, form_on, notes_on
from tests.test_admin_actions import message_on, undo
from tests.waiting import await_lock_waiter, in_thread

pytestmark = pytest.mark.django_db
in_transactions = pytest.mark.django_db(transaction=True)
TAGS = "/admin/tasks/tag/"


def tag(name: str) -> Tag:
    return Tag.objects.get(name=name)


def page_of(name: str, page: str = "change") -> str:
    return f"{TAGS}{tag(name).pk}/{page}/"


def listed(staff: Client, query: str = "") -> list[tuple[str, str]]:
    page = staff.get(f"{TAGS}{query}").content.decode()
    return re.findall(r'field-name"><a [^>]*>(.*?)</a></th><td class="field-task_count"><a [^>]*>(.*?)</a>', page)


def ask(staff: Client, action: str, *names: str) -> dict[str, Any]:
    keys = [tag(name).pk for name in names]
    answer = staff.post(TAGS, {"action": action, "_selected_action": keys, "index": 0})
    assert answer.status_code == 200, answer.headers
    return form_in(answer.content.decode())


def merge(staff: Client, target: str, *names: str) -> str:
    form = ask(staff, "merge", target, *names) | {"target": tag(target).pk}
    return message_on(staff.post(TAGS, form, follow=True).content.decode())


def tags_of_tasks() -> dict[str, list[str]]:
    return {task.title: task.tag_names() for task in Task.objects.all()}


# The list


def test_tags_are_listed_by_name_with_their_tasks(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_tags, "MOST_COUNTED", 2)
    for tags in (("b", "C"), ("b", "C"), ("C",)):
        make_task(tags=tags)
    Tag.objects.create(name="a")
    assert listed(staff) == [("a", "0"), ("b", "2"), ("C", "more than 2")]
    assert f'<a href="/admin/tasks/task/?tags__id__exact={tag("b").pk}">2</a>' in staff.get(TAGS).content.decode()
    assert listed(staff, "?q=B") == [("b", "2")]


def test_unused_tags_are_found_and_deleted_at_once(staff: Client) -> None:
    make_task(tags=("used",))
    Tag.objects.bulk_create(Tag(name=f"tag {number:03}") for number in range(130))
    assert len(listed(staff, "?unused=1")) == 100
    assert ("used", "1") not in listed(staff, "?unused=1&p=2")
    chosen = {"action": "delete_selected", "_selected_action": [1], "select_across": 1, "index": 0}
    answer = staff.post(f"{TAGS}?unused=1", chosen)
    page = answer.content.decode()
    assert "Delete 130 tags?" in page
    assert notes_on(page)["tag 000"] == "0 tasks"
    assert "… and 30 more." in page
    assert (
        "0 tasks retagged; 130 tags deleted."
        in staff.post(f"{TAGS}?unused=1", form_in(page), follow=True).content.decode()
    )
    assert [each.name for each in Tag.objects.all()] == ["used"]


def test_a_tag_that_came_into_use_after_the_question_is_not_deleted_unseen(staff: Client) -> None:
    Tag.objects.create(name="unused")
    form = ask(staff, "delete_selected", "unused")
    make_task(tags=("unused",))
    answer = staff.post(TAGS, form)
    page = answer.content.decode()
    assert "Nothing was deleted: someone else updated some of them. Confirm again to continue." in page
    assert notes_on(page)["unused"] == "1 task"
    assert staff.post(TAGS, form_in(page)).status_code == 302
    assert not Tag.objects.exists()


# Renaming


def rename(staff: Client, old: str, new: str) -> str:
    answer = staff.post(page_of(old), form_on(staff, page_of(old), name=new), follow=True)
    return answer.content.decode()


@in_transactions
def test_a_renamed_tag_is_a_change_of_its_tasks(staff: Client) -> None:
    task = make_task(tags=("home",))
    rename(staff, "home", "House")
    assert Task.objects.get().tag_names() == ["House"]
    assert etag_of(Task.objects.get()) != etag_of(task)
    assert (Change.objects.all()[0].actor, Change.objects.all()[0].new) == ("alice", {"name": "House"})


def test_a_tag_that_was_renamed_meanwhile_is_not_renamed_unseen(staff: Client) -> None:
    Tag.objects.create(name="home")
    form = form_on(staff, page_of("home"), name="mine")
    untouched = form_on(staff, page_of("home"))
    page = page_of("home")
    Tag.objects.update(name="theirs")
    assert "Nothing was saved: someone else renamed this tag to “theirs”." in staff.post(page, form).content.decode()
    assert staff.post(page, untouched).status_code == 302
    assert Tag.objects.get().name == "theirs"


def test_a_tag_of_too_many_tasks_is_not_renamed_at_once(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_tags, "MOST_RENAMED", 2)
    make_tasks(3, tags=("home",))
    assert "More than 2 tasks have this tag" in rename(staff, "home", "house")
    assert Tag.objects.get().name == "home"


@in_transactions
def test_a_tag_that_is_renamed_to_the_name_of_another_can_be_merged_into_it(alice: User) -> None:
    staff = Client(enforce_csrf_checks=True)
    staff.force_login(alice)
    make_tasks(2, tags=("house",))
    make_task("other", tags=("home",))
    page = rename(staff, "house", "Home")
    assert "The tag “home” already exists." in page
    assert "Constraint" not in page
    url, text = re.findall(r'<a href="(/admin/tasks/tag/\d+/merge/\d+/)">(.*?)</a>', page)[0]
    assert text == "Merge “house” into “home”"
    form = form_on(staff, url)
    assert form["target"] == [str(tag("home").pk)]
    answer = staff.post(url, form, follow=True)
    assert "2 tasks retagged; 1 tag merged into “home”." in message_on(answer.content.decode())
    assert {*map(tuple, tags_of_tasks().values())} == {("home",)}
    answer = staff.get(url, follow=True)
    assert "Nothing was merged: select 2 to 100." in answer.content.decode()


def test_a_merge_is_offered_only_to_those_who_may_and_not_for_a_new_tag(staff: Client) -> None:
    Tag.objects.bulk_create([Tag(name="home"), Tag(name="house")])
    user = make_user("dave", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_tag", "change_tag"]))
    editor = Client()
    editor.force_login(user)
    pages = rename(editor, "house", "home"), staff.post(f"{TAGS}add/", {"name": "HOME"}).content.decode()
    for page in pages:
        assert "The tag “home” already exists." in page
        assert "/merge/" not in page
    assert editor.get(f"{TAGS}{tag('house').pk}/merge/{tag('home').pk}/").status_code == 403


def test_a_tag_can_be_written_in_other_capitals(staff: Client) -> None:
    Tag.objects.create(name="home")
    rename(staff, "home", "Home")
    assert Tag.objects.get().name == "Home"


def test_a_reader_sees_a_tag_without_a_form() -> None:
    Tag.objects.create(name="home")
    user = make_user("dave", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_tag"))
    client = Client()
    client.force_login(user)
    assert 'name="name"' not in client.get(page_of("home")).content.decode()
    assert "action" not in form_in(client.get(TAGS).content.decode())


# Merging


@in_transactions
def test_merged_tags_become_one_without_duplicates_are_recorded_and_can_be_undone(alice: User) -> None:
    staff = Client()
    staff.force_login(alice)
    make_task("a", tags=("house",))
    make_task("b", tags=("home", "house", "work"))
    make_task("c", tags=("Zuhause",))
    kept = make_task("d", tags=("home",))
    first, before = Change.objects.all()[0].pk, tags_of_tasks()
    message = merge(staff, "home", "house", "Zuhause")
    assert "3 tasks retagged; 2 tags merged into “home”." in message
    assert tags_of_tasks() == {"a": ["home"], "b": ["home", "work"], "c": ["home"], "d": ["home"]}
    assert sorted(each.name for each in Tag.objects.all()) == ["home", "work"]
    assert etag_of(Task.objects.get(pk=kept.pk)) == etag_of(kept)
    changes = Change.objects.filter(pk__gt=first)
    assert {change.actor for change in changes} == {"alice"}
    assert changes.filter(task_id__isnull=False).values("task_id").distinct().count() == 3
    assert set(changes.filter(tag_id__isnull=False).values_list("operation", "old__name")) == {
        ("delete", "house"),
        ("delete", "Zuhause"),
    }
    assert "Undone for 3 tasks." in undo(staff, message)
    assert tags_of_tasks() == before


def test_merging_asks_which_stays_and_says_how_many_change(staff: Client) -> None:
    make_tasks(3, tags=("home",))
    Tag.objects.create(name="house")
    keys = [tag("home").pk, tag("house").pk]
    page = staff.post(TAGS, {"action": "merge", "_selected_action": keys, "index": 0}).content.decode()
    assert "Merge 2 tags?" in page
    assert notes_on(page).items() >= {"home": "3 tasks", "house": "0 tasks"}.items()
    assert "The tag that you keep will have 3 tasks.</p>" in page
    answer = staff.post(TAGS, form_in(page) | {"target": ""})
    assert "This field is required." in answer.content.decode()
    assert Tag.objects.count() == 2


def test_the_question_says_how_many_tasks_the_tags_have_together(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tasks(3, tags=("home",))
    make_tasks(2, tags=("home", "house"))
    make_tasks(1, tags=("house",))
    Tag.objects.create(name="hut")
    keys = {name: tag(name).pk for name in ("home", "house", "hut")}

    def page(action: str, *names: str) -> str:
        selected = [keys[name] for name in names]
        return staff.post(TAGS, {"action": action, "_selected_action": selected, "index": 0}).content.decode()

    both = "The tag that you keep will have 6 tasks. 2 of them have more than one of these tags now."
    assert f"{both}</p>" in page("merge", "home", "house")
    assert "6 tasks lose a tag.</p>" in page("delete_selected", "home", "house")
    assert "No task has them.</p>" in page("delete_selected", "hut")
    monkeypatch.setattr(admin_tags, "MOST_MOVED", 4)
    assert f"{both} The tasks are updated in steps of 4, and you confirm each.</p>" in page("merge", "home", "house")


@pytest.mark.parametrize(("count", "message"), [(1, "select 2 to 2."), (3, "select 2 to 2.")])
def test_too_few_or_too_many_tags_are_not_merged(
    staff: Client, monkeypatch: pytest.MonkeyPatch, count: int, message: str
) -> None:
    monkeypatch.setattr(admin_tags, "MOST_MERGED", 2)
    Tag.objects.bulk_create(Tag(name=f"tag {number}") for number in range(count))
    keys = list(Tag.objects.values_list("pk", flat=True))
    answer = staff.post(TAGS, {"action": "merge", "_selected_action": keys, "index": 0}, follow=True)
    assert f"Nothing was merged: {message}" in answer.content.decode()


def test_a_tag_of_many_tasks_goes_in_steps_each_confirmed(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_tags, "MOST_MOVED", 2)
    make_tasks(5, tags=("house",))
    Tag.objects.create(name="home")
    form, counts = ask(staff, "merge", "home", "house") | {"target": tag("home").pk}, []
    for _ in range(2):
        page = staff.post(TAGS, form).content.decode()
        assert "2 tasks retagged. There are more. Confirm again to continue." in page
        counts.append(notes_on(page)["house"])
        form = form_in(page)
    assert counts == ["3 tasks", "1 task"]
    assert "1 task retagged; 1 tag merged into “home”." in staff.post(TAGS, form, follow=True).content.decode()
    assert [each.name for each in Tag.objects.all()] == ["home"]
    assert Task.objects.filter(tags=tag("home")).count() == 5


def test_merging_costs_the_same_queries_for_1_and_for_60_tasks(staff: Client) -> None:
    counts = []
    for number in (1, 60):
        make_tasks(number, tags=("house",))
        Tag.objects.named(["home"])
        form = ask(staff, "merge", "home", "house") | {"target": tag("home").pk}
        with CaptureQueriesContext(connection) as queries:
            assert staff.post(TAGS, form).status_code == 302
        counts.append(len(queries))
    assert counts[0] == counts[1]


@in_transactions
def test_a_task_that_gets_a_tag_while_it_is_merged_loses_nothing(alice: User) -> None:
    """Its link commits after the merge counted, and before the tag is gone: the merge gives way."""
    staff, pages = Client(), []
    staff.force_login(alice)
    task = make_task("a", tags=("house",))
    late = make_task("late")
    Tag.objects.create(name="home")
    form = ask(staff, "merge", "home", "house") | {"target": tag("home").pk}
    house = tag("house")
    with transaction.atomic():
        change_task(task.pk, {"title": "Bob's"})  # which the merge waits for
        waiting = in_thread(lambda: pages.append(staff.post(TAGS, form).content.decode()))
        await_lock_waiter()
        late.tags.add(house)
    waiting.join()
    names = tags_of_tasks()
    assert names["late"] in (["house"], ["home"])
    assert names["Bob's"] in (["house"], ["home"])
    assert message_on(pages[0])


@in_transactions
def test_a_tag_that_comes_into_use_at_its_last_moment_is_not_deleted(alice: User) -> None:
    staff, task = Client(), make_task()
    staff.force_login(alice)
    house = Tag.objects.create(name="house")
    form = ask(staff, "delete_selected", "house")

    def use_it_first(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("DELETE FROM tasks_tag "):
            in_thread(lambda: task.tags.add(house)).join()
        return execute(sql, *rest)

    with connection.execute_wrapper(use_it_first):
        page = staff.post(TAGS, form).content.decode()
    assert "Nothing was deleted: a task was just given one of these tags. Confirm again to continue." in page
    assert notes_on(page)["house"] == "1 task"
    assert task.tag_names() == ["house"]


# Deleting


@in_transactions
def test_a_tag_is_deleted_from_its_own_page_after_the_same_question(staff: Client) -> None:
    make_tasks(2, tags=("home",))
    attribute_changes("bob")
    url = page_of("home", "delete")
    page = staff.get(url).content.decode()
    assert "Delete 1 tag?" in page
    assert notes_on(page)["home"] == "2 tasks"
    answer = staff.post(url, form_in(page), follow=True)
    assert answer.redirect_chain == [(TAGS, 302)]
    assert "2 tasks retagged; 1 tag deleted." in answer.content.decode()
    assert not Tag.objects.exists()
    assert Change.objects.all()[0].actor == "alice"
    assert staff.get(url, follow=True).redirect_chain == [("/admin/", 302)]


def test_merging_needs_the_permissions_to_change_and_to_delete_tags() -> None:
    Tag.objects.bulk_create([Tag(name="a"), Tag(name="b")])
    for names, offered in (
        (("view", "change"), []),
        (("view", "delete"), ["delete_selected"]),
        (("view", "change", "delete"), ["merge", "delete_selected"]),
    ):
        user = make_user("-".join(names), is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=[f"{name}_tag" for name in names]))
        client = Client()
        client.force_login(user)
        page = client.get(TAGS).content.decode()
        assert re.findall(r'<option value="(\w+)">', page) == offered
        assert client.get(page_of("a", "delete")).status_code == (200 if "delete" in names else 403)


def test_tags_are_sorted_by_use(staff: Client) -> None:
    make_task(tags=("a", "b", "c"))
    make_task(tags=("b", "c"))
    make_task(tags=("b",))
    for order, names in (("2", ["a", "c", "b"]), ("-2", ["b", "c", "a"])):
        page = staff.get(f"/admin/tasks/tag/?o={order}").content.decode()
        assert re.findall(r'field-name"><a [^>]*>(.*?)</a>', page) == names
