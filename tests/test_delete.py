"""DELETE /tasks/{id}"""

import pytest
from rest_framework.test import APIClient

from tasks.models import Tag, Task
from tests.factories import make_task

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_deleted_task_is_gone_and_its_tags_remain(api: APIClient, slash: str) -> None:
    task, other = make_task(tags=("a",)), make_task(tags=("a",))
    answer = api.delete(f"/tasks/{task.pk}{slash}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert list(Task.objects.all()) == [other]
    assert [tag.name for tag in Tag.objects.all()] == ["a"]


def test_a_second_time_is_a_404(api: APIClient) -> None:
    task = make_task()
    api.delete(f"/tasks/{task.pk}")
    assert api.delete(f"/tasks/{task.pk}").json()["detail"] == "Task not found"
