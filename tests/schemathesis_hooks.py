"""What schemathesis must know besides the document, and where it errs itself."""

import uuid
from typing import Any

import schemathesis
from jsonschema_rs import is_valid
from schemathesis import Case, CheckContext, GenerationMode, HookContext, Response

from config.text import CONTROLS, HIDDEN, VISIBLE, folded

NAMES = ("tags", "tag")
LINES = ("title", *NAMES)  # one line in which something can be seen
EDGES = ("0000", "0001-01-01", "9999-12-31")  # an offset could move a time over the edge of the calendar
PROTOCOL = {405, 406, 414, 417, 431, 500, 501}


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    return not (has_a_tag_twice(case.body) or is_only_trimmed(case.body) or is_taken_for_right(case)) and not (
        is_right(case) and (breaks_a_rule_in_words(case) or {"cursor", "after"} & (case.query or {}).keys())
    )


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
    """A key of its own for every right case: the coverage phase sends one with all its bodies, which is a 422 for each.

    What happens when a key comes again has its own tests.
    """
    if "Idempotency-Key" in case.headers and case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
        case.headers["Idempotency-Key"] = f'"{uuid.uuid4()}"'
    return case


@schemathesis.check
def status_is_listed(context: CheckContext, response: Response, case: Case[Any]) -> None:
    """`default` stands for the statuses of the protocol and no others; tests.contract asks the same of other tests."""
    listed, is_another_method = case.operation.definition.raw["responses"], case.method != case.operation.method.upper()
    assert is_another_method or str(response.status_code) in listed or response.status_code in PROTOCOL


def has_a_tag_twice(body: Any) -> bool:
    """Tags that are different texts, as `uniqueItems` asks, and yet one tag: "home" and " Home".

    The one rule that JSON Schema can't state. The service refuses them (tests/test_create.py). Texts that are the same
    stay in: the document forbids them too.
    """
    tags = body.get("tags") if isinstance(body, dict) else None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return False
    keys = {folded(tag.strip()) for tag in tags}
    return len(keys) < len(set(tags)) == len(tags)


def is_right(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE


def is_only_trimmed(body: Any) -> bool:
    """A title or tag that is too long only because of the whitespace around it, which the service removes first."""
    body = body if isinstance(body, dict) else {}
    limits = [(body.get("title"), 200), *((tag, 50) for tag in texts_in(body.get("tags")))]
    return any(isinstance(text, str) and len(text.strip()) <= limit < len(text) for text, limit in limits)


def breaks_a_rule_in_words(case: Case[Any]) -> bool:
    """What only a description says: patterns that say it are different in each language, and int64 is a format.

    No schema tells a cursor or a point that no answer gave from those in the links of a page, either.
    """
    query: dict[str, Any] = case.query or {}
    body: dict[str, Any] = case.body if isinstance(case.body, dict) else {}
    lines, filled = (
        [text for part in (query, body) for name in named for text in texts_in(part.get(name))]
        for named in (LINES, ("search",))
    )
    hidden = [text for part in (query, body) for name in NAMES for text in texts_in(part.get(name))]
    names = [name.removeprefix("-") for name in str(query.get("ordering", "")).split(",")]
    times = [str(query[name]) for name in query if name.endswith(("__gte", "__lt", "__lte"))]
    return (
        any("\0" in text or "\ufffd" in text for text in (*lines, *filled))
        or any(not VISIBLE.search(text) or CONTROLS.search(text.strip()) for text in lines)
        or any(HIDDEN.search(text) for text in hidden)
        or any(not any(map(str.isalnum, text)) for text in filled)
        or "\0" in (body.get("description") or "")
        or len(set(names)) < len(names)
        or int(query.get("offset", 0)) >= 2**63
        or any(text.startswith(EDGES) for text in (*times, body.get("due_date") or ""))
    )


def texts_in(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def is_taken_for_right(case: Case[Any]) -> bool:
    """Said to be right by schemathesis 4.32 and wrong by the document, which it made it from.

    Its coverage phase covers the values of a header that several operations share once, and then fills up the right
    cases of the others with a value that it made to be wrong: `If-Match: 0`. The same in a wrong case stays in.
    """
    return is_right(case) and any(
        not is_valid(header.definition["schema"], case.headers[header.name])
        for header in case.operation.headers
        if header.name in case.headers
    )
