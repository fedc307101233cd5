"""What schemathesis must know besides the document, and where it errs itself."""

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
    """A key of its own for every right case: the coverage phase sends one with all its bodies, which is a 422 for each.

    What happens when a key comes again has its own tests.
    """
    if "Idempotency-Key" in case.headers and case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
        case.headers["Idempotency-Key"] = f'"{uuid.uuid4()}"'
    return case


def has_a_tag_twice(body: Any) -> bool:
    """Tags that are different texts, as `uniqueItems` asks, and yet one tag: "home" and " Home".

    The one rule that JSON Schema can't state. The service refuses them (tests/test_create.py). Texts that are the same
    stay in: the document forbids them too.
    """
    tags = body.get("tags") if isinstance(body, dict) else None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return False
    keys = {"".join(letter.lower()[0] for letter in tag.strip()) for tag in tags}
    return len(keys) < len(set(tags)) == len(tags)


def has_a_cursor(case: Case[Any]) -> bool:
    """One that no answer gave, said to be right: no schema tells it from those that the links of a page have."""
    is_right = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    return is_right and "cursor" in (case.query or {})


def is_taken_for_right(case: Case[Any]) -> bool:
    """Said to be right by schemathesis 4.32 and wrong by the document, which it made it from.

    Its coverage phase covers the values of a header that several operations share once, and then fills up the right
    cases of the others with a value that it made to be wrong: `If-Match: 0`. The same in a wrong case stays in.
    """
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return False
    return any(
        not is_valid(header.definition["schema"], case.headers[header.name])
        for header in case.operation.headers
        if header.name in case.headers
    )
