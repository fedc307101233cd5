"""Django's handler with two chains of middlewares: one for pages and whoever has a session, one for other calls.

Sessions, CSRF, messages, static files and the policy of pages are of no use to a call of the API without a session.
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
        """The answer to a call of the API without a session, whole; None for any other request.

        There is nothing to be done at its end: no file to close, no session to save.
        """
        if settings.SESSION_COOKIE_NAME in environ.get("HTTP_COOKIE", ""):
            return None
        if not settings.API_PATHS.match(environ["PATH_INFO"]):
            return None
        close_old_connections()  # which is what Django's signal of a new request comes to
        answer: HttpResponse = self.api_chain(WSGIRequest(environ))
        return answer
