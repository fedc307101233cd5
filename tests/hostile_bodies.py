"""Hostile bodies: what is not JSON, and JSON that is not a task. Data for test_hostile.py."""

import gzip
import json

from tests.hostile_http import MIB, A, Case
from tests.wire import send_json

POST = "POST /tasks/ HTTP/1.1"
PATCH = "PATCH /tasks/7 HTTP/1.1"
FAMILY = "👩‍👩‍👧‍👦"  # seven characters


def malformed(name: str, body: str | bytes) -> Case:
    return Case(name, send_json(body), 400, "malformed_json")


def wrong(body: str, *pointers: str, line: str = POST) -> Case:
    return Case(f"{line[:5]} {body}", send_json(body, line=line), 400, "invalid_body", pointers)


def taken(body: str, line: str = POST) -> Case:
    return Case(f"{line[:5]} {body}", send_json(body, line=line), 201 if line == POST else 200, writes=True)


def member(name: str, *values: str) -> list[Case]:
    """A member with each of these values, in a POST and alone in a PATCH."""
    title = "" if name == "title" else '"title": "A", '
    posts = [wrong(f'{{{title}"{name}": {value}}}', f"/{name}") for value in values]
    return posts + [wrong(f'{{"{name}": {value}}}', f"/{name}", line=PATCH) for value in values]


TEXTS = (
    *("", " ", "\r\n\t ", "\0", "{", "}", "[", '"', '{"title"', '{"title":', '{"title": "A', '{"title": "A"', "nul"),
    *(A + "x", A + A, A + "\0", A + ",", "{'title': 'A'}", "{title: 1}", '{"title": "A",}', '{,"title": "A"}', "True"),
    *('{"title" "A"}', '{"title": "A" "id": 1}', "[1,]", "[,]", '{"title": A}', '{"title": undefined}', "\x1e" + A),
    *('{"title": "A"} // c', '{"title": /* c */ "A"}', '# c\n{"title": "A"}', '{"title": "A\n"}', '{"title": "\t"}'),
    *('{"title": "\\x41"}', '{"title": "\\u00"}', '{"title": "\\"}', '{"title": "\\u 041"}', '{"title": `A`}', "<a/>"),
    *('{"id": NaN}', '{"id": Infinity}', '{"id": -Infinity}', '{"id": 01}', '{"id": 0x1}', '{"id": +1}', '{"id": .5}'),
    *('{"id": 1.}', '{"id": 1e}', '{"id": 1_000}', '{"id": --1}', '{"id": 1n}', '{"id": １}', "title=A", ")]}'\n" + A),
)

NOT_JSON = [
    *(malformed(f"the body {text!r}", text) for text in TEXTS),
    malformed("a byte order mark", b"\xef\xbb\xbf" + A.encode()),
    malformed("UTF-16", A.encode("utf-16")),
    malformed("UTF-16 without a mark", A.encode("utf-16-le")),
    malformed("UTF-32", A.encode("utf-32")),
    malformed("latin-1", '{"title": "é"}'.encode("latin-1")),
    malformed("overlong UTF-8", b'{"title": "\xc0\xaf"}'),
    malformed("UTF-8 of a surrogate", b'{"title": "\xed\xa0\x80"}'),
    malformed("CESU-8", b'{"title": "\xed\xa0\xbd\xed\xb8\x80"}'),
    malformed("UTF-8 beyond Unicode", b'{"title": "\xf4\x90\x80\x80"}'),
    malformed("half a character of UTF-8", b'{"title": "\xe2\x82"}'),
    malformed("raw NUL in a string", '{"title": "A\0"}'),
    malformed("100,000 arrays", "[" * 100_000),
    malformed("100,000 arrays, closed", "[" * 100_000 + "]" * 100_000),
    malformed("100,000 objects", '{"a":' * 100_000),
    malformed("33 levels", '{"title": "A", "id": ' + "[" * 32 + "]" * 32 + "}"),
    malformed("33 levels of objects", '{"a":' * 32 + "{}" + "}" * 32),
    malformed("gzip that is not labelled", gzip.compress(A.encode())),
    malformed("a form", "title=A&completed=on"),
    malformed("a form of many parts", '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nA\r\n--x--\r\n'),
    malformed("1 MiB of blanks", " " * MIB),
]

NOT_A_TEXT = (
    "1",
    "1.5",
    "true",
    "[]",
    "{}",
    '["A"]',
    "1e999",
    "9" * 5000,
    '"A\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
)
NOT_A_DAY = (
    *("1", "20261201", "true", "[]", "{}", '""', '" "', '"today"', '"2026-02-30"', '"2026-13-01"', '"0000-01-01"'),
    *('"2026-1-1"', '"26-01-01"', '"20260101"', '"2026-W01-1"', '"2026-001"', '"-2026-01-01"', '"10000-01-01"'),
    *('"2026-01-01T00:00:00Z"', '"2026-01-01 "', '"2026-01-01\\n"', '"２０２６-01-01"', '"2026/01/01"', '"infinity"'),
)
NAMES = ("__proto__", "constructor", "Title", "pk", "_state", "tag", "tags[]", "non_field_errors", "$ref", "code")

