"""Conditional requests by entity tag (RFC 9110, section 13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from config.api.errors import InvalidHeader

TAG = r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"'
ENTITY_TAG = re.compile(TAG)
LIST = re.compile(rf"[ \t]*\*[ \t]*|[ \t,]*{TAG}([ \t]*,[ \t]*({TAG})?)*[ \t]*")
# The same without what only old software sends: for the document.
SCHEMA = {"type": "string", "pattern": r'^([*]|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$'}


@dataclass(frozen=True)
class Preconditions:
    """If-Match and If-None-Match of a request, as the opaque tags (what stands between the quotes) that they list.

    `allowed` is None for any; a weak tag is not in it, since bytes that only mean the same may hide an edit. In
    `refused`, W/ makes no difference.
    """

    allowed: frozenset[str] | None = None
    refused: frozenset[str] | None = None
    refuses_any: bool = False

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
        )

    @property
    def lists(self) -> dict[str, frozenset[str] | None]:
        """For a statement that writes: of `*` in If-None-Match, nothing that exists is allowed."""
        return {"allowed": frozenset() if self.refuses_any else self.allowed, "refused": self.refused}

    def match(self, etag: str) -> bool:
        """Whether If-Match, where there is one, asks for what has this strong entity tag."""
        return self.allowed is None or etag[1:-1] in self.allowed

    def is_known(self, etag: str) -> bool:
        """Whether If-None-Match lists it: a read is then a 304."""
        return self.refuses_any or (self.refused is not None and etag[1:-1] in self.refused)


def tags_in(header: str, value: str) -> list[str]:
    """The entity tags of a header, or `*` alone."""
    if not LIST.fullmatch(value):
        raise InvalidHeader(header, 'Put * or one or more entity tags by comma, such as "6f3a", quotes included.')
    return ["*"] if value.strip() == "*" else [match[0] for match in ENTITY_TAG.finditer(value)]
