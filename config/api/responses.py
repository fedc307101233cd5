"""Responses whose content is already bytes."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse


class JSONParts(HttpResponse):
    """A page as separate rows, which are never joined: a page may have 40 MB."""

    def __init__(self, parts: Sequence[bytes], **kwargs: Any) -> None:
        super().__init__(content_type="application/json", **kwargs)
        self._container = list(parts)  # the parts of HttpResponse.content


def no_content(status: int = 204, **headers: str) -> HttpResponse:
    answer = HttpResponse(status=status, headers=headers)
    del answer.headers["Content-Type"]
    return answer
