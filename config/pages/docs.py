"""The docs page: Swagger UI, and below it the guide and every error code, which need no script."""

import json
from http import HTTPStatus
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.text import slugify
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from markdown_it import MarkdownIt
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.errors import CODES
from config.api.problem_schema import example_of

MARKDOWN = MarkdownIt("commonmark", {"html": False})


class Section(NamedTuple):
    title: str
    anchor: str
    html: str


class ErrorCode(NamedTuple):
    code: str
    status: HTTPStatus
    html: str
    example: str


def sections(text: str) -> list[Section]:
    """A section for each heading of a Markdown text."""
    tokens = MARKDOWN.parse(text)
    starts = [index for index, token in enumerate(tokens) if token.type == "heading_open"]
    found = []
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        title = tokens[start + 1].content
        html = MARKDOWN.renderer.render(tokens[start + 3 : end], MARKDOWN.options, {})
        found.append(Section(title, slugify(title), html))
    return found


# Rendered at the start of the process, which then fails if the guide is not there.
INTRODUCTION, *GUIDE = sections(settings.API_GUIDE.read_text())
ERROR_CODES = [
    ErrorCode(code, HTTPStatus(status), MARKDOWN.renderInline(meaning), json.dumps(example_of(code), indent=2))
    for code, (status, meaning) in CODES.items()
]


class DocsView(SpectacularSwaggerSplitView):
    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.data |= {"introduction": INTRODUCTION, "guide": GUIDE, "error_codes": ERROR_CODES}
        return response
