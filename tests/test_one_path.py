"""Every request takes the same path: an unusual one costs what a usual one costs, and gets the same bytes."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from config.idempotency.models import CLAIM, StoredAnswer
from config.postgresql.snapshots import Point
from config.postgresql.statements import MOST_PREPARED, Statement
from tasks.history.models import timeline
from tasks.models import Tag, Task
from tests.factories import change_task, etag_of, make_task, make_token, make_user
from tests.waiting import in_thread

pytestmark = pytest.mark.django_db

ORIGIN: dict[str, Any] = {
    "HTTP_ORIGIN": "https://app.example.com",
    "HTTP_SEC_FETCH_MODE": "cors",
    "HTTP_ACCEPT_LANGUAGE": "en",
}
# For each request: method, path, body, headers, status and its number of statements.
BUDGETS: dict[str, tuple[str, str, Any, dict[str, str], int, int]] = {
    "a task": ("GET", "/tasks/{pk}", None, {}, 200, 1),
    "a task, with a slash": ("GET", "/tasks/{pk}/", None, {}, 200, 1),
    "a task that is not there": ("GET", "/tasks/{none}", None, {}, 404, 1),
    "a task that is known": ("GET", "/tasks/{pk}", None, {"HTTP_IF_NONE_MATCH": "{etag}"}, 304, 1),
    "a task that is another one": ("GET", "/tasks/{pk}", None, {"HTTP_IF_MATCH": '"0"'}, 412, 1),
    "a task for a browser": ("GET", "/tasks/{pk}", None, ORIGIN, 200, 1),
    "a task by a client with preferences": ("GET", "/tasks/{pk}", None, {"HTTP_ACCEPT": "a/b, */*;q=0.5"}, 200, 1),
    "a task with a cookie of somebody else": ("GET", "/tasks/{pk}", None, {"HTTP_COOKIE": "theme=dark"}, 200, 1),
    "a query that is wrong": ("GET", "/tasks/?complete=true", None, {}, 400, 0),
    "a body that is wrong": ("POST", "/tasks/", {"title": ""}, {}, 400, 0),
    "the first page": ("GET", "/tasks/", None, {}, 200, 1),
    "a filtered page": ("GET", "/tasks/?completed=false&priority=1&ordering=-title&limit=10", None, {}, 200, 1),
    # A statement for the ids of the tags comes first: they decide how PostgreSQL finds the tasks.
    "a page by tags": ("GET", "/tasks/?tag=a&tag=b", None, {}, 200, 2),
    "a page by a tag that is not there": ("GET", "/tasks/?tag=none", None, {}, 200, 2),
    # An EXPLAIN for the words comes first.
    "a search": ("GET", "/tasks/?search=milk", None, {}, 200, 2),
    "a page by offset": ("GET", "/tasks/?offset=1", None, {}, 200, 1),
    "a point": ("GET", "/tasks/changes", None, {}, 200, 1),
    "the changes since a point": ("GET", "/tasks/changes?after={after}", None, {}, 200, 1),
    "the changes of some tasks": ("GET", "/tasks/changes/?after={after}&tag=a&completed=false", None, {}, 200, 1),
    "a point of another database": ("GET", "/tasks/changes?after={foreign}", None, {}, 410, 1),
    "a point that was made up": ("GET", "/tasks/changes?after=x", None, {}, 400, 0),
    "a new task": ("POST", "/tasks/", {"title": "A", "due_date": "2026-01-01"}, {}, 201, 1),
    "a new task with tags": ("POST", "/tasks/", {"title": "A", "tags": ["a", "new"]}, {}, 201, 1),
    "a new task, labelled": (
        "POST",
        "/tasks/",
        {"title": "A"},
        {"CONTENT_TYPE": "application/json;charset=UTF-8"},
        201,
        1,
    ),
    # A statement for the key before, and one for the answer after.
    "a new task, once": ("POST", "/tasks/", {"title": "A", "tags": ["a"]}, {"HTTP_IDEMPOTENCY_KEY": "k"}, 201, 3),
    "a change": ("PATCH", "/tasks/{pk}", {"completed": True}, {}, 200, 1),
    "a change of tags": ("PATCH", "/tasks/{pk}", {"tags": ["b", "c"], "title": "B"}, {}, 200, 1),
    "a change that changes nothing": ("PATCH", "/tasks/{pk}", {"title": "Buy milk", "tags": ["B", "a"]}, {}, 200, 1),
    "an empty change": ("PATCH", "/tasks/{pk}", {}, {}, 200, 1),
    "a task that was read, sent back": ("PATCH", "/tasks/{pk}", {"id": 1, "created_at": "x"}, {}, 200, 1),
    "a safe change": ("PATCH", "/tasks/{pk}", {"title": "B"}, {"HTTP_IF_MATCH": '"0", {etag}'}, 200, 1),
    "a change that comes too late": ("PATCH", "/tasks/{pk}", {"title": "B"}, {"HTTP_IF_MATCH": '"0"'}, 412, 1),
    "a change of nothing": ("PATCH", "/tasks/{none}", {"title": "B"}, {}, 404, 1),
    "a delete": ("DELETE", "/tasks/{pk}", None, {}, 204, 1),
    "a delete that comes too late": ("DELETE", "/tasks/{pk}", None, {"HTTP_IF_MATCH": 'W/"0"'}, 412, 1),
    "a delete of nothing": ("DELETE", "/tasks/{none}", None, {}, 404, 1),
}


@pytest.mark.parametrize("with_token", [False, True])
@pytest.mark.parametrize("name", BUDGETS)
def test_each_request_has_a_budget_of_statements(name: str, with_token: bool) -> None:
    method, path, body, headers, status, count = BUDGETS[name]
    task = make_task(tags=("a", "b"))
    sent_with: dict[str, Any] = {key: value.replace("{etag}", etag_of(task)) for key, value in headers.items()}
    if with_token:
        token = make_token(make_user("anna", "view", "add", "change", "delete"), last_used_at="2999-01-01T00:00Z")
        sent_with["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        APIClient().get("/tasks/", HTTP_AUTHORIZATION=sent_with["HTTP_AUTHORIZATION"])  # which caches its grant
    sent = json.dumps(body) if body is not None else ""
    after = parse_qs(urlsplit(APIClient().get("/tasks/changes").json()["next"]).query)["after"][0]
    foreign = replace(Point.parse(after), database=0).text()
    path = path.format(pk=task.pk, none=task.pk + 1, after=after, foreign=foreign)
    label = sent_with.pop("CONTENT_TYPE", "application/json")
    with CaptureQueriesContext(connection) as queries:
        answer = APIClient().generic(method, path, sent, label, **sent_with)
    assert answer.status_code == status
    assert len([each for each in queries if "SAVEPOINT" not in each["sql"]]) == count


@pytest.mark.parametrize("text", ["plain", "line\u2028separator", 'quotes " and \\', "Größe 🎉", "</script>", "\x7f"])
def test_one_entity_tag_means_the_same_bytes_for_every_client(api: APIClient, staff: Client, text: str) -> None:
    line = "".join(filter(str.isprintable, text))  # titles and tags have no control characters
    made = api.post("/tasks/", {"title": f"a {line}", "description": text, "tags": [f"b {line}"]})
    url = made.json()["id"], made["ETag"]
    answers: list[Any] = [
        api.get(f"/tasks/{url[0]}"),
        api.get(f"/tasks/{url[0]}", **ORIGIN),
        staff.get(f"/tasks/{url[0]}"),
        api.patch(f"/tasks/{url[0]}", {"description": text}),
        api.patch(f"/tasks/{url[0]}", {"tags": [f"B {line}"]}),
    ]
    assert {(answer["ETag"], answer.content) for answer in answers} == {(url[1], made.content)}
    assert made.content in api.get("/tasks/").content


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("member", ["id", "created_at", "unknown"])
def test_invalid_json_is_refused_even_in_a_read_only_field(api: APIClient, member: str, value: str) -> None:
    body = f'{{"title": "A", "{member}": {value}}}'
    for send, path in ((api.post, "/tasks/"), (api.patch, f"/tasks/{make_task().pk}")):
        answer = send(path, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    assert Task.objects.count() == 1


@pytest.mark.parametrize("number", ["1" * 21, "1e999", "1.5"])
def test_a_retry_may_differ_in_a_read_only_field(api: APIClient, number: str) -> None:
    body = f'{{"title": "A", "id": {number}}}'
    answers = [api.post("/tasks/", body, content_type="application/json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content


def test_a_key_that_expires_during_the_request_is_claimed_again(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = CLAIM.run, []

    def first_taken_by_another(values: Any, guard: Any = None) -> Any:
        calls.append(values)
        if len(calls) > 1:
            return run(values, guard)
        return Statement("SELECT WHERE false").run({})  # as if a stored answer existed and was then deleted

    monkeypatch.setattr(CLAIM, "run", first_taken_by_another)
    assert api.post("/tasks/", {"title": "A"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 201
    assert (len(calls), StoredAnswer.objects.get().status) == (2, 201)


def test_lists_in_every_order_stay_within_the_limit_of_prepared_statements(api: APIClient) -> None:
    """A reader could take a backend from 71 to 455 MB within a minute."""
    for fields in permutations(("title", "due_date", "priority", "created_at", "updated_at"), 3):
        assert api.get(f"/tasks/?ordering={','.join(fields)}").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone()[0] <= MOST_PREPARED + 2


def test_no_tag_is_created_for_a_missing_task_or_a_refused_update(api: APIClient) -> None:
    task = make_task(tags=("a",))
    assert api.patch(f"/tasks/{task.pk + 1}", {"tags": ["a", "new"]}).status_code == 404
    assert api.patch(f"/tasks/{task.pk}", {"tags": ["a", "new"]}, HTTP_IF_MATCH='"0"').status_code == 412
    assert list(Tag.objects.values_list("name", flat=True)) == ["a"]
    assert api.patch(f"/tasks/{task.pk}", {"tags": ["a", "new"]}, HTTP_IF_MATCH=etag_of(task)).status_code == 200


def test_an_update_that_replaces_tags_is_one_change_in_the_history(api: APIClient) -> None:
    task = make_task(tags=("a", "b"))
    assert api.patch(f"/tasks/{task.pk}", {"tags": ["b", "c"], "title": "B"}).json()["tags"] == ["b", "c"]
    changes = [(change.old, change.new) for change in timeline(task.pk)[0][0].changes]
    assert changes[0] == ({"tags": ["b"]}, {"tags": ["b", "c"]})
    assert changes[1] == ({"tags": ["a", "b"]}, {"tags": ["b"]})
    assert changes[2] == ({"title": "Buy milk"}, {"title": "B"})


def test_an_answer_varies_with_the_session_unless_a_token_decides(api: APIClient, staff: Client) -> None:
    assert [client.get("/tasks/")["Vary"] for client in (api, staff)] == ["Cookie", "Cookie"]
    token = make_token(make_user("anna", "view"))
    assert "Vary" not in api.get("/tasks/", HTTP_AUTHORIZATION=f"Bearer {token}").headers


def test_session_and_anonymous_see_the_same_page(api: APIClient, staff: Client) -> None:
    make_task(tags=("a",))
    answers: list[Callable[[str], Any]] = [api.get, staff.get]
    assert len({get("/tasks/?tag=a&search=milk").content for get in answers}) == 1


@pytest.mark.django_db(transaction=True)
def test_an_entity_tag_matches_its_task_while_others_update_it() -> None:
    """Also in a 412 and in the answer to a PATCH that changes nothing."""
    task, stop = make_task(tags=("0",)), threading.Event()
    seen: dict[str, set[tuple[str, ...]]] = {}

    def change() -> None:
        for number in range(300):
            change_task(task.pk, {}, [f"{number}", "x"])
        stop.set()

    def look(send: Callable[[APIClient], Any]) -> None:
        api = APIClient()
        while not stop.is_set():
            body = send(api).json()
            shown = body.get("current", body)
            seen.setdefault(shown["updated_at"], set()).add(tuple(shown["tags"]))

    url = f"/tasks/{task.pk}"
    threads = [
        in_thread(change),
        in_thread(lambda: look(lambda api: api.patch(url, {}, format="json"))),
        in_thread(lambda: look(lambda api: api.delete(url, HTTP_IF_MATCH='"0"'))),
    ]
    for thread in threads:
        thread.join()
    assert len(seen) > 10
    assert {updated_at: tags for updated_at, tags in seen.items() if len(tags) > 1} == {}


@pytest.mark.django_db(transaction=True)
def test_clients_that_create_the_same_tags_in_different_orders_do_not_deadlock() -> None:
    statuses = []

    def create(names: list[str], barrier: threading.Barrier) -> None:
        barrier.wait()
        statuses.append(APIClient().post("/tasks/", {"title": "A", "tags": names}, format="json").status_code)

    for number in range(20):
        names = [f"{letter}{number}" for letter in ("a", "B", "é", "Ä", "_", "Z", "ß", "1")]
        barrier = threading.Barrier(2)
        threads = [in_thread(partial(create, order, barrier)) for order in (names, names[::-1])]
        for thread in threads:
            thread.join()
    assert statuses == [201] * 40
