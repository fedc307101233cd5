"""What two people edited at once: for each field, whose value to keep, or both."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import product
from operator import attrgetter
from typing import NamedTuple

from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.text import get_text_list

from tasks.admin.history import whole_number
from tasks.admin.sentences import shown
from tasks.history.models import Change
from tasks.models import PRIORITIES, TAGS_PER_TASK, Tag, Task

Values = list[str]  # of a field, as a browser sends them, with \n for line breaks
Edit = tuple[int, int, list[str]]  # from a line to another, and the lines instead
Names = dict[str, str]  # of tags, by key
MOST_LINES = 500  # of a text that is compared: SequenceMatcher is slow for many
LEVELS = {str(value): name for value, name in PRIORITIES.items()}


class Choice(NamedTuple):
    value: str
    label: str
    text: str
    is_checked: bool


@dataclass
class Difference:
    """The values of one field: when the form was opened, as this person wants it, and of the task now."""

    name: str
    label: str
    opened: Values
    mine: Values
    theirs: Values
    has_error: bool = False

    @property
    def is_mine(self) -> bool:
        return self.mine != self.opened

    @property
    def is_theirs(self) -> bool:
        return self.theirs != self.opened

    @property
    def is_conflict(self) -> bool:
        return self.is_mine and self.is_theirs and self.mine != self.theirs

    @property
    def kept(self) -> Values:
        return self.mine if self.is_mine else self.theirs

    @property
    def merged(self) -> Values | None:
        """Both edits at once, if that is clear and differs from either."""
        merge = {"tags": merged_tags, "description": merged_lines}.get(self.name)
        both = merge(self.opened, self.mine, self.theirs) if merge and self.is_conflict else None
        return None if both in (self.mine, self.theirs) else both

    def choices(self, tags: Names) -> Iterator[Choice]:
        """At first both are chosen. An entry with an error stays in its box, where it can be corrected."""
        options = {"mine": ("Mine", self.mine), "theirs": ("Theirs", self.theirs), "merged": ("Both", self.merged)}
        first = "mine" if self.has_error or self.merged is None else "merged"
        for value, (label, values) in options.items():
            if values is not None:
                text = marked(self.opened[0], values[0]) if self.name == "description" else self.shown(values, tags)
                yield Choice(value, label, text, value == first)

    def shown(self, values: Values, tags: Names) -> str:
        match self.name:
            case "tags":
                return shown(sorted((tags.get(key, "a deleted tag") for key in values), key=str.lower))
            case "completed":
                return shown(values == ["True"])
            case "priority":
                return LEVELS.get(values[0], values[0]) or "none"
        return values[0] or "none"


def merged_tags(opened: Values, mine: Values, theirs: Values) -> Values | None:
    """What either added, without what either removed."""
    added, removed = {*mine} - {*opened}, {*opened} - {*mine}
    both = sorted(({*theirs} | added) - removed)
    return both if len(both) <= TAGS_PER_TASK else None


def merged_lines(opened: Values, mine: Values, theirs: Values) -> Values | None:
    """If no line that one of them edited touches a line that the other edited."""
    lines = opened[0].split("\n")
    my_edits, their_edits = (list(edits(lines, text.split("\n"))) for (text,) in (mine, theirs))
    for (start, end, _), (their_start, their_end, _) in product(my_edits, their_edits):
        if start <= their_end and their_start <= end:
            return None
    for start, end, instead in sorted([*my_edits, *their_edits], reverse=True):
        lines[start:end] = instead
    return ["\n".join(lines)]


def edits(old: list[str], new: list[str]) -> Iterator[Edit]:
    if max(len(old), len(new)) > MOST_LINES:
        yield 0, len(old), new
        return
    for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            yield start, end, new[new_start:new_end]


def marked(old: str, new: str) -> str:
    """The new text as HTML, in which the lines that differ from the old one are marked."""
    lines, place, parts = old.split("\n"), 0, list[str]()
    for start, end, instead in edits(lines, new.split("\n")):
        parts += lines[place:start]
        parts += [format_html("<ins>{}</ins>", "\n".join(instead))] if instead else []
        place = end
    return format_html_join("\n", "{}", ((part,) for part in [*parts, *lines[place:]])) if new else "none"


class Conflict:
    """What a form shows instead of saving, if others updated the task after it was opened."""

    def __init__(self, task: Task, differences: Iterable[Difference]) -> None:
        self.differences = [each for each in differences if each.is_mine or each.is_theirs]
        self.tags = names_of(self.differences)
        for each in self.differences:
            if each.name == "tags" and each.is_mine:
                each.mine = [key for key in each.mine if key in self.tags]  # others were deleted meanwhile
        names = [each.name for each in self.differences if each.is_theirs]
        recent = Change.objects.filter(task_id=task.pk, new__has_any_keys=names)[:100]
        self.changes = {name: change for change in reversed(recent) for name in names if name in change.new}

    @property
    def headline(self) -> str:
        changes = sorted(self.changes.values(), key=attrgetter("pk"))
        who = get_text_list(sorted({change.actor for change in changes}), "and") or "Someone else"
        when = format_html(" at <time>{}</time>", shown(changes[-1].at)) if changes else ""
        return format_html("{} updated this task{} while you were editing", who, when)

    @property
    def questions(self) -> list[tuple[Difference, list[Choice]]]:
        """Each field that both edited, with what to choose from."""
        return [(each, list(each.choices(self.tags))) for each in self.differences if each.is_conflict]

    @property
    def notes(self) -> list[str]:
        """A line of HTML for each other field."""
        return [self._note(each) for each in self.differences if not each.is_conflict]

    def _note(self, each: Difference) -> str:
        change = self.changes.get(each.name)
        who = (change.actor if change else "someone else") if each.is_theirs else "you"
        if each.name == "description":
            folded = "<details><summary><b>{}</b>, by {}</summary><div class='value'>{}</div></details>"
            return format_html(folded, each.label, who, marked(each.opened[0], each.kept[0]))
        before, after = (each.shown(values, self.tags) for values in (each.opened, each.kept))
        return format_html("<b>{}</b>, by {}: <del>{}</del> → <ins>{}</ins>", each.label, who, before, after)

    def renewed(self, data: QueryDict) -> QueryDict:
        """What the form was sent, based on the task as it is now."""
        data = data.copy()
        for each in self.differences:
            data.setlist(f"initial-{each.name}", each.theirs)
            data.setlist(each.name, each.kept)
        return data


def names_of(differences: list[Difference]) -> Names:
    sent = (
        whole_number(key)
        for each in differences
        if each.name == "tags"
        for key in (*each.opened, *each.mine, *each.theirs)
    )
    return {str(tag.pk): tag.name for tag in Tag.objects.filter(pk__in=[key for key in sent if key is not None])}


def chosen(data: QueryDict) -> QueryDict:
    """What the form was sent, with each choice in place of what is in the box."""
    data = data.copy()
    for name in Task.MEMBERS:
        source = {"theirs": "initial", "merged": "merged"}.get(data.get(f"choice-{name}", ""))
        if source:
            data.setlist(name, data.getlist(f"{source}-{name}"))
    return data
