"""What most requests are, in one statement each, with the JSON made by PostgreSQL.

Nothing is decided here. A request of which anything is unusual, and a row that is not there, not the one that was asked
for or as it is to be already, takes the long way: tasks/views.py says what is to be said. tests/test_fast_path.py
holds the answers of the two ways to be equal.
"""

import re
from wsgiref.types import WSGIEnvironment

from django.db import DataError, IntegrityError

from config.api.fast_path import Answer, PlainRequest
from config.api.pagination import BIGINT_MAX
from tasks.fast_path import many, one

PATH = re.compile(r"/tasks(?:/([1-9][0-9]{0,18}))?/?")
OPERATIONS = {
    ("GET", False): ("tasks.view_task", many.page),
    ("GET", True): ("tasks.view_task", one.retrieve),
    ("POST", False): ("tasks.add_task", one.create),
    ("PATCH", True): ("tasks.change_task", one.update),
    ("DELETE", True): ("tasks.delete_task", one.destroy),
}


def answer(environ: WSGIEnvironment) -> Answer | None:
    """The answer to this request; None where it has to take the long way."""
    path = PATH.fullmatch(environ["PATH_INFO"])
    operation = path and OPERATIONS.get((environ["REQUEST_METHOD"], path[1] is not None))
    if not path or not operation or int(path[1] or 0) > BIGINT_MAX:
        return None
    permission, answer_to = operation
    request = None
    try:
        request = PlainRequest.of(environ, permission)
        return answer_to(request, (path[1] or "").encode()) if request else None
    except (IntegrityError, DataError):
        return None
    except Exception as exc:  # noqa: BLE001 - a crash is a 500 here too
        return request.failure(exc) if request else None
