"""Django's handler with two chains of middleware: one for pages and requests with a session, one for the API.

An API request without a session has no use for sessions, CSRF, messages, static files and the policy of pages.
"""

from typing import Any
from wsgiref.types import WSGIEnvironment

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import close_old_connections
from django.http import HttpResponse
from django.utils.module_loading import import_string


class Handler(WSGIHandler):
    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT002 - Django's
        super().load_middleware(is_async)
        chain: Any = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]  # not in the stub
        for path in reversed(settings.API_MIDDLEWARE):
            chain = convert_exception_to_response(import_string(path)(chain))
        self.api_chain = chain

    def answer(self, environ: WSGIEnvironment) -> HttpResponse | None:
        """The complete answer to an API request without a session; None for any other request.

        The caller need not close it: it has no file and no session.
        """
        if settings.SESSION_COOKIE_NAME in environ.get("HTTP_COOKIE", ""):
            return None
        if not settings.API_PATHS.match(environ["PATH_INFO"]):
            return None
        close_old_connections()  # as Django does on its signal request_started
        answer: HttpResponse = self.api_chain(WSGIRequest(environ))
        return answer
