"""The short guide at the top of the docs page."""

from typing import Any

from config.api.errors import CODES
from config.postgresql.keyset import MOST_COUNTED

CODES_TABLE = "\n".join(f"| `{code}` | {status} | {meaning} |" for code, (status, meaning) in CODES.items())

DESCRIPTION = f"""\
Tasks that people put their trust in: no write is lost, no mistake in a request is ignored in silence.

## Pages
`GET /tasks/` answers `count`, `count_is_estimate`, `next`, `previous` and `results`, newest first, `limit` (1 to 1000,
default 50) to a page. Follow `next` until it is null: each page begins behind the last task of the one before, as fast
at the end as at the beginning, and while others make and delete tasks, none that stays is skipped or met twice. With
`offset` a page begins after so many tasks instead, more slowly the more they are. `count` is exact up to
{MOST_COUNTED:,}; beyond, it is PostgreSQL's estimate, and `count_is_estimate` is true.

## Filters
Those of each list are below. Times carry an offset or `Z`; in a query string a `+` is written `%2B`. A parameter that
is unknown, malformed, out of range or given twice (bar `tag`) is a 400 that names it.

## Bodies
JSON in UTF-8, at most 1 MiB and 32 levels deep. Types are taken as documented and never converted. A member that is
unknown or given twice is a 400 that names it. The members that the server sets are accepted and ignored, so a task that
was read can be edited and sent back. `PATCH` changes the members that were sent and no others.

## Nothing lost, nothing twice
Answers that hold a task carry its `ETag`. Send it back in `If-Match` and a `PATCH` or `DELETE` of a task that somebody
changed meanwhile is a 412 which shows the task as it is now; in `If-None-Match`, a `GET` of an unchanged task is a 304.
Send a `POST` with an `Idempotency-Key` of your own, such as a UUID, and retry it as often as you like within 24 hours:
it makes one task, and every retry gets the first answer again, marked `Idempotency-Replayed: true`.

Every answer carries `X-Request-ID`: yours, if you send one, else a new one. The history of a task has it, too.

## Who may do what
A client sends a token in `Authorization: Bearer tasks_...`, and may do what its user may: `view`, `add`, `change` and
`delete` are permissions of their own. A token is made in the admin or by `manage.py create_token`, expires, and can be
revoked. Without one the service may let callers read, or write, as its operator chose. A token that is wrong, expired
or revoked is a 401 in any case, and a permission that is missing a 403 that names it.

## Errors
Every error is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail` and a stable `code`; for
bad input it has `errors`, an entry for each fault, with its place: `pointer` into the body, or `parameter`.
A method that a path does not take is a 405 on every path.

| code | status | meaning |
|---|---|---|
{CODES_TABLE}
"""


def describe(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """One of drf-spectacular's POSTPROCESSING_HOOKS."""
    result["info"]["description"] = DESCRIPTION
    return result
