"""django-ninja, as its tutorial writes it: `gunicorn ninja_service`."""

import os
from datetime import date, datetime

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "django_settings"
application = get_wsgi_application()

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import path
from django_model import Task
from ninja import FilterSchema, NinjaAPI, Query, Schema, Status
from ninja.pagination import LimitOffsetPagination, paginate

settings.ROOT_URLCONF = __name__
api = NinjaAPI()


class TaskIn(Schema):
    title: str
    description: str | None = None
    completed: bool = False
    due_date: date | None = None


class TaskPatch(Schema):
    title: str | None = None
    description: str | None = None
    completed: bool | None = None
    due_date: date | None = None


class TaskOut(Schema):
    id: int
    title: str
    description: str | None
    completed: bool
    due_date: date | None
    created_at: datetime
    updated_at: datetime


class TaskFilter(FilterSchema):
    completed: bool | None = None


@api.get("/tasks/", response=list[TaskOut])
@paginate(LimitOffsetPagination)
def list_tasks(request: HttpRequest, filters: Query[TaskFilter]) -> QuerySet[Task]:
    return filters.filter(Task.objects.all())


@api.post("/tasks/", response={201: TaskOut})
def create_task(request: HttpRequest, body: TaskIn) -> object:
    return Status(201, Task.objects.create(**body.dict()))


@api.get("/tasks/{task_id}", response=TaskOut)
def get_task(request: HttpRequest, task_id: int) -> Task:
    return get_object_or_404(Task, id=task_id)


@api.patch("/tasks/{task_id}", response=TaskOut)
def update_task(request: HttpRequest, task_id: int, body: TaskPatch) -> Task:
    task = get_object_or_404(Task, id=task_id)
    for name, value in body.dict(exclude_unset=True).items():
        setattr(task, name, value)
    task.save()
    return task


@api.delete("/tasks/{task_id}", response={204: None})
def delete_task(request: HttpRequest, task_id: int) -> object:
    get_object_or_404(Task, id=task_id).delete()
    return Status(204, None)


urlpatterns = [path("", api.urls)]
