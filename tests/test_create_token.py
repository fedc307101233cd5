"""`manage.py create_token`."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from config.accounts.tokens.models import NAME_TAKEN, Token
from tests.factories import make_member, make_user

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_prints_a_token_that_works_and_nothing_else_on_stdout(api: APIClient, settings: Settings) -> None:
    settings.API_ANONYMOUS = "none"
    make_user("bob", "view")
    out, err = create("bob", "backup script")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {out.strip()}")
    assert api.get("/tasks/").status_code == 200
    assert out.count("\n") == 1
    assert err.startswith("Token backup script (")
    assert (Token.objects.get().expires_at - timezone.now()).days == 89


def test_a_user_that_does_not_exist_is_created_in_the_group(api: APIClient, settings: Settings) -> None:
    settings.API_ANONYMOUS = "none"
    make_member("somebody", "Task readers")
    out, _ = create("robot", "sync", "--group", "Task readers", "--days", "7")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {out.strip()}")
    assert api.get("/tasks/").status_code == 200
    assert api.post("/tasks/", {"title": "A"}).status_code == 403
    assert not User.objects.get(username="robot").has_usable_password()
    assert (Token.objects.get().expires_at - timezone.now()).days == 6


def test_a_user_that_exists_is_added_to_the_group_and_keeps_everything_else() -> None:
    bob = make_member("bob", "Task readers")
    password = bob.password
    create("bob", "sync", "--group", "Task editors")
    bob.refresh_from_db()
    assert set(bob.groups.values_list("name", flat=True)) == {"Task readers", "Task editors"}
    assert bob.password == password


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody", "x"), "There is no user 'nobody'. Add --group GROUP to create the user."),
        (("idle", "x"), "The user 'idle' is not active."),
        (("bob", "taken"), NAME_TAKEN),
        (("bob", "x" * 101), "name: Ensure this value has at most 100 characters (it has 101)."),
        (("bob", ""), "name: This field cannot be blank."),
        (("bob", "x", "--days", "0"), "Error: argument --days: '0' is not a whole number of days from 1 to 3,650"),
        (
            ("bob", "x", "--days", "soon"),
            "Error: argument --days: 'soon' is not a whole number of days from 1 to 3,650",
        ),
        (("bob", "x", "--group", "Task writers"), "There is no group 'Task writers'. Expected one of: Nice people."),
        (("no spaces!", "x", "--group", "Nice people"), "username: Enter a valid username."),
    ],
)
def test_a_wrong_argument_is_refused_with_the_reason_and_changes_nothing(
    arguments: tuple[str, ...], message: str
) -> None:
    make_user("bob")
    make_user("idle", is_active=False)
    Group.objects.all().delete()
    Group.objects.create(name="Nice people")
    create("bob", "taken")
    with pytest.raises(CommandError) as caught:
        create(*arguments)
    assert str(caught.value).startswith(message)
    assert Token.objects.count() == 1
    assert User.objects.count() == 2


def test_a_name_can_be_used_again_after_a_revocation() -> None:
    make_user("bob")
    create("bob", "phone")
    Token.objects.update(revoked_at=timezone.now())
    create("bob", "phone")
    assert Token.objects.count() == 2
