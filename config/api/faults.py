"""One mistake in a request, and where it is."""

import difflib
from collections.abc import Collection, Iterator
from typing import Any, TypedDict

from rest_framework.settings import api_settings

MAX_FAULTS = 100  # in one answer; 1 MiB has room for 300,000


class Fault(TypedDict, total=False):
    """One mistake in a request: `pointer` or `parameter` says where, `code` what, `detail` what would be right."""

    pointer: str
    parameter: str
    code: str
    detail: str


def flat_faults(details: Any, pointer: str = "") -> Iterator[Fault]:
    """DRF's nested error details (`get_full_details`) as one list."""
    if isinstance(details, list):
        for inner in details:
            yield from flat_faults(inner, pointer)
    elif isinstance(details.get("code"), str):  # the member of a body that is called code has a list here
        yield {"pointer": pointer, "code": details["code"], "detail": str(details["message"])}
    else:
        for member, inner in details.items():
            general = member == api_settings.NON_FIELD_ERRORS_KEY
            yield from flat_faults(inner, pointer if general else pointer_to(pointer, member))


def pointer_to(pointer: str, name: object) -> str:
    """A JSON Pointer (RFC 6901) one step deeper."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def unknown(kind: str, name: str, known: Collection[str]) -> Fault:
    """That there is no `kind` of this name, and which was probably meant. Its place is for the caller to add."""
    near = difflib.get_close_matches(name, known, n=1)
    right = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}." if known else "None is."
    return {"code": "unknown", "detail": f"Not a {kind} here. {right}"}
