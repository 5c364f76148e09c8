"""Bump tests and calibrations: a detector is shown known gas, and what its readings do decides. Pure.

    APPLY    waits for the gas; the last reading at the baseline is the zero of the response time
    RESPOND  the reading must enter the band around the applied value in time and stay there for the hold time
    CLEAR    the gas is taken away; the reading must come back to the baseline, then the test has passed

Times are the readings' own capture times. Whatever is not a pass is no pass: an abandoned test, a restart in the
middle of one and readings that the bus lost leave the channel without a good test (domain "Detector"). Only what the
detector itself said or did not do is a failure, which a calibration has to cure: a bus that faltered proves nothing.
"""

from enum import StrEnum

import msgspec

from edge.gas.reading import Quality, Reading
from edge.interlock.rules import Rules

_LOST = (Quality.STALE, Quality.BAD_FRAME, Quality.NEVER)
"""What the bus did, not the detector."""
SECOND_US = 1_000_000
DAY_S = 86_400


class Kind(StrEnum):
    """What is done with a detector: see that it responds, or verify that it was adjusted."""

    BUMP = "bump"
    CALIBRATION = "calibration"


class Phase(StrEnum):
    """Where a test is."""

    APPLY = "apply"
    RESPOND = "respond"
    CLEAR = "clear"


class Result(StrEnum):
    """How a test ended. `ABORTED` stands from its beginning until it ends otherwise."""

    PASSED = "passed"
    FAILED = "failed"
    ABORTED = "aborted"


class Proof(msgspec.Struct, frozen=True):
    """One bump test or calibration, as it is kept.

    Attributes:
        t: wall clock at its beginning, ms since 1970.
        at_us: CLOCK_BOOTTIME at its beginning; 0 when that was before the last boot.
        result: how it ended.
        code: why it did not pass; empty when it did.
        applied: concentration of the test gas, in the channel's unit.
        reading: what the detector showed once it had settled, None when it never did.
        response_ms: from the last reading at the baseline to the first of those that stayed in the band.
        by: who did it.
        bottle: serial or lot number of the gas.
        due_s: end of a calibration, seconds since 1970; 0 for a bump test.
    """

    t: int
    at_us: int
    result: Result
    code: str
    applied: float
    reading: float | None
    response_ms: int | None
    by: str
    bottle: str
    due_s: int = 0


class DetectorRecord(msgspec.Struct, frozen=True):
    """What is known about a channel's last bump test and last calibration done here, and about its head.

    `serial` and `certified_s`, the end of its certificate in seconds since 1970, are those of a head that was put in
    here; empty and 0 while it is the configuration's.
    """

    bump: Proof | None = None
    calibration: Proof | None = None
    serial: str = ""
    certified_s: int = 0

    @property
    def out_of_service(self) -> bool:
        """Its last calibration failed: it counts as a dead detector until one passes."""
        return self.calibration is not None and self.calibration.result is Result.FAILED

    @property
    def uncured_bump(self) -> bool:
        """Its last bump test failed and it was not calibrated since (failed bump test: full calibration)."""
        if self.bump is None or self.bump.result is not Result.FAILED:
            return False
        cured = self.calibration
        return cured is None or cured.result is not Result.PASSED or cured.t < self.bump.t


UNPROVEN = DetectorRecord()


class Terms(msgspec.Struct, frozen=True):
    """What a test must keep to, from the rule pack and the channel's T90 and range.

    `still_percent` is the share of the applied step that tells gas from noise: up to it a reading is at the baseline.
    """

    apply_us: int
    respond_us: int
    hold_us: int
    clear_us: int
    band: float
    still_percent: int


class Exercise(msgspec.Struct, frozen=True):
    """A test that is going on. `seen_us`: capture of the last reading judged; `still_us`: of the last at the baseline.

    `entered_us` is the capture of the first reading of those that are in the band, 0 while they are not.
    """

    kind: Kind
    channel: str
    applied: float
    baseline: float
    by: str
    bottle: str
    due_s: int
    t: int
    began_us: int
    phase: Phase
    phase_us: int
    seen_us: int
    still_us: int
    entered_us: int = 0
    reading: float | None = None

    @property
    def response_ms(self) -> int | None:
        """How long the detector took into the band, None until it is there."""
        return (self.entered_us - self.still_us) // 1000 if self.entered_us else None

    def ended(self, result: Result, code: str = "") -> Proof:
        """This test as it is kept."""
        return Proof(
            self.t, self.began_us, result, code, self.applied, self.reading, self.response_ms, self.by, self.bottle,
            self.due_s,
        )  # fmt: skip


