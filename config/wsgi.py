"""The WSGI application: `gunicorn -c config/gunicorn.py config.wsgi`."""

import io
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 - after the line that says which
from django.http import HttpResponse  # noqa: E402

from config.api.errors import problem  # noqa: E402
from config.api.faults import shortened  # noqa: E402
from config.server.handler import Handler, body_limit  # noqa: E402
from config.server.proxy import behind_proxies  # noqa: E402
from config.server.responses import send  # noqa: E402

handler = Handler()


def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Sees to what Django does not look at: the form of the target, and whether the body came whole."""
    environ.pop("HTTP_RANGE", None)  # nothing is served in parts; a file of WhiteNoise comes whole
    is_head = environ["REQUEST_METHOD"] == "HEAD"
    if is_head:  # a GET whose body is dropped: some views, such as Django's login, answer another way to HEAD
        environ = environ | {"REQUEST_METHOD": "GET"}
    answer = refuse_target(environ) or refuse_prefix(environ) or read_body(environ) or handler.answer(environ)
    if answer is not None:
        return send(answer, start_response, is_head=is_head)
    body: Any = handler(environ, start_response)
    if not is_head:
        return body  # type: ignore[no-any-return]  # an iterable with close()
    body.close()
    return ()  # gunicorn would drop the body too, but log a warning


def refuse_target(environ: WSGIEnvironment) -> HttpResponse | None:
    """What RFC 9112, section 3.2, asks of the request line and Host. RAW_URI is gunicorn's."""
    target = environ.get("RAW_URI", "/")
    path = target.partition("?")[0]
    if "#" in target:
        return problem("bad_request", "The request target must not contain # and a fragment.")
    if "://" in path and not path.startswith("/"):
        scheme, environ["HTTP_HOST"], *_ = urlsplit(target)  # the header Host does not count then
        if scheme not in ("http", "https"):
            return problem("bad_request", "The request target must begin with /, http:// or https://.")
    if "HTTP_HOST" not in environ and environ["SERVER_PROTOCOL"] != "HTTP/1.0":
        return problem("bad_request", "The Host header is required.")
    if "%2f" in path.lower():  # WSGI would make it a slash, and this path another one
        return problem("not_found", f"There is nothing at {shortened(path)}.")
    return None


def refuse_prefix(environ: WSGIEnvironment) -> HttpResponse | None:
    """Links and pages would lead to paths without the prefix, which belong to another service of that host."""
    prefix = environ.get("HTTP_X_FORWARDED_PREFIX", "").strip("/")
    if not (settings.TRUSTED_PROXIES and prefix):
        return None
    return problem(
        "bad_request",
        f"The proxy serves this under the path prefix /{shortened(prefix)}, which the service does not support:"
        " it needs a host name of its own.",
    )


def read_body(environ: WSGIEnvironment) -> HttpResponse | None:
    """Reads the body before Django does: it reads no chunked one (ticket 35838), and takes half of one for all."""
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    length = int(environ.get("CONTENT_LENGTH") or 0)
    limit = body_limit(environ["PATH_INFO"])
    if coding not in ("", "chunked"):
        return problem("transfer_coding_not_implemented")
    if (not coding and not length) or length > limit:
        return None  # a body that is too long is never read: it is a 413 of the API or of body_middleware
    try:
        body = environ["wsgi.input"].read(limit + 1 if coding else length)  # the one byte makes it a 413
    except OSError:
        return problem("bad_request", "The request body ends before its last chunk.")
    if len(body) < length:
        return problem(
            "bad_request", f"The request body ends after {len(body):,} bytes, but Content-Length says {length:,}."
        )
    environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    return None


application: WSGIApplication = behind_proxies(serve, settings.TRUSTED_PROXIES)
