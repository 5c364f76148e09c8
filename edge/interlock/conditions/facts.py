"""What conditions look at, and how they answer."""

import math

import msgspec

from contracts.permit import PermitClaims
from edge.gas.reading import Quality
from edge.interlock.rules import Number, Rules
from edge.interlock.site import Site
from edge.interlock.snapshot import Snapshot
from edge.interlock.state import Durable, Reason, Volatile, current_permit

_GOOD = Quality.GOOD


class Facts(msgspec.Struct, frozen=True, dict=True):
    """Everything that conditions look at, at one moment.

    `wall_us` is the wall clock to the microsecond: what is judged by date has a sharp end too. `permit` is the permit
    that decides now; `site` has the limits of the place that it is for. `oxygen` is the lowest reading of a sound O2
    channel in vol%, None where there is none.
    """

    site: Site
    rules: Rules
    durable: Durable
    volatile: Volatile
    snapshot: Snapshot
    now_us: int
    wall_us: int
    wall_s: int
    permit: PermitClaims | None
    oxygen: float | None = None


class Verdict(msgspec.Struct, frozen=True):
    """One condition's answer: no reasons means it passes; age of its oldest evidence; grace once it fails in run."""

    reasons: tuple[Reason, ...] = ()
    age_us: int | None = None
    grace_us: int = 0

    @property
    def ok(self) -> bool:
        """It passes."""
        return not self.reasons


PASS = Verdict()


def facts(site: Site, rules: Rules, durable: Durable, volatile: Volatile, snapshot: Snapshot, now_us: int) -> Facts:
    """Put the facts together."""
    clock = snapshot.clock
    wall_s = clock.wall_s(now_us)
    wall_us = clock.t * 1000 + now_us - clock.at_us
    oxygen = _oxygen(site, durable, snapshot, now_us)
    permit = current_permit(durable, wall_s)
    if permit is not None and permit.confined:
        site = site.inside
    return Facts(site, rules, durable, volatile, snapshot, now_us, wall_us, wall_s, permit, oxygen)


def _oxygen(site: Site, durable: Durable, snapshot: Snapshot, now_us: int) -> float | None:
    """What the worst sound O2 detector reads: air is not the same everywhere, and a bead may hang where it is poorest.

    A latch that waits for its reset does not change what a detector reads now.
    """
    sound = []
    for channel in site.oxygen:
        reading = snapshot.readings.get(channel.name)
        if reading is None or reading.quality is not _GOOD or reading.value is None:
            continue
        fresh = 0 <= now_us - reading.at_us <= channel.stale_us
        if fresh and math.isfinite(reading.value) and channel.name not in durable.out_of_service:
            sound.append(reading.value)
    return min(sound, default=None)


def fail(code: str, subject: str = "", value: int | None = None, rule: Number | None = None, unit: str = "") -> Verdict:
    """One reason; `value` in thousandths, the limit and the clause from the rule."""
    limit = None if rule is None else rule.value * 1000
    return Verdict((Reason(code, subject, value, limit, unit, rule.clause if rule else ""),))
