"""GET /tasks/changes: what a client asks that keeps a copy."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from rest_framework.test import APIClient

from config.postgresql.snapshots import Point, Snapshot
from tasks.history.models import Change, Trimmed
from tasks.models import Tag, Task
from tests.factories import etag_of, make_task, make_tasks, make_token, make_user
from tests.faults import eventually
from tests.waiting import await_lock_waiter, in_thread

pytestmark = pytest.mark.django_db(transaction=True)


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def point(api: APIClient, query: str = "") -> str:
    """The URL to ask next, of a client that knows nothing."""
    answer = api.get(f"/tasks/changes{query}")
    assert (answer.status_code, answer.json()["results"], answer.json()["more"]) == (200, [], False)
    return path_of(answer.json()["next"])


def after(url: str) -> Point:
    return Point.parse(parse_qs(urlsplit(url).query)["after"][0])


def told(api: APIClient, url: str) -> list[tuple[int, Any]]:
    """Ids and titles, of all pages."""
    found = []
    while True:
        page = api.get(url).json()
        found += [(each["id"], each["task"] and each["task"]["title"]) for each in page["results"]]
        if not page["more"]:
            return found
        url = path_of(page["next"])


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_what_changed_comes_as_it_is_now(api: APIClient) -> None:
    old, gone = make_task("old"), make_task("gone")
    start = point(api)
    assert told(api, start) == []
    task = make_task("A", tags=("home",))
    api.patch(f"/tasks/{old.pk}", {"title": "new"})
    api.patch(f"/tasks/{old.pk}", {"title": "newer"})
    api.delete(f"/tasks/{gone.pk}")
    answer = api.get(start).json()
    assert answer["results"] == [
        {"id": task.pk, "task": api.get(f"/tasks/{task.pk}").json()},
        {"id": old.pk, "task": api.get(f"/tasks/{old.pk}").json()},
        {"id": gone.pk, "task": None},
    ]
    assert told(api, path_of(answer["next"])) == []


def test_pages_lead_to_the_end_and_a_task_that_changes_meanwhile_comes_with_the_next_point(api: APIClient) -> None:
    start = point(api, "?limit=2")
    tasks = [make_task(str(number)) for number in range(5)]
    with transaction.atomic():
        more = [make_task(f"more {number}") for number in range(3)]
    first = api.get(start).json()
    assert ([each["id"] for each in first["results"]], first["more"]) == ([tasks[0].pk, tasks[1].pk], True)
    Task.objects.filter(pk=tasks[2].pk).delete()
    Task.objects.filter(pk=tasks[3].pk).update(title="later")
    second = api.get(path_of(first["next"])).json()
    assert [each["id"] for each in second["results"]] == [tasks[4].pk, more[0].pk]
    third = api.get(path_of(second["next"])).json()
    assert ([each["id"] for each in third["results"]], third["more"]) == ([more[1].pk, more[2].pk], False)
    assert len(told(api, f"{start.replace('limit=2', 'limit=1000')}")) == 8  # fetched row by row
    assert told(api, path_of(third["next"])) == [(tasks[2].pk, None), (tasks[3].pk, "later")]


def test_a_transaction_in_flight_is_seen_later_also_across_pages(api: APIClient) -> None:
    early, other = make_task("early"), [make_task(f"other {number}") for number in range(3)]
    start, reader = point(api), APIClient()
    seen: list[Any] = []

    def look(*urls: str) -> list[str]:
        """Reads on another connection; the points that come next."""
        del seen[:]
        thread = in_thread(lambda: seen.extend(reader.get(url).json() for url in urls))
        thread.join()
        return [path_of(page["next"]) for page in seen]

    def change(task: Task, title: str) -> None:
        in_thread(lambda: Task.objects.filter(pk=task.pk).update(title=title)).join()

    with transaction.atomic():
        Task.objects.filter(pk=early.pk).update(title="begun early")
        make_tasks(5)
        for task in other:
            change(task, "committed earlier")
        (now,) = look(start)
        assert [each["id"] for each in seen[0]["results"]] == [task.pk for task in other]
        assert look(now) == [now]
        (first,) = look(f"{start}&limit=2")
    assert after(now).since.running
    assert look(first, now, f"{now}&limit=2")
    assert [each["id"] for each in seen[0]["results"]] == [other[2].pk]
    assert [each["task"]["title"] for each in seen[1]["results"]] == [
        "begun early",
        *(f"Task {n}" for n in range(1, 6)),
    ]
    assert told(reader, f"{now}&limit=2") == told(reader, now) == told(reader, path_of(seen[0]["next"]))
    assert told(reader, path_of(seen[1]["next"])) == []


def test_a_rollback_changes_nothing(api: APIClient) -> None:
    task, start = make_task(), point(api)
    with transaction.atomic():
        task.delete()
        make_task("B")
        transaction.set_rollback(True)
    answer = api.get(start)
    assert (answer.json()["results"], path_of(answer.json()["next"])) == ([], start)


def test_a_deletion_counts_once_and_not_if_the_task_is_there_again(api: APIClient) -> None:
    gone, back, twice = make_task("gone"), make_task("back"), make_task("twice")
    start = point(api, "?limit=1")
    for task in (gone, back, twice):
        Task.objects.get(pk=task.pk).delete()
    Task.objects.restore_deleted(Change.objects.get(task_id=back.pk, operation="delete"))
    with transaction.atomic():
        Task.objects.restore_deleted(Change.objects.get(task_id=twice.pk, operation="delete"))
        Task.objects.get(pk=twice.pk).delete()
        Task.objects.restore_deleted(Change.objects.filter(task_id=twice.pk, operation="delete").latest("pk"))
        Task.objects.get(pk=twice.pk).delete()
    assert told(api, start) == [(gone.pk, None), (back.pk, "back"), (twice.pk, None)]


def test_a_deletion_counts_though_a_later_transaction_had_deleted_the_task_before(api: APIClient) -> None:
    task = make_task()
    starts: list[str] = []

    def delete_and_restore_deleted() -> None:
        Task.objects.filter(pk=task.pk).delete()
        Task.objects.restore_deleted(Change.objects.get(task_id=task.pk, operation="delete"))
        starts.append(point(APIClient()))

    with transaction.atomic():
        other = make_task("begun early")
        in_thread(delete_and_restore_deleted).join()
        Task.objects.filter(pk=task.pk).delete()
    assert told(api, starts[0]) == [(task.pk, None), (other.pk, "begun early")]


@pytest.mark.parametrize(
    "write",
    [
        lambda: run("UPDATE tasks_task SET title = 'B'"),
        lambda: run("UPDATE tasks_task SET transaction = NULL"),
        lambda: run("DELETE FROM tasks_task_tags"),
        lambda: run("UPDATE tasks_task_tags SET tag_id = (SELECT max(id) FROM tasks_tag)"),
        lambda: run("UPDATE tasks_tag SET name = 'house' WHERE name = 'home'"),
        lambda: run("UPDATE tasks_tag SET name = 'Home' WHERE name = 'home'"),
        lambda: Tag.objects.get(name="home").delete(),
    ],
)
def test_a_change_in_plain_sql_of_a_task_its_tags_or_their_names_is_one(
    api: APIClient, write: Callable[[], None]
) -> None:
    task = make_task(tags=("home",))
    make_task(tags=("work",)).delete()
    start = point(api)
    write()
    answer = api.get(start).json()["results"]
    assert answer == [{"id": task.pk, "task": api.get(f"/tasks/{task.pk}").json()}]


def test_an_update_that_changes_nothing_is_no_change(api: APIClient) -> None:
    task = make_task()
    start = point(api)
    run("UPDATE tasks_task SET title = title")
    api.patch(f"/tasks/{task.pk}", {"title": task.title})
    Task.objects.filter(pk=task.pk).update(title=task.title)
    assert told(api, start) == []


def test_a_change_of_tags_counts_also_after_a_write_that_changed_nothing(api: APIClient) -> None:
    task = make_task(tags=("home",))
    start = point(api)
    with transaction.atomic():
        run("UPDATE tasks_task SET title = title", "DELETE FROM tasks_task_tags")
    assert api.get(f"/tasks/{task.pk}")["ETag"] != etag_of(task)
    assert told(api, start) == [(task.pk, task.title)]


def test_a_task_from_before_the_column_comes_once_it_changes(api: APIClient) -> None:
    task = make_task()
    run("ALTER TABLE tasks_task DISABLE TRIGGER USER")
    Task.objects.update(transaction=None)
    run("ALTER TABLE tasks_task ENABLE TRIGGER USER")
    Change.objects.all().delete()
    run("TRUNCATE tasks_trimmed")
    start = point(api)
    assert told(api, start) == []
    Task.objects.update(title="B")
    assert told(api, start) == [(task.pk, "B")]


def test_a_name_that_changes_in_case_only_waits_for_tasks_that_get_the_tag(api: APIClient) -> None:
    """The link of another transaction is not visible yet; its task would keep the old name in the copy."""
    (tag,), task = Tag.objects.named(["home"]), make_task()
    with transaction.atomic():
        Task.objects.change(task.pk, {"tags": ["home"]})
        tagged = Task.objects.get(pk=task.pk).transaction
        rename = in_thread(lambda: Tag.objects.filter(pk=tag.pk).update(name="Home"))
        await_lock_waiter()
    rename.join()
    assert api.get(f"/tasks/{task.pk}").json()["tags"] == ["Home"]
    assert Task.objects.filter(transaction__gt=tagged).exists()


def test_a_task_that_does_not_match_the_filters_leaves(api: APIClient) -> None:
    stays, done, untagged, gone = (make_task(title, tags=("Home", "work")) for title in "ABCD")
    start = point(api, "?tag=home&completed=false&tag=WORK&limit=2")
    assert "tag=home&tag=WORK" in start
    for task in (stays, done, untagged):
        Task.objects.filter(pk=task.pk).update(completed=task == done, description="x")
    untagged.tags.clear()
    Task.objects.filter(pk=gone.pk).delete()
    make_task("E", tags=("home",))
    assert told(api, start) == [
        (stays.pk, "A"), (done.pk, None), (untagged.pk, None), (gone.pk, None), (gone.pk + 1, None)
    ]  # fmt: skip
    assert [title for _, title in told(api, start.replace("completed=false", "completed=true"))] == [
        None, "B", None, None, None
    ]  # fmt: skip
    assert {title for _, title in told(api, f"{start}&tag=none")} == {None}


def test_nothing_new_has_the_same_bytes_and_is_a_304(api: APIClient) -> None:
    make_task().delete()
    make_user("unrelated")  # a transaction that changes no task
    start = point(api)
    first = api.get(start)
    make_user("unrelated too")
    again = api.get(start, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (first.status_code, again.status_code, again.content, again["ETag"]) == (200, 304, b"", first["ETag"])
    assert path_of(first.json()["next"]) == start
    make_task()
    changed = api.get(start, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (changed.status_code, changed["ETag"] != first["ETag"]) == (200, True)
    assert api.get(start, HTTP_IF_NONE_MATCH="*").status_code == 304
    assert api.get(start, HTTP_IF_NONE_MATCH="x").json()["code"] == "invalid_header"


@pytest.mark.parametrize("path", ["/tasks/changes", "/tasks/changes/"])
def test_both_forms_of_the_path_answer_and_other_methods_do_not(api: APIClient, path: str) -> None:
    assert api.get(path).json()["next"].startswith(f"http://testserver{path}?after=")
    assert api.head(path).status_code == 200
    assert api.options(path)["Allow"] == "GET, HEAD, OPTIONS"
    for method in ("post", "put", "patch", "delete"):
        refused = getattr(api, method)(path, {})
        assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_reading_needs_the_permission_to_view_and_a_token_that_is_still_good() -> None:
    may, may_not = (make_token(make_user(name, *rights)) for name, *rights in (("anna", "view"), ("bob", "add")))
    get = partial(APIClient().get, "/tasks/changes")
    assert get(HTTP_AUTHORIZATION=f"Bearer {may}").status_code == 200
    assert get(HTTP_AUTHORIZATION=f"Bearer {may_not}").status_code == 403
    assert get(HTTP_AUTHORIZATION="Bearer tasks_wrong").status_code == 401
    run("UPDATE tokens_token SET revoked_at = now() - interval '1 s' WHERE user_id = (SELECT min(id) FROM auth_user)")
    assert get(HTTP_AUTHORIZATION=f"Bearer {may}").status_code == 401


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("after=", "after", "invalid"),
        ("after=abc", "after", "invalid"),
        ("after=%FF", "after", "not_utf8"),
        ("limit=0", "limit", "out_of_range"),
        ("limit=1001", "limit", "out_of_range"),
        ("completed=1", "completed", "invalid"),
        ("tag=%20", "tag", "blank"),
        ("cursor=x", "cursor", "unknown"),
        ("search=x", "search", "unknown"),
        ("limit=1&limit=2", "limit", "repeated"),
    ],
)
def test_an_invalid_query_is_a_400(api: APIClient, query: str, parameter: str, code: str) -> None:
    answer = api.get(f"/tasks/changes?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")
    assert [(each["parameter"], each["code"]) for each in answer.json()["errors"]] == [(parameter, code)]


def test_a_damaged_point_is_a_400_wherever_the_damage_is(api: APIClient) -> None:
    make_task()
    text = after(point(api)).text()
    for place in range(len(text)):
        other = "A" if text[place] != "A" else "B"
        assert api.get(f"/tasks/changes?after={text[:place]}{other}{text[place + 1 :]}").status_code == 400
    assert api.get(f"/tasks/changes?after={text[:-2]}").status_code == 400


def gone(api: APIClient, url: str, why: str) -> bool:
    answer = api.get(url)
    body = answer.json()
    return (answer.status_code, body["code"], why in body["detail"]) == (410, "start_over", True)


@pytest.mark.parametrize("table", ["tasks_task", "tasks_task_tags", "tasks_change"])
def test_a_table_with_another_past_is_a_410(api: APIClient, table: str) -> None:
    make_task(tags=("home",))
    start = point(api)
    run(f"TRUNCATE {table} CASCADE")
    assert gone(api, start, "another database")
    assert told(api, point(api)) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda found: Point(found.database + 1, found.proof, found.since),
        lambda found: Point(found.database, found.proof, Snapshot(found.since.end + 10**9)),
        lambda found: Point(found.database, found.proof, found.since, Snapshot(found.since.end + 10**9), (5, 1)),
        lambda found: Point(found.database, (found.proof[0], found.proof[1] + 1), found.since),
        lambda found: Point(found.database, (found.proof[0] + 1, found.proof[1]), found.since),
    ],
)
def test_a_point_of_another_database_or_of_a_future_that_was_undone_is_a_410(
    api: APIClient, change: Callable[[Point], Point]
) -> None:
    make_task()
    start = after(point(api))
    assert api.get(f"/tasks/changes?after={start.text()}").status_code == 200
    assert gone(api, f"/tasks/changes?after={change(start).text()}", "another database")


def await_end_of_others() -> None:
    """Until no transaction of another database in the cluster is older than this moment: it could have deleted too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        (now,) = cursor.fetchone()

        def is_oldest() -> bool:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint > %s", [now])
            return bool(cursor.fetchone()[0])

        eventually(is_oldest)


