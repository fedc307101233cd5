// The SDK that @hey-api/openapi-ts generates, with zod schemas that check each request and response on its way.
//
//     node hey-api.js URL

import assert from "node:assert/strict";
import { client } from "./hey-api/client.gen.js";
import { createTask, deleteTask, getTask, listChanges, listTasks, updateTask, type Task } from "./hey-api/index.js";

client.setConfig({ baseUrl: process.argv[2] ?? "" });
const throwOnError = true;

const body = { title: "From hey-api", due_date: "2026-12-01", priority: 1, tags: ["home"] };
const created = await createTask({ body, throwOnError });
const task: Task = created.data;
const path = { id: task.id };
assert.equal(created.response.status, 201);
assert.deepEqual((await getTask({ path, throwOnError })).data, task);

const query = { tag: ["home"], created_at__gte: task.created_at, ordering: "-priority,id", limit: 1, offset: 0 };
assert.deepEqual((await listTasks({ query, throwOnError })).data.results, [task]);

const headers = { "If-Match": created.response.headers.get("ETag") ?? "" };
const updated = await updateTask({ path, headers, body: { completed: true }, throwOnError });
assert.deepEqual([updated.data.completed, updated.data.title], [true, body.title]);
const refused = await updateTask({ path, headers, body: { completed: false } });
const current: Task | undefined = refused.error?.current;
assert.deepEqual([refused.response?.status, current], [412, updated.data]);

assert.equal((await deleteTask({ path, throwOnError })).response.status, 204);
assert.deepEqual((await getTask({ path })).error?.code, "not_found");

const start = (await listChanges({ throwOnError })).data;
const last = (await createTask({ body: { title: "changed" }, throwOnError })).data;
const after = new URL(start.next).searchParams.get("after") ?? "";
assert.deepEqual((await listChanges({ query: { after }, throwOnError })).data.results, [{ id: last.id, task: last }]);

await assert.rejects(createTask({ body: { title: "" }, throwOnError }), /too_small/);
// @ts-expect-error a request has no read-only fields
await assert.rejects(createTask({ body: { title: "x", id: "1", tags: "home" }, throwOnError }), /invalid_type/);
