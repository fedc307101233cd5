"""What schemathesis must know besides the document, and corrections of its own mistakes."""

import uuid
from typing import Any

import schemathesis
from jsonschema_rs import is_valid
from schemathesis import Case, GenerationMode, HookContext


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    return not (has_a_tag_twice(case.body) or has_a_cursor(case) or is_taken_for_right(case))


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
    """A new key for every valid case: the coverage phase sends one key with many bodies, and each would be a 422.

    tests/test_idempotency.py tests repeated keys.
    """
    if "Idempotency-Key" in case.headers and case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
        case.headers["Idempotency-Key"] = f'"{uuid.uuid4()}"'
    return case


def has_a_tag_twice(body: Any) -> bool:
    """Tags that differ as texts, as `uniqueItems` requires, but are one tag: "home" and " Home".

    JSON Schema can't state this rule. The service refuses such tags (tests/test_create.py). Equal texts are kept,
    because the document forbids them too.
    """
    tags = body.get("tags") if isinstance(body, dict) else None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return False
    keys = {"".join(letter.lower()[0] for letter in tag.strip()) for tag in tags}
    return len(keys) < len(set(tags)) == len(tags)


def has_a_cursor(case: Case[Any]) -> bool:
    """A cursor that no answer gave. The schema can't tell it from a valid one."""
    is_right = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    return is_right and "cursor" in (case.query or {})


def is_taken_for_right(case: Case[Any]) -> bool:
    """A case that schemathesis 4.32 calls valid, although the document says that it is invalid.

    Its coverage phase tests a header that several operations share only once. In valid cases of the others it then uses
    a value that it made to be invalid: `If-Match: 0`. The same value in an invalid case is kept.
    """
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return False
    return any(
        not is_valid(header.definition["schema"], case.headers[header.name])
        for header in case.operation.headers
        if header.name in case.headers
    )
