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
class Condition:
    """One of the two headers: the tags that it lists, or `*` for whatever is there now."""

    tags: frozenset[str]

    @classmethod
    def parse(cls, header: str, value: str) -> Self:
        if not LIST.fullmatch(value):
            raise InvalidHeader(header, 'Put * or one or more entity tags by comma, such as "6f3a", quotes included.')
        return cls(frozenset("*" if value.strip() == "*" else (match[0] for match in ENTITY_TAG.finditer(value))))

    def holds_strongly(self, etag: str) -> bool:
        """For If-Match: a weak tag never does, since bytes that only mean the same may hide an edit."""
        return "*" in self.tags or etag in self.tags

    def holds_weakly(self, etag: str) -> bool:
        """For If-None-Match, where W/ makes no difference."""
        return "*" in self.tags or etag in {tag.removeprefix("W/") for tag in self.tags}


@dataclass(frozen=True)
class Preconditions:
    """If-Match and If-None-Match of a request, as far as it has them."""

    if_match: Condition | None
    if_none_match: Condition | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self:
        conditions = (
            Condition.parse(name, headers[name]) if name in headers else None for name in ("If-Match", "If-None-Match")
        )
        return cls(*conditions)

    def match(self, etag: str) -> bool:
        """Whether If-Match, where there is one, asks for what has this strong entity tag."""
        return self.if_match is None or self.if_match.holds_strongly(etag)

    def is_known(self, etag: str) -> bool:
        """Whether If-None-Match lists it: a read is then a 304."""
        return self.if_none_match is not None and self.if_none_match.holds_weakly(etag)

    def allow(self, etag: str) -> bool:
        """Whether a write may go on; else it is a 412."""
        return self.match(etag) and not self.is_known(etag)