def test_a_point_before_a_deletion_that_was_trimmed_is_a_410(api: APIClient) -> None:
    kept = make_task()
    before = point(api)
    make_task("gone").delete()
    since = point(api)
    Change.objects.update(at="2020-01-01T00:00Z")
    await_end_of_others()
    still = point(api)
    call_command("trim_history", "--older-than", "365", verbosity=0)
    assert str(Trimmed.objects.get()).startswith("up to change ")
    assert gone(api, before, "trimmed")
    assert told(api, still) == told(api, since.partition("?")[0] + "?" + still.partition("?")[2]) == []
    Task.objects.update(title="B")
    assert told(api, still) == [(kept.pk, "B")]
    assert told(api, point(api)) == []


def test_rows_with_the_numbers_of_another_cluster_stop_no_client(api: APIClient) -> None:
    """A dump that was restored has them. They may be higher than any number of this cluster."""
    make_tasks(2)
    make_task("gone").delete()
    Change.objects.all().delete()
    make_task("gone too").delete()
    run("ALTER TABLE tasks_task DISABLE TRIGGER USER")
    for model in (Task, Trimmed):
        model._default_manager.update(transaction=10**15)
    Change.objects.exclude(deleted_in=None).update(deleted_in=10**15)
    run("ALTER TABLE tasks_task ENABLE TRIGGER USER")
    start = point(api)
    assert told(api, start) == []
    task = make_task()
    assert told(api, start) == [(task.pk, task.title)]


def test_trimming_what_is_no_deletion_spoils_no_point(api: APIClient) -> None:
    task, start = make_task(), point(api)
    Task.objects.update(title="B")
    Change.objects.update(at="2020-01-01T00:00Z")
    call_command("trim_history", "--older-than", "365", verbosity=0)
    call_command("trim_history", "--older-than", "365", verbosity=0)
    assert told(api, start) == [(task.pk, "B")]
