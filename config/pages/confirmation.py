"""Pages of the admin that ask before they act: what will happen to how many, and to which.

Nothing happens if one of the rows has changed since the page was shown. All are written, or none.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from config.pages.bounded_list import MOST, BoundedAdmin

LISTED = 100  # names on a confirmation page
CONFIRM = "Confirm again to continue."
Context = dict[str, Any]


class Selected(NamedTuple):
    """A row that a page asks about. None of this may have changed before the answer."""

    key: int
    name: str
    note: str = ""  # beside the name
    version: Any = None
    state: str = ""  # an icon before the name: done or open


class Question(NamedTuple):
    title: str
    button: str = ""  # says what it does; no button if nothing would change
    note: str = ""
    is_danger: bool = False
    suggested: Iterable[str] = ()  # by the box with list="suggested"


class Done(NamedTuple):
    text: str  # what happened
    is_all: bool = True  # otherwise the page asks again


Rows = Sequence[Selected]
Ask = Callable[[Rows], Question]


@dataclass(frozen=True)
class Action:
    """What to ask about selected rows, and what to do with them once confirmed."""

    question: Ask
    done: str  # a participle, for a refusal: "Nothing was ..."
    write: Callable[[list[int], dict[str, Any]], Done]
    """Changes the rows with these keys, which are locked, or raises ValidationError."""
    form: type[forms.Form] = forms.Form
    least: int = 1
    most: int = MOST
    initial: dict[str, Any] | None = None  # of the form


class ConfirmingAdmin(BoundedAdmin):
    actions_on_top, actions_on_bottom = False, True  # where they stay in view once a row is selected
    weaker_lock = False  # FOR NO KEY UPDATE: others may insert rows that refer to a locked row

    def get_action_choices(self, request: HttpRequest, default_choices: Any = ()) -> list[tuple[str, str]]:
        return super().get_action_choices(request, [("", "Choose an action")])

    def page(self, request: HttpRequest, template: str, context: Context) -> TemplateResponse:
        """The template of this model, of its app, or of all, as Django chooses those of its own pages."""
        request.current_app = self.admin_site.name
        label, name = self.opts.app_label, self.opts.model_name
        places = [f"admin/{room}{template}.html" for room in (f"{label}/{name}/", f"{label}/", "")]
        return TemplateResponse(
            request, places, {**self.admin_site.each_context(request), "opts": self.opts, **context}
        )

    def refuse(self, request: HttpRequest, text: str) -> None:
        self.message_user(request, text, messages.ERROR)

    def tell(self, request: HttpRequest, text: str) -> None:
        self.message_user(request, text, messages.SUCCESS)

    def rows_of(self, keys: list[int], *, lock: bool = False) -> Rows:
        """The rows that a page asks about, by key."""
        rows = self.model._default_manager.filter(pk__in=keys).order_by("pk")  # noqa: SLF001 - public
        return self.listed(rows.select_for_update(no_key=self.weaker_lock) if lock else rows)

    def listed(self, rows: QuerySet[Any]) -> Rows:
        raise NotImplementedError

    def reason(self, exc: IntegrityError) -> str:
        """Why the database refused to write the rows."""
        raise NotImplementedError

    def ask_and_do(self, request: HttpRequest, queryset: QuerySet[Any], action: Action) -> HttpResponse | None:
        """The confirmation page; once confirmed, None and a message, if the rows are still as the page showed them."""
        chosen = self.paginator(queryset, LISTED)
        most = min(action.most, chosen.most)
        if not action.least <= len(chosen.found) <= most:
            bounds = f"{action.least} to {most:,}" if action.least > 1 else f"at most {most:,}"
            self.refuse(request, f"Nothing was {action.done}: select {bounds}.")
            return None
        form = action.form(request.POST if "post" in request.POST else None, initial=action.initial)
        if form.is_bound and self._is_done(request, chosen.found, action, form):
            return None
        return self.ask(request, action.question, form, chosen.found)

    def _is_done(self, request: HttpRequest, keys: list[int], action: Action, form: forms.Form) -> bool:
        try:
            with transaction.atomic():
                rows = self.rows_of(keys, lock=True)
                if request.POST.get("version") != version_of_all(rows):
                    self.refuse(request, f"Nothing was {action.done}: someone else updated some of them. {CONFIRM}")
                elif form.is_valid():
                    done = action.write([row.key for row in rows], form.cleaned_data)
                    self.tell(request, done.text if done.is_all else f"{done.text} There are more. {CONFIRM}")
                    return done.is_all
        except ValidationError as exc:
            form.add_error(None, exc)
        except IntegrityError as exc:
            self.refuse(request, f"Nothing was {action.done}: {self.reason(exc)}")
        return False

    def ask(self, request: HttpRequest, question_of: Ask, form: forms.Form, keys: list[int]) -> TemplateResponse:
        """The confirmation page, in the order of `keys`. Its form also sends which were selected, for which action."""
        selected, across = request.POST.getlist(ACTION_CHECKBOX_NAME), request.POST.get("select_across") == "1"
        rows, place = self.rows_of(keys), {key: number for number, key in enumerate(keys)}
        question = question_of(rows)
        context = {
            "title": question.title,
            "question": question,
            "form": form,
            "version": version_of_all(rows),
            "rows": sorted(rows, key=lambda row: place[row.key])[:LISTED],
            "more": max(0, len(rows) - LISTED),
            "action": request.POST.get("action", ""),
            "across": across,
            "selected": selected[:1] if across else selected,  # with "Select all", Django needs only one of them
            "preserved_filters": self.get_preserved_filters(request),
        }
        return self.page(request, "action_confirmation", context)


def version_of_all(rows: Rows) -> str:
    """A digest in the page's form, which shows whether any of these rows has changed since."""
    return hashlib.sha256("\n".join(map(str, rows)).encode()).hexdigest()


def count_of(rows: Any, name: Any = "task") -> str:
    count = rows if isinstance(rows, int) else len(rows)
    return f"{count:,} {name}{'' if count == 1 else 's'}"
