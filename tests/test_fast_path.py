"""The short way answers as the long way does, whatever comes; and most requests take it."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import DataError, IntegrityError, close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from config.postgresql.statements import Statement
from tasks import fast_path
from tasks.history.models import Change
from tasks.models import Tag, Task
from tests.factories import etag_of, make_task, make_token, make_user

pytestmark = pytest.mark.django_db
TO_DJANGO = WSGIHandler()
Sent = tuple[str, dict[str, str], bytes]
examples = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


@pytest.fixture(autouse=True)
def _connections_stay_open() -> Iterator[None]:
    """As Django's test client does it: a test is one transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def environ_of(method: str, target: str, body: object = None, **headers: str) -> dict[str, Any]:
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "testserver",
        "HTTP_X_REQUEST_ID": "request-1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        **headers,
    }
    if body is not None:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        environ |= {"CONTENT_LENGTH": str(len(sent)), "wsgi.input": io.BytesIO(sent)}
        environ.setdefault("CONTENT_TYPE", "application/json")
    return environ


def short_way(environ: dict[str, Any]) -> Sent | None:
    answer = fast_path.answer(environ)
    if answer is None:
        return None
    return answer.status, {name.lower(): value for name, value in answer.headers}, answer.body


def long_way(environ: dict[str, Any]) -> Sent:
    sent: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        sent.extend((status, headers))

    content = b"".join(TO_DJANGO(environ, start))
    return sent[0], {name.lower(): value for name, value in sent[1]}, content


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside, with each test of its own in one transaction, leaves nothing behind."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def without_what_is_new(sent: Sent) -> tuple[str, dict[str, str], Any]:
    """Without what two runs can't have in common: ids, times and what follows from them."""
    status, headers, content = sent
    body = json.loads(content) if content else None
    if isinstance(body, dict) and "results" not in body:
        body |= {name: bool(body[name]) for name in ("id", "created_at", "updated_at", "completed_at") if name in body}
    return status, headers | {name: name for name in ("etag", "location", "content-length") if name in headers}, body


def state() -> list[Any]:
    """All that is stored, without what two runs can't have in common."""
    tasks = [
        (task.title, task.description, task.completed, bool(task.completed_at), task.due_date, task.tag_names())
        for task in Task.objects.order_by("pk")
    ]
    times = ("created_at", "updated_at", "completed_at")
    changes = [
        (change.operation, change.actor, change.request, *(timeless(each, times) for each in (change.old, change.new)))
        for change in Change.objects.order_by("pk")
    ]
    return [tasks, sorted(Tag.objects.values_list("name", flat=True)), folded(changes)]


def timeless(members: Mapping[str, Any], times: tuple[str, ...]) -> dict[str, Any]:
    return {name: bool(value) if name in times else value for name, value in members.items()}


def folded(changes: list[Any]) -> list[Any]:
    """What the changes come to: the long way may take two statements for what the short way does in one."""
    return [change for change in sorted(changes, key=repr) if change[3] != change[4]]


def same(method: str, target: str, body: object = None, **headers: str) -> Sent | None:
    """The answer of the short way, which must be that of the long way, and leave the same behind."""
    before = state()
    with undone():
        short = short_way(environ_of(method, target, body, **headers))
        after_short = state()
    if short is None:
        assert after_short == before, "it was left to the long way, and yet it changed something"
    else:
        with undone():
            assert without_what_is_new(short) == without_what_is_new(
                long_way(environ_of(method, target, body, **headers))
            )
            assert after_short == state()
    return short


WORDS = st.text(max_size=12) | st.sampled_from(
    ["Buy milk", " x", "x ", "", "a" * 200, "a" * 201, "ß\u2028", "\x00", "\ud800"]
)
DAYS = st.dates().map(str) | st.sampled_from(["2026-02-30", "0000-01-01", "2026-1-1", "", "２０２６-01-01"]) | st.none()
NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(
    ["home", "Home", "HOME", 'a"b', "a\\b", "{x}", "a,b", "null", "İ", "i", "Σ", "ς", " a", "x" * 50, "x" * 51]
)
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "title": WORDS | st.integers() | st.none(),
    "description": st.none() | WORDS | st.just("d" * 10_000) | st.just("d" * 10_001) | st.booleans(),
    "completed": st.booleans() | st.sampled_from([0, 1, "true", None]),
    "due_date": DAYS | st.integers(),
    "tags": st.lists(NAMES, max_size=5) | st.lists(NAMES, min_size=19, max_size=22, unique=True) | st.none() | WORDS,
    "id": st.integers() | WORDS | st.just([[]]),
    "updated_at": WORDS,
    "unknown": st.none(),
}
BODIES = st.fixed_dictionaries({}, optional=MEMBERS)
LIKELY = st.fixed_dictionaries(
    {"title": st.sampled_from(["Buy milk", "Größe 🎉", 'it\'s \\ "x"'])},
    optional={
        "description": st.none()
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
        "completed": st.booleans(),
        "due_date": st.none() | st.dates().map(str),
        "tags": st.lists(st.sampled_from(["home", "Work", 'a"b', "a\\b", "{x}", "a,b", "İ", "é", "null"]), unique=True),
        "id": st.integers(),
    },
)


