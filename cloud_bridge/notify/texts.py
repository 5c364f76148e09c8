"""What messages say: one catalogue, in both languages. English here, Chinese in the bridge's translations.

A text names its fields as ``%(name)s``. A value is text, a number, a moment (the field's name ends in ``_ms``), or a
text for each language: ``{"zh-hans": "动火", "en": "hot work"}``.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from cloud_bridge.site_time import at_site, from_ms
from contracts.errors import ContractError

_FIELD = re.compile(r"%\((\w+)\)s")
_LONGEST_VALUE = 200
Value = str | int | Mapping[str, str]


class Text(msgspec.Struct, frozen=True):
    """Head line and body of one kind of message."""

    title: Promise
    body: Promise

    @property
    def fields(self) -> frozenset[str]:
        """The values that it needs."""
        with override(None):
            return frozenset(_FIELD.findall(f"{self.title} {self.body}"))


TEXTS: dict[str, Text] = {
    "test": Text(
        _("Test message"), _("%(by)s tests the channel %(channel)s. Nothing has happened, nothing is to be done.")
    ),
    "call.entry": Text(
        _("ALARM: unauthorised entry at %(box)s"),
        _("Place: %(place)s. Permit: %(permit)s. Recorded %(at_ms)s. Go there, and answer the call."),
    ),
    "call.gas": Text(
        _("ALARM: gas at %(box)s, ignition was cut off"),
        _("Place: %(place)s. Permit: %(permit)s. Recorded %(at_ms)s. Keep people out, and answer the call."),
    ),
    "call.humidity": Text(
        _("Humidity warning at %(box)s"),
        _("Place: %(place)s. Sensor: %(subject)s. Recorded %(at_ms)s. Look into it, and answer the call."),
    ),
    "call.equipment": Text(
        _("Equipment warning at %(box)s"),
        _("Place: %(place)s. Sensor: %(subject)s. Recorded %(at_ms)s. Look into it, and answer the call."),
    ),
    "permit.waiting": Text(
        _("Permit %(permit)s waits for approval for more than %(hours)s h"),
        _("Place: %(place)s. It waits for %(holder)s since %(since_ms)s. Approve or reject it."),
    ),
    "permit.escalated": Text(
        _("Permit %(permit)s comes to you: nobody approved it in %(hours)s h"),
        _("Place: %(place)s. It waits for %(holder)s since %(since_ms)s. See to it that it is approved or rejected."),
    ),
    "permit.frozen": Text(
        _("Permit %(permit)s is frozen: nobody approved it in %(hours)s h"),
        _("Place: %(place)s. It waits since %(since_ms)s. It goes on only after a deviation report is signed."),
    ),
    "permit.suspended": Text(
        _("ALARM: work under permit %(permit)s was stopped"),
        _("Box: %(box)s. Place: %(place)s. Reason: %(reason)s. Recorded %(at_ms)s. Its work code is frozen."),
    ),
    "case.due": Text(_("%(case)s: %(step)s is due %(due_ms)s"), _("It waits for %(holder)s.")),
    "case.overdue": Text(_("%(case)s: %(step)s is overdue"), _("It was due %(due_ms)s and waits for %(holder)s.")),
    "case.escalated": Text(
        _("%(case)s comes to you: %(step)s was not done"), _("It was due %(due_ms)s and waited for %(holder)s.")
    ),
}


def check(key: str, values: Mapping[str, Value]) -> None:
    """Whether a text exists and gets what it needs; for those who declare messages, too.

    Raises:
        ContractError: no such text, a value that is missing, or one that no text can hold.
    """
    text = TEXTS.get(key)
    if text is None:
        raise ContractError("text_key", f"one of {', '.join(sorted(TEXTS))}", key[:60], "add it to notify/texts.py")
    lacking = sorted(text.fields - set(values))
    if lacking:
        raise ContractError(f"values of {key}", ", ".join(lacking), "nothing there", "give every field of the text")
    for name, value in values.items():
        fits = isinstance(value, int) if name.endswith("_ms") else isinstance(value, str | int)
        if isinstance(value, Mapping) and set(value) == set(dict(settings.LANGUAGES)):
            fits = all(isinstance(text, str) for text in value.values())
        if not fits or isinstance(value, bool):
            raise ContractError(f"values.{name}", "text, a number, ms since 1970 or a text for each language",
                                type(value).__name__, "see notify/texts.py")  # fmt: skip


def _shown(name: str, value: Any, language: str) -> str:
    if isinstance(value, Mapping):
        value = value[language]
    if name.endswith("_ms") and isinstance(value, int):
        return at_site(from_ms(value))
    one_line = " ".join(str(value).split())
    return "".join(c for c in one_line if c.isprintable())[:_LONGEST_VALUE] or "–"


def said(key: str, values: Mapping[str, Value], language: str) -> tuple[str, str]:
    """Head line and body in a language; a text that is gone from the catalogue is named, its values listed."""
    shown = {name: _shown(name, value, language) for name, value in values.items()}
    text = TEXTS.get(key)
    with override(language):
        if text is None or text.fields - set(shown):
            return key, "; ".join(f"{name}: {value}" for name, value in shown.items())
        return str(text.title) % shown, str(text.body) % shown


def merged(parts: list[tuple[str, str]], language: str, most: int = 20) -> tuple[str, str]:
    """Several messages as one: what was held back over the quiet hours."""
    if len(parts) == 1:
        return parts[0]
    with override(language):
        title = gettext("%s messages from your quiet hours") % len(parts)
        lines = [f"{number}. {head} – {body}" for number, (head, body) in enumerate(parts[:most], 1)]
        if len(parts) > most:
            lines.append(gettext("and %s more, on your page at the bridge") % (len(parts) - most))
    return title, "\n".join(lines)
