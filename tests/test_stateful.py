"""Compares the service with a plain model of it, after any requests in any order."""

import datetime
import json
import operator
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from rest_framework.test import APIClient

from tasks.models import Tag, Task

Json = dict[str, Any]

# Few words, so that searches find tasks. Titles are lower-case ASCII, which every collation orders alike.
TITLES = ("apple", "bread", "milk", "mill", "a" * 200)
WORDS = (*TITLES[:4], "Milk", "BREAD", "größe", "Größe")
TAGS = ("home", "Home", "HOME", "work", "wOrk", "größe", "Größe", "GRÖSSE", "É", "é", "two words", "x" * 50)
DAYS = ("0001-01-01", "2026-02-28", "2026-03-01", "9999-12-31")
COLUMNS = ("created_at", "updated_at", "due_date", "priority", "title", "id")
OFFSETS = [datetime.timezone(datetime.timedelta(minutes=minutes)) for minutes in (0, 330, 23 * 60 + 59, -23 * 60 - 59)]
DEFAULTS: Json = {"description": None, "completed": False, "due_date": None, "priority": None, "tags": []}

blanks = st.sampled_from(("", " ", "\n", "\t \u2003"))


def padded(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(blanks, texts, blanks).map("".join)


descriptions = (
    st.none()
    | st.lists(st.sampled_from(WORDS), max_size=4).map(", ".join)
    | st.text(alphabet=" \n\t\"'\\<>&%;,.\u200b\U0001f600\U0010ffff", max_size=20)
    | st.just("\U0001f600" * 10_000)
)
members: dict[str, st.SearchStrategy[Any]] = {
    "title": padded(st.sampled_from(TITLES)),
    "description": descriptions,
    "completed": st.booleans(),
    "due_date": st.none() | st.sampled_from(DAYS),
    "priority": st.none() | st.integers(1, 4),
    "tags": st.lists(padded(st.sampled_from(TAGS)), max_size=4, unique_by=lambda tag: tag.strip().casefold()),
}
ignored = {name: st.none() | st.just("x") | st.just({"a": [1]}) for name in ("id", "created_at", "updated_at")}
bodies = st.fixed_dictionaries({}, optional=members | ignored)
new_bodies = st.builds(operator.or_, st.fixed_dictionaries({"title": members["title"]}), bodies)
# Each with the place that the answer must name. Their new tags must not be created.
wrong_bodies = st.sampled_from(
    (
        ({"title": " "}, "/title"),
        ({"title": "a" * 201}, "/title"),
        ({"title": None, "completed": True}, "/title"),
        ({"description": "x" * 10_001, "due_date": "2026-03-01"}, "/description"),
        ({"description": "\x00", "tags": ["hOmE"]}, "/description"),
        ({"completed": "yes", "tags": ["hOmE", "WORK"]}, "/completed"),
        ({"due_date": "2026-02-30", "tags": []}, "/due_date"),
        ({"priority": 0, "tags": ["hOmE"]}, "/priority"),
        ({"tags": ["hOmE", ""]}, "/tags/1"),
        ({"tags": ["hOmE", " home"]}, "/tags/1"),
        ({"tags": [*"abcdefghijklmnopqrstu"]}, "/tags"),
        ({"completed": True, "done": True}, "/done"),
    )
)
wrong_queries = st.sampled_from(
    ("complete=true", "completed=1", "tag=", "limit=0", "offset=-1", "ordering=title,title", "search=%20", "tag=%00")
)


@dataclass
class Model:
    """The expected content of the service: its tasks by id, and the first spelling of every tag."""

    tasks: dict[int, Json] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)

    def changed(self, task: Json, body: Json) -> Json:
        """The task that the service should return for a body, without the times that it sets."""
        sent = {name: value for name, value in body.items() if name in members}
        if "title" in sent:
            sent["title"] = sent["title"].strip()
        if "tags" in sent:
            sent["tags"] = sorted((self.spelled(name.strip()) for name in sent["tags"]), key=str.casefold)
        return task | sent

    def spelled(self, name: str) -> str:
        return self.spellings.setdefault(name.casefold(), name)

    def page(self, query: Json) -> list[Json]:
        """The tasks that a query finds, in its order."""
        found = [task for task in self.tasks.values() if all(matches(task, *one) for one in query.items())]
        terms = query.get("ordering", "-created_at").split(",")
        for term in reversed([*terms, terms[-1][: terms[-1].startswith("-")] + "id"]):
            column = term.removeprefix("-")
            found.sort(key=lambda task, name=column: (task[name] is None, task[name]), reverse=term != column)  # type: ignore[misc]
        return found


