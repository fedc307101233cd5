"""What staff is told where the database refuses one more tag of a task (tasks/sql/limit.sql)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from tasks.models import TAGS_PER_TASK

TOO_MANY_TAGS = f"a task would have more than {TAGS_PER_TASK} tags."
View = Callable[..., HttpResponse]


def is_too_many_tags(exc: IntegrityError) -> bool:
    diagnostic = getattr(exc.__cause__, "diag", None)
    return getattr(diagnostic, "constraint_name", None) == "task_tags_limit"


def all_or_nothing(view: View) -> View:
    """A view of a ModelAdmin as one transaction, which does nothing where a task would get too many tags."""

    @wraps(view)
    def wrapped(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                return view(self, request, *args, **kwargs)
        except IntegrityError as exc:
            if not is_too_many_tags(exc):
                raise
        self.message_user(request, f"Nothing was changed: {TOO_MANY_TAGS}", messages.ERROR)
        return HttpResponseRedirect(request.path)

    return wrapped
