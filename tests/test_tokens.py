"""Tokens: what they allow, and that a refusal reveals nothing."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from config.accounts.tokens import grants
from config.accounts.tokens.models import Token
from config.accounts.tokens.secret import ALPHABET, checksum, digest_of, new_token, public_id_of
from tasks.history.models import Change
from tests.factories import make_member, make_task, make_token, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    return make_user("bob", "view", "add")


def bearer(api: APIClient, text: str) -> APIClient:
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return api


def test_a_token_has_its_prefix_and_256_bits() -> None:
    text = new_token()
    assert text.startswith("tasks_")
    assert text.isascii()
    assert text[6:].isalnum()
    assert len(text) == 67
    assert len(ALPHABET) ** 43 > 2**256
    assert len({new_token() for _ in range(100)}) == 100


def test_a_mistyped_token_is_recognized_without_the_database() -> None:
    text = new_token()
    assert public_id_of(text) == text[6:18]
    for place in (0, 6, 17, 18, 40, 60, 61, 66):
        wrong = text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1 :]
        assert public_id_of(wrong) is None
    for wrong in ("", "tasks_", text[:-1], text + "0", text.upper(), f"{text}\n"):
        assert public_id_of(wrong) is None


def test_the_checksum_is_crc_32_in_base_62() -> None:
    digits = [ALPHABET.index(digit) for digit in checksum("123456789")]
    assert sum(digit * 62**place for place, digit in enumerate(reversed(digits))) == 0xCBF43926  # CRC-32's own example
    assert checksum("") == "000000"


def test_only_a_digest_is_stored(bob: User) -> None:
    text = make_token(bob)
    with connection.cursor() as cursor:
        cursor.execute("SELECT token::text, digest FROM tokens_token AS token")
        row, digest = cursor.fetchone()
    assert bytes(digest) == digest_of(text)
    assert text[18:] not in row
    assert text[18:61] not in row


def test_a_token_does_what_its_user_may(api: APIClient, settings: Settings, bob: User) -> None:
    settings.API_ANONYMOUS = "none"
    bearer(api, make_token(bob))
    assert api.get("/tasks/").status_code == 200
    assert api.post("/tasks/", {"title": "A"}).status_code == 201
    answer = api.delete(f"/tasks/{make_task().pk}")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert answer.json()["detail"] == "The permission tasks.delete_task is required."


def test_a_request_with_a_token_needs_no_csrf_token(bob: User) -> None:
    api = bearer(APIClient(enforce_csrf_checks=True), make_token(bob))
    assert api.post("/tasks/", {"title": "A"}, format="json").status_code == 201


def test_the_scheme_is_accepted_in_any_case(api: APIClient, bob: User) -> None:
    api.credentials(HTTP_AUTHORIZATION=f"bearer   {make_token(bob)} ")
    assert api.get("/tasks/").status_code == 200


def test_a_superusers_token_may_do_everything(api: APIClient, alice: User) -> None:
    assert bearer(api, make_token(alice)).delete(f"/tasks/{make_task().pk}").status_code == 204


def test_a_token_wins_over_a_session(api: APIClient, alice: User, bob: User) -> None:
    api.force_login(alice)
    assert bearer(api, make_token(bob)).delete(f"/tasks/{make_task().pk}").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_change_of_permissions_takes_effect_at_once(api: APIClient, settings: Settings, bob: User) -> None:
    settings.API_ANONYMOUS = "none"
    bearer(api, make_token(bob))
    assert api.get("/tasks/").status_code == 200
    bob.user_permissions.clear()
    assert api.get("/tasks/").status_code == 403
    bob.groups.add(make_member("carol", "Task readers").groups.get())
    assert api.get("/tasks/").status_code == 200


def refused(kind: str, user: User) -> str:
    """The header with a token that is refused for this reason."""
    if kind == "expired":
        return f"Bearer {make_token(user, days=-1)}"
    if kind == "revoked":
        return f"Bearer {make_token(user, revoked_at=timezone.now())}"
    text = make_token(user)
    if kind == "inactive":
        User.objects.update(is_active=False)
    elif kind == "deleted":
        user.delete()
    body = text[:18] + new_token()[18:61]
    texts = {"of another secret": body + checksum(body), "mistyped": f"{text[:-1]}!", "never made": new_token()}
    headers = {"no scheme": text, "another scheme": f"Basic {text}", "empty": "", "nothing behind it": "Bearer"}
    return headers.get(kind, f"Bearer {texts.get(kind, text)}")


REFUSED = [
    "expired",
    "revoked",
    "inactive",
    "deleted",
    "of another secret",
    "mistyped",
    "never made",
    "no scheme",
    "another scheme",
    "empty",
    "nothing behind it",
]


@pytest.mark.parametrize("setting", ["write", "none"])
@pytest.mark.parametrize("kind", REFUSED)
def test_all_refused_tokens_get_one_answer(
    api: APIClient, settings: Settings, bob: User, kind: str, setting: str
) -> None:
    settings.API_ANONYMOUS = setting
    api.credentials(HTTP_AUTHORIZATION=refused(kind, bob), HTTP_X_REQUEST_ID="r")
    changes = Change.objects.count()
    answer = api.post("/tasks/", {"title": "A"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tasks", error="invalid_token"'
    assert answer.json() == {
        "type": "/docs#error-invalid_token",
        "title": "Unauthorized",
        "status": 401,
        "detail": "The token is wrong, expired or revoked: expected Authorization: Bearer, followed by a valid token.",
        "code": "invalid_token",
    }
    assert Change.objects.count() == changes


def test_without_a_token_the_answer_asks_for_one(api: APIClient, settings: Settings) -> None:
    settings.API_ANONYMOUS = "none"
    answer = api.get("/tasks/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tasks"'


@pytest.mark.django_db(transaction=True)
def test_a_revocation_takes_effect_on_the_next_request(api: APIClient, bob: User) -> None:
    bearer(api, make_token(bob))
    assert api.get("/tasks/").status_code == 200
    Token.objects.update(revoked_at=timezone.now())
    assert api.get("/tasks/").status_code == 401


def test_a_token_costs_one_query_whatever_the_permissions(api: APIClient, bob: User) -> None:
    bearer(api, make_token(bob, last_used_at=timezone.now()))
    url = f"/tasks/{make_task().pk}"
    with CaptureQueriesContext(
        connection,
    ) as without:
        APIClient().get(url)
    with CaptureQueriesContext(connection) as captured:
        assert api.get(url).status_code == 200
    assert len(captured) == len(without) + 1


def test_a_mistyped_token_costs_no_query(api: APIClient) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert bearer(api, f"{new_token()[:-1]}!").get("/tasks/").status_code == 401
    assert not captured.captured_queries


def test_a_token_is_found_by_an_index(bob: User) -> None:
    make_token(bob)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT * FROM tokens_token WHERE public_id = 'x'")
        assert "Index Scan" in cursor.fetchone()[0]


def last_used() -> Any:
    return Token.objects.get().last_used_at


def test_the_last_use_is_recorded_at_most_once_a_minute(api: APIClient, bob: User) -> None:
    bearer(api, make_token(bob))
    assert last_used() is None
    api.get("/tasks/")
    assert abs(last_used() - timezone.now()) < timedelta(minutes=1)
    recent, old = (timezone.now() - timedelta(seconds=seconds) for seconds in (50, 70))
    for before, is_noted in ((recent, False), (old, True)):
        Token.objects.update(last_used_at=before)
        grants.REMEMBERED.clear()  # as in another process
        api.get("/tasks/")
        assert (last_used() != before) is is_noted


def test_a_cached_grant_is_looked_up_again_when_its_use_must_be_recorded_or_it_expires(
    api: APIClient, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(grants, "monotonic", lambda: now)
    for unused, valid, seconds in ((100, 100, 60), (40, 100, 20), (0, 30, 30)):
        used_at = timezone.now() - timedelta(seconds=unused)
        text = make_token(bob, f"good for {seconds}", days=valid / 86400, last_used_at=used_at)
        bearer(api, text).get("/tasks/")
        now += seconds - 2
        assert grants.remembered(text)
        now += 4
        assert grants.remembered(text) is None


def queries_of(api: APIClient, expected: int) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert api.get("/tasks/").status_code == expected
    return len(queries)


@pytest.fixture
def view(transactional_db: None) -> Iterator[Permission]:
    """The permission to view tasks. It is restored afterwards, because a flush keeps what migrations create."""
    permission = Permission.objects.get(codename="view_task")
    holders = list(permission.group_set.all())
    yield permission
    permission.save()
    permission.group_set.set(holders)


def test_a_cached_grant_costs_no_query_and_ends_with_the_permission(
    api: APIClient, settings: Settings, view: Permission
) -> None:
    """Changes that another process may make."""
    settings.API_ANONYMOUS = "none"
    readers = Group.objects.create(name="Readers of this test")
    endings: dict[str, Callable[[User], object]] = {
        "revoked": lambda user: user.tokens.update(revoked_at=timezone.now()),
        "expired": lambda user: user.tokens.update(expires_at=timezone.now() - timedelta(hours=1)),
        "deleted": lambda user: user.tokens.all().delete(),
        "inactive": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        "user deleted": lambda user: user.delete(),
        "left the group": lambda user: user.groups.clear(),
        "the group may no longer": lambda _: readers.permissions.clear(),
        "there is no such permission": lambda _: view.delete(),
    }
    for number, (why, end) in enumerate(endings.items()):
        readers.permissions.add(view)
        user = make_user(f"user-{number}")
        user.groups.add(readers)
        make_task(title=why)
        bearer(api, make_token(user))
        assert (queries_of(api, 200), queries_of(api, 200)) == (
            3,
            1,
        )  # the page; the first time also the grant and its use
        end(user)
        assert queries_of(api, 403 if "group" in why or "permission" in why else 401) > 1, why


@pytest.mark.django_db(transaction=True)
def test_a_cached_grant_that_no_longer_holds_is_a_401_even_for_an_empty_list(
    api: APIClient, settings: Settings, bob: User
) -> None:
    settings.API_ANONYMOUS = "none"
    bearer(api, make_token(bob))
    for query in ("", "?tag=unknown"):
        assert api.get(f"/tasks/{query}").json()["results"] == []
    User.objects.filter(pk=bob.pk).update(is_active=False)
    for query in ("", "?tag=unknown"):
        assert api.get(f"/tasks/{query}").status_code == 401


def test_a_process_caches_a_limited_number_of_grants(
    api: APIClient, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "MOST_REMEMBERED", 2)
    grants.REMEMBERED.clear()
    for number, remembered in enumerate((1, 2, 1)):
        bearer(api, make_token(bob, f"{number}")).get("/tasks/")
        assert len(grants.REMEMBERED) == remembered


@pytest.mark.django_db(transaction=True)
def test_no_request_waits_to_record_the_last_use(bob: User) -> None:
    """Another transaction has just recorded the use and has not committed."""
    api, held, done = bearer(APIClient(), make_token(bob)), threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; SELECT 1 FROM tokens_token FOR UPDATE")
            held.set()
            done.wait(20)
            cursor.execute("ROLLBACK")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(20)
    try:
        assert api.get("/tasks/").status_code == 200
        assert last_used() is None
    finally:
        done.set()
        holder.join()


@pytest.mark.django_db(transaction=True)
def test_a_read_only_database_can_be_read_with_a_token(bob: User) -> None:
    api = bearer(APIClient(), make_token(bob))
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            assert api.get("/tasks/").status_code == 200
        finally:
            cursor.execute("SET default_transaction_read_only = off")
    assert last_used() is None


def test_the_history_names_the_user_and_the_token(api: APIClient, bob: User) -> None:
    bearer(api, make_token(bob, "nightly import")).post("/tasks/", {"title": "A"})
    assert Change.objects.latest("pk").actor == "bob (nightly import)"
