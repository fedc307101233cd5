"""Litestar, msgspec and asyncpg with plain SQL, as their guides write it. Where PostgreSQL is, PG* variables say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Annotated

import asyncpg
from litestar import Litestar, delete, get, patch, post
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import Parameter
from msgspec import UNSET, Meta, Struct, UnsetType, structs

COLUMNS = "id, title, description, completed, due_date, created_at, updated_at"
Title = Annotated[str, Meta(min_length=1, max_length=200)]
Description = Annotated[str, Meta(max_length=10_000)]


class TaskCreate(Struct):
    title: Title
    description: Description | None = None
    completed: bool = False
    due_date: date | None = None


class TaskUpdate(Struct):
    title: Title | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    completed: bool | UnsetType = UNSET
    due_date: date | UnsetType | None = UNSET


class Task(Struct):
    id: int
    title: str
    description: str | None
    completed: bool
    due_date: date | None
    created_at: datetime
    updated_at: datetime


class TaskPage(Struct):
    count: int
    results: list[Task]


@asynccontextmanager
async def connect(app: Litestar) -> AsyncIterator[None]:
    # Connections that it does not need for a while stay: the CPU time of one that closed would be lost.
    async with asyncpg.create_pool(max_size=20, max_inactive_connection_lifetime=0) as app.state.pool:
        yield


def task_or_404(row: asyncpg.Record | None) -> Task:
    if row is None:
        raise NotFoundException("Task not found")
    return Task(**row)


@get("/tasks/")
async def list_tasks(
    state: State,
    completed: bool | None = None,
    limit: Annotated[int, Parameter(ge=1, le=1000)] = 50,
    offset: Annotated[int, Parameter(ge=0)] = 0,
) -> TaskPage:
    where, values = ("", ()) if completed is None else (" WHERE completed = $1", (completed,))
    page = f" ORDER BY created_at DESC, id DESC LIMIT ${len(values) + 1} OFFSET ${len(values) + 2}"
    async with state.pool.acquire() as connection:
        count = await connection.fetchval(f"SELECT count(*) FROM task{where}", *values)
        rows = await connection.fetch(f"SELECT {COLUMNS} FROM task{where}{page}", *values, limit, offset)
    return TaskPage(count, [Task(**row) for row in rows])


@post("/tasks/")
async def create_task(state: State, data: TaskCreate) -> Task:
    insert = f"INSERT INTO task (title, description, completed, due_date) VALUES ($1, $2, $3, $4) RETURNING {COLUMNS}"
    return task_or_404(await state.pool.fetchrow(insert, *structs.astuple(data)))


@get("/tasks/{task_id:int}")
async def get_task(state: State, task_id: int) -> Task:
    return task_or_404(await state.pool.fetchrow(f"SELECT {COLUMNS} FROM task WHERE id = $1", task_id))


@patch("/tasks/{task_id:int}")
async def update_task(state: State, task_id: int, data: TaskUpdate) -> Task:
    changes = {name: value for name, value in structs.asdict(data).items() if value is not UNSET}
    setters = ", ".join([*(f"{name} = ${n}" for n, name in enumerate(changes, 2)), "updated_at = now()"])
    update = f"UPDATE task SET {setters} WHERE id = $1 RETURNING {COLUMNS}"
    return task_or_404(await state.pool.fetchrow(update, task_id, *changes.values()))


@delete("/tasks/{task_id:int}")
async def delete_task(state: State, task_id: int) -> None:
    if await state.pool.fetchval("DELETE FROM task WHERE id = $1 RETURNING id", task_id) is None:
        raise NotFoundException("Task not found")


app = Litestar([list_tasks, create_task, get_task, update_task, delete_task], lifespan=[connect])
