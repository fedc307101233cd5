"""POST /tasks/"""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tasks.models import Tag, Task

pytestmark = pytest.mark.django_db


def test_a_title_alone_creates_a_task_with_every_default(api: APIClient) -> None:
    answer = api.post("/tasks/", {"title": "Buy milk"})
    body = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"http://testserver/tasks/{body['id']}"
    assert list(body) == [
        "id",
        "title",
        "description",
        "completed",
        "completed_at",
        "due_date",
        "priority",
        "tags",
        "created_at",
        "updated_at",
    ]
    assert body | {"id": 0, "created_at": "", "updated_at": ""} == {
        "id": 0,
        "title": "Buy milk",
        "description": None,
        "completed": False,
        "completed_at": None,
        "due_date": None,
        "priority": None,
        "tags": [],
        "created_at": "",
        "updated_at": "",
    }
    assert body["created_at"] == body["updated_at"]
    assert body["created_at"].endswith("Z")
    assert api.get(answer["Location"]).json() == body


def test_every_field_is_stored(api: APIClient) -> None:
    sent = {
        "title": "Water the plants",
        "description": "  the ficus\n\tfirst  ",
        "completed": True,
        "due_date": "2026-02-28",
        "priority": 1,
        "tags": ["home", "green"],
    }
    body = api.post("/tasks/", sent).json()
    assert {name: body[name] for name in sent} == sent | {"tags": ["green", "home"]}
    assert body["completed_at"] is not None


def test_both_forms_of_the_path_accept_a_post(api: APIClient) -> None:
    assert api.post("/tasks", {"title": "One"}).status_code == 201
    assert api.post("/tasks/", {"title": "Two"}).status_code == 201


def test_whitespace_around_a_title_is_removed(api: APIClient) -> None:
    assert api.post("/tasks/", {"title": "\t Buy milk \n"}).json()["title"] == "Buy milk"


def test_read_only_fields_are_accepted_and_ignored(api: APIClient) -> None:
    body = api.post(
        "/tasks/", {"title": "A", "id": 2**40, "created_at": "x", "completed_at": 5, "updated_at": None}
    ).json()
    assert body["id"] != 2**40
    assert body["completed_at"] is None


@pytest.mark.parametrize("value", ['"\\u0000"', '["\\ud800"]', '{"\\u0000": 1}', "1e999", "9" * 5000])
def test_a_read_only_field_may_have_any_value(api: APIClient, value: str) -> None:
    text = f'{{"title": "A", "id": {value}}}'
    assert api.post("/tasks/", text, content_type="application/json").status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/title", "required"),
        ({"title": ""}, "/title", "blank"),
        ({"title": " \n"}, "/title", "blank"),
        ({"title": None}, "/title", "null"),
        ({"title": 1}, "/title", "invalid"),
        ({"title": ["a"]}, "/title", "invalid"),
        ({"title": "x" * 201}, "/title", "max_length"),
        ({"title": "A", "description": "x" * 10_001}, "/description", "max_length"),
        ({"title": "A", "description": 0}, "/description", "invalid"),
        ({"title": "A", "completed": "yes"}, "/completed", "invalid"),
        ({"title": "A", "completed": 1}, "/completed", "invalid"),
        ({"title": "A", "completed": None}, "/completed", "null"),
        ({"title": "A", "due_date": "tomorrow"}, "/due_date", "invalid"),
        ({"title": "A", "due_date": "2026-02-30"}, "/due_date", "invalid"),
        ({"title": "A", "due_date": "20260228"}, "/due_date", "invalid"),
        ({"title": "A", "due_date": "0000-01-01"}, "/due_date", "invalid"),
        ({"title": "A", "due_date": 20260228}, "/due_date", "invalid"),
        ({"title": "A", "priority": 0}, "/priority", "min_value"),
        ({"title": "A", "priority": 5}, "/priority", "max_value"),
        ({"title": "A", "priority": "3"}, "/priority", "invalid"),
        ({"title": "A", "priority": 3.5}, "/priority", "invalid"),
        ({"title": "A", "priority": True}, "/priority", "invalid"),
        ({"title": "A", "priority": [1]}, "/priority", "invalid"),
        ({"title": "A", "tags": "home"}, "/tags", "not_a_list"),
        ({"title": "A", "tags": None}, "/tags", "null"),
        ({"title": "A", "tags": [1]}, "/tags/0", "invalid"),
        ({"title": "A", "tags": [" "]}, "/tags/0", "blank"),
        ({"title": "A", "tags": ["x" * 51]}, "/tags/0", "max_length"),
        ({"title": "A", "tags": ["home", "Home"]}, "/tags/1", "duplicate"),
        ({"title": "A", "tags": ["home", " home "]}, "/tags/1", "duplicate"),
        ({"title": "A", "tags": ["Straße", "STRASSE"]}, "/tags/1", "duplicate"),
        ({"title": "A", "tags": [str(number) for number in range(21)]}, "/tags", "max_length"),
        ({"title": "A", "done": True}, "/done", "unknown"),
        ({"title": "A", "a/b~c": True}, "/a~1b~0c", "unknown"),
        ([], "", "invalid"),
        ("text", "", "invalid"),
    ],
)
def test_a_wrong_body_is_refused_with_the_reason_and_creates_nothing(
    api: APIClient, body: Any, pointer: str, code: str
) -> None:
    answer = api.post("/tasks/", body)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]
    assert not Task.objects.exists()
    assert not Tag.objects.exists()


