"""The air: every channel's vote, every group's verdict.

A channel votes to trip on gas beyond its limit, and on everything that is not a sound reading: silence, a fault, a
range left, warm-up, a failed calibration, or a catalytic bead without oxygen. So a group degrades towards the trip:

    vote   detectors dead   behaves as   trips when
    1oo1         0          1oo1         its detector sees gas
    1oo1         1          tripped
    1oo2         0          1oo2         either sees gas
    1oo2         1 or 2     tripped
    2oo3         0          2oo3         any two see gas
    2oo3         1          1oo2         either of the others sees gas
    2oo3         2 or 3     tripped

(findings/edge 3.7). A release needs every group's vote healthy, not every detector.

A detector fed over MQTT is in no group: beyond its limit it trips, and nothing else that it says or leaves
unsaid counts.
"""

import math

import msgspec

from edge.gas.reading import Quality
from edge.interlock.conditions.facts import Facts, Verdict, fail
from edge.interlock.site import SiteChannel, SiteGroup, SiteRemote
from edge.interlock.state import Reason, milli

_GAS_CODES = {
    Quality.STALE: "gas_stale",
    Quality.FAULT: "gas_fault",
    Quality.OVER_RANGE: "gas_over_range",
    Quality.UNDER_RANGE: "gas_under_range",
    Quality.WARM_UP: "gas_warm_up",
    Quality.FROZEN: "gas_frozen",
    Quality.BAD_FRAME: "gas_stale",
    Quality.NEVER: "gas_never",
}


_GOOD = Quality.GOOD
_STILL_READS = (Quality.FAULT, Quality.FROZEN)
GAS_ALARMS = ("gas_high", "gas_low", "gas_over_range")
"""Reasons that speak of gas, not of a detector."""
NO_OXYGEN = "gas_no_oxygen"
"""A catalytic bead's clean reading that nothing vouches for: it follows from what happened to the oxygen."""


