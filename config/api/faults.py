"""One mistake in a request and its place: an entry of `errors`."""

import difflib
from collections.abc import Collection, Iterator
from typing import Any, TypedDict

from rest_framework.settings import api_settings

MAX_FAULTS = 100  # in one answer; 1 MiB has room for 300,000
SIMILAR = 0.65  # for difflib, whose default finds that sort is like cursor


class Fault(TypedDict, total=False):
    """One mistake in a request: where (`pointer` or `parameter`), what (`code`), and what is accepted (`detail`)."""

    pointer: str
    parameter: str
    code: str
    detail: str


def flat_faults(details: Any, pointer: str = "") -> Iterator[Fault]:
    """DRF's nested error details (`get_full_details`) as one list."""
    if isinstance(details, list):
        for inner in details:
            yield from flat_faults(inner, pointer)
    elif isinstance(details.get("code"), str):  # a field that is called code has a list here
        yield {"pointer": pointer, "code": details["code"], "detail": str(details["message"])}
    else:
        for name, inner in details.items():
            general = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from flat_faults(inner, pointer if general else pointer_to(pointer, name))


def pointer_to(pointer: str, name: object) -> str:
    """A JSON Pointer (RFC 6901) one step deeper."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def unknown(kind: str, name: str, known: Collection[str]) -> Fault:
    """An unknown name of this `kind`, with the known name that is closest. The caller adds the place."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=SIMILAR)
    accepted = f"Accepted are {', '.join(known)}." if known else "None is accepted here."
    return {"code": "unknown", "detail": f"Unknown {kind}. {f'Did you mean {near[0]}?' if near else accepted}"}


def shortened(text: str, most: int = 100) -> str:
    """A text from a request, for a `detail` that stays short."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
