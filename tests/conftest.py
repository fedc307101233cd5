"""People, clients and servers. Everything else is a plain function in factories.py."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from tests import contract
from tests.factories import make_user
from tests.servers import Server, running_server


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
def server(transactional_db: None) -> Iterator[Server]:
    """A real gunicorn in the production configuration, on the database of the tests."""
    with running_server() as server:
        yield server
