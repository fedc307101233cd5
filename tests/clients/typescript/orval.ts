// The client that orval generates, and its zod schemas, which accept what the service answers.
//
//     node orval.js URL

import assert from "node:assert/strict";
import { createTask, deleteTask, getTask, listChanges, listTasks, updateTask, type Task, type TaskCreate } from "./orval/tasks.js";
import * as zod from "./orval/zod.js";

const body: TaskCreate = { title: "From orval", due_date: "2026-12-01", priority: 1, tags: ["home"] };
zod.CreateTaskBody.parse(body);
const created = await createTask(body);
assert(created.status === 201);
const task: Task = created.data;
assert.deepEqual(zod.CreateTaskResponse.parse(task), task);

const found = await getTask(task.id);
assert(found.status === 200);
assert.deepEqual(found.data, task);

const listed = await listTasks({ created_at__gte: task.created_at, ordering: "-priority,id", limit: 1 });
assert(listed.status === 200);
assert.deepEqual(zod.ListTasksResponse.parse(listed.data).results, [task]);

const start = await listChanges();
assert(start.status === 200);
const other = await createTask({ title: "changed" });
assert(other.status === 201);
const changes = await listChanges({ after: new URL(start.data.next).searchParams.get("after") ?? "", limit: 5 });
assert(changes.status === 200);
assert.deepEqual(zod.ListChangesResponse.parse(changes.data).results, [{ id: other.data.id, task: other.data }]);

const IF_MATCH = { headers: { "If-Match": created.headers.get("ETag") ?? "" } };
const updated = await updateTask(task.id, { completed: true }, IF_MATCH);
assert(updated.status === 200);
assert.deepEqual([updated.data.completed, updated.data.title], [true, body.title]);
const refused = await updateTask(task.id, { completed: false }, IF_MATCH);
assert(refused.status === 412);
const current: Task | undefined = refused.data.current;
assert.deepEqual(current, updated.data);

assert.equal((await deleteTask(task.id)).status, 204);
const missing = await getTask(task.id);
assert(missing.status === 404);
assert.equal(missing.data.code, "not_found");
