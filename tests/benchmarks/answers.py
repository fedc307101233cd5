"""Checks that the answers of a contender are right, so that nobody wins with empty answers."""

from typing import Any

from tests.benchmarks.contenders import OURS
from tests.benchmarks.load import NO_HEADERS, WrongAnswer, request
from tests.benchmarks.operations import BROWSER, CHARSET, FAULTY, MISSING, PAGE, STALE, TASK
from tests.benchmarks.server import Members, Server

FIRST = f"?limit={PAGE}"
UNCHANGED: Members = {"title": "Task 2", "completed": True}


def check(server: Server, rows: int) -> None:
    task = server.ask(201, "POST", body=TASK)
    expect(server, task, TASK)
    expect(server, server.ask(200, "GET", task["id"]), task)
    check_page(server, task, rows)
    changes: Members = {"title": "Buy oat milk", "completed": True}
    expect(server, server.ask(200, "PATCH", task["id"], body=changes), TASK | changes)
    expect(server, server.ask(200, "GET", task["id"]), TASK | changes)
    expect(server, server.ask(200, "PATCH", 2, body=UNCHANGED), UNCHANGED)
    server.ask(204, "DELETE", task["id"])
    server.ask(404, "GET", task["id"])
    if server.contender.name == OURS:
        check_refusals(server)
        check_filters(server)
        check_headers(server)


def check_page(server: Server, newest: Members, rows: int) -> None:
    page = server.ask(200, "GET", query=FIRST)
    tasks = page.get("results", page.get("items"))
    if not page.get("count_is_estimate"):
        expect(server, page, {"count": rows + 1})
    elif not 0.9 < page["count"] / rows < 1.1:
        raise WrongAnswer(f"{server.contender.name} estimated {page['count']} tasks where there are {rows + 1}")
    expect(server, tasks[0], newest)
    expect(server, {"length": len(tasks), "last": tasks[-1]["title"]}, {"length": PAGE, "last": f"Task {rows - 48}"})


def check_refusals(server: Server) -> None:
    """Checks that refused requests write nothing and get the reason."""
    etag = server.etag(2)
    server.ask(304, "GET", 2, headers={"If-None-Match": etag})
    server.ask(200, "PATCH", 2, body=UNCHANGED)
    server.ask(412, "PATCH", 2, body={"title": "Lost"}, headers=STALE)
    expect(server, {"etag": server.etag(2)}, {"etag": etag})
    expect(server, server.ask(404, "GET", MISSING), {"detail": "Task not found"})
    (fault,) = server.ask(400, "GET", query=f"{FIRST}&completed=banana")["errors"]
    expect(server, fault, {"parameter": "completed"})
    faults = server.ask(400, "POST", body=FAULTY)["errors"]
    expect(server, {"pointers": {each["pointer"] for each in faults}}, {"pointers": {"/title", "/completed"}})


def check_filters(server: Server) -> None:
    def page(query: str) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = server.ask(200, "GET", query=FIRST + query)["results"]
        expect(server, {"length": len(tasks)}, {"length": PAGE})
        return tasks

    found = {
        "completed": not any(task["completed"] for task in page("&completed=false")),
        "tag": all("tag 40" in task["tags"] for task in page("&tag=tag%2040")),
        "updated_at__gte": all(
            task["updated_at"] >= "2026-01-01T00:30" for task in page("&updated_at__gte=2026-01-01T00:30:00Z")
        ),
        "search": all("topic40" in task["description"] for task in page("&search=topic40")),
    }
    expect(server, found, dict.fromkeys(found, True))


def check_headers(server: Server) -> None:
    """Checks that a session works, and that headers of a browser do not change the answer."""
    server.send([request("GET", "/admin/", server.cookie)], 200)
    expect(server, server.ask(200, "GET", 2, headers=server.cookie), UNCHANGED)
    plain, in_browser = (server.ask(200, "GET", query=FIRST, headers=headers) for headers in (NO_HEADERS, BROWSER))
    expect(server, {"ids": ids_of(in_browser)}, {"ids": ids_of(plain)})
    task = server.ask(201, "POST", body=TASK, headers=CHARSET)
    expect(server, task, TASK)
    server.ask(204, "DELETE", task["id"])


def ids_of(page: dict[str, Any]) -> list[int]:
    return [task["id"] for task in page["results"]]


def expect(server: Server, answer: dict[str, Any], members: dict[str, Any]) -> None:
    for name, value in members.items():
        if answer.get(name) != value:
            raise WrongAnswer(f"{server.contender.name} answered {name} {answer.get(name)!r} instead of {value!r}")
