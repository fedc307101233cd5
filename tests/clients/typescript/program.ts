// What an integrator writes on top of the generated types. tests/test_clients.py types it with tsc, then runs it.
//
//     node program.js URL ID    # ID: of a task "The last one" that exists

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./tasks.js";

type Task = components["schemas"]["Task"];
type TaskCreate = components["schemas"]["TaskCreate"];
type TaskUpdate = components["schemas"]["TaskUpdate"];

const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });
const last = Number(process.argv[3]);

async function creates(): Promise<Task> {
  const body: TaskCreate = {
    title: "Pay rent 🏠",
    description: "a\n+b & c%",
    due_date: "2026-12-01",
    tags: ["home", "Größe & so"],
  };
  const { data, error, response } = await client.POST("/tasks/", { body });
  assert(data, error?.detail);
  assert.equal(response.status, 201);
  assert.equal(response.headers.get("Location")?.split("/").pop(), String(data.id));
  const { title, description, due_date, tags } = data;
  assert.deepEqual({ title, description, due_date, tags: [...tags].sort() }, { ...body, tags: ["Größe & so", "home"] });
  assert.equal(data.completed, false);
  assert.equal(data.completed_at, null);
  assert(Math.abs(Date.parse(data.created_at) - Date.now()) < 3_600_000);
  return data;
}

async function createsFromATitle(): Promise<Task> {
  const { data, error } = await client.POST("/tasks/", { body: { title: "Buy milk" } });
  assert(data, error?.detail);
  assert.deepEqual([data.description, data.completed, data.due_date, data.tags], [null, false, null, []]);
  return data;
}

async function gets(task: Task): Promise<void> {
  const { data } = await client.GET("/tasks/{id}", { params: { path: { id: task.id } } });
  assert.equal(data?.created_at, task.created_at);
  const largest = await client.GET("/tasks/{id}", { params: { path: { id: last } } });
  assert.deepEqual([largest.data?.id, largest.data?.title], [last, "The last one"]);
}

async function lists(task: Task, other: Task): Promise<void> {
  const bothTags = await client.GET("/tasks/", {
    params: {
      query: {
        completed: false,
        tag: ["home", "Größe & so"],
        due_date__gte: "2026-12-01",
        due_date__lte: "2026-12-01",
        created_at__gte: task.created_at.replace("Z", "+00:00"), // its + is escaped
        search: '"pay rent"',
      },
    },
  });
  assert(bothTags.data, bothTags.error?.detail);
  const { count, next, previous, results } = bothTags.data;
  assert.deepEqual([count, next, previous, results.map((each) => each.id)], [1, null, null, [task.id]]);

  const query = { created_at__gte: task.created_at, ordering: "due_date,-id", limit: 1 };
  const first = await client.GET("/tasks/", { params: { query } });
  assert.deepEqual([first.data?.count, first.data?.results[0]?.id, first.data?.previous], [2, task.id, null]);
  assert(first.data?.next);
  const second = await client.GET("/tasks/", { params: { query: { ...query, offset: 1 } } });
  assert.deepEqual([second.data?.results[0]?.id, second.data?.next], [other.id, null]);
}

async function patches(task: Task): Promise<Task> {
  const params = { path: { id: task.id } };
  const done = await client.PATCH("/tasks/{id}", { params, body: { completed: true } });
  assert(done.data?.completed_at);
  assert.deepEqual([done.data.completed, done.data.due_date], [true, task.due_date]);
  const headers = { "Content-Type": "application/merge-patch+json" };
  const cleared = await client.PATCH("/tasks/{id}", { params, headers, body: { due_date: null, description: null } });
  assert(cleared.data, cleared.error?.detail);
  assert.deepEqual(cleared.data, {
    ...done.data,
    due_date: null,
    description: null,
    updated_at: cleared.data.updated_at,
  });
  return cleared.data;
}

async function sendsBackWhatItRead(task: Task): Promise<void> {
  const body = { ...task, title: "Rent is paid" };
  const { data } = await client.PATCH("/tasks/{id}", { params: { path: { id: task.id } }, body });
  assert.deepEqual(data, { ...body, updated_at: data?.updated_at });
}

async function deletes(task: Task): Promise<void> {
  const { data, error, response } = await client.DELETE("/tasks/{id}", { params: { path: { id: task.id } } });
  const nothing: undefined = data;
  assert.deepEqual([response.status, nothing, error], [204, undefined, undefined]);
}

