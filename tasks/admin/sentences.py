"""What changed, as HTML: in words that follow a name ("alice" "completed it"), or field by field."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.template.defaultfilters import linebreaksbr
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import Truncator
from django.utils.timezone import localtime

from tasks.history.models import Change
from tasks.models import RESTORED_COLUMNS, column_value

SHORT = 80

TAGS = {"added": "ins", "removed": "del"}


def told(operation: Any, old: Mapping[str, Any], new: Mapping[str, Any], *, is_tag: bool = False) -> list[str]:
    """A phrase of HTML for each thing that changed, at least one."""
    what = "tag" if is_tag else "task"
    if operation == Change.Operation.DELETE:
        return [f"deleted the {what}", *(() if is_tag else described(old, {}))]
    if is_tag:
        renamed = format_html("renamed it from <del>{}</del> to <ins>{}</ins>", old.get("name"), new.get("name"))
        return [renamed if old else "created the tag"]
    phrases = list(_phrases(old, new))
    return ["created the task", *phrases] if operation == Change.Operation.INSERT else phrases or ["updated the task"]


def joined(phrases: list[str]) -> str:
    """One sentence: "a, b and c"."""
    *most, last = phrases
    return format_html("{} and {}", format_html_join(", ", "{}", ((each,) for each in most)), last) if most else last


def _phrases(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name, was, is_now in differing(old, new):
        label, before, after = name.replace("_", " "), shown(was), shown(is_now)
        match name:
            case "completed":
                yield "completed it" if is_now else "reopened it"
            case "title" if old:
                yield format_html("renamed it from <del>{}</del> to <ins>{}</ins>", before, after)
            case "completed_at" | "title":
                pass  # they come with "completed it" and "created the task"
            case _ if is_now in (None, ""):
                yield format_html("removed the {} <del>{}</del>", label, before)
            case _ if was in (None, ""):
                yield format_html("set the {} to <ins>{}</ins>", label, after)
            case _:
                yield format_html("changed the {} from <del>{}</del> to <ins>{}</ins>", label, before, after)
    for verb, tags in tags_of(old, new):
        names = format_html_join(", ", f"<{TAGS[verb]}>{{}}</{TAGS[verb]}>", ((tag,) for tag in tags))
        yield format_html("{} the tag{} {}", verb, mark_safe("" if len(tags) == 1 else "s"), names)  # noqa: S308 - a constant


def described(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """One line of HTML for each field that differs; a side without the field says nothing about it."""
    for name, was, is_now in differing(old, new):
        label = name.replace("_", " ")
        if name not in old or name not in new:
            yield format_html("{}: {}", label, shown(is_now if name in new else was))
        else:
            yield format_html("{}: <del>{}</del> → <ins>{}</ins>", label, shown(was), shown(is_now))
    for verb, tags in tags_of(old, new):
        yield format_html("tags {}: {}", verb, ", ".join(tags))


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The name of each field that differs, apart from tags, with its values."""
    for name in RESTORED_COLUMNS:
        was, is_now = (column_value(name, side.get(name)) for side in (old, new))
        if was != is_now and (was or is_now or (name in old) == (name in new)):
            yield name, was, is_now


def tags_of(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The tags that were added, and those that were removed."""
    had, has = old.get("tags", []), new.get("tags", [])
    for verb, tags, others in (("added", has, had), ("removed", had, has)):
        if rest := [tag for tag in tags if tag.lower() not in map(str.lower, others)]:
            yield verb, rest


def shown(value: Any) -> str:
    """A field's value as HTML; a long text is folded."""
    match value:
        case None | "" | []:
            return "none"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return date_format(localtime(value), "DATETIME_FORMAT")
        case list():
            return ", ".join(value)
    text = str(value)
    if len(text) <= SHORT and "\n" not in text:
        return text
    return format_html("<details><summary>{}</summary>{}</details>", Truncator(text).chars(SHORT), linebreaksbr(text))
