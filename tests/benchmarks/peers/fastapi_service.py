"""FastAPI, SQLAlchemy 2 async and asyncpg, as their tutorials write it. Where PostgreSQL is, PG* variables say."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import DateTime, String, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Enough for every client of the benchmark: past the default of 5 the pool opens and closes one for each request.
engine = create_async_engine("postgresql+asyncpg://", pool_size=20, max_overflow=0)
make_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class Task(Base):
    __tablename__ = "task"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None]
    completed: Mapped[bool] = mapped_column(default=False)
    due_date: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )


class TaskCreate(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    completed: bool = False
    due_date: date | None = None


class TaskUpdate(BaseModel):
    title: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    completed: bool | None = None
    due_date: date | None = None


class TaskRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    description: str | None
    completed: bool
    due_date: date | None
    created_at: datetime
    updated_at: datetime


class TaskPage(BaseModel):
    count: int
    results: list[TaskRead]


async def get_session() -> AsyncIterator[AsyncSession]:
    async with make_session() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


async def get_task_or_404(task_id: int, session: AsyncSession) -> Task:
    task = await session.get(Task, task_id)
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


@app.get("/tasks/", response_model=TaskPage)
async def list_tasks(
    session: Session,
    completed: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> object:
    query = select(Task)
    if completed is not None:
        query = query.where(Task.completed == completed)
    count = await session.scalar(select(func.count()).select_from(query.subquery()))
    page = query.order_by(Task.created_at.desc(), Task.id.desc()).limit(limit).offset(offset)
    return {"count": count, "results": (await session.scalars(page)).all()}


@app.post("/tasks/", response_model=TaskRead, status_code=201)
async def create_task(body: TaskCreate, session: Session) -> object:
    task = Task(**body.model_dump())
    session.add(task)
    await session.commit()
    await session.refresh(task)
    return task


@app.get("/tasks/{task_id}", response_model=TaskRead)
async def get_task(task_id: int, session: Session) -> object:
    return await get_task_or_404(task_id, session)


@app.patch("/tasks/{task_id}", response_model=TaskRead)
async def update_task(task_id: int, body: TaskUpdate, session: Session) -> object:
    task = await get_task_or_404(task_id, session)
    for name, value in body.model_dump(exclude_unset=True).items():
        setattr(task, name, value)
    await session.commit()
    await session.refresh(task)
    return task


@app.delete("/tasks/{task_id}", status_code=204)
async def delete_task(task_id: int, session: Session) -> None:
    await session.delete(await get_task_or_404(task_id, session))
    await session.commit()
