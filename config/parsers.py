"""Bodies as JSON, read strictly."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    """`application/json` in UTF-8; a member that is given twice is an error, not a matter of which one wins."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return json.loads(stream.read(), object_pairs_hook=_unique_members, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as exc:
            raise ParseError(f"The body is not JSON: {exc}") from exc


class MergePatchParser(JSONParser):
    """`application/merge-patch+json` (RFC 7396)."""

    media_type = "application/merge-patch+json"


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ParseError(f"The body gives a member twice: {', '.join(twice)}")
    return members


def _refuse_constant(name: str) -> None:
    raise ParseError(f"The body is not JSON: {name} is no JSON value.")