@examples
@given(body=LIKELY | BODIES)
def test_a_post_is_the_same_both_ways(body: dict[str, Any]) -> None:
    Tag.objects.named(["Home", "work"])
    same("POST", "/tasks/", body)


@examples
@given(body=LIKELY | BODIES, etag=st.sampled_from(["none", "right", "wrong", "*", "weak", "two", "junk"]))
def test_a_patch_is_the_same_both_ways(body: dict[str, Any], etag: str) -> None:
    with undone():
        task = make_task("Buy milk", tags=("Home", "b"), due_date=date(2026, 1, 1), description="d")
        conditions = {
            "right": etag_of(task),
            "wrong": '"0"',
            "*": "*",
            "weak": f"W/{etag_of(task)}",
            "two": f'"0", {etag_of(task)}',
            "junk": "junk",
        }
        headers = {} if etag == "none" else {"HTTP_IF_MATCH": conditions[etag]}
        same("PATCH", f"/tasks/{task.pk}", body, **headers)


@pytest.mark.parametrize("tags", [(), ("a", "b")])
@pytest.mark.parametrize("etag", ["none", "right", "wrong", "*"])
def test_a_delete_is_the_same_both_ways(tags: tuple[str, ...], etag: str) -> None:
    task = make_task(tags=tags)
    headers = {} if etag == "none" else {"HTTP_IF_MATCH": {"right": etag_of(task), "wrong": '"0"', "*": "*"}[etag]}
    assert (same("DELETE", f"/tasks/{task.pk}", **headers) is not None) is (etag in ("none", "right"))


@examples
@given(body=LIKELY)
def test_a_task_is_read_the_same_both_ways(body: dict[str, Any]) -> None:
    with undone():
        short_way(environ_of("POST", "/tasks/", body))
        url = f"/tasks/{Task.objects.latest('pk').pk}"
        assert short_way(environ_of("GET", url)) == long_way(environ_of("GET", url))


TIMES = st.sampled_from(["2020-01-01T00:00:00Z", "2026-11-22T23:00:00%2B05:30", "9999-12-31T00:00:00Z", "junk"])
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.sampled_from(["1", "2", "3", "50", "1000", "0", "x"]),
        "offset": st.sampled_from(["0", "1", "3", "100", "-1"]),
        "completed": st.sampled_from(["true", "false", "True"]),
        "tag": st.sampled_from(["home", "HOME", "nothing", "", "%00"]),
        "due_date__gte": st.sampled_from(["2026-01-02", "0001-01-01", "2026-02-30"]),
        "due_date__lte": st.sampled_from(["2026-01-02", "9999-12-31"]),
        "created_at__gte": TIMES,
        "updated_at__lt": TIMES,
        "search": st.sampled_from(["milk", "%22milk+buy%22", "-milk", "größe", "%26%7C", "the"]),
        "ordering": st.sampled_from(
            ["title", "-title", "due_date", "-due_date", "id", "-updated_at", "due_date,-title", "-title,id", "nope"]
        ),
        "unknown": st.just("1"),
    },
)


@pytest.fixture
def some_tasks() -> None:
    for number in range(12):
        make_task(
            ("Buy milk", "Größe", "buy MILK and the rest", "b")[number % 4],
            description=(None, "", "milk\u2028float")[number % 3],
            completed=number % 5 == 0,
            due_date=None if number % 3 == 0 else date(2026, 1, 1 + number % 4),
            tags=(("Home",), (), ("Home", "b"))[number % 3],
        )


