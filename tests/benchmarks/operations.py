"""The requests: the five endpoints, for every contender, and everyday requests, for this service only.

Changes go to tasks with odd ids, and what changes nothing to those with even ids, which stay as they were made.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tests.benchmarks.database import FREQUENT_TAGS, TOPICS
from tests.benchmarks.load import NO_HEADERS, Headers
from tests.benchmarks.server import Members, Server

PAGE = 50
TASK: Members = {
    "title": "Buy milk",
    "description": " ".join(["Some words about it."] * 5),
    "completed": False,
    "due_date": "2026-12-01",
}
FAULTY: Members = {"title": "", "completed": "yes"}
MISSING = 1_000_000_000  # an id that no task has
STALE = {"If-Match": '"5f5e100"'}
CHARSET = {"Content-Type": "application/json; charset=UTF-8"}
BROWSER = {
    "Accept": "application/json, */*;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.7",
    "Origin": "https://app.example.com",
    "Referer": "https://app.example.com/",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "cross-site",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
}
KNOWN = 20  # tasks whose entity tags a client has


class Requests:
    """The requests to one server in one round. The same seed gives all servers the same requests."""

    def __init__(self, server: Server, rows: int, number: int) -> None:
        self.server, self.rows, self.rng = server, rows, random.Random(number)
        self.added = 0  # tasks besides the first ones, once every request of make() is answered
        self.patches = 0

    def make(self, operation: "Operation", count: int) -> list[bytes]:
        self.added += operation.adds * count
        return [operation.ask(self) for _ in range(count)]

    def get(self, headers: Headers = NO_HEADERS) -> bytes:
        return self.server.request("GET", self.rng.randint(1, self.rows), headers=headers)

    def get_known(self) -> bytes:
        number, etag = self.rng.choice(self.known)
        return self.server.request("GET", number, headers={"If-None-Match": etag})

    def page(self, query: str = "", headers: Headers = NO_HEADERS) -> bytes:
        return self.server.request("GET", query=f"?limit={PAGE}{query}", headers=headers)

    def page_by_tag(self) -> bytes:
        return self.page(f"&tag=tag%20{self.rng.randint(1, FREQUENT_TAGS)}")

    def page_by_update(self) -> bytes:
        return self.page(f"&updated_at__gte=2026-01-01T00:{self.rng.randint(0, 59):02}:00Z")

    def page_by_search(self) -> bytes:
        return self.page(f"&search=topic{self.rng.choice(TOPICS)}")

    def post(self, body: Members = TASK, headers: Headers = NO_HEADERS) -> bytes:
        return self.server.request("POST", body=body, headers=headers)

    def patch(self, headers: Headers = NO_HEADERS) -> bytes:
        changes: Members = {"title": f"Changed {self.rng.random()}", "completed": self.rng.random() < 0.5}
        return self.server.request("PATCH", self.rng.randrange(1, self.rows + 1, 2), body=changes, headers=headers)

    def patch_nothing(self) -> bytes:
        number = self.rng.randrange(2, self.rows + 1, 2)
        return self.server.request("PATCH", number, body={"title": f"Task {number}", "completed": True})

    def patch_or_nothing(self) -> bytes:
        self.patches += 1
        return self.patch() if self.patches % 2 else self.patch_nothing()

    def delete(self) -> bytes:
        """Deletes a task that POST created, so that every round begins with a table of the same size."""
        return self.server.request("DELETE", next(self.posted))

    @cached_property
    def posted(self) -> Iterator[int]:
        return iter(self.server.ids(self.rows))

    @cached_property
    def known(self) -> list[tuple[int, str]]:
        some = self.rng.sample(range(1, self.rows + 1), KNOWN)
        return [(number, self.server.etag(number)) for number in some]


@dataclass(frozen=True)
class Operation:
    """A kind of request. `plain` of an everyday request is the one that it is compared with."""

    name: str  # on the command line
    title: str  # in the tables
    status: int  # of every answer
    ask: Callable[[Requests], bytes]
    plain: str = ""
    # Of our CPU: so many times less than the reference's, at least; of an everyday one: so many plain ones, at most.
    target: float | None = None
    adds: int = 0  # tasks, by each request

    def count(self, requests: int) -> int:
        """The number of requests: a page costs several times as much as a task."""
        return max(requests // 4, 1) if "list" in (self.name, self.plain) else requests


# Reads come first: they do not meet what the writes of their round leave behind.
OPERATIONS = (
    Operation("get", "GET one", 200, Requests.get, target=2.3),
    Operation("304", "If-None-Match, 304", 304, Requests.get_known, "get", 1.0),
    Operation("404", "no such task, 404", 404, lambda of: of.server.request("GET", MISSING), "get", 1.0),
    Operation("400", "faulty query, 400", 400, lambda of: of.page("&completed=banana"), "get", 1.0),
    Operation("400-body", "faulty body, 400", 400, lambda of: of.post(FAULTY), "get", 1.0),
    Operation("cookie", "session cookie", 200, lambda of: of.get(of.server.cookie), "get"),
    Operation("list", "list of 50", 200, Requests.page, target=4.0),
    Operation("completed", "completed=false", 200, lambda of: of.page("&completed=false"), "list", 1.3),
    Operation("tag", "tag=…", 200, Requests.page_by_tag, "list", 1.3),
    Operation("updated", "updated_at__gte=…", 200, Requests.page_by_update, "list", 1.3),
    Operation("search", "search=…", 200, Requests.page_by_search, "list"),
    Operation("browser", "a browser's headers", 200, lambda of: of.page(headers=BROWSER), "list"),
    Operation("post", "POST", 201, Requests.post, target=2.8, adds=1),
    Operation("charset", "charset=UTF-8", 201, lambda of: of.post(headers=CHARSET), "post", adds=1),
    Operation("patch", "PATCH", 200, Requests.patch),
    Operation("patch-half", "PATCH, half change nothing", 200, Requests.patch_or_nothing, target=2.5),
    Operation("no-op", "changes nothing", 200, Requests.patch_nothing, "patch", 1.5),
    Operation("412", "stale If-Match, 412", 412, lambda of: of.patch(STALE), "patch", 1.5),
    Operation("delete", "DELETE", 204, Requests.delete, target=2.0, adds=-1),
)


def chosen(names: Sequence[str]) -> list[Operation]:
    """The operations of these names, and those that they need."""
    wanted = {*names, *(each.plain for each in OPERATIONS if each.name in names)}
    if "delete" in wanted:
        wanted.add("post")
    return [each for each in OPERATIONS if each.name in wanted]
