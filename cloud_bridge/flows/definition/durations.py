"""Durations as people write them: ``2 h``, ``30 min``, ``1 h 30 min``, ``90 s``, ``7 d``; ``-30 min`` is before."""

import re
from datetime import timedelta

from django.utils.translation import gettext as _

_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|s|ms)")
_SECONDS = {"d": 86400, "h": 3600, "min": 60, "s": 1, "ms": 0.001}
EXAMPLE = "2 h, 30 min, 90 s"


def parse(text: str) -> timedelta | None:
    """The duration; None when the text is none."""
    sign, bare = (-1, text.strip()[1:]) if text.strip().startswith("-") else (1, text)
    parts = _PART.findall(bare)
    if _PART.sub("", bare).strip() or not parts:
        return None
    return sign * timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))


def say(length: timedelta) -> str:
    """The duration in words of the reader's language."""
    left_ms = abs(round(length / timedelta(milliseconds=1)))
    words = ["−"] if length < timedelta(0) else []
    for unit_ms, name in ((86_400_000, _("d")), (3_600_000, _("h")), (60_000, _("min")), (1000, _("s")), (1, _("ms"))):
        count, left_ms = divmod(left_ms, unit_ms)
        if count:
            words.append(f"{count} {name}")
    return " ".join(words).replace("− ", "−") or f"0 {_('s')}"
