"""Who was told when, for the page of any case: ``{% load notify %}{% told "permit:HW-1" %}``."""

from typing import Any

from django import template
from django.utils.translation import get_language

from cloud_bridge.notify.told import told as told_of

register = template.Library()


@register.inclusion_tag("web/told.html")
def told(subject: str) -> dict[str, Any]:
    """Everything that was said about a case: to whom, when, by which channel, taken when, seen when."""
    return {"rows": told_of(get_language(), subject=subject), "texts": False, "names": True}


@register.inclusion_tag("web/told.html")
def told_of_calls(calls: list[Any]) -> dict[str, Any]:
    """The same of a box's calls, whatever case each belongs to."""
    causes = [f"call:{call.pk}" for call in calls]
    return {"rows": told_of(get_language(), cause__in=causes), "texts": False, "names": True}


@register.inclusion_tag("web/told.html")
def told_rows(rows: list[Any], texts: bool, names: bool) -> dict[str, Any]:
    """The same of messages that a page has already."""
    return {"rows": rows, "texts": texts, "names": names}