NOT_A_TASK = [
    *(
        wrong(body, "")
        for body in ("[]", '["title"]', f"[{A}]", '"title"', "1", "1.5", "null", "true", "false", '""', "0")
    ),
    *(wrong(body, "", line=PATCH) for body in ("[]", "null", "0", '""', '[{"op": "remove", "path": "/title"}]')),
    wrong("{}", "/title"),
    *member(
        "title", "null", '""', '" "', '"\\n\\t"', '"\\u00a0\\u3000"', f'"{"x" * 201}"', f'"{FAMILY * 29}"', *NOT_A_TEXT
    ),
    *member("description", f'"{"x" * 10_001}"', f'"{"x" * 500_000}"', *NOT_A_TEXT),
    *member("completed", "null", "0", "1", '"true"', '"yes"', '"on"', '""', "[]", "{}", "[true]", "1.0", "1e999"),
    *member("due_date", *NOT_A_DAY),
    *member("priority", "0", "5", "-1", "1.5", '"1"', "true", "[]", "[1]", "{}", '""', "1e999", "9" * 5000),
    *member("tags", "null", "1", '"home"', "{}", '{"0": "home"}', "true", json.dumps([str(n) for n in range(21)])),
    *(
        wrong(f'{{"title": "A", "tags": ["a", {tag}]}}', "/tags/1")
        for tag in (
            "null",
            "1",
            "[]",
            "{}",
            '""',
            '" "',
            "true",
            '"\\u0000"',
            '"\\ud800"',
            f'"{"x" * 51}"',
            '"A"',
            '"a "',
        )
    ),
    wrong('{"title": "A", "tags": ["ΟΔΟΣ", "οδοσ"]}', "/tags/1"),
    wrong('{"title": "A", "title": "A"}', "/title"),
    wrong('{"title": "A", "t\\u0069tle": "B"}', "/title"),
    wrong('{"title": "A", "id": 1, "id": 1}', "/id"),
    wrong('{"title": "A", "id": {"x": {"y": 1, "y": 2}}}', "/id/x/y"),
    wrong('{"title": "A", "x": 1e999}', "/x"),
    wrong('{"title": "A", "x": [{"y": "\\udead"}]}', "/x/0/y", "/x"),
    wrong('{"title": "A", "\\ud800": 1}', "/\ud800"),
    wrong('{"title": "A", "\\u0000": 1}', "/\0"),
    *(wrong(f'{{"title": "A", "{name}": 1}}', f"/{name}") for name in NAMES),
    wrong('{"title": "A", "": 1}', "/"),
    wrong('{"title": "A", "title ": 1}', "/title "),
    wrong('{"title": "A", "a/b~c": 1}', "/a~1b~0c"),
    wrong('{"titel": "A"}', "/title", "/titel"),
    wrong('{"title": "A", "titel": "A"}', "/titel", line=PATCH),
    wrong('{"done": true}', "/done", line=PATCH),
]

# Each must be answered within the patience of a client, whose other requests wait meanwhile.
EXPENSIVE = [
    Case("80,000 unknown members", send_json(json.dumps({str(n): 1 for n in range(80_000)})), 400, "invalid_body"),
    Case(
        "one of 80,000 members twice",
        send_json(json.dumps({str(n): 1 for n in range(80_000)})[:-1] + ', "0": 1}'),
        400,
        "invalid_body",
    ),
    wrong(json.dumps({"title": "A", "tags": [1] * 300_000}), "/tags"),
    wrong(json.dumps({"tags": [1] * 300_000}), "/tags", line=PATCH),
    wrong(json.dumps({"title": "A", "x": ["\0"] * 100_000})),
    wrong(f'{{"title": "A", "x": {"9" * 1_000_000}}}', "/x"),
    wrong(f'{{"title": "A", "{"x" * 1_000_000}": 1}}'),
    taken(f'{{"title": "A", "id": 0.{"9" * 1_000_000}}}'),
    taken(A + " " * (MIB - len(A))),
]

TAKEN = [
    taken('{"title": "A", "id": ' + "[" * 31 + "]" * 31 + "}"),
    taken('{"title": "A", "id": "x", "created_at": 1e999, "updated_at": null, "completed_at": ["\\u0000"]}'),
    taken(json.dumps({"title": "🦄" * 200, "description": "🦄" * 10_000, "tags": ["🦄" * 50]}, ensure_ascii=False)),
    taken('{"title": "A", "due_date": "0001-01-01"}'),
    taken('{"title": "A", "due_date": "9999-12-31"}'),
    taken('{"title": "A", "due_date": null, "priority": null, "description": null, "tags": [], "completed": true}'),
    taken("{}", line=PATCH),
    taken('{"description": ""}', line=PATCH),
]

CASES = [*NOT_JSON, *NOT_A_TASK, *EXPENSIVE, *TAKEN]
