"""The limit: a bare WSGI callable, one statement of psycopg per request, JSON by PostgreSQL: `gunicorn limit`.

Nothing is checked and nothing is promised: what is left is the cost of the server, the driver and the statement.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

COLUMNS = "id, title, description, completed, due_date, created_at, updated_at"
ROW = "json_build_object(" + ", ".join(f"'{name}', {name}" for name in COLUMNS.split(", ")) + ")::text"
LIST = f"""SELECT json_build_object('count', (SELECT count(*) FROM task),
                                    'results', coalesce(json_agg(page), '[]'))::text
             FROM (SELECT {COLUMNS} FROM task ORDER BY created_at DESC, id DESC LIMIT %s OFFSET %s) page"""
GET = f"SELECT {ROW} FROM task WHERE id = %s"
INSERT = f"INSERT INTO task (title, description, completed, due_date) VALUES (%s, %s, %s, %s) RETURNING {ROW}"
DELETE = "DELETE FROM task WHERE id = %s RETURNING ''"
CHANGEABLE = ("title", "description", "completed", "due_date")
PAGE = re.compile(r"(?:^|&)(limit|offset)=(\d+)")

connection: psycopg.Connection[Any] | None = None  # made by each worker


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    method, number = environ["REQUEST_METHOD"], environ["PATH_INFO"][len("/tasks/") :]
    body = json.loads(environ["wsgi.input"].read()) if method in ("POST", "PATCH") else {}
    if not number and method == "GET":
        page = {"limit": 50, "offset": 0} | {name: int(value) for name, value in PAGE.findall(environ["QUERY_STRING"])}
        answer, status = one(LIST, page["limit"], page["offset"]), "200 OK"
    elif not number:
        values = (body["title"], body.get("description"), body.get("completed", False), body.get("due_date"))
        answer, status = one(INSERT, *values), "201 Created"
    elif method == "PATCH":
        names = [name for name in CHANGEABLE if name in body]
        setters = ", ".join([*(f"{name} = %s" for name in names), "updated_at = now()"])
        update = f"UPDATE task SET {setters} WHERE id = %s RETURNING {ROW}"
        answer, status = one(update, *(body[name] for name in names), number), "200 OK"
    elif method == "DELETE":
        answer, status = one(DELETE, number), "204 No Content"
    else:
        answer, status = one(GET, number), "200 OK"
    if answer is None:
        answer, status = "{}", "404 Not Found"
    content = answer.encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    start_response(status, headers if content else [])
    return [content]


def one(statement: str, *values: object) -> str | None:
    global connection  # noqa: PLW0603 - one for the life of the process
    if connection is None:
        connection = psycopg.connect(autocommit=True)
    row = connection.execute(statement, values).fetchone()
    return row[0] if row else None