@examples
@given(query=QUERIES)
@pytest.mark.usefixtures("some_tasks")
def test_a_page_is_the_same_both_ways_and_so_are_those_behind_and_before_it(query: dict[str, str]) -> None:
    target = f"/tasks/?{'&'.join(f'{name}={value}' for name, value in query.items())}"
    for _ in range(3):
        short = short_way(environ_of("GET", target))
        if short is None:
            return
        long = long_way(environ_of("GET", target))
        assert (short[0], json.loads(short[2])) == (long[0], json.loads(long[2]))
        page = json.loads(short[2])
        for link in filter(None, (page["previous"], page["next"])):
            target = link.removeprefix("http://testserver")
            assert json.loads((short_way(environ_of("GET", target)) or short)[2])["results"] is not None


@pytest.mark.usefixtures("some_tasks")
@pytest.mark.parametrize(
    "query", ["", "?completed=false", "?tag=home&search=milk", "?limit=2&ordering=due_date,-title"]
)
def test_a_count_beyond_the_bound_is_the_same_estimate_both_ways(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    for module in ("config.api.pagination", "tasks.fast_path.many"):
        monkeypatch.setattr(f"{module}.MOST_COUNTED", 2)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_task, tasks_tag, tasks_task_tags")
    short, long = (way(environ_of("GET", f"/tasks/{query}")) for way in (short_way, long_way))
    assert short
    page = json.loads(short[2])
    assert page == json.loads(long[2] if long else b"")
    assert page["count_is_estimate"]
    assert page["count"] >= 3


USUAL = {
    "a task": ("GET", "/tasks/{pk}", None, {}),
    "a task, with a slash behind": ("GET", "/tasks/{pk}/", None, {}),
    "the first page": ("GET", "/tasks/", None, {}),
    "the first page, without the slash": ("GET", "/tasks", None, {}),
    "a filtered page": ("GET", "/tasks/?completed=false&tag=a&tag=b&search=milk&ordering=-title&limit=10", None, {}),
    "a page for a search": ("GET", "/tasks/?search=milk", None, {}),
    "a page by offset": ("GET", "/tasks/?offset=0", None, {}),
    "a new task": ("POST", "/tasks/", {"title": "A", "due_date": "2026-01-01", "tags": ["a", "new"]}, {}),
    "a new task, once": ("POST", "/tasks/", {"title": "A", "tags": ["a", "new"]}, {"HTTP_IDEMPOTENCY_KEY": "k"}),
    "a change": ("PATCH", "/tasks/{pk}", {"completed": True}, {}),
    "a change of tags": ("PATCH", "/tasks/{pk}", {"tags": ["b", "a", "c"]}, {}),
    "a change that exchanges tags": ("PATCH", "/tasks/{pk}", {"tags": ["b", "c"], "title": "B"}, {}),
    "a change that takes tags away": ("PATCH", "/tasks/{pk}", {"tags": ["b"], "title": "B"}, {}),
    "a task that was read, sent back": ("PATCH", "/tasks/{pk}", {"id": 1, "title": "B", "created_at": "x"}, {}),
    "a merge patch": ("PATCH", "/tasks/{pk}", {"title": "B"}, {"CONTENT_TYPE": "application/merge-patch+json"}),
    "a safe change": ("PATCH", "/tasks/{pk}", {"title": "B"}, {"HTTP_IF_MATCH": "{etag}"}),
    "a delete": ("DELETE", "/tasks/{pk}", None, {}),
    "a safe delete": ("DELETE", "/tasks/{pk}", None, {"HTTP_IF_MATCH": "{etag}"}),
    "a client that names what it accepts": ("GET", "/tasks/", None, {"HTTP_ACCEPT": "application/json"}),
    "over HTTPS": ("GET", "/tasks/", None, {"wsgi.url_scheme": "https"}),
}


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("with_token", [False, True])
def test_what_is_usual_takes_the_short_way(name: str, with_token: bool) -> None:
    method, target, body, headers = USUAL[name]
    task = make_task(tags=("a", "b"))
    sent = {key: value.replace("{etag}", etag_of(task)) for key, value in headers.items()}
    if with_token:
        token = make_token(make_user("anna", "view", "add", "change", "delete"), last_used_at="2999-01-01T00:00Z")
        sent["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    assert same(method, target.format(pk=task.pk), body, **sent)


# A page: the ids of the tags first, or what PostgreSQL expects of the search. Once: the key before, the answer behind.
# An exchange: what there is, what goes, what comes.
MORE_STATEMENTS = {
    "a filtered page": 2,
    "a page for a search": 2,
    "a new task, once": 3,
    "a change that exchanges tags": 3,
}


@pytest.mark.parametrize("name", USUAL)
def test_what_is_usual_takes_one_statement_or_few(name: str) -> None:
    method, target, body, headers = USUAL[name]
    task = make_task(tags=("a", "b"))
    sent = {key: value.replace("{etag}", etag_of(task)) for key, value in headers.items()}
    with CaptureQueriesContext(connection) as queries:
        assert short_way(environ_of(method, target.format(pk=task.pk), body, **sent))
    statements = [each["sql"] for each in queries if "SAVEPOINT" not in each["sql"]]
    assert len(statements) == MORE_STATEMENTS.get(name, 1), statements


UNUSUAL = {
    "a session": {"HTTP_COOKIE": "sessionid=x"},
    "a key for retries that is none": {"HTTP_IDEMPOTENCY_KEY": ""},
    "a host of somebody else": {"HTTP_HOST": "evil.example"},
    "no host": {"HTTP_HOST": ""},
    "another representation": {"HTTP_ACCEPT": "text/html"},
    "a page on another origin": {"HTTP_ORIGIN": "https://app.example.com"},
    "another coding": {"HTTP_CONTENT_ENCODING": "gzip"},
    "a form": {"CONTENT_TYPE": "application/x-www-form-urlencoded"},
    "a wrong token": {"HTTP_AUTHORIZATION": "Bearer x"},
    "a parameter": {"QUERY_STRING": "x=1"},
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_takes_the_long_way(name: str) -> None:
    assert short_way(environ_of("POST", "/tasks/", {"title": "A"}, **UNUSUAL[name])) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"title": "a", "title": "b"}',
        b'\xff\xfe{"title": "a"}',
        b'{"title": "\\ud800"}',
        b'{"title": NaN}',
        b'{"title": "a", "id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"title": "a", "id": ' + b"9" * 5_000 + b"}",
        b'{"title": "a"}' + b" " * 1024 * 1024,
    ],
)
def test_a_body_with_something_to_be_said_takes_the_long_way(body: bytes) -> None:
    assert short_way(environ_of("POST", "/tasks/", body)) is None
    assert not Task.objects.exists()


