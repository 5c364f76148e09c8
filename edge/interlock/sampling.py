"""When the air of a gas test was sampled: from there its age counts, not from when somebody typed it in. Pure.

GB 30871-2022 5.3.1 c: 30 minutes from sampling to the start of work.
"""

import datetime
from typing import NamedTuple

from contracts.errors import ContractError, quote
from edge.interlock.conditions.facts import Facts
from edge.interlock.conditions.permit import error_s

NOW = "now"
_DAY_S = 86_400
_SECOND_US = 1_000_000


class Sampled(NamedTuple):
    """The moment of sampling: on the clock that nobody can set, and in seconds since 1970."""

    at_us: int
    t: int


def sampled(f: Facts, said: str) -> Sampled:
    """The moment that a person means by ``14:05``, on the site's clock, or by ``now``.

    The newest such moment that is not in the future counts; a minute counts from its beginning, and a clock that may be
    off makes the sample older.

    Raises:
        ContractError: no time, one in the future, or one that is older than a gas test may be.
    """
    if said == NOW:
        return Sampled(f.now_us, f.wall_s)
    try:
        at = datetime.time.fromisoformat(said)
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None or len(said) not in (5, 8):
        raise ContractError(
            "sampled", "the time of sampling: now, or HH:MM by the site's clock", quote(said) if said else "nothing",
            "the age of a gas test counts from sampling (GB 30871-2022 5.3.1 c)",
        )  # fmt: skip
    rule, off_s = f.rules.gas_test_age_s, f.site.utc_offset_min * 60
    here_s = f.wall_s + off_s
    ago_s = (here_s - (at.hour * 3600 + at.minute * 60 + at.second)) % _DAY_S
    t = f.wall_s - ago_s
    age_us = f.wall_us - (t - error_s(f)) * _SECOND_US
    if age_us > rule.value * _SECOND_US:
        since, until = _clock(here_s - max(0, rule.value - error_s(f))), _clock(here_s)
        wanted = f"a time from {since} to {until}, at most {rule.value} s ago ({rule.clause})"
        raise ContractError("sampled", wanted, said, "sample and test again: nobody knows the air of another hour")
    return Sampled(f.now_us - age_us, t)


def _clock(here_s: int) -> str:
    """Time of day of a moment of the site's clock."""
    hours, rest = divmod(here_s % _DAY_S, 3600)
    return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
