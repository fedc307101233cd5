"""Content negotiation by RFC 9110, sections 8.3 and 12.5.1; DRF's ignores `q`."""

import re
from collections.abc import Iterable
from functools import lru_cache

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


class ContentNegotiation(BaseContentNegotiation):
    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser of the request's Content-Type, in which a wildcard matches nothing."""
        label = _essence(request.content_type or "")
        return next((parser for parser in parsers if parser.media_type == label), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The only renderer, with its own media type: no parameter of Accept comes back in Content-Type."""
        (renderer,) = renderers
        if not _accepts(request.META.get("HTTP_ACCEPT", ""), renderer.media_type):
            raise NotAcceptable(f"The Accept header must allow {renderer.media_type}.")
        return renderer, renderer.media_type


@lru_cache(maxsize=256)
def _accepts(accept: str, media_type: str) -> bool:
    """Decided by the most specific range that includes the type."""
    ranges, kind = _ranges(accept), _essence(media_type)
    specific = next((each for each in (kind, f"{kind.partition('/')[0]}/*", "*/*") if each in ranges), None)
    return specific is not None and ranges[specific] > 0


def _ranges(accept: str) -> dict[str, float]:
    """The media ranges with their quality. An invalid q counts as 0, which excludes the range."""
    ranges = {}
    for element in accept.split(","):
        parts = [part.strip().lower() for part in element.split(";")]
        weights = [part.removeprefix("q=") for part in parts[1:] if part.startswith("q=")] or ["1"]
        if parts[0]:
            ranges[parts[0]] = float(weights[0]) if QUALITY.fullmatch(weights[0]) else 0.0
    return ranges or {"*/*": 1.0}


def _essence(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
