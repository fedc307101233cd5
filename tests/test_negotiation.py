"""Accept and Content-Type."""

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("", 200),
        ("*/*", 200),
        ("text/html, application/*;q=0.1", 200),
        ("application/json;q=0, */*", 406),
        ("*/*;q=0", 406),
        ("application/json;q=2", 406),
        ("text/csv", 406),
    ],
)
def test_json_is_sent_to_clients_that_accept_json(api: APIClient, accept: str, status: int) -> None:
    assert api.get("/tasks/", HTTP_ACCEPT=accept).status_code == status


def test_no_parameter_of_accept_is_echoed(api: APIClient) -> None:
    answer = api.get("/tasks/", HTTP_ACCEPT="application/json; charset=utf-7; indent=4")
    assert answer["Content-Type"] == "application/json"
    assert b"\n" not in answer.content


@pytest.mark.parametrize(
    ("label", "status"),
    [("application/json", 201), ("Application/JSON; a=b", 201), ("*/*", 415), ("application/*", 415)],
)
def test_only_a_content_type_without_wildcards_is_accepted(api: APIClient, label: str, status: int) -> None:
    assert api.post("/tasks/", '{"title": "A"}', content_type=label).status_code == status


@pytest.mark.parametrize(("coding", "status"), [("identity", 201), ("", 201), ("gzip", 415), ("br, gzip", 415)])
def test_a_compressed_body_is_a_415(api: APIClient, coding: str, status: int) -> None:
    answer = api.post("/tasks/", '{"title": "A"}', content_type="application/json", HTTP_CONTENT_ENCODING=coding)
    assert answer.status_code == status
