"""/health and /health/ready"""

import pytest
from django.db import OperationalError, connection
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient


def test_health_answers_without_the_database(api: APIClient) -> None:
    assert api.get("/health").json() == {"status": "ok"}  # pytest-django refuses a query here


@pytest.mark.django_db
def test_ready_queries_the_database(api: APIClient, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        assert api.get("/health/ready").json() == {"status": "ok"}


@pytest.mark.django_db
def test_not_ready_is_a_503(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_cursor() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", no_cursor)
    answer = api.get("/health/ready")
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
