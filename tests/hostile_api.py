"""Hostile requests that are good HTTP: paths, methods, negotiation and queries. Data for test_hostile.py."""

import gzip
from urllib.parse import quote

from tests.hostile_http import MIB, A, Case
from tests.wire import HOST, JSON, chunks, get, request, send_json

FILE = "/static/admin/css/base.css"
FORM = "Content-Type: application/x-www-form-urlencoded"
UNSUPPORTED = (415, "unsupported_media_type")
NOT_ALLOWED = (405, "method_not_allowed")


def words(text: str) -> list[str]:
    return text.split()


NOWHERE = words(rf"""
    //tasks/ /tasks// /// /./tasks/ /tasks/./7 /tasks/../tasks/ /health/../tasks/ /%2e%2e/tasks/ /tasks/%2e%2e/
    /tasks%2F /tasks%2f7 /tasks/7%2F /%2Ftasks/ /tasks%5C7 /tasks\7 /tasks/7;v=1 /tasks/; /TASKS/ /tasks/7/8
    /tasks/7.json /tasks:80 /tasks/%00 /tasks/7%00 /tasks%00/ /tasks/7%0A /tasks/7%0D%0AX:%20y /tasks/%1b
    /tasks/%ff /%c0%ae/ /tasks/%ed%a0%80 /tasks/% /tasks/%zz /tasks/%u0037 /%E0%A4%A /tasks/%2537
    /tasks/%EF%BC%97 /tasks/%D9%A7 /tasks/%207 /tasks/7%20 /tasks/+7 /tasks/-7 /tasks/1_0 /tasks/07 /tasks/0 /tasks/00
    /tasks/7.0 /tasks/7e0 /tasks/0x7 /tasks/null /tasks/NaN /tasks/1 /tasks/{2**63 - 2} /tasks/{2**63}
    /tasks/{10**20} /tasks/{10**400} /tasks/7'-- /tasks/7%20OR%201=1 /tasks/<script> /tasks/{{id}} /tasks/:id
    /.env /.git/config /etc/passwd /static/../config/settings.py /static/%2e%2e/%2e%2e/.env /static/ /static/%00
    /static/%ff /static//etc/passwd {FILE}%00 {FILE}/ /health/ /health%00 /docs/ /openapi.json/ /wp-login.php
""")

PATHS = [
    *(Case(f"GET {target}", get(target), 404, "not_found") for target in NOWHERE),
    Case("the largest id", get(f"/tasks/{2**63 - 1}"), 200),
    Case("percent-encoded letters, which are the letters", get("/%74asks/%37"), 200),
    Case("an empty query", get("/tasks/?"), 200),
    Case("the other slash", get("/tasks"), 200),
    Case("the other slash of a task", get("/tasks/7/"), 200),
    *(Case(f"GET {path}", get(path), 302) for path in ("/", "/admin", "/favicon.ico", "/admin/tasks/task/%00/change/")),
]

METHODS = [
    *(
        Case(f"{method} {target}", get(target, method=method), *NOT_ALLOWED)
        for target in words("/tasks/ /tasks /tasks/7 /health /health/ready /openapi.json /docs / /admin /favicon.ico")
        for method in words("PUT TRACE CONNECT PURGE PROPFIND")
    ),
    *(Case(f"{method} {FILE}", get(FILE, method=method), *NOT_ALLOWED) for method in words("PUT POST TRACE PURGE")),
    *(
        Case(f"{line} with a body", send_json(A, line=f"{line} HTTP/1.1"), *NOT_ALLOWED)
        for line in ("POST /tasks/7", "PUT /tasks/7", "PATCH /tasks/", "DELETE /tasks/", "POST /health", "POST /docs")
    ),
    Case("PUT with a query", get("/tasks/?completed=true", method="PUT"), *NOT_ALLOWED),
    Case("POST to / with a form", send_json("a=b", FORM, line="POST / HTTP/1.1"), *NOT_ALLOWED),
    Case("a token that no method is", get("/tasks/", method="!$%&'*+-.^_`|~"), *NOT_ALLOWED),
    Case("DELETE of what is not there", get("/tasks/1", method="DELETE"), 404, "not_found"),
    Case("PATCH of what is not there", send_json(A, line="PATCH /tasks/1 HTTP/1.1"), 404, "not_found"),
    Case("POST to a path that is not there", send_json(A, line="POST /nothing HTTP/1.1"), 404, "not_found"),
    Case("CONNECT to a host", get("127.0.0.1:80", method="CONNECT"), 404, "not_found"),
    *(Case(f"OPTIONS {path}", get(path, method="OPTIONS"), 204) for path in words("/tasks/ /tasks/7 /health")),
    *(Case(f"HEAD {path}", get(path, method="HEAD"), 200) for path in words("/tasks/ /tasks/7 /health")),
    Case("HEAD of what is not there", get("/tasks/1", method="HEAD"), 404),
    Case("HEAD with a wrong query", get("/tasks/?limit=0", method="HEAD"), 400),
]

