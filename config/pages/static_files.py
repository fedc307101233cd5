"""Static files: cached for a year by browsers, and compressed where no proxy does it.

Their URLs contain a digest of all files, such as /static/0a1b2c3d4e5f/admin/css/base.css, so an upgrade that changes a
file changes the URLs. Unlike with Django's ManifestStaticFilesStorage nothing has to be collected after an upgrade.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache, cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest
from django.middleware.gzip import GZipMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

VERSIONED = re.compile(rf"{settings.STATIC_URL}([0-9a-f]{{12}})/(.+)")
COMPRESSED = ("text/html", "text/css", "text/javascript", "image/svg+xml")


@cache
def version() -> str:
    """A digest of the names and contents of all static files, the same on every machine."""
    files = [(name, Path(storage.path(name))) for finder in get_finders() for name, storage in finder.list([])]
    digest = hashlib.sha256()
    for name, path in sorted(files, key=itemgetter(0)):
        digest.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


class Storage(StaticFilesStorage):
    @cached_property
    def base_url(self) -> str:
        return settings.STATIC_URL if settings.DEBUG else f"{settings.STATIC_URL}{version()}/"


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise ships no types
    """Serves the current files at the URLs of every version, because instances are upgraded one after the other."""

    def __call__(self, request: HttpRequest) -> Any:
        versioned = VERSIONED.fullmatch(request.path_info)
        if versioned:
            request.path_info = f"{settings.STATIC_URL}{versioned[2]}"
        answer = super().__call__(request)
        if versioned and versioned[1] == version() and answer.status_code in (200, 304):
            answer.headers["Cache-Control"] = "max-age=31536000, public, immutable"
        return answer


def compression_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Compresses pages, scripts and styles. The API's JSON stays as it is: compressed, its ETags would be weak."""
    compress = GZipMiddleware(get_response).process_response

    def middleware(request: HttpRequest) -> Any:
        answer = get_response(request)
        kind = answer.headers.get("Content-Type", "")
        is_compressible = request.method == "GET" and answer.status_code == 200 and kind.startswith(COMPRESSED)
        return compress(request, answer) if is_compressible else answer

    return middleware
