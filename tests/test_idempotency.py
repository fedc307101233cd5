"""Idempotency-Key on POST."""

import datetime
import threading
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from config.idempotency.models import StoredAnswer
from tasks.models import Task
from tests.factories import make_task, make_user
from tests.waiting import await_lock_waiter, in_thread

pytestmark = pytest.mark.django_db


def post(api: APIClient, key: str, **body: Any) -> Any:
    return api.post("/tasks/", body or {"title": "Buy milk"}, headers={"Idempotency-Key": key})


def test_a_retry_gets_the_first_answer_again_byte_for_byte(api: APIClient) -> None:
    first = post(api, "k1")
    again = post(api, "k1")
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert "Idempotency-Replayed" not in first.headers
    assert again["Idempotency-Replayed"] == "true"
    for name in ("Location", "ETag", "Content-Type", "Cache-Control"):
        assert again[name] == first[name]
    assert Task.objects.count() == 1


def test_a_retry_gets_the_first_answer_even_if_the_task_was_updated_or_deleted(api: APIClient) -> None:
    first = post(api, "k1")
    api.patch(first["Location"], {"title": "Changed"})
    assert post(api, "k1").content == first.content
    api.delete(first["Location"])
    assert post(api, "k1").content == first.content
    assert not Task.objects.exists()


def test_a_body_with_its_fields_in_another_order_is_the_same(api: APIClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    texts = ('{"title": "A", "completed": true}', '{ "completed":true,\n"title":"A"}')
    answers = [api.post("/tasks/", text, content_type="application/json", headers=headers) for text in texts]
    assert answers[0].content == answers[1].content


def test_another_body_is_a_422_and_changes_nothing(api: APIClient) -> None:
    post(api, "k1")
    answer = post(api, "k1", title="Other")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Task.objects.count() == 1


def test_a_key_in_quotes_is_the_same_key(api: APIClient) -> None:
    post(api, "k1")
    assert post(api, '"k1"')["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", '"', '""', '"a', "a" * 256, "a,b", '"a\\b"'])
def test_an_invalid_key_is_a_400(api: APIClient, key: str) -> None:
    answer = post(api, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_header")
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert not Task.objects.exists()


@pytest.mark.parametrize("key", ["a" * 255, '"' + "a" * 255 + '"', "8e03978e-40d5-43e8-bc93-6894a57f9324", '"a b"'])
def test_keys_of_every_form_are_accepted(api: APIClient, key: str) -> None:
    assert post(api, key).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_an_error_is_not_stored(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert post(api, "k1", title="").status_code == 400
    assert post(api, "k1").status_code == 201

    def fail(*args: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(StoredAnswer, "keep", fail)
        assert post(api, "k2").status_code == 503
    assert Task.objects.count() == 1
    assert "Idempotency-Replayed" not in post(api, "k2").headers


def test_keys_belong_to_the_client(api: APIClient) -> None:
    post(api, "k1")
    for name in ("bob", "carol"):
        api.force_login(make_user(name, "add"))
        assert "Idempotency-Replayed" not in post(api, "k1", title=name).headers
    assert Task.objects.count() == 3


def test_a_key_lives_24_hours(api: APIClient) -> None:
    first = post(api, "k1")
    age(StoredAnswer.objects.all(), hours=23)
    assert post(api, "k1").content == first.content
    age(StoredAnswer.objects.all(), hours=25)
    assert post(api, "k1", title="Other").status_code == 201
    assert post(api, "k1", title="Other")["Idempotency-Replayed"] == "true"


def test_old_keys_disappear_with_the_use_of_new_ones(api: APIClient) -> None:
    for number in range(12):
        post(api, f"old {number}".replace(" ", "-"))
    age(StoredAnswer.objects.all(), hours=25)
    for number in range(2):
        post(api, f"new-{number}")
    assert set(StoredAnswer.objects.values_list("key", flat=True)) == {"new-0", "new-1"}


@pytest.mark.parametrize("analyzed_after", [None, 1, 25])
def test_each_use_deletes_at_most_ten_old_keys(api: APIClient, analyzed_after: int | None) -> None:
    """Holds with any statistics of the table; with those of one row, PostgreSQL plans for one row."""
    yesterday = timezone.now() - datetime.timedelta(hours=25)
    old = {
        "caller": "anonymous",
        "fingerprint": b"",
        "created_at": yesterday,
        "status": 201,
        "headers": {},
        "body": b"",
    }
    for number in range(1, 26):
        StoredAnswer.objects.create(key=f"old-{number}", **old)
        if number == analyzed_after:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE idempotency_storedanswer")
    post(api, "new")
    assert StoredAnswer.objects.filter(key__startswith="old-").count() == 15


def test_a_stored_answer_has_its_client_and_key(api: APIClient) -> None:
    post(api, "k1")
    assert str(StoredAnswer.objects.get()) == "anonymous: k1"


def test_a_post_without_a_key_stores_none(api: APIClient) -> None:
    api.post("/tasks/", {"title": "A"})
    assert not StoredAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_fifty_posts_with_one_key_at_one_moment_create_one_task() -> None:
    answers, barrier = [], threading.Barrier(50)

    def send() -> None:
        barrier.wait()
        while True:  # a request that waits too long for the others gets a 503
            answer = APIClient().post("/tasks/", {"title": "A"}, format="json", headers={"Idempotency-Key": "k1"})
            connection.close()
            if answer.status_code != 503:
                break
        answers.append(answer)

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Task.objects.count() == 1
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 49


def age(answers: Any, *, hours: int) -> None:
    answers.update(created_at=timezone.now() - datetime.timedelta(hours=hours))


@pytest.mark.django_db(transaction=True)
def test_a_key_is_used_once_even_if_someone_else_creates_the_tag_at_the_same_moment(api: APIClient) -> None:
    answers: list[Any] = []
    with transaction.atomic():
        make_task(tags=("new",))
        waiting = in_thread(lambda: answers.append(post(api, "k1", title="A", tags=["new"])))
        await_lock_waiter()
    waiting.join()
    again = post(api, "k1", title="A", tags=["new"])
    assert (answers[0].status_code, again.content) == (201, answers[0].content)
    assert Task.objects.filter(title="A").count() == 1
