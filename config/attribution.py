"""Who is behind a change that comes through the admin, for the history of tasks."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tasks.history import attribute_changes

ADMIN = "/admin/"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def admin_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Names the member of staff before every unsafe request: the pool hands the session on with the name before."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in SAFE_METHODS and request.path.startswith(ADMIN):
            attribute_changes(request.user.get_username())
        return get_response(request)

    return middleware
