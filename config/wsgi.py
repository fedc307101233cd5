"""The WSGI application: `gunicorn -c config/gunicorn.py config.wsgi`."""

import io
import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - after the line that says which

from config.errors import problem  # noqa: E402


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Reads a chunked body before Django does: without a Content-Length, Django reads none (ticket 35838)."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        try:
            body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)  # the one byte makes it a 413
        except OSError as exc:
            answer = problem("bad_request", f"The chunks of the body can't be read: {exc}")
            start_response(f"{answer.status_code} {answer.reason_phrase}", [*answer.items(), ("Connection", "close")])
            return [answer.content]
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    return django_application(environ, start_response)
