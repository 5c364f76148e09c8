"""The level by which work is managed just now: one higher on holidays, on rest days and at night (GB 30871-2022 5.1.1).

A permit of 72 h always has nights in it. What the law raises is the work that is done then, so the level is judged at
each moment, and a run ends where the permit's level begins not to suffice.
"""

from contracts.level import next_raise, why_raised
from contracts.permit import PermitClaims
from edge.interlock.conditions.facts import PASS, Facts, Verdict
from edge.interlock.rules import Rules
from edge.interlock.state import Reason

HOUR_US = 3_600_000_000
_MONTH_H = 31 * 24
CODES = {
    "night": "level_night",
    "rest_day": "level_rest_day",
    "holiday": "level_holiday",
    "calendar_ended": "level_calendar_ended",
}
"""The reason for each answer of `contracts.level.why_raised`."""


def offset_us(f: Facts) -> int:
    """The site's clock less UTC."""
    return f.site.utc_offset_min * 60_000_000


def why_now(f: Facts) -> tuple[str, ...]:
    """Why work is managed one level higher now; the clock may be off either way, so both ends of a night are strict."""
    here_us, off_us = f.wall_us + offset_us(f), f.snapshot.clock.error_ms * 1000
    return why_raised(f.rules.calendar, range((here_us - off_us) // HOUR_US, (here_us + off_us) // HOUR_US + 1))


def clause(rules: Rules, code: str) -> str:
    """Where it stands that the level rises; nothing for a code that is none of ours."""
    if code not in CODES.values():
        return ""
    return rules.night_from_h.clause if code == CODES["night"] else rules.upgrade_days.clause


def level(f: Facts) -> Verdict:
    """The permit's level is not below the one by which work is managed now."""
    claims = f.permit
    if claims is None or claims.carries_upgrade:
        return PASS
    codes = [CODES[why] for why in why_now(f)]
    return Verdict(
        tuple(Reason(code, claims.jti, f.wall_s * 1000, None, "unix_s", clause(f.rules, code)) for code in codes)
    )


def plain_from_us(f: Facts) -> int | None:
    """When work is managed at its own level again (wall clock); None when not within a month. Only shown."""
    now = (f.wall_us + offset_us(f)) // HOUR_US
    hour = next((each for each in range(now, now + _MONTH_H) if not why_raised(f.rules.calendar, (each,))), None)
    return None if hour is None else hour * HOUR_US - offset_us(f)


def suffices_until_us(f: Facts, claims: PermitClaims) -> tuple[int, str] | None:
    """When the permit's level begins not to suffice (wall clock), and the reason; None when never in its window."""
    if claims.carries_upgrade:
        return None
    shift_us = offset_us(f)
    begin_us, end_us = f.wall_us + shift_us, claims.exp * 1_000_000 + shift_us
    hour = next_raise(f.rules.calendar, begin_us // HOUR_US, -(-end_us // HOUR_US))
    if hour is None:
        return None
    return max(begin_us, hour * HOUR_US) - shift_us, CODES[why_raised(f.rules.calendar, (hour,))[0]]
