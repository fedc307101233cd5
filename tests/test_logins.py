"""The login of the admin limits wrong passwords, and nobody can lock the owner out."""

import datetime
import io
import re
import threading

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from config.accounts.logins.limits import PER_ACCOUNT, PER_ADDRESS, PER_DEVICE, address_key, key_of
from config.accounts.logins.models import WINDOW, Attempts, Limit
from tests.factories import make_user

LOGIN = "/admin/login/"
RIGHT, WRONG = "correct horse", "a wrong secret"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alice")]


def log_in(
    name: str = "alice", password: str = WRONG, address: str = "192.0.2.1", client: Client | None = None
) -> HttpResponse:
    answer: HttpResponse = (client or Client()).post(  # type: ignore[assignment]
        LOGIN, {"username": name, "password": password, "next": "/admin/"}, REMOTE_ADDR=address
    )
    return answer


def statuses(count: int, name: str = "alice", address: str = "") -> list[int]:
    """The statuses of this many wrong passwords, each from a different address unless `address` is given."""
    return [log_in(name, address=address or f"192.0.2.{number}").status_code for number in range(count)]


def use_up_alice() -> None:
    assert statuses(PER_ACCOUNT) == [200] * PER_ACCOUNT
    assert log_in().status_code == 429


def age(by: datetime.timedelta) -> None:
    Attempts.objects.update(since=F("since") - by)


def test_an_account_is_limited_for_attempts_from_any_address() -> None:
    assert statuses(PER_ACCOUNT + 3) == [200] * PER_ACCOUNT + [429] * 3
    assert statuses(1, "bob") == [200]


def test_an_address_is_limited_for_attempts_on_any_account() -> None:
    found = [log_in(f"user{number}").status_code for number in range(PER_ADDRESS + 2)]
    assert found == [200] * PER_ADDRESS + [429] * 2
    assert log_in("user0", address="192.0.2.2").status_code == 200


def test_attempts_from_a_limited_address_do_not_count_against_the_account() -> None:
    for number in range(PER_ADDRESS):
        log_in(f"user{number}")
    assert statuses(PER_ACCOUNT, address="192.0.2.1") == [429] * PER_ACCOUNT
    assert log_in(password=RIGHT, address="192.0.2.2").status_code == 302


@pytest.mark.parametrize("name", [" alice", "alice\u3000", "\uff41lice", "al\uff49ce "])
def test_names_that_are_equal_to_the_form_are_equal_to_the_limit(name: str) -> None:
    use_up_alice()
    assert log_in(name, RIGHT).status_code == 429


def test_ipv6_addresses_count_by_the_network_of_a_subscriber() -> None:
    assert address_key("2001:db8::ffff:0:0:1") == address_key("2001:db8::1")
    assert address_key("2001:db8:0:1::1") != address_key("2001:db8::1")
    assert address_key("192.0.2.1") != address_key("192.0.2.2")
    assert address_key("") != address_key("192.0.2.1")  # a peer on a Unix socket has none


def test_the_page_of_a_limited_attempt_says_what_to_do() -> None:
    use_up_alice()
    age(datetime.timedelta(seconds=61))
    answer = log_in(password=RIGHT)
    page = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert 14 * 60 - 5 <= int(answer["Retry-After"]) <= 14 * 60
    assert "Wait\n  14 minutes" in page
    assert "manage.py unlock_login NAME" in page
    assert 'id="site-name"' in page
    assert "no-store" in answer["Cache-Control"]
    assert RIGHT not in page


def test_the_limit_ends_by_itself_and_further_attempts_do_not_extend_it() -> None:
    use_up_alice()
    age(WINDOW - datetime.timedelta(minutes=1))
    assert statuses(5) == [429] * 5
    age(datetime.timedelta(minutes=1))
    assert statuses(PER_ACCOUNT + 1) == [200] * PER_ACCOUNT + [429]


def test_right_passwords_are_not_counted() -> None:
    for _ in range(PER_ADDRESS + 1):
        assert log_in(password=RIGHT).status_code == 302
    assert set(Attempts.objects.values_list("count", flat=True)) == {0}


def test_the_owners_browser_can_log_in_while_others_keep_guessing() -> None:
    owner = Client()
    assert log_in(password=RIGHT, client=owner).status_code == 302
    owner.post("/admin/logout/")
    use_up_alice()
    assert statuses(PER_ADDRESS, address="192.0.2.1")[-1] == 429
    assert log_in(password=RIGHT, client=owner).status_code == 302


def test_the_owners_browser_has_its_own_limit() -> None:
    owner = Client()
    log_in(password=RIGHT, client=owner)
    assert [log_in(client=owner).status_code for _ in range(PER_DEVICE + 1)] == [200] * PER_DEVICE + [429]
    assert log_in(password=RIGHT).status_code == 302  # elsewhere


def test_a_browser_is_known_only_for_its_own_account() -> None:
    make_user("bob", is_staff=True)
    browser = Client()
    log_in("bob", RIGHT, client=browser)
    use_up_alice()
    assert log_in(password=RIGHT, client=browser).status_code == 429


