"""Tokens in the admin: created, shown once, revoked."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from config.accounts.tokens.models import Token
from tests.factories import make_member, make_token, make_user
from tests.pages import form_in, notes_on

pytestmark = pytest.mark.django_db

LIST, ADD = "/admin/tokens/token/", "/admin/tokens/token/add/"


def log_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def anna() -> User:
    """On the staff; creates tokens for herself."""
    return make_member("anna", "Task admins", is_staff=True)


def form(user: User, **fields: Any) -> dict[str, Any]:
    return {"user": user.pk, "name": "phone", "expires_at_0": "2099-01-01", "expires_at_1": "00:00:00"} | fields


def shown_token(page: str) -> str:
    found = re.search(r"tasks_[0-9A-Za-z]{61}", page)
    assert found, page
    return found[0]


def test_a_token_is_shown_once_with_a_curl_line_and_works(anna: User, settings: Settings) -> None:
    settings.API_ANONYMOUS = "none"
    staff = log_in(anna)
    answer = staff.post(ADD, form(anna))
    page = answer.content.decode()
    text = shown_token(page)
    assert f"curl -H &#x27;Authorization: Bearer {text}&#x27; http://testserver/tasks/" in page or (
        f"curl -H 'Authorization: Bearer {text}' http://testserver/tasks/" in page
    )
    assert 'data-copy="token"' in page
    assert "no-store" in answer.headers["Cache-Control"]
    assert Client().get("/tasks/", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    token = Token.objects.get()
    for url in (LIST, f"{LIST}{token.pk}/change/", f"{LIST}{token.pk}/history/", "/admin/"):
        assert text[18:] not in staff.get(url).content.decode()
    assert text[18:] not in str(list(LogEntry.objects.values()))


def test_the_form_offers_the_user_and_an_expiry_in_90_days(anna: User) -> None:
    page = log_in(anna).get(ADD).content.decode()
    assert f'<option value="{anna.pk}" selected>anna</option>' in page
    assert (timezone.now() + timedelta(days=90)).strftime("%Y-%m-%d") in page


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expires_at_0": "2020-01-01"}, "Must be in the future."),
        ({"expires_at_0": "soon"}, "Enter a valid date."),
        ({"name": ""}, "This field is required."),
        ({"name": "taken"}, "This user has a token of that name already. Revoke it first."),
    ],
)
def test_what_is_wrong_in_the_form_is_named(anna: User, fields: dict[str, str], message: str) -> None:
    make_token(anna, "taken")
    page = log_in(anna).post(ADD, form(anna, **fields)).content.decode()
    assert message in page
    assert Token.objects.count() == 1


def test_staff_create_tokens_only_for_themselves(anna: User, alice: User) -> None:
    page = log_in(anna).post(ADD, form(alice)).content.decode()
    assert "Select a valid choice." in page
    assert not Token.objects.exists()


def test_a_superuser_creates_them_for_everybody(anna: User, alice: User) -> None:
    assert "autocomplete" in log_in(alice).get(ADD).content.decode()
    shown_token(log_in(alice).post(ADD, form(anna)).content.decode())
    assert Token.objects.get().user == anna


def test_staff_see_their_own_alone_and_a_superuser_all(anna: User, alice: User) -> None:
    make_token(alice, "of-alice")
    make_token(anna, "of-anna")
    assert "of-alice" not in log_in(anna).get(LIST).content.decode()
    assert log_in(anna).get(f"{LIST}{alice.tokens.get().pk}/change/").status_code == 302
    page = log_in(alice).get(LIST).content.decode()
    assert "of-alice" in page
    assert "of-anna" in page


def test_the_list_tells_what_each_is_worth_with_the_same_queries_for_all(alice: User) -> None:
    staff = log_in(alice)
    make_token(alice, "a")
    with CaptureQueriesContext(connection) as one:
        staff.get(LIST)
    make_token(alice, "b", days=-1)
    make_token(make_user("bob"), "c", revoked_at=timezone.now())
    with CaptureQueriesContext(connection) as three:
        page = staff.get(LIST).content.decode()
    assert len(one) == len(three)
    assert re.findall(r'field-state">(\w+)<', page) == ["revoked", "expired", "valid"]


def ask(staff: Client, *tokens: Token) -> str:
    """The page that asks before it revokes them."""
    return staff.post(LIST, {"action": "revoke", "_selected_action": [token.pk for token in tokens]}).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_revoked_token_is_refused_by_the_next_request(anna: User) -> None:
    text = make_token(anna)
    token, staff = Token.objects.get(), log_in(anna)
    headers = {"Authorization": f"Bearer {text}"}
    page = ask(staff, token)
    assert "Revoke 1 token?" in page
    assert notes_on(page) == {"script": "anna, valid"}
    assert Client().get("/tasks/", headers=headers).status_code == 200
    answer = staff.post(LIST, form_in(page), follow=True)
    assert "1 token revoked. Requests with it are now refused." in answer.content.decode()
    assert Client().get("/tasks/", headers=headers).status_code == 401
    assert LogEntry.objects.filter(change_message="Revoked.").count() == 1


def test_the_page_of_a_token_leads_to_the_same_question(anna: User) -> None:
    make_token(anna)
    token, staff = Token.objects.get(), log_in(anna)
    url = f"{LIST}{token.pk}/change/"
    page = staff.get(url).content.decode()
    assert f'name="action" value="revoke" formaction="{LIST}"' in page
    assert "Revoke 1 token?" in staff.post(LIST, form_in(page) | {"action": "revoke"}).content.decode()
    Token.objects.update(revoked_at=timezone.now())
    assert 'value="revoke"' not in staff.get(url).content.decode()


def test_tokens_that_are_revoked_already_are_left_out(alice: User) -> None:
    for name in ("a", "b", "c"):
        make_token(alice, name)
    *left, last = Token.objects.order_by("name")
    Token.objects.filter(pk=last.pk).update(revoked_at=timezone.now())
    staff = log_in(alice)
    assert "Nothing to revoke" in ask(staff, last)
    page = ask(staff, *left, last)
    assert "Revoke 2 tokens?" in page
    Token.objects.filter(pk=left[0].pk).update(revoked_at=timezone.now())
    answer = staff.post(LIST, form_in(page)).content.decode()
    assert "Nothing was revoked: someone else updated some of them." in answer
    message = "1 token revoked. Requests with it are now refused."
    assert message in staff.post(LIST, form_in(answer), follow=True).content.decode()


def test_the_question_costs_the_same_queries_for_one_and_for_five_tokens(alice: User) -> None:
    staff, counts = log_in(alice), []
    for name in ("anna", "bert", "carl", "dora", "emil"):
        make_token(make_user(name))
    for tokens in (Token.objects.all()[:1], Token.objects.all()):
        with CaptureQueriesContext(connection) as queries:
            assert "Revoke" in ask(staff, *tokens)
        counts.append(len(queries) - 1)  # the query of the test itself
    assert counts[0] == counts[1]


def test_nobody_revokes_the_token_of_another(anna: User, alice: User) -> None:
    make_token(alice)
    answer = log_in(anna).post(LIST, {"action": "revoke", "_selected_action": [alice.tokens.get().pk], "post": "yes"})
    assert answer.status_code == 302
    assert alice.tokens.get().revoked_at is None


def test_a_revocation_is_for_good(anna: User) -> None:
    make_token(anna, revoked_at=timezone.now())
    token = Token.objects.get()
    data = {"expires_at_0": "2099-01-01", "expires_at_1": "00:00:00", "revoked_at": "", "revoked_at_0": ""}
    assert log_in(anna).post(f"{LIST}{token.pk}/change/", data).status_code == 302
    after = Token.objects.get()
    assert after.expires_at.year == 2099
    assert after.revoked_at == token.revoked_at


def test_the_rest_of_a_token_never_changes(anna: User, alice: User) -> None:
    make_token(anna)
    before = Token.objects.values().get()
    data = {"expires_at_0": "2098-01-01", "expires_at_1": "00:00:00", "name": "x", "user": alice.pk, "digest": "x"}
    log_in(anna).post(f"{LIST}{before['id']}/change/", data)
    after = Token.objects.values().get()
    assert before | {"expires_at": after["expires_at"]} == after
    assert after["expires_at"].year == 2098


def test_staff_without_the_permission_create_none() -> None:
    staff = log_in(make_member("eve", "Task editors", is_staff=True))
    assert staff.get(ADD).status_code == 403
    assert staff.get(LIST).status_code == 403


def test_a_list_without_tokens_says_what_they_are_for(staff: Client, alice: User) -> None:
    explained = "A token lets a program use the API in the name of a user"
    assert explained in staff.get(LIST).content.decode()
    assert explained not in staff.get(f"{LIST}?q=x").content.decode()
    make_token(alice)
    page = staff.get(LIST).content.decode()
    assert explained not in page
    assert '<td class="field-last_used">never</td>' in page
    Token.objects.update(last_used_at=timezone.now())
    assert "0\xa0minutes ago" in staff.get(LIST).content.decode()
