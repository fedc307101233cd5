"""People, clients and servers. Everything else is a plain function in factories.py."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client
from django.test.client import ClientHandler
from rest_framework.test import APIClient

from config import wsgi
from tests import contract
from tests.factories import client_of, make_user
from tests.servers import Server, running_server

pytest_plugins = ["tests.browser"]
# A job that a shell runs in the background is born ignoring Ctrl-C, and what it starts would be, too: the servers and
# commands that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _every_answer_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever any test receives under /tasks is held against the OpenAPI document."""
    send = Client.request

    def send_and_check(self: Client, **request: Any) -> Any:
        answer = send(self, **request)
        path = request.get("PATH_INFO", "")
        if path.startswith("/tasks"):
            contract.check(request["REQUEST_METHOD"], path, answer.status_code, answer.headers, answer.content)
        return answer

    monkeypatch.setattr(Client, "request", send_and_check)


@pytest.fixture(autouse=True)
def _requests_go_the_way_that_they_go_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through config.wsgi, and not past it to Django."""
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
    """Runs the place: staff and superuser."""
    return make_user("alice", is_staff=True, is_superuser=True)


@pytest.fixture
def staff(alice: User) -> Client:
    """Her browser."""
    return client_of(alice)


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    """A real gunicorn in the production configuration, on the database of the tests."""
    with running_server() as server:
        yield server
