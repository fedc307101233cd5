"""/health and /health/ready"""

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from config.api.health import ReadyView
from config.postgresql.migrations import Known


def test_health_answers_without_the_database(api: APIClient) -> None:
    assert api.get("/health").json() == {"status": "ok"}  # pytest-django refuses a query here


@pytest.mark.django_db
def test_ready_queries_the_database(api: APIClient, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    assert api.get("/health/ready").status_code == 200  # from then on it knows that no migration is missing
    with django_assert_num_queries(1):
        assert api.get("/health/ready").json() == {"status": "ok"}


@pytest.mark.django_db
def test_not_ready_is_a_503(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_cursor() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", no_cursor)
    answer = api.get("/health/ready")
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")


@pytest.mark.django_db
def test_not_ready_while_migrations_are_missing(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    known, recorder = Known(), MigrationRecorder(connection)
    monkeypatch.setattr(ReadyView, "migrations", known)
    recorder.record_unapplied("tasks", "0012_change_actor")
    answer = api.get("/health/ready")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "migrations_missing", "3")
    assert answer.json()["detail"] == "The database lacks migrations: tasks.0012_change_actor. Run manage.py migrate."
    recorder.record_applied("tasks", "0012_change_actor")
    with django_assert_num_queries(1):  # it looks again only after some seconds
        assert api.get("/health/ready").status_code == 503
    known.until = 0
    assert api.get("/health/ready").status_code == 200
