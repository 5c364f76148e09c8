"""Moments as people at the site read them: by the site's clock (HOTBOX_BRIDGE_TZ), never as a count of seconds."""

import re
from datetime import UTC, datetime

from django.utils import timezone

FIRST_MS, LAST_MS = 1_577_836_800_000, 253_402_300_799_000
"""2020 to 9999: what a count of ms since 1970 may be here; durations are far below."""
_COUNTS = re.compile(r"(?<![\w.-])[1-4]\d{9}(?:\d{3})?(?![\w-]|\.\d)")


def at_site(moment: datetime) -> str:
    """A moment with its date."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


def from_ms(ms: int) -> datetime:
    """A count of ms since 1970 as a moment."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def is_moment_ms(ms: int) -> bool:
    """Whether a count of ms can only be a moment."""
    return FIRST_MS <= ms <= LAST_MS


def with_times(text: str) -> str:
    """What a machine said, its counts of s or ms since 1970 as moments: ``after now (1764500000)``.

    Only for machines' words: a person's ten-digit number stays what it is.
    """

    def said(found: re.Match[str]) -> str:
        ms = int(found[0]) * (1000 if len(found[0]) == 10 else 1)
        return at_site(from_ms(ms)) if is_moment_ms(ms) else found[0]

    return _COUNTS.sub(said, text)
