"""How templates show events, states, times and icons. Everything returned is text and gets escaped, icons excepted."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from cloud_bridge import site_time
from cloud_bridge.boxes.models import EventColumns
from cloud_bridge.permits.models import PermitPrecondition
from cloud_bridge.permits.preconditions import KINDS, celsius
from cloud_bridge.site_time import LAST_MS, at_site, from_ms
from cloud_bridge.web import wording

register = template.Library()

_ICONS = {
    "lock": '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>',
    "check": '<circle cx="12" cy="12" r="9"/><path d="m8 12.5 2.8 2.8L16.5 9"/>',
    "hourglass": '<path d="M7 4h10M7 20h10M8 4c0 5 4 5 4 8s-4 3-4 8M16 4c0 5-4 5-4 8s4 3 4 8"/>',
    "flame": '<path d="M12 3c1 4 5 6 5 11a5 5 0 0 1-10 0c0-2 1-3.5 2-4.5.3 1.5 1 2 1.6 2.2C10.3 8.5 11 5.5 12 3z"/>',
    "bolt": '<path d="M13 3 5 14h6l-1 7 8-11h-6z"/>',
    "wrench": '<path d="M15 4a5 5 0 0 0-5 6.5L4 16.5 7.5 20l6-6A5 5 0 0 0 20 9l-3 2.5-3.5-3.5L16 5z"/>',
    "question": '<circle cx="12" cy="12" r="9"/><path d="M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 17v.01"/>',
    "offline": '<path d="M4 4l16 16M8 15a6 6 0 0 1 7 0M4.5 11A11 11 0 0 1 9 8.4M13 8a11 11 0 0 1 6.5 3M12 19v.01"/>',
    "warning": '<path d="M12 4 2.5 20h19zM12 10v4.5M12 17.5v.01"/>',
    "info": '<circle cx="12" cy="12" r="9"/><path d="M12 11v5M12 8v.01"/>',
    "shield": '<path d="M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6zM9 12l2.2 2.2L15 10"/>',
    "pen": '<path d="M4 20l1-4L16 5l3 3L8 19zM14 7l3 3"/>',
    "bell": '<path d="M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15zM10 21h4M12 3v2"/>',
    "person": '<circle cx="12" cy="8" r="3.5"/><path d="M5 20c.6-4 3.4-6 7-6s6.4 2 7 6"/>',
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A line icon; decoration only, the word stands beside it."""
    body = mark_safe(_ICONS.get(name, _ICONS["question"]))  # noqa: S308 - constants above
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>', body)


@register.simple_tag
def state_of(state: str) -> dict[str, str]:
    """Title, icon and tone of a state."""
    title, name, tone = wording.state_view(state)
    return {"title": title, "icon": name, "tone": tone}


@register.filter
def spoken(text: str) -> str:
    """A reason code in words."""
    return wording.spoken(text)


@register.filter
def what_to_do(text: str) -> str:
    """What to do about a reason code, or ""."""
    return wording.todo(*wording.split_reason(text)) if text else ""


@register.simple_tag
def event_view(event: EventColumns) -> dict[str, Any]:
    """An event's line: title, detail, tone, icon, actor."""
    leaf = event.read()
    data = leaf.get("data") or {}
    tone = {"alarm": "bad", "warning": "warn"}.get(event.sev, "calm")
    actor = leaf.get("actor") or {}
    return {
        "title": wording.event_title(event.type),
        "known": wording.is_known(event.type),
        "detail": wording.event_detail(event.type, data),
        "tone": tone,
        "icon": {"bad": "bolt", "warn": "warning"}.get(tone, "info"),
        "actor": actor.get("id", "") if actor.get("k") == "person" else "",
    }


@register.filter
def at(ms: int) -> str:
    """A moment (ms since 1970) by the site's clock: today only the time, else with the date."""
    if not ms or ms <= 0 or ms > LAST_MS:
        return "–"
    moment = timezone.localtime(from_ms(ms))
    if moment.date() == timezone.localtime().date():
        return f"{moment:%H:%M:%S}"
    return at_site(moment)


@register.filter
def with_times(text: str) -> str:
    """What a machine said, with moments instead of counts of seconds."""
    return site_time.with_times(text)


@register.filter
def age(seconds: int | None) -> str:
    """How long ago, before the page's script ticks it on."""
    if seconds is None:
        return gettext("never")
    if seconds < 120:
        return gettext("%s s ago") % seconds
    if seconds < 7200:
        return gettext("%s min ago") % (seconds // 60)
    return gettext("%s h ago") % (seconds // 3600)


@register.filter
def lasting(seconds: int) -> str:
    """A length of time."""
    if seconds < 120:
        return gettext("%s s") % seconds
    if seconds < 7200:
        return gettext("%s min") % (seconds // 60)
    return gettext("%s h") % (seconds // 3600)


@register.filter
def refused_for(code: str) -> str:
    """Why a box said no, in words; a refusal that names no reason by its event."""
    return wording.event_title(code) if wording.is_known(code) else wording.reason(code)


@register.filter
def history_title(event: str) -> str:
    """What happened to a permit, in words."""
    text = wording.PERMIT_EVENTS.get(event)
    return gettext(text) if text else event


@register.filter
def verb_title(verb: str) -> str:
    """A command in words."""
    text = wording.VERBS.get(verb)
    return gettext(text) if text else verb


@register.filter
def role_title(role: str) -> str:
    """A crew role in words."""
    return {"performer": gettext("performer"), "guardian": gettext("guardian")}.get(role, role)


@register.filter
def shown_by(wanted: PermitPrecondition) -> str:
    """How a precondition is shown to hold, with limit and sensor of a temperature and the point of a tag."""
    if wanted.kind != "temperature" or wanted.limit_milli is None:
        kind = str(KINDS.get(wanted.kind, wanted.kind))
        return f"{kind} · {gettext('by reading the tag of %s') % wanted.tag}" if wanted.tag else kind
    limit = gettext("at most %s °C") % celsius(wanted.limit_milli)
    way = gettext("sensor %s") % wanted.sensor if wanted.sensor else gettext("entered by a named person with a photo")
    return f"{limit} · {way}"


@register.filter
def days_old(created_s: int) -> str:
    """How old something is that was made in that second since 1970, and when that was."""
    days = max(0, int(timezone.now().timestamp()) - created_s) // 86_400
    when = at_site(from_ms(created_s * 1000))[:10]
    return f"{gettext('today')} ({when})" if not days else f"{gettext('%s days ago') % days} ({when})"


@register.filter
def in_thousandths(milli: int) -> str:
    """A number in thousandths, as a distance of faces is read."""
    return f"{milli / 1000:.2f}"


@register.filter
def template_reason(code: str) -> str:
    """Why a template was refused or deleted, in words."""
    return wording.template_reason(code)


@register.filter
def in_ms(moment: datetime | None) -> int:
    """A moment as ms since 1970."""
    return int(moment.timestamp() * 1000) if moment else 0
