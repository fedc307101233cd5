"""Conditional requests by entity tag (RFC 9110, section 13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from config.api.errors import InvalidHeader

TAG = r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"'
ENTITY_TAG = re.compile(TAG)
LIST = re.compile(rf"[ \t]*\*[ \t]*|[ \t,]*{TAG}([ \t]*,[ \t]*({TAG})?)*[ \t]*")
# The same for the OpenAPI document, without the empty elements that a list may contain (RFC 9110, section 5.6.1).
SCHEMA = {"type": "string", "pattern": r'^([*]|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$'}
TAGS_EXPECTED = 'Must be * or entity tags in double quotes, separated by commas, such as "6f3a".'


@dataclass(frozen=True)
class Preconditions:
    """If-Match and If-None-Match of a request, as the opaque tags (the text between the quotes) that they list.

    `allowed` is None if any tag is allowed. It leaves out weak tags, which never match in If-Match. In `refused`, weak
    and strong tags are the same.
    """

    allowed: frozenset[str] | None = None
    refused: frozenset[str] | None = None
    refuses_any: bool = False
    has_weak: bool = False  # whether If-Match lists a weak entity tag

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """From a WSGI environment. Raises InvalidHeader."""
        if_match, if_none_match = environ.get("HTTP_IF_MATCH"), environ.get("HTTP_IF_NONE_MATCH")
        if if_match is None and if_none_match is None:
            return cls()
        allowed = None if if_match is None else tags_in("If-Match", if_match)
        refused = None if if_none_match is None else tags_in("If-None-Match", if_none_match)
        return cls(
            None if allowed is None or "*" in allowed else frozenset(tag[1:-1] for tag in allowed if tag[0] == '"'),
            None if refused is None else frozenset(tag.removeprefix("W/")[1:-1] for tag in refused),
            refused is not None and "*" in refused,
            allowed is not None and any(tag.startswith("W/") for tag in allowed),
        )

    @property
    def lists(self) -> dict[str, frozenset[str] | None]:
        """The parameters of a statement that writes. `*` in If-None-Match allows no row that exists."""
        return {"allowed": frozenset() if self.refuses_any else self.allowed, "refused": self.refused}

    def match(self, etag: str) -> bool:
        """Whether If-Match allows this strong entity tag; without If-Match every tag is allowed."""
        return self.allowed is None or etag[1:-1] in self.allowed

    def is_known(self, etag: str) -> bool:
        """Whether If-None-Match lists this entity tag: a read is then a 304."""
        return self.refuses_any or (self.refused is not None and etag[1:-1] in self.refused)

    def failure(self, noun: str, etag: str, *, is_shown: bool = True) -> str:
        """Why a request is a 412 on a resource, called `noun`, that has this strong entity tag.

        `is_shown` says whether the answer shows the resource.
        """
        if not self.match(etag):
            if self.has_weak:
                return (
                    'If-Match never matches a weak entity tag: send "6f3a" for W/"6f3a". A compressing proxy adds W/.'
                )
            if any(tag.startswith(etag[1:-1]) for tag in self.allowed or ()):
                return f"A compressing proxy has appended something to the entity tag: send {etag}."
            return f"Someone else updated the {noun}: {'look at current, then ' if is_shown else ''}retry with etag."
        if self.refuses_any:
            return f"The {noun} exists, and If-None-Match: * asks that it does not."
        return f"Nothing was written: the {noun} has an entity tag that If-None-Match lists."


def tags_in(header: str, value: str) -> list[str]:
    """The entity tags of a header, or only `*`. Raises InvalidHeader."""
    if not LIST.fullmatch(value):
        raise InvalidHeader(header, TAGS_EXPECTED)
    return ["*"] if value.strip() == "*" else [match[0] for match in ENTITY_TAG.finditer(value)]
