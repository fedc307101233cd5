"""One shape for every error, whatever went wrong and wherever."""

import threading
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import (
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.http import Http404
from django.test import Client
from pytest_django import Settings
from rest_framework import exceptions
from rest_framework.test import APIClient

from config.api.errors import CODES, RENAMED
from tasks.models import Task, TaskQuerySet
from tests.factories import make_task

pytestmark = pytest.mark.django_db


def raising(exc: Exception) -> Any:
    def fail(*args: object, **kwargs: object) -> None:
        raise exc

    return fail


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/nothing", "/tasks/abc", "/tasks/1/2", "/health/x", "/docs/", "/static/nothing.js"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_url_is_a_404(settings: Settings, debug: bool, path: str, method: str) -> None:
    settings.DEBUG = debug
    answer = Client(enforce_csrf_checks=True).generic(method, path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == f"There is nothing at {path}."


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("host", ["evil.example", "testserver:x", "a b", ""])
def test_a_host_that_is_not_ours_is_a_400(settings: Settings, debug: bool, host: str) -> None:
    settings.DEBUG = debug
    answer = Client().get("/tasks/", HTTP_HOST=host)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("exc", [OperationalError("gone"), InterfaceError("closed")])
def test_a_database_that_is_away_is_a_503(api: APIClient, monkeypatch: pytest.MonkeyPatch, exc: Exception) -> None:
    monkeypatch.setattr(TaskQuerySet, "change", raising(exc))
    answer = api.patch(f"/tasks/{make_task().pk}", {"title": "B"})
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer["Retry-After"] == "1"
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("kind", "sqlstate", "status"),
    [
        (OperationalError, "08006", 503),  # connection_failure
        (InternalError, "25006", 503),  # read_only_sql_transaction
        (InternalError, "25P02", 500),  # in_failed_sql_transaction: a bug
        (InternalError, "25P03", 503),  # idle_in_transaction_session_timeout
        (OperationalError, "40001", 503),  # serialization_failure
        (OperationalError, "40P01", 503),  # deadlock_detected
        (OperationalError, "53100", 503),  # disk_full
        (OperationalError, "53300", 503),  # too_many_connections
        (OperationalError, "54001", 500),  # statement_too_complex: so it is tomorrow
        (OperationalError, "55P03", 503),  # lock_not_available
        (OperationalError, "57014", 503),  # query_canceled: statement_timeout
        (OperationalError, "57P01", 503),  # admin_shutdown
        (OperationalError, "58030", 503),  # io_error
        (DataError, "22001", 500),
        (IntegrityError, "23505", 500),
        (ProgrammingError, "42P01", 500),  # undefined_table
        (InternalError, "XX000", 500),
        (ProgrammingError, None, 500),
    ],
)
def test_only_what_passes_is_a_503(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, kind: type[Error], sqlstate: str | None, status: int
) -> None:
    exc, cause = kind("it failed"), psycopg.Error("it failed")
    cause.sqlstate = sqlstate
    exc.__cause__ = cause
    monkeypatch.setattr(TaskQuerySet, "change", raising(exc))
    answer = api.patch(f"/tasks/{make_task().pk}", {"title": "B"})
    assert answer.status_code == status
    assert ("Retry-After" in answer) is (status == 503)


def test_a_crash_is_a_500_that_tells_nothing_and_is_logged_whole(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(TaskQuerySet, "change", raising(RuntimeError("the secret")))
    answer = api.patch(f"/tasks/{make_task().pk}", {"title": "B"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.content.decode()
    assert "the secret" in caplog.text
    assert answer.json()["instance"] in caplog.text


def test_a_crash_outside_of_the_api_has_the_same_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.contrib.admin.sites.AdminSite.each_context", raising(RuntimeError("the secret")))
    answer = Client(raise_request_exception=False).get("/admin/login/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "secret" not in answer.content.decode()


def test_a_database_that_is_away_is_a_503_outside_of_the_api_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.contrib.admin.sites.AdminSite.each_context", raising(OperationalError("gone")))
    assert Client(raise_request_exception=False).get("/admin/login/").status_code == 503


def test_more_parameters_than_django_reads_are_a_400(api: APIClient) -> None:
    answer = api.get("/tasks/?" + "&".join(f"a{number}=1" for number in range(1001)))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_what_django_itself_refuses_has_the_same_shape() -> None:
    answer = Client().get("/admin/login/?" + "&".join(f"a{number}=1" for number in range(1001)))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_options_lists_the_methods(api: APIClient) -> None:
    answer = api.options("/tasks/")
    assert (answer.status_code, answer["Allow"]) == (204, "GET, POST, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/tasks/", "/tasks/?completed=true", "/tasks/1?x=1", "/health", "/docs"])
def test_a_method_that_is_not_offered_is_a_405(api: APIClient, path: str) -> None:
    answer = api.generic("PURGE", path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_options_of_a_docs_page_is_a_405(api: APIClient, path: str) -> None:
    answer = api.options(path)
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/health?x=1", "/health/ready?x=1", "/tasks/1?format=json", "/tasks?format=json"])
def test_a_query_parameter_that_is_not_known_is_a_400(api: APIClient, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")


def test_every_code_of_drf_has_a_meaning_here() -> None:
    names = (name for name in vars(exceptions) if isinstance(vars(exceptions)[name], type))
    classes = [vars(exceptions)[name] for name in names if issubclass(vars(exceptions)[name], exceptions.APIException)]
    raised = {each.default_code for each in classes} - {"error", "invalid", "authentication_failed", "throttled"}
    assert raised <= CODES.keys() | RENAMED.keys()


def test_a_type_that_is_not_offered_is_a_406(api: APIClient) -> None:
    answer = api.get("/tasks/", HTTP_ACCEPT="text/csv")
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


@pytest.mark.django_db(transaction=True)
def test_a_row_that_stays_locked_is_a_503_and_nothing_is_changed(api: APIClient) -> None:
    task, locked, done = make_task(), threading.Event(), threading.Event()

    def hold_the_row() -> None:
        settings = connection.get_connection_params()
        settings = {name: settings[name] for name in ("host", "port", "user", "password", "dbname") if name in settings}
        with psycopg.connect(**settings) as other:
            other.execute("SELECT 1 FROM tasks_task WHERE id = %s FOR UPDATE", [task.pk])
            locked.set()
            done.wait()

    holder = threading.Thread(target=hold_the_row)
    holder.start()
    locked.wait()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 50")
    try:
        answer = api.patch(f"/tasks/{task.pk}", {"title": "B"})
    finally:
        done.set()
        holder.join()
        connection.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert Task.objects.get().title == "Buy milk"


@pytest.mark.parametrize("path", ["/", "/admin", "/favicon.ico", "/static/admin/css/base.css"])
def test_what_only_django_or_whitenoise_serves_has_the_same_405(path: str) -> None:
    answer = Client(enforce_csrf_checks=True).post(path)
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize(
    ("label", "status", "code"),
    [
        ("application/x-www-form-urlencoded", 403, "permission_denied"),
        ("application/x-www-form-urlencoded; charset=utf-7", 400, "bad_request"),
        ("multipart/form-data", 400, "bad_request"),
    ],
)
def test_a_form_that_django_does_not_take_has_the_same_shape(label: str, status: int, code: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32
    answer = client.post("/admin/login/", "a=b", content_type=label)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_session_that_django_never_made_is_none(api: APIClient) -> None:
    api.cookies["sessionid"] = "a" * 32 + "\x00"
    assert api.get("/tasks/").status_code == 200


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (exceptions.ValidationError({"title": ["Wrong."]}), 400, "invalid_body"),
        (exceptions.Throttled(wait=1.5), 429, "throttled"),
        (exceptions.PermissionDenied("No."), 403, "permission_denied"),
        (exceptions.APIException("the secret"), 500, "internal_error"),
        (Http404(), 404, "not_found"),
        (User.DoesNotExist("the secret"), 500, "internal_error"),
        (IntegrityError("the secret"), 500, "internal_error"),
        (DataError("the secret"), 500, "internal_error"),
    ],
)
def test_whatever_a_view_raises_has_the_same_shape_and_a_crash_is_logged(  # noqa: PLR0917 - three of them vary
    api: APIClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    exc: Exception,
    status: int,
    code: str,
) -> None:
    monkeypatch.setattr("config.api.health.LiveView.get", raising(exc))
    answer = api.get("/health")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert (answer.json()["code"], answer.json()["status"]) == (code, status)
    assert "secret" not in answer.content.decode()
    assert ("the secret" in caplog.text) is (status == 500)
    assert answer.get("Retry-After") == ("2" if status == 429 else None)
    assert answer.json().get("errors") == (
        [{"pointer": "/title", "code": "invalid", "detail": "Wrong."}] if code == "invalid_body" else None
    )