def test_the_cookie_of_a_known_browser_is_closed_to_scripts_and_other_sites() -> None:
    browser = Client()
    log_in(password=RIGHT, client=browser)
    cookie = browser.cookies["device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", LOGIN)
    assert "alice" not in cookie.value
    browser.cookies["device"] = cookie.value[:-1] + ("a" if cookie.value[-1] != "a" else "b")
    use_up_alice()
    assert log_in(password=RIGHT, client=browser).status_code == 429


@pytest.mark.parametrize("name", ["alice", "192.0.2.1"])
def test_an_operator_unlocks_an_account_or_an_address(name: str) -> None:
    use_up_alice()
    for number in range(PER_ADDRESS):
        log_in(f"user{number}")
    call_command("unlock_login", "alice", name, stdout=(out := io.StringIO()))
    assert log_in(password=RIGHT, address=name if "." in name else "192.0.2.2").status_code == 302
    assert statuses(PER_ACCOUNT, address="192.0.2.3") == [200] * PER_ACCOUNT  # further guesses do not end it
    assert f"Login attempts are not limited for 15 minutes: alice, {name}." in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_attempts_at_the_same_moment_do_not_exceed_the_limit() -> None:
    found: list[int] = []
    start = threading.Barrier(24)

    def attempt(number: int) -> None:
        start.wait()
        try:
            found.append(log_in(address=f"192.0.2.{number}").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] * PER_ACCOUNT + [429] * (24 - PER_ACCOUNT)


def test_failed_and_limited_attempts_are_logged_without_what_was_typed(caplog: pytest.LogCaptureFixture) -> None:
    use_up_alice()
    log_in("hunter2 in the wrong box")
    log_in("alice\x00")
    log_in("x" * 200_000)
    lines = [record.getMessage() for record in caplog.records if record.name == "config.accounts.logins"]
    assert lines[0] == "login failed: account alice, address 192.0.2.0"
    assert lines[PER_ACCOUNT] == "login limited: account alice, address 192.0.2.1"
    assert lines[PER_ACCOUNT + 1 :] == ["login failed: no such account, address 192.0.2.1"] * 3
    assert WRONG not in caplog.text
    assert "hunter2" not in caplog.text


def test_rows_that_no_longer_count_are_deleted() -> None:
    old = timezone.now() - 2 * WINDOW
    Attempts.objects.bulk_create(Attempts(key=key_of("old", str(each)), count=1, since=old) for each in range(25))
    log_in()
    assert Attempts.objects.filter(since__lte=old).count() == 5  # ten for each of the two limits
    assert re.fullmatch(r"1 since \d{4}-.*", str(Attempts.objects.latest("since")))
    assert Limit(key_of("never", "used"), 1).wait() == 1


def test_expired_sessions_are_deleted_at_the_next_login() -> None:
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - WINDOW)
    log_in(password=RIGHT)
    assert not Session.objects.filter(session_key="old").exists()


def test_a_login_that_is_refused_for_another_reason_counts_too() -> None:
    make_user("charlie")  # not staff
    answer = log_in("charlie", RIGHT)
    assert (answer.status_code, "device" in answer.cookies) == (200, False)
    assert set(Attempts.objects.values_list("count", flat=True)) == {1}


def test_a_user_who_is_logged_in_is_limited_too() -> None:
    staff = Client()
    staff.force_login(User.objects.get())
    assert [log_in(client=staff).status_code for _ in range(PER_ACCOUNT + 1)] == [200] * PER_ACCOUNT + [429]


WEAK = {
    "alice-alice": "too similar",
    "aB3-x9z": "too short",
    "password123": "too common",
    "8437589437598": "entirely numeric",
}


@pytest.mark.parametrize(("password", "reason"), WEAK.items())
def test_a_weak_password_is_refused_in_the_admin(password: str, reason: str) -> None:
    staff = Client()
    staff.force_login(User.objects.get())
    fields = {"username": "alice-alice", "password1": password, "password2": password, "usable_password": "true"}
    assert reason in staff.post("/admin/auth/user/add/", fields).content.decode()
    fields = {"old_password": RIGHT, "new_password1": password, "new_password2": password}
    User.objects.update(username="alice-alice")
    assert reason in staff.post("/admin/password_change/", fields).content.decode()


@pytest.mark.parametrize(("password", "reason"), WEAK.items())
def test_a_weak_password_is_questioned_at_the_prompt(
    password: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"Username": "alice-alice", "Email": "a@example.com"}

    def answer(prompt: str) -> str:
        if prompt.startswith("Bypass"):
            raise KeyboardInterrupt
        return answers[prompt.split(maxsplit=1)[0]]

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("getpass.getpass", lambda *_: password)
    terminal, errors = io.StringIO(), io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    with pytest.raises(SystemExit):
        call_command("createsuperuser", stdin=terminal, stdout=io.StringIO(), stderr=errors)
    assert reason in errors.getvalue()
    assert not User.objects.filter(username="alice-alice").exists()
