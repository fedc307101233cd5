"""What every page of HTML tells the browser about itself."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in CONTENT_SECURITY_POLICY.items()),
    "X-Frame-Options": "DENY",  # Django's is not on the files of WhiteNoise
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def policy_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """On pages alone; the other security headers are Django's own, and on every answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            for name, value in HEADERS.items():
                answer.headers[name] = value
        return answer

    return middleware