def terms(kind: Kind, rules: Rules, *, step: float, full_scale: float, t90_us: int) -> Terms:
    """The pack's limits for one channel. `step` is applied minus baseline, in the channel's unit.

    A bump test must respond within the pack's time and within the channel's own T90, by which the process safety time
    was calculated. A calibration verifies the adjustment, which takes a person's time; its band is the tighter of a
    share of full scale and the bump test's.
    """
    band = abs(step) * rules.bump_tolerance_percent.value / 100
    respond_us = min(rules.response_diffusion_s.value * SECOND_US, t90_us)
    if kind is Kind.CALIBRATION:
        band = min(band, full_scale * rules.calibration_tolerance_percent.value / 100)
        respond_us = rules.calibration_window_s.value * SECOND_US
    return Terms(
        rules.bump_apply_s.value * SECOND_US, respond_us, rules.bump_hold_s.value * SECOND_US,
        rules.bump_clear_s.value * SECOND_US, band, rules.bump_still_percent.value,
    )  # fmt: skip


def advance(test: Exercise, reading: Reading | None, limits: Terms, stale_us: int, now_us: int) -> Exercise | Proof:
    """Judge the newest reading; gives the test as it goes on, or how it ended."""
    if reading is None or reading.quality in _LOST or now_us - reading.at_us > stale_us:
        return test.ended(Result.ABORTED, "test_lost_reading")
    if reading.quality is not Quality.GOOD or reading.value is None:
        return test.ended(Result.FAILED, "test_bad_reading")
    if reading.at_us <= test.seen_us:
        return test
    test = msgspec.structs.replace(test, seen_us=reading.at_us)
    if test.phase is Phase.APPLY:
        return _apply(test, reading.value, limits)
    if test.phase is Phase.RESPOND:
        return _respond(test, reading.value, limits)
    return _clear(test, reading.value, limits)


def _moved(test: Exercise, value: float, limits: Terms) -> bool:
    """The reading has left its baseline towards the applied value."""
    step = test.applied - test.baseline
    return (value - test.baseline) * (1 if step > 0 else -1) > abs(step) * limits.still_percent / 100


def _apply(test: Exercise, value: float, limits: Terms) -> Exercise | Proof:
    if _moved(test, value, limits):
        return _respond(msgspec.structs.replace(test, phase=Phase.RESPOND, phase_us=test.seen_us), value, limits)
    if test.seen_us - test.began_us > limits.apply_us:
        return test.ended(Result.FAILED, "test_no_response")
    return msgspec.structs.replace(test, still_us=test.seen_us)


def _respond(test: Exercise, value: float, limits: Terms) -> Exercise | Proof:
    if abs(value - test.applied) <= limits.band:
        entered_us = test.entered_us or test.seen_us
        test = msgspec.structs.replace(test, entered_us=entered_us, reading=value)
        if entered_us - test.still_us > limits.respond_us:
            return test.ended(Result.FAILED, "test_slow")
        if test.seen_us - entered_us < limits.hold_us:
            return test
        return msgspec.structs.replace(test, phase=Phase.CLEAR, phase_us=test.seen_us)
    test = msgspec.structs.replace(test, entered_us=0, reading=value)
    if test.seen_us - test.still_us <= limits.respond_us:
        return test
    beyond = abs(value - test.baseline) > abs(test.applied - test.baseline)
    return test.ended(Result.FAILED, "test_too_high" if beyond else "test_slow")


def _clear(test: Exercise, value: float, limits: Terms) -> Exercise | Proof:
    if abs(value - test.baseline) * 100 <= abs(test.applied - test.baseline) * limits.still_percent:
        return test.ended(Result.PASSED)
    if test.seen_us - test.phase_us > limits.clear_us:
        return test.ended(Result.FAILED, "test_not_clear")
    return test
