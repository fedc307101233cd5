"""GET /tasks/{id}"""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tests.factories import make_task

pytestmark = pytest.mark.django_db


def test_both_forms_of_the_path_return_the_task(api: APIClient) -> None:
    task = make_task("Buy milk", tags=("home",))
    assert api.get(f"/tasks/{task.pk}").json() == api.get(f"/tasks/{task.pk}/").json()
    assert api.get(f"/tasks/{task.pk}").json()["tags"] == ["home"]


def test_a_missing_task_is_a_404(api: APIClient) -> None:
    answer = api.get("/tasks/1")
    assert answer.status_code == 404
    assert answer.json() == {
        "type": "/docs#error-not_found",
        "title": "Not Found",
        "status": 404,
        "detail": "Task not found",
        "code": "not_found",
    }


@pytest.mark.parametrize("spelling", ["0{}", "+{}", "%20{}", "{}.0", "{}_0", "-{}", "{}a", "1{:020}"])
def test_an_id_has_one_spelling(api: APIClient, spelling: str) -> None:
    task = make_task()
    answer = api.get(f"/tasks/{spelling.format(task.pk)}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("number", ["0", "9223372036854775807", "9223372036854775808", "9" * 19, "9" * 400])
def test_an_id_beyond_64_bits_is_a_404(api: APIClient, number: str) -> None:
    assert api.get(f"/tasks/{number}").status_code == 404


def test_put_is_refused_with_the_methods_that_work(api: APIClient) -> None:
    task = make_task()
    answer = api.put(f"/tasks/{task.pk}", {"title": "B"})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer["Allow"] == "GET, PATCH, DELETE, HEAD, OPTIONS"


# the task, its tags
def test_one_task_costs_one_query(api: APIClient, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    task = make_task(tags=tuple("abcdefgh"))
    with django_assert_num_queries(1):
        api.get(f"/tasks/{task.pk}")
