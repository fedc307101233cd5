"""Who the client is and what it called, where proxies stand in front: X-Forwarded-For, -Proto and -Host.

Each proxy adds a value to the right of what came in, so that the last TRUSTED_PROXIES values of a header are theirs and
whatever is left of them is hearsay. gunicorn itself reads none of these headers (config/gunicorn.py).
"""

import ipaddress
import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Some proxies add the port. No zone ("fe80::1%eth0"): it could hold any text, and the address is logged.
ADDRESS = re.compile(r"([0-9.]+)(?::[0-9]+)?|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9A-Fa-f:.]+)")


def behind_proxies(application: WSGIApplication, count: int) -> WSGIApplication:
    """`application`, shown what the outermost of `count` proxies saw. With 0 it is `application` itself."""
    if not count:
        return application

    def proxied(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        believe(environ, count)
        return application(environ, start_response)

    return proxied


def believe(environ: WSGIEnvironment, count: int) -> None:
    """Changes `environ` itself, which is also what gunicorn logs.

    What is missing or malformed leaves what is known of the nearest proxy. The host is taken as it is: one that is
    not in ALLOWED_HOSTS is a 400, like any other.
    """
    if address := address_of(value_of(environ, "FOR", count)):
        environ["REMOTE_ADDR"] = address
    scheme = value_of(environ, "PROTO", count).lower()
    if scheme in ("http", "https"):
        environ["wsgi.url_scheme"] = scheme
    if host := value_of(environ, "HOST", count):
        environ["HTTP_HOST"] = host


def value_of(environ: WSGIEnvironment, name: str, count: int) -> str:
    """What the outermost trusted proxy put; empty where fewer values came than there are proxies."""
    values = environ.get(f"HTTP_X_FORWARDED_{name}", "").split(",")
    return values[-count].strip() if len(values) >= count else ""


def address_of(text: str) -> str | None:
    """The IP address in its one spelling, so that a limit per address counts one client once; None if it is none."""
    match = ADDRESS.fullmatch(text)
    try:
        address = ipaddress.ip_address(match[match.lastindex or 0] if match else "")
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
