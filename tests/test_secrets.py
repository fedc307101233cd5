"""No secret is in an answer, the log, the history or the OpenAPI document: the tests search all of them."""

import http.client
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db import connection

from tests.servers import database_url, running_server, stop

KEY = "the-secret-key-of-this-server-which-nobody-may-ever-see-1234567890"
PASSWORD = "the-password-of-alice"
TASK = '{"title": "A"}'


def database_password() -> str:
    """The password of the tests' database; if it needs none, one that it ignores."""
    password: str = connection.settings_dict["PASSWORD"]
    return password or "the-password-of-the-database"


def url_with_password() -> str:
    if connection.settings_dict["PASSWORD"]:
        return database_url()
    return database_url().replace("@", f":{database_password()}@", 1)


class Caller:
    """Sends requests and keeps all answers, except the session's cookie."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.told = ""
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: str | None = None, kind: str = "application/json") -> int:
        headers = {"Content-Type": kind, "Connection": "close", "X-CSRFToken": self.cookies.get("csrftoken", "")}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        for header, value in answer.getheaders():
            if header == "Set-Cookie":
                name, _, rest = value.partition("=")
                self.cookies[name] = rest.partition(";")[0]
            else:
                self.told += f"{header}: {value}\n"
        self.told += answer.read().decode()
        return answer.status

    def log_in(self, password: str) -> int:
        self.ask("GET", "/admin/login/")
        form = {"username": "alice", "password": password, "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        return self.ask("POST", "/admin/login/", urlencode(form), "application/x-www-form-urlencoded")


def history() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT change::text FROM tasks_change AS change")
        return "".join(row[0] for row in cursor.fetchall())


def crash(caller: Caller) -> int:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tasks_task RENAME TO gone")
        try:
            return caller.ask("GET", "/tasks/")
        finally:
            cursor.execute("ALTER TABLE gone RENAME TO tasks_task")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_nothing_secret_is_in_an_answer_the_log_or_the_history() -> None:
    stored = PBKDF2PasswordHasher().encode(PASSWORD, "salt")  # the server does not know the tests' fast hasher
    User.objects.create(username="alice", password=stored, is_staff=True, is_superuser=True)
    with running_server(DATABASE_URL=url_with_password(), SECRET_KEY=KEY) as server:
        caller = Caller(server.port)
        assert caller.log_in(f"{PASSWORD}!") == 200
        assert caller.log_in(PASSWORD) == 302
        assert caller.ask("POST", "/tasks/", TASK) == 201
        assert caller.ask("POST", "/tasks/?x=1", TASK) == 400
        assert caller.ask("GET", "/openapi.json") == caller.ask("GET", "/docs") == caller.ask("GET", "/admin/") == 200
        assert crash(caller) == 500
        log = "".join(stop(server.process))
    assert "alice" in history()
    assert "UndefinedTable" in log
    secrets = (KEY, PASSWORD, database_password(), caller.cookies["sessionid"], stored)
    for place in (caller.told, log, history()):
        assert place
        assert not [secret for secret in secrets if secret in place]
