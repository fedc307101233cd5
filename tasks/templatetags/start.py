from typing import Any

from django import template
from django.contrib import admin

from tasks.admin.start.page import plots_for
from tasks.admin.start.plots import Plot

register = template.Library()


@register.simple_tag(takes_context=True)
def plots(context: dict[str, Any]) -> list[Plot]:
    return list(plots_for(context["request"], admin.site))