def matches(task: Json, parameter: str, value: Any) -> bool:
    column, _, end = parameter.partition("__")
    match parameter, end:
        case "completed", _:
            return bool(task["completed"] == (value == "true"))
        case "priority", _:
            return bool(task["priority"] == int(value))
        case "tag", _:
            return {tag.casefold() for tag in value} <= {tag.casefold() for tag in task["tags"]}
        case "search", _:
            words = re.findall(r"\w+", f"{task['title']} {task['description'] or ''}".casefold())
            return all(
                any(one.startswith(word.lstrip("-").casefold()) for one in words) != word.startswith("-")
                for word in value.split()
            )
        case _, "gte" | "lte" | "lt":
            return task[column] is not None and compare(task[column], end, value)
    return True  # ordering and the page


def compare(own: str, end: str, value: str) -> bool:
    left, right = (datetime.datetime.fromisoformat(one) for one in (own, value))
    return bool({"gte": operator.ge, "lte": operator.le, "lt": operator.lt}[end](left, right))


class Service(RuleBasedStateMachine):
    ids: Bundle[int] = Bundle("ids")
    gone: Bundle[int] = Bundle("gone")

    def __init__(self) -> None:
        super().__init__()
        self.api = APIClient()
        self.model = Model()

    def teardown(self) -> None:
        Task.objects.all().delete()
        Tag.objects.all().delete()

    def send(self, method: str, path: str, body: Json | None = None, media_type: str = "application/json") -> Any:
        text = None if body is None else json.dumps(body)
        return self.api.generic(method, path, text, content_type=media_type) if text else self.api.get(path)

    @rule(target=ids, body=new_bodies)
    def create(self, body: Json) -> int:
        answer = self.send("POST", "/tasks/", body)
        assert answer.status_code == 201, answer.content
        made: Json = answer.json()
        assert answer["Location"] == f"http://testserver/tasks/{made['id']}"
        assert made["id"] > max(self.model.tasks, default=0)
        assert made["updated_at"] == made["created_at"] >= max(self.times("created_at"), default="")
        assert (made["completed_at"] is not None) == made["completed"]
        set_by_server = {name: made[name] for name in ("id", "completed_at", "created_at", "updated_at")}
        assert made == self.model.changed(DEFAULTS, body) | set_by_server
        self.model.tasks[made["id"]] = made
        return int(made["id"])

    @rule(pk=ids, body=bodies, media_type=st.sampled_from(("application/json", "application/merge-patch+json")))
    def patch(self, pk: int, body: Json, media_type: str) -> None:
        self.send_patch(pk, body, media_type)

    @rule(pk=ids, edit=bodies)
    def read_edit_and_send_back(self, pk: int, edit: Json) -> None:
        self.send_patch(pk, self.api.get(f"/tasks/{pk}").json() | edit)

    @rule(pk=ids)
    def send_back_unchanged(self, pk: int) -> None:
        task = self.model.tasks[pk]
        self.send_patch(pk, task | {"tags": [tag.swapcase() for tag in task["tags"] if len(tag.upper()) == len(tag)]})

    def send_patch(self, pk: int, body: Json, media_type: str = "application/json") -> None:
        answer = self.send("PATCH", f"/tasks/{pk}", body, media_type)
        assert answer.status_code == 200, answer.content
        old, new = self.model.tasks[pk], answer.json()
        expected = self.model.changed(old, body)
        if expected == old:
            note("nothing changes")
            assert new == old
        else:
            assert new["updated_at"] > old["updated_at"]
            expected["updated_at"] = new["updated_at"]
        if expected["completed"] and not old["completed"]:
            assert old["updated_at"] < new["completed_at"] <= new["updated_at"]
            expected["completed_at"] = new["completed_at"]
        elif not expected["completed"]:
            expected["completed_at"] = None
        assert new == expected
        self.model.tasks[pk] = new

    @rule(target=gone, pk=consumes(ids))
    def delete(self, pk: int) -> int:
        answer = self.api.delete(f"/tasks/{pk}")
        assert (answer.status_code, answer.content) == (204, b"")
        del self.model.tasks[pk]
        return pk

    @rule(pk=ids)
    def get(self, pk: int) -> None:
        answer = self.api.get(f"/tasks/{pk}")
        assert (answer.status_code, answer.json()) == (200, self.model.tasks[pk])

    @rule(pk=gone, method=st.sampled_from(("GET", "PATCH", "DELETE")), body=bodies)
    def what_is_gone_stays_gone(self, pk: int, method: str, body: Json) -> None:
        answer = self.api.generic(method, f"/tasks/{pk}", json.dumps(body), content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    @rule(wrong=wrong_bodies)
    def create_wrongly(self, wrong: tuple[Json, str]) -> None:
        self.refused(self.send("POST", "/tasks/", {"title": "apple", **wrong[0]}), wrong[1])

    @rule(pk=ids, wrong=wrong_bodies, right=bodies)
    def patch_wrongly(self, pk: int, wrong: tuple[Json, str], right: Json) -> None:
        self.refused(self.send("PATCH", f"/tasks/{pk}", right | wrong[0]), wrong[1])

    def refused(self, answer: Any, pointer: str) -> None:
        assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (400, [pointer])

    @rule(query=wrong_queries)
    def list_wrongly(self, query: str) -> None:
        answer = self.api.get(f"/tasks/?{query}")
        faults = [fault["parameter"] for fault in answer.json()["errors"]]
        assert (answer.status_code, faults) == (400, [query.partition("=")[0]])

    @rule(data=st.data(), limit=st.integers(1, 4))
    def walk_the_pages(self, data: st.DataObject, limit: int) -> None:
        query = data.draw(self.queries())
        expected = self.model.page(query)
        note(f"{len(expected)} of {len(self.model.tasks)}")
        back, address = None, "/tasks/"
        for offset in range(0, max(len(expected), 1), limit):
            answer = self.api.get(address, {} if offset else query | {"limit": limit})
            assert answer.status_code == 200, answer.content
            page = answer.json()
            assert page["count"] == len(expected)
            assert page["results"] == expected[offset : offset + limit]
            assert (page["previous"] is None) == (offset == 0)
            assert back is None or self.api.get(page["previous"]).json() == back
            back, address = page, page["next"]
        assert address is None

    @rule(data=st.data(), limit=st.integers(1, 1000), offset=st.integers(0, 12) | st.just(2**63 - 1))
    def one_page(self, data: st.DataObject, limit: int, offset: int) -> None:
        query = data.draw(self.queries())
        page = self.api.get("/tasks/", query | {"limit": limit, "offset": offset}).json()
        expected = self.model.page(query)
        assert (page["count"], page["results"]) == (len(expected), expected[offset : offset + limit])

    @invariant()
    def both_hold_the_same(self) -> None:
        answer = self.api.get("/tasks/?limit=1000").json()
        assert answer["results"] == self.model.page({})

    def times(self, *columns: str) -> list[str]:
        return [task[column] for task in self.model.tasks.values() for column in columns]

    def queries(self) -> st.SearchStrategy[Json]:
        """Queries of the list. Times are those of the tasks, with many offsets, and some long before and after."""
        known = sorted({*self.times("created_at", "updated_at"), "0001-01-03T00:00:00Z", "9999-12-29T23:59:59.999999Z"})
        times = st.builds(
            lambda time, zone: datetime.datetime.fromisoformat(time).astimezone(zone).isoformat(),
            st.sampled_from(known),
            st.sampled_from(OFFSETS),
        )
        words = st.tuples(st.sampled_from(("", "-")), st.sampled_from(WORDS)).map("".join)
        columns = st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=3, unique=True)
        signs = st.tuples(*(st.sampled_from(("", "-")) for _ in range(3)))
        orders = st.builds(lambda *drawn: ",".join(map("".join, zip(*drawn, strict=False))), signs, columns)
        filters = {
            "completed": st.sampled_from(("true", "false")),
            "priority": st.sampled_from("1234"),
            "tag": st.lists(st.sampled_from(TAGS), min_size=1, max_size=2),
            "due_date__gte": st.sampled_from(DAYS),
            "due_date__lte": st.sampled_from(DAYS),
            **{f"{name}__{end}": times for name in ("created_at", "updated_at") for end in ("gte", "lt")},
            "search": st.lists(words, min_size=1, max_size=2).map(" ".join),
        }
        # One or two at a time: with all filters, no task would match.
        chosen = st.lists(st.sampled_from(sorted(filters)), max_size=2, unique=True)
        return chosen.flatmap(
            lambda names: st.fixed_dictionaries({name: filters[name] for name in names}, optional={"ordering": orders})
        )


@pytest.mark.slow
def test_the_service_and_the_model_never_disagree(transactional_db: None) -> None:
    run_state_machine_as_test(
        Service,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
