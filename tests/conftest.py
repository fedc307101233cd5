"""People, clients and servers. Everything else is a plain function in factories.py."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from tests.factories import make_user
from tests.servers import Server, running_server


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
