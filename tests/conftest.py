"""Fixtures for people, clients and servers. Everything else is a plain function in factories.py."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIRequest
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models.signals import post_migrate
from django.test import Client
from django.test.client import ClientHandler
from rest_framework.test import APIClient
from whitenoise.middleware import WhiteNoiseMiddleware

from config import wsgi
from config.postgresql.base import current
from tasks import pages
from tasks.groups import make_groups
from tests import contract
from tests.factories import client_of, make_user
from tests.servers import Server, running_server

pytest_plugins = ["tests.browser"]
REMEMBERED = {"django_content_type", "auth_permission"}
# A background job of a shell ignores Ctrl-C, and so do its children, the servers and commands that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests run first: one at the end would run on one core while the others are idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def _every_answer_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks every answer under /tasks in any test against the OpenAPI document."""
    send = Client.request

    def send_and_check(self: Client, **request: Any) -> Any:
        answer = send(self, **request)
        path = request.get("PATH_INFO", "")
        if path.startswith("/tasks"):
            contract.check(request["REQUEST_METHOD"], path, answer.status_code, answer.headers, answer.content)
        return answer

    monkeypatch.setattr(Client, "request", send_and_check)


@pytest.fixture(autouse=True)
def _no_estimate_is_remembered() -> None:
    pages.ESTIMATES.clear()


@pytest.fixture(autouse=True)
def _nobody_signs_what_follows() -> None:
    current().parameters = {}


@pytest.fixture(autouse=True)
def _requests_go_the_way_that_they_go_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends requests through config.wsgi instead of directly to Django."""
    to_django = ClientHandler.__call__

    def through_wsgi(self: ClientHandler, environ: dict[str, Any]) -> Any:
        environ.setdefault("HTTP_HOST", environ["SERVER_NAME"])
        wsgi.read_body(environ)
        answer = wsgi.handler.answer(environ)
        if answer is None:
            return to_django(self, environ)
        answer.wsgi_request = WSGIRequest(environ)  # type: ignore[attr-defined]  # as Django's handler does
        return answer

    monkeypatch.setattr(ClientHandler, "__call__", through_wsgi)
    monkeypatch.setattr("config.server.handler.close_old_connections", lambda: None)  # as Django's test client does


@pytest.fixture
def api() -> APIClient:
    """A client without a token, as the local trial serves it."""
    client = APIClient(raise_request_exception=False)
    client.default_format = "json"
    return client


@pytest.fixture
def alice(db: None) -> User:
    """Staff and superuser."""
    return make_user("alice", is_staff=True, is_superuser=True)


@pytest.fixture
def staff(alice: User) -> Client:
    """Alice's browser."""
    return client_of(alice)


@pytest.fixture(scope="session")
def gunicorn(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests, because it takes seconds to start."""
    with running_server(tmp_path_factory.mktemp("gunicorn") / "log") as server:
        yield server


@pytest.fixture
def server(transactional_db: None, gunicorn: Server) -> Server:
    """A real gunicorn with the production configuration and the tests' database."""
    return gunicorn


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_listed_once() -> Iterator[None]:
    """Every client creates all middlewares, and one of them takes 30 ms to list the static files."""
    find, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, Any]()

    def find_once(self: WhiteNoiseMiddleware) -> None:
        if not found:
            find(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", find_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _a_flush_keeps_what_the_migrations_created() -> Iterator[None]:
    """Creates the groups again. Content types and permissions keep their ids, which gunicorn caches."""
    flush = DatabaseOperations.sql_flush

    def flush_others(self: Any, style: Any, tables: list[str], **options: Any) -> list[str]:
        return flush(self, style, [name for name in tables if name not in REMEMBERED], **options)

    def add_groups(**_: Any) -> None:
        make_groups(apps, None)

    post_migrate.connect(add_groups, sender=apps.get_app_config("tasks"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", flush_others)
        yield
