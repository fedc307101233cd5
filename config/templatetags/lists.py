"""What the lists of the admin show above their rows (config/templates/admin/change_list.html)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django import template
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList

register = template.Library()


class Chip(NamedTuple):
    """A search or filter that is in force, and the list without it."""

    name: str
    value: str
    url: str


@register.simple_tag
def chips(cl: ChangeList) -> list[Chip]:
    search = [Chip("search", cl.query, cl.get_query_string(remove=[SEARCH_VAR, PAGE_VAR]))] if cl.query else []
    return [*search, *(chip for each in cl.filter_specs for chip in chips_of(each, cl))]


def chips_of(spec: Any, cl: ChangeList) -> Iterator[Chip]:
    if hasattr(spec, "chips"):
        yield from (Chip(spec.title, *each) for each in spec.chips(cl))
        return
    choices = list(spec.choices(cl))
    everything = next(iter(choices), {"query_string": "?"})  # Django's filters begin with "All"
    for each in choices[1:]:
        if each.get("selected"):
            yield Chip(spec.title, str(each["display"]), everything["query_string"])
