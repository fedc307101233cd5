"""What an integrator writes on top of the generated client. tests/test_clients.py types it with mypy, then runs it.

python program.py URL ID    # ID: of a task "The last one" that exists
"""

import datetime
import sys
from urllib.parse import parse_qs, urlsplit

from tasks_client import AuthenticatedClient
from tasks_client.api.tasks import create_task, delete_task, get_task, list_changes, list_tasks, update_task
from tasks_client.models import Problem, Task, TaskChange, TaskChangePage, TaskCreate, TaskPage, TaskUpdate
from tasks_client.types import Unset

DUE = datetime.date(2026, 12, 1)
HOUR = datetime.timedelta(hours=1)
BERLIN = datetime.timezone(HOUR)


def creates(client: AuthenticatedClient) -> Task:
    sent = TaskCreate(title="Pay rent 🏠", description="a\n+b & c%", due_date=DUE, tags=["home", "Größe & so"])
    answer = create_task.sync_detailed(client=client, body=sent)
    task = answer.parsed
    assert isinstance(task, Task)
    assert (answer.status_code, answer.headers["Location"].rpartition("/")[2]) == (201, str(task.id))
    assert (task.title, task.description, task.due_date) == (sent.title, sent.description, DUE)
    assert sorted(task.tags) == ["Größe & so", "home"]
    assert (task.completed, task.completed_at) == (False, None)
    assert task.created_at.utcoffset() == datetime.timedelta(0)
    assert abs(datetime.datetime.now(datetime.UTC) - task.created_at) < HOUR
    return task


def creates_from_a_title(client: AuthenticatedClient) -> Task:
    task = create_task.sync(client=client, body=TaskCreate(title="Buy milk"))
    assert isinstance(task, Task)
    assert (task.description, task.completed, task.due_date, task.tags) == (None, False, None, [])
    return task


def gets(client: AuthenticatedClient, task: Task, last: int) -> None:
    assert get_task.sync(task.id, client=client) == task
    largest = get_task.sync(last, client=client)
    assert isinstance(largest, Task)
    assert (largest.id, largest.title) == (last, "The last one")


def lists(client: AuthenticatedClient, task: Task, other: Task) -> None:
    both_tags = list_tasks.sync(
        client=client,
        completed=False,
        tag=["home", "Größe & so"],
        due_date_gte=DUE,
        due_date_lte=DUE,
        created_at_gte=task.created_at.astimezone(BERLIN),  # an offset of +01:00, with microseconds
        updated_at_lt=task.updated_at + HOUR,
        search='"pay rent"',
    )
    assert isinstance(both_tags, TaskPage)
    assert (both_tags.count, both_tags.next_, both_tags.previous, both_tags.results) == (1, None, None, [task])

    before = list_tasks.sync(client=client, created_at_lt=task.created_at, tag=["home"])
    assert isinstance(before, TaskPage)
    assert before.results == []

    first = list_tasks.sync(client=client, created_at_gte=task.created_at, ordering="due_date,-id", limit=1)
    assert isinstance(first, TaskPage)
    assert (first.count, first.results, first.previous) == (2, [task], None)
    assert first.next_
    second = list_tasks.sync(client=client, created_at_gte=task.created_at, ordering="due_date,-id", limit=1, offset=1)
    assert isinstance(second, TaskPage)
    assert (second.results, second.next_) == ([other], None)


def patches(client: AuthenticatedClient, task: Task) -> Task:
    done = update_task.sync(task.id, client=client, body=TaskUpdate(completed=True))
    assert isinstance(done, Task)
    assert done.completed
    assert isinstance(done.completed_at, datetime.datetime)
    assert (done.title, done.description, done.due_date, done.tags) == (
        task.title,
        task.description,
        task.due_date,
        task.tags,
    )
    cleared = update_task.sync(task.id, client=client, body=TaskUpdate(due_date=None, description=None))
    assert isinstance(cleared, Task)
    assert (cleared.due_date, cleared.description, cleared.tags) == (None, None, task.tags)
    assert (cleared.completed, cleared.completed_at) == (True, done.completed_at), "it was not sent, so it stays"
    return cleared


def sends_back_what_it_read(client: AuthenticatedClient, task: Task) -> None:
    edited = TaskUpdate.from_dict(task.to_dict() | {"title": "Rent is paid"})
    answer = update_task.sync(task.id, client=client, body=edited)
    assert isinstance(answer, Task)
    assert answer.to_dict() | {"updated_at": None} == edited.to_dict() | {"updated_at": None}


