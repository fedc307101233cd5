"""People, clients and servers. Everything else is a plain function in factories.py."""

import pytest
from rest_framework.test import APIClient


@pytest.fixture
def api() -> APIClient:
    """A client with no token, as the local trial serves it."""
    return APIClient(raise_request_exception=False)