def channel_reason(f: Facts, channel: SiteChannel) -> Reason | None:
    """Why a channel votes to trip, or None. No smoothing; over-range latches until a reset on site."""
    limit, name = channel.limit, channel.name
    reading = f.snapshot.readings.get(name)
    if name in f.durable.over_range:
        return _vote("gas_over_range", channel, None, channel.range_high)
    if reading is None:
        return _vote("gas_never", channel)
    value, age_us = reading.value, f.now_us - reading.at_us
    if reading.quality is not _GOOD:
        # A head that says it is broken and reads too much gas is believed about the gas.
        high = limit.high if _still_reads(f, name, reading.quality) and age_us <= channel.stale_us else None
        if high is not None and value is not None and value > high:
            return _vote("gas_high", channel, value, high)
        return _vote(_GAS_CODES[reading.quality], channel, value)
    if not 0 <= age_us <= channel.stale_us or value is None or not math.isfinite(value):
        return Reason("gas_stale", name, age_us // 1000, channel.stale_us // 1000, "s", limit.clause)
    if limit.high is not None and not value <= limit.high:
        return _vote("gas_high", channel, value, limit.high)
    if limit.low is not None and not value >= limit.low:
        return _vote("gas_low", channel, value, limit.low)
    if name in f.durable.out_of_service:
        # Behind its gas: a head that failed its calibration and reads gas is believed as it is, bypassed or not.
        return _vote("gas_out_of_service", channel)
    if channel.catalytic:
        # A bead that reads clean air may be out of oxygen; one that reads gas is believed as it is.
        rule = f.rules.catalytic_o2_vol_pct
        if f.oxygen is None or f.oxygen < rule.value:
            return Reason(NO_OXYGEN, name, milli(f.oxygen), rule.value * 1000, "vol%", rule.clause)
    return None


def _still_reads(f: Facts, name: str, quality: Quality) -> bool:
    """Whether a head's value says something about gas although its quality is bad.

    In warm-up a head may show anything, and it votes to trip anyway; a bypass takes that vote, so then it counts.
    """
    if quality is Quality.WARM_UP:
        return any(bypass.channel == name and bypass.holds(f.now_us) for bypass in f.durable.bypasses)
    return quality in _STILL_READS


def remote_reason(f: Facts, remote: SiteRemote) -> Reason | None:
    """Why a detector fed over MQTT trips, or None: by its last word, however old; silence is no clean air."""
    said, limit = f.snapshot.remotes.get(remote.name), remote.limit
    if said is None:
        return None
    value = said.value_milli / 1000
    if said.over_range:
        return _vote("gas_over_range", remote, value, limit.high)
    if limit.high is not None and value > limit.high:
        return _vote("gas_high", remote, value, limit.high)
    if limit.low is not None and value < limit.low:
        return _vote("gas_low", remote, value, limit.low)
    return None


def _vote(
    code: str, channel: SiteChannel | SiteRemote, value: float | None = None, bound: float | None = None
) -> Reason:
    limit = channel.limit
    return Reason(code, channel.name, milli(value), milli(bound), limit.unit.value, limit.clause)


def votes_to_trip(f: Facts) -> dict[str, Reason]:
    """Every channel that votes to trip, and why; bad quality is a vote. Worked out once for the same facts.

    With them the detectors fed over MQTT that speak of gas.
    """
    known: dict[str, Reason] | None = f.__dict__.get("votes_to_trip")
    if known is None:
        known = {c.name: reason for c in f.site.channels if (reason := channel_reason(f, c)) is not None}
        known |= {far.name: said for far in f.site.remotes if (said := remote_reason(f, far)) is not None}
        f.__dict__["votes_to_trip"] = known
    return known


def group_votes(f: Facts, group: SiteGroup) -> tuple[tuple[Reason, ...], int]:
    """Votes that count in a group, and how many of them trip.

    A bypassed head's failure is no vote, its gas alarm is one, and the heads that are left vote 1ooN: with a bypass a
    group is never looser than without the head.
    """
    found = votes_to_trip(f)
    votes = tuple(found[channel.name] for channel in group.channels if channel.name in found)
    if not f.durable.bypasses:
        return votes, group.needed
    bypassed = [bypass.channel for bypass in f.durable.bypasses if bypass.holds(f.now_us)]
    if not any(channel.name in bypassed for channel in group.channels):
        return votes, group.needed
    return tuple(vote for vote in votes if vote.subject not in bypassed or vote.code in GAS_ALARMS), 1


def acting_vote(vote: str, sound: int) -> str:
    """The vote that the sound detectors of a group still make: 2oo3 with one dead is 1oo2; less is ``tripped``."""
    if sound == int(vote[-1]):
        return vote
    return "1oo2" if vote == "2oo3" and sound == 2 else "tripped"


def gas(f: Facts) -> Verdict:
    """Every gas group's vote is healthy. What follows from missing oxygen stands behind what the oxygen did."""
    reasons: list[Reason] = []
    followed: list[Reason] = []
    if not f.site.groups:
        return fail("gas_never")
    # Without a single vote no group trips; then there is nothing to count.
    for group in f.site.groups if votes_to_trip(f) else ():
        votes, needed = group_votes(f, group)
        if len(votes) >= needed:
            for vote in votes:
                (followed if vote.code == NO_OXYGEN else reasons).append(vote)
    reasons += [votes_to_trip(f)[remote.name] for remote in f.site.remotes if remote.name in votes_to_trip(f)]
    readings = f.snapshot.readings
    seen = [reading.at_us for c in f.site.channels if (reading := readings.get(c.name)) is not None]
    return Verdict((*reasons, *followed), f.now_us - min([f.now_us, *seen]))


def over_limit(f: Facts, air: Verdict) -> bool:
    """Whether a group's vote trips on gas itself, not on a detector that failed nor on a latch that waits."""
    return bool(gas_now(f, air))


def gas_now(f: Facts, air: Verdict) -> tuple[str, ...]:
    """Whose gas it is that trips a group's vote now, by the detectors' names; a latch that waits is none of them."""
    if f.durable.over_range:
        air = gas(msgspec.structs.replace(f, durable=msgspec.structs.replace(f.durable, over_range=())))
    return tuple(reason.subject for reason in air.reasons if reason.code in GAS_ALARMS)