def test_all_errors_of_a_body_are_reported_at_once(api: APIClient) -> None:
    faults = api.post("/tasks/", {"titel": "A", "completed": 0, "tags": [1, ""]}).json()["errors"]
    assert [fault["pointer"] for fault in faults] == ["/title", "/completed", "/tags/0", "/tags/1", "/titel"]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("{", "expected a field name in double quotes at line 1, column 2, where it ends."),
        ('{"title": NaN}', "NaN"),
        ("", "is empty"),
        ("  \n", "is empty"),
        ("[" * 100_000, "at most 32 levels"),
        ("[" * 33 + "]" * 33, "at most 32 levels"),
        (b'{"title": "\xff"}', "not UTF-8: the byte at offset 11"),
        (b'\xef\xbb\xbf{"title": "A"}', "BOM"),
        ('{"title": "A"}'.encode("utf-16"), "not UTF-8"),
        ('{"title": Infinity}', "Infinity"),
        ('{"title": "A"}\n x', "expected the end of the text at line 2, column 2."),
        ("{'title': 'A'}", "expected a field name in double quotes at line 1, column 2."),
        ('{"title": "tab\tinside"}', "expected an escape such as \\n"),
    ],
)
def test_a_body_that_is_not_json_is_a_400(api: APIClient, text: str | bytes, detail: str) -> None:
    answer = api.post("/tasks/", text, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ('{"title": "A", "title": "B"}', [("/title", "repeated")]),
        ('{"title": "A", "id": {"x": 1, "x": 2}}', [("/id/x", "repeated")]),
        ('{"title": "A\\u0000"}', [("/title", "null_characters_not_allowed")]),
        ('{"title": "A\\ud800"}', [("/title", "surrogate_characters_not_allowed")]),
        ('{"title": "A", "tags": ["\\udfff"]}', [("/tags/0", "surrogate_characters_not_allowed")]),
        (
            '{"title": "A", "x\\u0000": 1}',
            [("/x\x00", "null_characters_not_allowed"), ("/x\x00", "unknown")],
        ),
        ('{"title": "A", "x": 1e999}', [("/x", "out_of_range"), ("/x", "unknown")]),
        ('{"title": "A", "x": -1e999}', [("/x", "out_of_range"), ("/x", "unknown")]),
        ('{"title": "A", "x": [' + "9" * 5000 + "]}", [("/x/0", "out_of_range"), ("/x", "unknown")]),
        (
            '{"title": 1e999, "done": 1, "done": 2}',
            [("/title", "invalid"), ("/done", "repeated"), ("/done", "unknown")],
        ),
    ],
)
def test_nul_and_surrogates_are_reported_with_their_place(
    api: APIClient, text: str, faults: list[tuple[str, str]]
) -> None:
    answer = api.post("/tasks/", text, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == faults
    assert not Task.objects.exists()


def test_a_near_miss_is_suggested(api: APIClient) -> None:
    faults = api.post("/tasks/", {"title": "A", "tag": []}).json()["errors"]
    assert faults[0]["detail"] == "Unknown field. Did you mean tags?"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/merge-patch+json",
        "application/json; charset=latin-1",
    ],
)
def test_another_content_type_is_a_415_that_names_the_accepted_ones(api: APIClient, content_type: str) -> None:
    answer = api.post("/tasks/", '{"title": "A"}', content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer["Accept-Post"] == "application/json"


@pytest.mark.parametrize(
    "content_type", ["application/json", 'Application/JSON; charset="UTF-8"', "application/json;a=b"]
)
def test_every_form_of_the_right_content_type_is_accepted(api: APIClient, content_type: str) -> None:
    assert api.post("/tasks/", '{"title": "A"}', content_type=content_type).status_code == 201


def test_a_body_of_1_mib_is_read_and_one_byte_more_is_a_413(api: APIClient) -> None:
    text = '{"title": "A"' + " " * (1024 * 1024 - 14) + "}"
    assert api.post("/tasks/", text, content_type="application/json").status_code == 201
    answer = api.post("/tasks/", text + " ", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_query_parameter_is_a_400(api: APIClient) -> None:
    answer = api.post("/tasks/?completed=true&x=1&x=2", {"title": "A"})
    assert [(fault["parameter"], fault["code"]) for fault in answer.json()["errors"]] == [
        ("completed", "unknown"),
        ("x", "unknown"),
        ("x", "repeated"),
    ]
    assert not Task.objects.exists()


def test_tags_that_differ_only_in_case_are_one_in_the_first_spelling(api: APIClient) -> None:
    api.post("/tasks/", {"title": "A", "tags": ["Home", "Größe"]})
    assert api.post("/tasks/", {"title": "B", "tags": ["hOME", "GRÖSSE"]}).json()["tags"] == ["Größe", "Home"]


def test_a_task_costs_the_same_statements_with_many_tags_as_with_one(api: APIClient) -> None:
    counts = []
    for tags in (["a"], [str(number) for number in range(20)]):
        with CaptureQueriesContext(connection) as queries:
            api.post("/tasks/", {"title": "A", "tags": tags})
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_only_the_first_100_errors_are_listed(api: APIClient) -> None:
    answer = api.post("/tasks/", {str(number): number for number in range(10_000)})
    assert len(answer.json()["errors"]) == 100
    assert answer.json()["detail"].endswith("Only the first 100 are listed.")
