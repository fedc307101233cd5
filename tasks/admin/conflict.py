"""What a form shows that someone else's update has made stale: theirs, and what to choose if both edited a field."""

from collections.abc import Iterable
from typing import Any

from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from tasks.admin.sentences import shown
from tasks.history.models import Change
from tasks.models import Task

MINE, THEIRS, BOTH = "mine", "theirs", "both"


def choose(data: QueryDict, names: Iterable[str]) -> QueryDict:
    """The data of the form with what was chosen in its boxes; "mine" is what the box has."""
    chosen = data.copy()
    sources = {THEIRS: "initial", BOTH: BOTH}
    for name in names:
        if source := sources.get(data.get(f"choice-{name}", "")):
            chosen.setlist(name, data.getlist(f"{source}-{name}"))
    return chosen


def merged(opened: list[str], mine: list[str], theirs: list[str]) -> list[str]:
    """The tags that either of the two added, without those that either removed."""
    was, left, right = map(set, (opened, mine, theirs))
    return sorted((left | right) - (was - left) - (was - right))


def takeover(task: Task, name: str, value: Any) -> SafeString:
    """For a field that only they edited."""
    return format_html(
        "<b>{}</b> changed this to <ins>{}</ins>. It is in the box, as you had not edited it.",
        author_of(task, name),
        shown(value),
    )


def question(task: Task, name: str, values: dict[str, Any], both: list[str]) -> SafeString:
    """For a field that both edited: the value of each choice. The keys of the tags of both are hidden inputs."""
    row = '<label><input type="radio" name="choice-{}" value="{}"{}> <b>{}</b> {}</label>'
    checked = format_html(" {}", "checked")
    labels = ((name, key, checked if key == MINE else "", key.capitalize(), shown(values[key])) for key in values)
    hidden = format_html_join("", '<input type="hidden" name="both-{}" value="{}">', ((name, key) for key in both))
    return format_html(
        '<fieldset class="conflict"><legend><b>{}</b> changed this too. Save:</legend>{}{}</fieldset>',
        author_of(task, name),
        format_html_join("", row, labels),
        hidden,
    )


def author_of(task: Task, name: str) -> str:
    change = Change.objects.filter(task_id=task.pk, new__has_key=name).first()
    return change.actor if change else "Someone else"
