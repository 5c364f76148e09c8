"""Detectors that are due: they block a release and never hide a reading (workflows "Detector")."""

from enum import StrEnum

from edge.gas.reading import Quality
from edge.interlock.conditions.air import GAS_ALARMS, NO_OXYGEN, votes_to_trip
from edge.interlock.conditions.facts import Facts, Verdict
from edge.interlock.proving import DAY_S, UNPROVEN, DetectorRecord, Result
from edge.interlock.site import SiteChannel
from edge.interlock.state import Reason


class Life(StrEnum):
    """States of a detector."""

    UNKNOWN = "UNKNOWN"
    WARMUP = "WARMUP"
    BUMP_DUE = "BUMP_DUE"
    IN_SERVICE = "IN_SERVICE"
    CAL_DUE = "CAL_DUE"
    FAULT = "FAULT"
    OVER_RANGE = "OVER_RANGE"
    STALE = "STALE"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"


_LIVES = {
    Quality.STALE: Life.STALE,
    Quality.BAD_FRAME: Life.STALE,
    Quality.NEVER: Life.UNKNOWN,
    Quality.WARM_UP: Life.WARMUP,
    Quality.OVER_RANGE: Life.OVER_RANGE,
    Quality.FAULT: Life.FAULT,
    Quality.FROZEN: Life.FAULT,
    Quality.UNDER_RANGE: Life.FAULT,
}

_PASSED = Result.PASSED
"""Looking a member up in its enum costs more than comparing with it, and this is asked of every channel."""


def bump_reason(f: Facts, channel: SiteChannel) -> Reason | None:
    """Why a channel's bump test does not count, or None: passed, not older than the pack says, by either clock."""
    rule, name = f.rules.bump_test_age_s, channel.name
    if name in f.volatile.exercises:
        return Reason("test_running", name, None, None, "", rule.clause)
    record = f.durable.detectors.get(name, UNPROVEN)
    proof = record.bump
    if proof is None:
        return Reason("bump_never", name, None, rule.value * 1000, "s", rule.clause)
    if proof.result is not _PASSED:
        if record.uncured_bump:
            return Reason("bump_failed", name, None, None, "", rule.clause)
        if proof.result is Result.ABORTED:
            return Reason("bump_undone", name, None, None, "", rule.clause)
        return Reason("bump_due", name, None, rule.value * 1000, "s", rule.clause)  # cured by a calibration since
    # By the wall clock or by the kernel's, whichever is longer; a clock set back is negative.
    age_us = f.wall_us - proof.t * 1000
    if proof.at_us and age_us >= 0:
        age_us = max(age_us, f.now_us - proof.at_us)
    if not 0 <= age_us <= rule.value * 1_000_000:
        return Reason("bump_due", name, age_us // 1000, rule.value * 1000, "s", rule.clause)
    return None


def calibration_end_s(f: Facts, channel: SiteChannel) -> int:
    """When a channel's calibration ends, seconds since 1970: that done here, else its certificate's; 0 unknown."""
    return _end_s(f.durable.detectors.get(channel.name, UNPROVEN), channel)


def _end_s(record: DetectorRecord, channel: SiteChannel) -> int:
    if record.calibration is not None:
        return record.calibration.due_s
    return record.certified_s or channel.due_s


def calibration_reason(f: Facts, channel: SiteChannel) -> Reason | None:
    """Why a channel's calibration does not count, or None: known, finished, not over, not longer than the pack says."""
    rule, name = f.rules.calibration_age_d, channel.name
    record = f.durable.detectors.get(name, UNPROVEN)
    proof, end_s = record.calibration, _end_s(record, channel)
    if proof is not None and proof.result is not _PASSED:
        return Reason("calibration_undone", name, None, None, "", rule.clause)
    if not end_s:
        return Reason("calibration_never", name, None, rule.value * 1000, "d", rule.clause)
    wall_us, end_us = f.wall_us, end_s * 1_000_000
    if wall_us >= end_us:
        return Reason("calibration_due", name, wall_us // 1000, end_s * 1000, "unix_s", rule.clause)
    if end_us - wall_us > rule.value * DAY_S * 1_000_000:
        latest_s = wall_us // 1_000_000 + rule.value * DAY_S
        return Reason("calibration_too_long", name, end_s * 1000, latest_s * 1000, "unix_s", rule.clause)
    return None


def _speaks(f: Facts, channel: SiteChannel) -> bool:
    """The channel's vote is its reading. A broken detector votes to trip already, so nothing more is asked of it."""
    reason = votes_to_trip(f).get(channel.name)
    return reason is None or reason.code in GAS_ALARMS or reason.code == NO_OXYGEN


def bump_test(f: Facts) -> Verdict:
    """Every detector whose word counts was shown gas lately."""
    found = [
        reason
        for channel in f.site.channels
        if (reason := bump_reason(f, channel)) is not None
        and (channel.name in f.volatile.exercises or _speaks(f, channel))
    ]
    return Verdict(tuple(found))


def calibration(f: Facts) -> Verdict:
    """No calibration of a detector whose word counts is overdue or unknown."""
    found = [
        reason
        for channel in f.site.channels
        if (reason := calibration_reason(f, channel)) is not None and _speaks(f, channel)
    ]
    return Verdict(tuple(found))


def life(f: Facts, channel: SiteChannel) -> Life:
    """Where a detector is in its life. What makes its readings worthless comes before what is due."""
    record = f.durable.detectors.get(channel.name, UNPROVEN)
    if record.out_of_service:
        return Life.OUT_OF_SERVICE
    reading = f.snapshot.readings.get(channel.name)
    if reading is None:
        return Life.UNKNOWN
    if f.now_us - reading.at_us > channel.stale_us:
        return Life.STALE
    if channel.name in f.durable.over_range:
        return Life.OVER_RANGE
    if reading.quality in _LIVES:
        return _LIVES[reading.quality]
    if record.uncured_bump or calibration_reason(f, channel) is not None:
        return Life.CAL_DUE
    return Life.IN_SERVICE if bump_reason(f, channel) is None else Life.BUMP_DUE
