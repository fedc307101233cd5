"""The short guide at the top of the docs page."""

DESCRIPTION = """\
Tasks that people put their trust in: no write is lost, no mistake in a request is ignored in silence.

**Pages.** `GET /tasks/` answers `count`, `next`, `previous` and `results`, newest first. `limit` (1 to 1000) and
`offset` choose the page; `next` is null on the last one.

**Filters.** `completed`, `tag` (several times: all of them), `due_date__gte`, `due_date__lte`, `created_at__gte`,
`created_at__lt`, `updated_at__gte`, `updated_at__lt`, `search` and `ordering`. A parameter that is unknown, malformed,
out of range or given twice (bar `tag`) is a 400 that names it.

**Bodies** are JSON, and types are taken as documented. An unknown member is a 400 that names it. The members that the
server sets are accepted and ignored, so a task that was read can be edited and sent back. `PATCH` changes the members
that were sent and no others.

**Errors** are `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, a stable `code` and, for bad
input, `errors`, an entry per fault with `pointer` (into the body) or `parameter`, `code` and `detail`.
"""