def deletes(client: AuthenticatedClient, task: Task) -> None:
    answer = delete_task.sync_detailed(task.id, client=client)
    assert (answer.status_code, answer.content, answer.parsed) == (204, b"", None)


def point_of(page: TaskChangePage) -> str:
    """The parameter `after` of the next request."""
    (point,) = parse_qs(urlsplit(page.next_).query)["after"]
    return point


def follows_changes(client: AuthenticatedClient) -> None:
    start = list_changes.sync(client=client, limit=1)
    assert isinstance(start, TaskChangePage)
    assert (start.results, start.more) == ([], False)
    task, other = creates_from_a_title(client), creates_from_a_title(client)
    first = list_changes.sync(client=client, after=point_of(start), limit=1)
    assert isinstance(first, TaskChangePage)
    assert (first.results, first.more) == ([TaskChange(task.id, task)], True)
    second = list_changes.sync(client=client, after=point_of(first), limit=1)
    assert isinstance(second, TaskChangePage)
    assert (second.results, second.more) == ([TaskChange(other.id, other)], False)
    deletes(client, task)
    last = list_changes.sync_detailed(client=client, after=point_of(second), completed=False, tag=["home"])
    assert isinstance(last.parsed, TaskChangePage)
    assert last.parsed.results == [TaskChange(task.id, None)]
    same = list_changes.sync_detailed(
        client=client, after=point_of(second), completed=False, tag=["home"], if_none_match=last.headers["ETag"]
    )
    assert (same.status_code, same.content) == (304, b"")
    wrong = list_changes.sync(client=client, after="wrong")
    assert isinstance(wrong, Problem)
    assert wrong.errors
    assert [fault.parameter for fault in wrong.errors] == ["after"]


def reads_problems(client: AuthenticatedClient, gone: int) -> None:
    missing = get_task.sync(gone, client=client)
    assert isinstance(missing, Problem)
    assert (missing.status, missing.code, missing.detail) == (404, "not_found", "Task not found")
    assert isinstance(missing.errors, Unset)

    body = create_task.sync(client=client, body=TaskCreate(title=" ", tags=["a", "A"]))
    assert isinstance(body, Problem)
    assert (body.status, body.code) == (400, "invalid_body")
    assert body.errors
    assert [(fault.pointer, fault.code) for fault in body.errors] == [("/title", "blank"), ("/tags/1", "duplicate")]
    assert all(isinstance(fault.parameter, Unset) and fault.detail for fault in body.errors)

    query = list_tasks.sync(client=client, limit=1001, created_at_gte=datetime.datetime(2026, 11, 22))  # noqa: DTZ001 - no offset
    assert isinstance(query, Problem)
    assert (query.status, query.code) == (400, "invalid_query")
    assert query.errors
    assert {fault.parameter for fault in query.errors} == {"limit", "created_at__gte"}


def never_called(client: AuthenticatedClient, task: Task) -> None:
    """Mistakes that the types catch: mypy --strict complains about an ignore that there is no reason for."""
    TaskCreate()  # type: ignore[call-arg]
    TaskCreate(title="x", colour="red")  # type: ignore[call-arg]
    TaskCreate(title=1)  # type: ignore[arg-type]
    TaskCreate(title="x", due_date="2026-12-01")  # type: ignore[arg-type]
    TaskCreate(title="x", tags="home")  # type: ignore[arg-type]
    TaskUpdate(title=None)  # type: ignore[arg-type]
    TaskUpdate(completed="yes")  # type: ignore[arg-type]
    list_tasks.sync(client=client, tags=["home"])  # type: ignore[call-arg]
    list_tasks.sync(client=client, created_at_gte="today")  # type: ignore[arg-type]
    get_task.sync("17", client=client)  # type: ignore[arg-type]
    task.due_date.isoformat()  # type: ignore[union-attr]
    get_task.sync(task.id, client=client).title  # type: ignore[union-attr]  # noqa: B018


def main(url: str, last: int, token: str) -> None:
    with AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True) as client:
        task, other = creates(client), creates_from_a_title(client)
        gets(client, task, last)
        lists(client, task, other)
        sends_back_what_it_read(client, patches(client, task))
        deletes(client, task)
        follows_changes(client)
        reads_problems(client, gone=task.id)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
