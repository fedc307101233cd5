"""How pages show a time: how long ago, and exactly for who points at it."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timesince import timesince

register = template.Library()


@register.filter
def ago(moment: datetime) -> str:
    """How long ago, with the exact time in a tooltip."""
    at = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{} ago</time>',
        at.isoformat(),
        date_format(at, "DATETIME_FORMAT"),
        timesince(at, depth=1),
    )
