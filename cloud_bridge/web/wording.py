"""What events, states and reasons of boxes say to a reader, in the reader's language.

Unknown types and codes are shown as they came: a newer box must not become unreadable.
"""

from typing import Any

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

from cloud_bridge.site_time import LAST_MS, at_site, from_ms, is_moment_ms, with_times
from cloud_bridge.web.box_words import REASONS, TODOS
from contracts import events

STATES: dict[str, tuple[str, str, str]] = {
    "locked": (_("locked"), "lock", "calm"),
    "permissive_ok": (_("all conditions met"), "check", "good"),
    "armed": (_("arming"), "hourglass", "busy"),
    "released": (_("ignition released"), "flame", "hot"),
    "tripped": (_("interlock tripped, latched"), "bolt", "bad"),
    "fault": (_("fault, latched"), "wrench", "bad"),
    "unknown": (_("unknown"), "question", "calm"),
}
"""State of a box: title, icon, tone."""

UNTOLD = frozenset(
    ("gas.changed", "gas.minute", "gas.trace", "gas.trace_ended", "interlock.minute", "video.segment")
)
"""Records of quiet times: kept and exported, and not among the events that a page lists."""

VERBS = {"suspend": _("suspend"), "void": _("void"), "identify": _("identify"), "resend": _("send again")}
PERMIT_EVENTS = {
    "amend": _("content written"),
    "submit": _("submitted"),
    "approve": _("approved and signed"),
    "reject": _("rejected"),
    "issue": _("signed by the bridge and issued"),
    "accept": _("accepted by the box"),
    "refuse": _("refused by the box"),
    "revoke": _("revoked"),
    "expire": _("expired"),
    "finish": _("work finished"),
}


REMOVED = {
    "permit_over": _("the permit is over"),
    "expired": _("its time is over"),
    "withdrawn": _("the person withdrew"),
    "unusable": _("the box could not use it"),
}
"""Why a box deleted a face template."""


def template_reason(code: str) -> str:
    """Why a face template was refused or deleted at a box."""
    text = REMOVED.get(code)
    return gettext(text) if text else reason(code)


def state_view(state: str) -> tuple[str, str, str]:
    """Title in the reader's language, icon, tone."""
    title, icon, tone = STATES.get(state, ("", "question", "calm"))
    return (gettext(title) if title else state, icon, tone)


def reason(code: str, subject: str = "") -> str:
    """A reason in words; a code that nobody knows stays as it is."""
    text = REASONS.get(code)
    if text is None:
        return f"{code} {subject}".strip()
    said = gettext(text).replace("{subject}", subject).strip()
    return said if subject else said.rstrip(" :：")  # a heading over many names none, and leads to nothing


def todo(code: str, subject: str = "") -> str:
    """What to do about a reason, or ""."""
    text = TODOS.get(code)
    return gettext(text).replace("{subject}", subject) if text else ""


def split_reason(text: str) -> tuple[str, str]:
    """Code and subject of a reason as a box writes it into its state: ``gas_high``, ``gas_high:ch4-1``."""
    for gap in (":", " ", "/"):
        code, _gap, subject = text.partition(gap)
        if code in REASONS:
            return code, subject.strip()
    return text, ""


def spoken(text: str) -> str:
    """Such a reason in words."""
    return reason(*split_reason(text))


def quantity(milli: object, unit: object) -> str:
    """A number in thousandths with its unit, as a person reads it; seconds since 1970 by the site's clock."""
    if isinstance(milli, bool) or not isinstance(milli, int):
        return ""
    # "unix_s" is a moment; logs of older boxes have moments in "s".
    if (unit == "unix_s" and 0 <= milli <= LAST_MS) or (unit == "s" and is_moment_ms(milli)):
        return at_site(from_ms(milli))
    if unit == "unix_s":
        return f"{milli // 1000} s"
    return f"{milli / 1000:g} {unit}".strip() if isinstance(unit, str) else f"{milli / 1000:g}"


def _reason_of(data: dict[str, Any]) -> str:
    """The reason in an event's data, with value and limit."""
    code, subject = data.get("code"), data.get("chan")
    if not isinstance(code, str) or not code:
        return ""
    words = reason(code, subject if isinstance(subject, str) else "")
    unit = data.get("unit")
    value, limit = quantity(data.get("value_milli"), unit), quantity(data.get("limit_milli"), unit)
    if value and limit:
        return gettext("%(reason)s: %(value)s, limit %(limit)s") % {"reason": words, "value": value, "limit": limit}
    return f"{words}: {value}" if value else words


def event_title(kind: str) -> str:
    """The event's name in words; an unknown type as it came."""
    zh, en = events.words(kind)
    return zh if (get_language() or "").startswith("zh") else en


def is_known(kind: str) -> bool:
    """Whether this bridge knows such a type of event."""
    return kind in events.REGISTRY


def _join(texts: list[str]) -> str:
    return gettext("; ").join(text for text in texts if text)


def event_detail(kind: str, data: dict[str, Any]) -> str:
    """The rest of the line: the reason, or all reasons, or what else matters."""
    first = _reason_of(data)
    if first:
        return first
    if isinstance(data.get("reasons"), list):
        found = _join([_reason_of(item) for item in data["reasons"] if isinstance(item, dict)])
        if found:
            return found
    if kind == "interlock.reset" and isinstance(data.get("first_out"), str) and data["first_out"]:
        return gettext("first-out: %s") % reason(data["first_out"])
    if kind == "template.removed":
        return f"{data.get('chan', '')} · {template_reason(str(data.get('why', '')))}"
    if kind == "cli.command":
        verb = str(data.get("verb", ""))
        return f"{gettext(VERBS[verb]) if verb in VERBS else verb} {data.get('reason', '')}".strip()
    if kind == "interlock.state" and isinstance(data.get("now"), str):
        return state_view(data["now"].lower())[0]
    if kind == "gas_test.recorded" and isinstance(data.get("points"), list):
        points = [point for point in data["points"] if isinstance(point, dict)]
        return _join([f"{p.get('gas', '')} {quantity(p.get('value_milli'), p.get('unit'))}" for p in points])
    said = [(name, data.get(name)) for name in ("reason", "chan", "detail", "field")]
    words = [word if name == "reason" else with_times(word) for name, word in said if isinstance(word, str)]
    return " · ".join(word for word in words if word)