REFUSE_JSON = (
    *("text/html", "application/xml", "json", "*", "*/json", "application", "/", "application/json/x", "%00"),
    *("application/json;q=0", "application/json; q=0.000, */*", "*/*;q=0", "application/*;q=0, */*", "text/*, */*;q=0"),
    *("application/json;q=banana", "application/json;q=2", "application/json;q=-1", "application/json;q=", "a/b;q=1"),
)
TAKE_JSON = (
    *("", ",", ";;;", "*/*", "application/*", "APPLICATION/JSON", "application/json;q=0.001", "text/html, */*;q=0.1"),
    *("application/json; charset=utf-7", "application/json;indent=8", "application/json, " * 400, "*/*;q=0.1, a/b;q=2"),
    *(
        "text/html;q=0, application/json",
        "application/json ; q=1.000",
        "\xff, application/json",
        "application/json;q=1,",
    ),
)
NO_JSON_LABELS = (
    *("", "json", "text/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "*/*", ";"),
    *("multipart/form-data; boundary=", "application/merge-patch+json", "application/json-patch+json", "application/*"),
    *("application/json;charset=utf-16", "application/json; charset=utf-7", "application/json, text/plain"),
    *("application/jsonx", "application/json/", "\xff/json", "application/json charset=x", "application", "/"),
)

NEGOTIATION = [
    *(Case(f"Accept: {each}", get("/tasks/7", f"Accept: {each}"), 406, "not_acceptable") for each in REFUSE_JSON),
    *(Case(f"Accept: {each}", get("/tasks/7", f"Accept: {each}"), 200) for each in TAKE_JSON),
    *(Case(f"a body as {each!r}", send_json(A, f"Content-Type: {each}"), *UNSUPPORTED) for each in NO_JSON_LABELS),
    Case("no label", request("POST /tasks/ HTTP/1.1", HOST, "Content-Length: 14", body=A.encode()), *UNSUPPORTED),
    Case("two labels", send_json(A, JSON, JSON), 400, "bad_request"),
    Case("a label in capitals", send_json(A, 'Content-Type: Application/JSON;Charset="UTF-8"'), 201, writes=True),
    Case("gzip", send_json(gzip.compress(A.encode()), "Content-Encoding: gzip"), *UNSUPPORTED),
    Case("gzip that is none", send_json(A, "Content-Encoding: gzip"), *UNSUPPORTED),
    Case("identity", send_json(A, "Content-Encoding: identity"), 201, writes=True),
    Case("the document for a browser", get("/openapi.json", "Accept: text/html"), 406, "not_acceptable"),
    Case("the page for a program", get("/docs", "Accept: application/json"), 406, "not_acceptable"),
    Case("a range that is not in a file", get(FILE, "Range: bytes=999999999-"), 200),
]


def refused(name: str, *values: str) -> list[Case]:
    """A query parameter with each of these values, as they stand in the target."""
    return [Case(f"?{name}={value}", get(f"/tasks/?{name}={value}"), 400, "invalid_query", (name,)) for value in values]


def taken(name: str, *values: str) -> list[Case]:
    return [Case(f"?{name}={value}", get(f"/tasks/?{name}={value}"), 200) for value in values]


NOT_TEXT = ("", "%00", "%ff", "a%00b", "%ed%a0%80", "%c0%af")
NO_NUMBERS = words("%20 abc -1 +1 %2B1 01 1%20 1.0 1e3 0x10 1_0 %EF%BC%91 null NaN 1;offset=1 1,2 %00 1%00 -0 ~0")
NO_TIMES = words("""
    now 2026 2026-01-01 20260101T000000Z 2026-01-01T00:00:00 2026-01-01%2000:00:00Z 1767225600 infinity
    2026-01-01t00:00:00Z 2026-01-01T00:00:00z 2026-02-30T00:00:00Z 2026-01-01T24:00:00Z 2026-01-01T25:00:00Z
    2026-06-30T23:59:60Z 2026-01-01T00:60:00Z 2026-01-01T00:00:00%2B24:00 2026-01-01T00:00:00-24:00
    2026-01-01T00:00:00+01:00 2026-01-01T00:00:00%2B0100 2026-01-01T00:00:00.Z 2026-01-01T00:00:00.1234567Z
    0000-01-01T00:00:00Z 0001-01-01T00:00:00%2B00:01 0001-01-01T13:59:59%2B14:00 9999-12-31T23:59:59-00:01
    0001-01-01T00:00:00-14:00 9999-12-31T23:59:59%2B14:00
    10000-01-01T00:00:00Z -0001-01-01T00:00:00Z 2026-01-01T00:00:00Z%00 2026-01-01T00:00:00Z'--
""")
TIMES = words("""
    0001-01-01T00:00:00Z 9999-12-31T23:59:59.999999Z 2026-01-01T00:00:00%2B14:00 2026-01-01T00:00:00-14:00
    2024-02-29T12:00:00-23:59 2024-02-29T12:00:00%2B23:59
""")
NO_DATES = words("""
    today 2026-1-1 2026-02-30 2025-02-29 0000-01-01 10000-01-01 20260101 2026-W01-1 2026-00-01 2026-01-01T00:00:00Z
    2026-01-01%00 2026-01-01%0A %EF%BC%92026-01-01 infinity 2026-01-01'
""")
NO_COLUMNS = words("""
    , title, - --title +title %2Btitle Title pk ? * 1 tags description title,title title,-title title%20desc id%22
    id;drop%20table%20tasks_task (select%201) title__isnull tags__name created_at%20-- created_at,%20id -id,id
""")
WORDS = (
    *("x" * 200, quote("漢" * 200), "%22a", "%27%20OR%201=1%20--", "-" * 199 + "a", "-or%20" * 40, "%22-a" * 60),
    *(
        "a%20%26%20!b%20|%20c:*",
        "or",
        "or%20or",
        "a:*bcd",
        "%u0041",
        "{{7*7}}",
        "a%E2%80%8Bb",
        "%20or%20".join("a" * 33),
    ),
    *("-a%20" * 32, "-%C3%A9" * 32, "2026-01-01%20" * 16),
)
NO_WORDS = (
    *("'", "%22", "\\\\", "%5C", "%25", "--", "!" * 200, "%3C-%3E", "-", "%22%22", "((((", "*", "-" * 200, "-%22" * 32),
    *("-%20" * 100, "%20-(" * 66, "%22-" * 100, quote("🦄" * 200), "%E2%80%8B", "%CC%81"),
)
STRANGERS = {
    "complete=true": "complete",
    "page=2": "page",
    "format=json": "format",
    "tag[]=a": "tag[]",
    "tag%5B%5D=a": "tag[]",
    "limit[gte]=1": "limit[gte]",
    "completed__in=true": "completed__in",
    "created_at=2026-01-01T00:00:00Z": "created_at",
    "tags__name=a": "tags__name",
    "Limit=1": "Limit",
    "%20limit=1": " limit",
    "limit%00=1": "limit\0",
    "%ff=1": "\ufffd",
    "=1": "",
    "__proto__=1": "__proto__",
    "%u0041=1": "%u0041",
    "?limit=1": "?limit",
    "limit=1&limit=1": "limit",
    "limit=1&%6cimit=2": "limit",
    "offset=0&offset=0": "offset",
    "search=a&search=b": "search",
    "ordering=id&ordering=title": "ordering",
    "completed=true&completed=false": "completed",
    "due_date__gte=2026-01-01&due_date__gte=2026-01-01": "due_date__gte",
    "limit=1?offset=2": "limit",
    "limit": "limit",
    "&".join(f"tag={number}" for number in range(21)): "tag",
}

QUERIES = [
    *refused("limit", "", "0", "1001", "10000000000", f"{10**20}", "9" * 5000, *NO_NUMBERS),
    *refused("offset", "", f"{2**63}", f"{10**20}", *NO_NUMBERS),
    *refused("completed", *words("True TRUE 1 0 yes null true%20 true,false"), *NOT_TEXT),
    *refused("priority", "", "0", "5", f"{10**20}", "9" * 5000, *NO_NUMBERS),
    *refused("created_at__gte", *NO_TIMES, *NOT_TEXT),
    *refused("updated_at__lt", *NO_TIMES, *NOT_TEXT),
    *refused("due_date__gte", *NO_DATES, *NOT_TEXT),
    *refused("due_date__lte", *NO_DATES, *NOT_TEXT),
    *refused("tag", "%20", "+", "x" * 51, "a%0Ab", "%E2%80%8B", "a%E2%80%8Bb", *NOT_TEXT),
    *refused("search", "%20%09", "+", "x" * 201, quote("🦄" * 201), *NOT_TEXT),
    *refused("search", *NO_WORDS),
    *refused("ordering", "id," * 2000, *NO_COLUMNS, *NOT_TEXT),
    *taken("limit", "1", "1000", "%31"),
    *taken("offset", "0", f"{2**63 - 1}"),
    *taken("priority", *"1234"),
    *taken("created_at__lt", *TIMES),
    *taken("updated_at__gte", *TIMES),
    *taken("due_date__gte", "0001-01-01", "9999-12-31", "2024-02-29"),
    *taken("tag", "x" * 50, "a'b", "%25", "_", "\\\\", quote("Größe"), quote("🦄" * 50), "null", "a;b"),
    *taken("search", *WORDS),
    *(Case(f"?{query}", get(f"/tasks/?{query}"), 400, "invalid_query", (name,)) for query, name in STRANGERS.items()),
    *(
        Case(f"{line}?limit=1", request(f"{line}?limit=1 HTTP/1.1", HOST), 400, "invalid_query", ("limit",))
        for line in ("GET /tasks/7", "DELETE /tasks/7", "GET /health", "GET /health/ready", "POST /tasks/")
    ),
    Case("1,000 unknown parameters", get("/tasks/?" + "&".join(f"lim{n}" for n in range(1000))), 400, "invalid_query"),
    Case("1,001 parameters", get("/tasks/?" + "&".join("a" * 1001)), 400, "bad_request"),
    Case("4,000 empty parameters", get("/tasks/?" + "&" * 4000), 400, "bad_request"),
    Case("20 tags to filter by", get("/tasks/?" + "&".join(f"tag={n}" for n in range(20))), 200),
]


def log_in(name: str, body: str, label: str, status: int, code: str) -> Case:
    """A form for the admin, with the cookie that makes Django read it before it looks for the token."""
    cookie = "Cookie: csrftoken=" + "a" * 32
    return Case(f"a form {name}", send_json(body, label, cookie, line="POST /admin/login/ HTTP/1.1"), status, code)


FORMS = [
    log_in("without a token", "a=b", FORM, 403, "permission_denied"),
    log_in("with a wrong token", "csrfmiddlewaretoken=%00%ff", FORM, 403, "permission_denied"),
    log_in("in UTF-7", "a=b", f"{FORM}; charset=utf-7", 400, "bad_request"),
    log_in("with 1,001 fields", "a&" * 1001, FORM, 400, "bad_request"),
    log_in("over 1 MiB", "a=" + "b" * MIB, FORM, 413, "body_too_large"),
    log_in("of many parts without a boundary", "x", "Content-Type: multipart/form-data", 400, "bad_request"),
    log_in("of many parts, cut off", "--x", "Content-Type: multipart/form-data; boundary=x", 403, "permission_denied"),
    log_in("labelled as nothing", "a=b", "Content-Type: ", 403, "permission_denied"),
    Case("JSON for the admin", send_json(A, line="POST /admin/login/ HTTP/1.1"), 403, "permission_denied"),
    Case(
        "chunks for the admin",
        request("POST /admin/login/ HTTP/1.1", HOST, FORM, "Transfer-Encoding: chunked", body=chunks("a=b")),
        403,
        "permission_denied",
    ),
]

STALE = (412, "precondition_failed")


def conditional(status: int, code: str, header: str, *values: str) -> list[Case]:
    """A header with each of these values, in a PATCH that would change the task."""
    line, names = "PATCH /tasks/7 HTTP/1.1", (header,) if status == 400 else ()
    return [
        Case(each, send_json(A, each, line=line), status, code, names) for each in (f"{header}: {v}" for v in values)
    ]


HEADERS = [
    *conditional(400, "invalid_header", "If-Match", "", "7", "'7'", '"7', 'w/"7"', '*, "7"'),
    *conditional(400, "invalid_header", "If-None-Match", "", "7", '"7', '*, "7"'),
    *conditional(*STALE, "If-Match", '"7"', 'W/"7"', 'W/"7", "8"'),
    *conditional(*STALE, "If-None-Match", "*"),
    *(
        Case(
            f"Idempotency-Key: {key}",
            send_json(A, f"Idempotency-Key: {key}"),
            400,
            "invalid_header",
            ("Idempotency-Key",),
        )
        for key in ("", "a b", "a,b", '"', "\\", "x" * 256, "\xe9")
    ),
    *(
        Case(f"Authorization: {each}", get("/tasks/", f"Authorization: {each}"), 401, "invalid_token")
        for each in ("", "Basic YTpi", "Bearer", "Bearer tasks_7", "Bearer " + "x" * 8000)
    ),
]

CASES = [*PATHS, *METHODS, *NEGOTIATION, *QUERIES, *FORMS, *HEADERS]
