from typing import Any

from django import template
from django.contrib import admin

from tasks.admin.start.page import Tile, plots_for, tiles_for
from tasks.admin.start.plots import Plot
from tasks.models import Task

register = template.Library()


@register.simple_tag(takes_context=True)
def plots(context: dict[str, Any]) -> list[Plot]:
    """The charts, or none if all of them would be empty."""
    found = list(plots_for(context["request"], admin.site))
    return found if any(plot.peak for plot in found) else []


@register.simple_tag(takes_context=True)
def tiles(context: dict[str, Any]) -> list[Tile]:
    return list(tiles_for(context["request"], admin.site))


@register.simple_tag(takes_context=True)
def may_add_tasks(context: dict[str, Any]) -> bool:
    return admin.site.get_model_admin(Task).has_add_permission(context["request"])