@pytest.mark.parametrize(("setting", "allowed"), [("write", ["GET", "POST"]), ("read", ["GET"]), ("none", [])])
def test_strangers_get_no_further_than_the_setting(settings: Settings, setting: str, allowed: list[str]) -> None:
    settings.API_ANONYMOUS = setting
    answered = [method for method in ("GET", "POST") if short_way(environ_of(method, "/tasks/", {"title": "A"}))]
    assert answered == allowed


def test_a_permission_that_is_missing_is_said_by_the_long_way() -> None:
    token = make_token(make_user("anna", "view"))
    assert short_way(environ_of("POST", "/tasks/", {"title": "A"}, HTTP_AUTHORIZATION=f"Bearer {token}")) is None
    assert not Task.objects.exists()


def test_a_crash_is_a_500_that_tells_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def crash(*args: Any) -> Any:
        raise RuntimeError("the secret")

    monkeypatch.setattr(Statement, "run", crash)
    answer = short_way(environ_of("POST", "/tasks/", {"title": "A"}))
    assert answer
    assert answer[0] == "500 Internal Server Error"
    assert answer[1]["content-type"] == "application/problem+json"
    assert b"secret" not in answer[2]
    assert "the secret" in caplog.text


@pytest.mark.parametrize("exc", [IntegrityError("taken"), DataError("too long")])
def test_what_the_database_refuses_takes_the_long_way(monkeypatch: pytest.MonkeyPatch, exc: Exception) -> None:
    def refuse(*args: Any) -> Any:
        raise exc

    monkeypatch.setattr(Statement, "run", refuse)
    assert short_way(environ_of("POST", "/tasks/", {"title": "A"})) is None


def test_pages_elsewhere_make_the_answer_vary(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    answer = short_way(environ_of("GET", "/tasks/"))
    assert answer
    assert answer[1]["vary"] == "Cookie, origin"


def test_no_tag_is_made_for_a_task_that_is_not_there_or_not_the_one_that_was_asked_for() -> None:
    task = make_task(tags=("a",))
    assert same("PATCH", f"/tasks/{task.pk + 1}", {"tags": ["a", "new"]}) is None
    assert same("PATCH", f"/tasks/{task.pk}", {"tags": ["a", "new"]}, HTTP_IF_MATCH='"0"') is None
    assert list(Tag.objects.values_list("name", flat=True)) == ["a"]
    assert same("PATCH", f"/tasks/{task.pk}", {"tags": ["a", "new"]}, HTTP_IF_MATCH=etag_of(task))
