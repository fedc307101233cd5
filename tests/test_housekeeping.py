"""`manage.py housekeeping` deletes what has expired, and nothing else; `createsuperuser` needs no terminal."""

import datetime
import io
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from config.accounts.logins.models import Attempts
from config.idempotency.models import StoredAnswer
from tasks.history.models import Change
from tasks.management.commands import housekeeping
from tasks.transfer.models import Upload
from tests.factories import make_task, make_user

pytestmark = pytest.mark.django_db
KEPT = {Session: "expire_date", Attempts: "since", Upload: "at", StoredAnswer: "created_at"}


def ago(**since: float) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(**since)


def make_rows() -> None:
    """Two of each kind, of which one has just expired and one is about to."""
    for name, at in (("old", ago(seconds=1)), ("new", ago(minutes=-1))):
        Session.objects.create(session_key=name, session_data="", expire_date=at)
        Attempts.objects.create(key=name, count=3, since=at - datetime.timedelta(minutes=15))
        Upload.objects.create(user=make_user(name), name=name, content=b"", at=at - datetime.timedelta(hours=12))
        answer = {"fingerprint": b"", "status": 201, "headers": {}, "body": b""}
        StoredAnswer.objects.create(caller="a", key=name, created_at=at - datetime.timedelta(hours=24), **answer)


def clean(*arguments: str, **options: Any) -> list[str]:
    out = io.StringIO()
    call_command("housekeeping", *arguments, stdout=out, **options)
    return out.getvalue().splitlines()


def test_what_has_expired_is_deleted_and_the_rest_is_kept() -> None:
    make_rows()
    make_task("A")
    assert clean() == [
        "Sessions deleted: 1",
        "Counted logins deleted: 1",
        "Uploads deleted: 1",
        "Idempotency keys deleted: 1",
    ]
    for model, field in KEPT.items():
        (row,) = model._default_manager.all()
        assert "new" in (row.pk, getattr(row, "name", ""), getattr(row, "key", "")), field
    assert Change.objects.exists()


def test_rows_are_deleted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    Session.objects.bulk_create(Session(session_key=str(n), expire_date=ago(days=n)) for n in range(1, 6))
    assert clean()[0] == "Sessions deleted: 5"
    assert clean()[0] == "Sessions deleted: 0"


def test_old_changes_are_deleted_on_request() -> None:
    make_task("A")
    Change.objects.update(at=F("at") - datetime.timedelta(days=10))
    assert clean("--history-older-than", "11")[-1] == "Changes deleted: 0"
    assert clean("--history-older-than", "9")[-1] == "Changes deleted: 1"


def test_a_timer_may_want_no_output() -> None:
    assert clean(verbosity=0) == []


def test_a_superuser_is_created_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("USERNAME", "carol"), ("EMAIL", ""), ("PASSWORD", "correct horse")):
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name}", value)
    call_command("createsuperuser", "--noinput", verbosity=0)
    assert authenticate(username="carol", password="correct horse") == User.objects.get(is_superuser=True)
    with pytest.raises(CommandError, match="already taken"):
        call_command("createsuperuser", "--noinput")
