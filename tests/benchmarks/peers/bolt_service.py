"""django-bolt with msgspec and Django's async ORM, as its quick start writes it."""

from datetime import date, datetime

import msgspec
from django_bolt import BoltAPI
from django_bolt.exceptions import NotFound
from django_model import Task

api = BoltAPI(trailing_slash="keep")  # the paths are the same for all
urlpatterns: list[object] = []


class TaskIn(msgspec.Struct):
    title: str
    description: str | None = None
    completed: bool = False
    due_date: date | None = None


class TaskPatch(msgspec.Struct):
    title: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    completed: bool | msgspec.UnsetType = msgspec.UNSET
    due_date: date | msgspec.UnsetType | None = msgspec.UNSET


class TaskOut(msgspec.Struct):
    id: int
    title: str
    description: str | None
    completed: bool
    due_date: date | None
    created_at: datetime
    updated_at: datetime


class TaskPage(msgspec.Struct):
    count: int
    results: list[TaskOut]


def to_out(task: Task) -> TaskOut:
    return TaskOut(**{name: getattr(task, name) for name in TaskOut.__struct_fields__})


async def get_task_or_404(task_id: int) -> Task:
    try:
        return await Task.objects.aget(id=task_id)
    except Task.DoesNotExist:
        raise NotFound(detail="Task not found") from None


@api.get("/tasks/")
async def list_tasks(completed: bool | None = None, limit: int = 50, offset: int = 0) -> TaskPage:
    tasks = Task.objects.all() if completed is None else Task.objects.filter(completed=completed)
    page = tasks.values(*TaskOut.__struct_fields__)[offset : offset + limit]
    return {"count": await tasks.acount(), "results": [task async for task in page]}


@api.post("/tasks/", status_code=201)
async def create_task(body: TaskIn) -> TaskOut:
    return to_out(await Task.objects.acreate(**msgspec.structs.asdict(body)))


@api.get("/tasks/{task_id}")
async def get_task(task_id: int) -> TaskOut:
    return to_out(await get_task_or_404(task_id))


@api.patch("/tasks/{task_id}")
async def update_task(task_id: int, body: TaskPatch) -> TaskOut:
    task = await get_task_or_404(task_id)
    for name, value in msgspec.structs.asdict(body).items():
        if value is not msgspec.UNSET:
            setattr(task, name, value)
    await task.asave()
    return to_out(task)


@api.delete("/tasks/{task_id}", status_code=204)
async def delete_task(task_id: int) -> None:
    await (await get_task_or_404(task_id)).adelete()
