"""The client's address, scheme and host when proxies are in front: X-Forwarded-For, -Proto and -Host.

Each proxy appends a value. So the last TRUSTED_PROXIES values of a header come from the proxies, and a client can forge
all values before them. gunicorn reads none of these headers (config/gunicorn.py).
"""

import ipaddress
import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Some proxies add the port. No zone ("fe80::1%eth0"): it could hold any text, and the address is logged.
ADDRESS = re.compile(r"([0-9.]+)(?::[0-9]+)?|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9A-Fa-f:.]+)")


def behind_proxies(application: WSGIApplication, count: int) -> WSGIApplication:
    """`application`, which gets what the outermost of `count` proxies saw. With 0 it is `application` itself."""
    if not count:
        return application

    def proxied(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        believe(environ, count)
        return application(environ, start_response)

    return proxied


def believe(environ: WSGIEnvironment, count: int) -> None:
    """Updates `environ` in place, because gunicorn logs from it.

    If a header is missing or malformed, the value of the nearest proxy stays. The host is not validated here: one that
    is not in ALLOWED_HOSTS is a 400 later.
    """
    if address := address_of(value_of(environ, "FOR", count)):
        environ["REMOTE_ADDR"] = address
    scheme = value_of(environ, "PROTO", count).lower()
    if scheme in ("http", "https"):
        environ["wsgi.url_scheme"] = scheme
    if host := value_of(environ, "HOST", count):
        environ["HTTP_HOST"] = host


def value_of(environ: WSGIEnvironment, name: str, count: int) -> str:
    """The value from the outermost trusted proxy; empty if there are fewer values than proxies."""
    values = environ.get(f"HTTP_X_FORWARDED_{name}", "").split(",")
    return values[-count].strip() if len(values) >= count else ""


def address_of(text: str) -> str | None:
    """The IP address in canonical form, so that a limit per address counts a client once; None if it is invalid."""
    match = ADDRESS.fullmatch(text)
    try:
        address = ipaddress.ip_address(match[match.lastindex or 0] if match else "")
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