// The parameter after of the next request.
function pointOf(page: components["schemas"]["TaskChangePage"]): string {
  return new URL(page.next).searchParams.get("after") ?? "";
}

async function followsChanges(): Promise<void> {
  const start = await client.GET("/tasks/changes");
  assert.deepEqual([start.data?.results, start.data?.more], [[], false]);
  const task = await createsFromATitle();
  const first = await client.GET("/tasks/changes", { params: { query: { after: pointOf(start.data!), limit: 1 } } });
  const changed: Task | null | undefined = first.data?.results[0]?.task;
  assert.deepEqual([changed, first.data?.results[0]?.id], [task, task.id]);
  await deletes(task);
  const query = { after: pointOf(first.data!), tag: ["home"], completed: false };
  const second = await client.GET("/tasks/changes", { params: { query } });
  assert.deepEqual(second.data?.results, [{ id: task.id, task: null }]);
  const header = { "If-None-Match": second.response.headers.get("ETag") ?? "" };
  assert.equal((await client.GET("/tasks/changes", { params: { query, header } })).response.status, 304);
  const wrong = await client.GET("/tasks/changes", { params: { query: { after: "wrong" } } });
  assert.equal(wrong.error?.errors?.[0]?.parameter, "after");
}

async function readsProblems(gone: number): Promise<void> {
  const missing = await client.GET("/tasks/{id}", { params: { path: { id: gone } } });
  assert(missing.error);
  assert.deepEqual(
    [missing.error.status, missing.error.code, missing.error.detail, missing.error.errors],
    [404, "not_found", "Task not found", undefined],
  );

  const body = await client.POST("/tasks/", { body: { title: " ", tags: ["a", "A"] } });
  assert(body.error);
  assert.deepEqual([body.error.status, body.error.code, body.data], [400, "invalid_body", undefined]);
  assert.deepEqual(
    body.error.errors?.map(({ pointer, parameter, code }) => [pointer, parameter, code]),
    [
      ["/title", undefined, "blank"],
      ["/tags/1", undefined, "duplicate"],
    ],
  );

  const query = await client.GET("/tasks/", { params: { query: { limit: 1001, created_at__gte: "2026-11-22" } } });
  assert(query.error);
  assert.deepEqual(query.error.errors?.map((fault) => fault.parameter).sort(), ["created_at__gte", "limit"]);
}

// Mistakes that the types catch: tsc complains about a @ts-expect-error that there is no reason for.
export async function neverCalled(task: Task): Promise<void> {
  // @ts-expect-error title is missing
  await client.POST("/tasks/", { body: {} });
  // @ts-expect-error title is a string
  await client.POST("/tasks/", { body: { title: 1 } });
  // @ts-expect-error tags are a list
  await client.POST("/tasks/", { body: { title: "x", tags: "home" } });
  // @ts-expect-error there is no such member
  const unknown: TaskCreate = { title: "x", colour: "red" };
  // @ts-expect-error a title can be left out of a PATCH, but it can't be null
  const untitled: TaskUpdate = { title: null };
  await client.PATCH("/tasks/{id}", { params: { path: { id: 1 } }, body: { ...unknown, ...untitled } });
  // @ts-expect-error limit is a number
  await client.GET("/tasks/", { params: { query: { limit: "ten" } } });
  // @ts-expect-error there is no such parameter
  await client.GET("/tasks/", { params: { query: { tags: ["home"] } } });
  // @ts-expect-error id is a number
  await client.GET("/tasks/{id}", { params: { path: { id: "17" } } });
  // @ts-expect-error the parameters are missing
  await client.DELETE("/tasks/{id}");
  // @ts-expect-error there is no such path
  await client.GET("/task/{id}", { params: { path: { id: 1 } } });
  // @ts-expect-error there is no PUT
  await client.PUT("/tasks/{id}", { params: { path: { id: 1 } }, body: { title: "x" } });
  // @ts-expect-error a due date can be null
  task.due_date.length;
  const { error } = await client.GET("/tasks/{id}", { params: { path: { id: 1 } } });
  // @ts-expect-error a code is a string
  assert(error?.code !== 404);
}

const task = await creates();
const other = await createsFromATitle();
await gets(task);
await lists(task, other);
await sendsBackWhatItRead(await patches(task));
await deletes(task);
await followsChanges();
await readsProblems(task.id);
