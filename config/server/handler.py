"""Django's handler with two chains of middlewares: a short one for API requests without a session, and the whole one.

An API request without a session needs no sessions, CSRF check, messages, static files or policy of pages.
"""

from typing import Any
from wsgiref.types import WSGIEnvironment

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from config.server.responses import add_length


def body_limit(path: str) -> int:
    """The most bytes that the body of a request for this path may have."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return settings.FILE_UPLOAD_MAX_MEMORY_SIZE if path == settings.UPLOAD_PATH else limit


class Handler(WSGIHandler):
    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT002 - Django's
        super().load_middleware(is_async)
        chain: Any = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]  # not in the stub
        # The others are named and not these, so that the API also gets what OpenTelemetry inserts.
        for path in reversed([each for each in settings.MIDDLEWARE if each not in settings.PAGE_MIDDLEWARE]):
            chain = convert_exception_to_response(import_string(path)(chain))
        self.api_chain = chain

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """With a length also where a middleware answers that runs before Django's CommonMiddleware."""
        answer = super().get_response(request)
        add_length(answer)
        return answer

    def answer(self, environ: WSGIEnvironment) -> HttpResponse | None:
        """The complete answer to an API request without a session; None for any other request.

        It needs no close(): there is no file to close and no session to save.
        """
        if settings.SESSION_COOKIE_NAME in environ.get("HTTP_COOKIE", ""):
            return None
        if not settings.API_PATHS.match(environ["PATH_INFO"]):
            return None
        close_old_connections()  # what Django's request_started signal does
        answer: HttpResponse = self.api_chain(WSGIRequest(environ))
        return answer
