"""Gas: alarms and faults of channels, records of values, gas tests by people, and what is done with detectors."""

from typing import Annotated, Literal

from msgspec import UNSET

from contracts.event import ActionResult, Category, Severity
from contracts.events.fields import (
    Channel,
    Clause,
    Code,
    Data,
    Gas,
    GasUnit,
    Maybe,
    Milli,
    Reasoned,
    doc,
)
from contracts.events.kind import EventType


class Alarm(Reasoned, frozen=True):
    """A channel begins to vote for a trip because of what it measures. Once, until it is back to normal."""


class Fault(Reasoned, frozen=True):
    """A channel begins to vote for a trip because its value is worth nothing: silent, frozen, faulty. Once."""


class Normal(Data, frozen=True):
    """A channel that alarmed or failed votes no more."""

    chan: Channel


class Value(Data, frozen=True, kw_only=True):
    """One channel in a record of values, and the limits that it is held against."""

    chan: Channel
    gas: Gas
    unit: GasUnit
    q: Annotated[str, doc("what the reading is worth: `good`, or why it is no proof of clean air")]
    value_milli: Annotated[int | None, doc("in thousandths of `unit`; null when there is no number")]
    limit_low_milli: Maybe[Annotated[int, doc("lowest allowed, in thousandths of `unit`; absent: none")]] = UNSET
    limit_high_milli: Maybe[Annotated[int, doc("highest allowed; absent: none")]] = UNSET
    limit_clause: Maybe[Annotated[str, doc("where the limits come from")]] = UNSET


class Values(Data, frozen=True):
    """While the relay is released: every channel's value, at once and then at the pack's interval."""

    seconds: Annotated[int, doc("the interval")]
    clause: Clause
    values: Annotated[list[Value], doc("each channel of the box; what does not fit one event goes on in the next")]


class Changed(Data, frozen=True, kw_only=True):
    """A value is no longer the one last told: it moved by the pack's share of the limit. Once a second at most."""

    chan: Channel
    unit: GasUnit
    value_milli: Milli
    was_milli: Maybe[Annotated[int, doc("what was told last, in thousandths of `unit`; absent: nothing was")]] = UNSET


class Summary(Data, frozen=True, kw_only=True):
    """One channel's minute."""

    chan: Channel
    unit: GasUnit
    n: Annotated[int, doc("readings that were good")]
    bad: Annotated[int, doc("readings that were no proof of clean air")]
    age_ms: Maybe[Annotated[int, doc("age of the last good one at the end; absent: none was good")]] = UNSET
    min_milli: Maybe[Annotated[int, doc("lowest good value, in thousandths of `unit`; absent: none was good")]] = UNSET
    mean_milli: Maybe[Annotated[int, doc("their mean, rounded half to even")]] = UNSET
    max_milli: Maybe[Annotated[int, doc("highest good value")]] = UNSET


class Minute(Data, frozen=True):
    """What every channel read in a minute, or in what was left of one when a release ended."""

    ms: Annotated[int, doc("how long it was")]
    rows: Annotated[list[Summary], doc("each channel of the box; what does not fit one event goes on in the next")]


class Trace(Data, frozen=True):
    """A piece of every reading around an alarm, from before its beginning until after its end."""

    chan: Channel
    unit: GasUnit
    m: Annotated[int, doc("CLOCK_BOOTTIME of the first point, in microseconds")]
    points: Annotated[
        list[list[int | str | None]],
        doc("each: ms after `m`, thousandths of `unit` or null, and what it is worth unless `good`"),
    ]


class TraceEnded(Data, frozen=True):
    """The readings around an alarm are written down."""

    from_m: Annotated[int, doc("CLOCK_BOOTTIME of their beginning, in microseconds")]
    to_m: Annotated[int, doc("of their end")]
    points: Annotated[int, doc("how many were written")]
    dropped: Annotated[int, doc("how many the hour's share of the log had no room for")]


class Point(Data, frozen=True):
    """One value of a gas test."""

    position: Annotated[Literal["up", "middle", "down"], doc("where it was sampled")]
    gas: Gas
    unit: GasUnit
    value_milli: Annotated[int | None, doc("in thousandths of `unit`; null when no log can hold it")]


class TestRecorded(Data, frozen=True):
    """A gas analyst who is here entered a gas test before the work."""

    serial: Annotated[str, doc("serial number of the instrument")]
    calibrated_until: Annotated[int, doc("end of its calibration, seconds since 1970; 0: not stated")]
    sampled: Annotated[int, doc("when it was sampled, ms since 1970")]
    points: Annotated[list[Point], doc("each gas at each position")]


class TestBegun(Data, frozen=True):
    """Somebody puts test gas on a detector. Until the test ends otherwise it counts as given up."""

    chan: Channel
    test: Annotated[Literal["bump", "calibration"], doc("what is done")]
    gas: Gas
    unit: GasUnit
    applied_milli: Annotated[int | None, doc("what the bottle holds, in thousandths of `unit`")]
    bottle: Annotated[str, doc("serial or lot number of the bottle")]
    baseline_milli: Annotated[int | None, doc("what the detector showed before, in thousandths of `unit`")]


class TestEnded(Data, frozen=True):
    """A bump test or a calibration ended. What did not pass says why in `code`."""

    chan: Channel
    applied_milli: Annotated[int | None, doc("what the bottle held, in thousandths of the channel's unit")]
    reading_milli: Annotated[int | None, doc("what the detector settled at, in thousandths; null: it never did")]
    response_ms: Annotated[int | None, doc("from the baseline into the band around the applied value; null: never")]
    bottle: Annotated[str, doc("serial or lot number of the bottle")]
    clause: Clause
    code: Maybe[Code] = UNSET
    due: Maybe[Annotated[int, doc("of a calibration: when the next is due, seconds since 1970")]] = UNSET


class Due(Reasoned, frozen=True):
    """A detector's bump test or calibration runs out in the middle of work; an alarm while released."""


class Replaced(Data, frozen=True):
    """Somebody put in another head. What was proven of the old one says nothing of it."""

    chan: Channel
    serial: Annotated[str, doc("serial number of the new head")]
    was: Annotated[str, doc("serial number of the old one; empty: it was not known")]
    due: Annotated[int, doc("end of the new head's certificate, seconds since 1970")]
    clause: Clause


_FAILED = (ActionResult.FAILED,)


def _ended(name: str, zh: str, en: str, sev: Severity, res: tuple[ActionResult, ...]) -> EventType:
    return EventType(f"detector.{name}", Category.GAS, (sev,), (TestEnded,), zh, en, res)


TYPES = (
    EventType("gas.alarm", Category.GAS, (Severity.ALARM,), (Alarm,), "气体报警", "gas alarm"),
    EventType("gas.fault", Category.GAS, (Severity.WARNING,), (Fault,), "探测器故障", "detector fault"),
    EventType("gas.normal", Category.GAS, (Severity.INFO,), (Normal,), "气体恢复正常", "gas back to normal"),
    EventType("gas.changed", Category.GAS, (Severity.INFO,), (Changed,), "气体读数变化", "gas value changed"),
    EventType("gas.minute", Category.GAS, (Severity.INFO,), (Minute,), "每分钟气体汇总", "gas of a minute"),
    EventType(
        "gas.trace", Category.GAS, (Severity.INFO,), (Trace,), "报警前后气体全速记录",
        "every gas reading around an alarm",
    ),
    EventType(
        "gas.trace_ended", Category.GAS, (Severity.INFO,), (TraceEnded,), "报警前后记录完成",
        "readings around an alarm complete",
    ),
    EventType("gas.record", Category.GAS, (Severity.INFO,), (Values,), "气体读数记录", "gas values recorded"),
    EventType(
        "gas_test.recorded", Category.GAS, (Severity.INFO,), (TestRecorded,), "气体分析已录入", "gas test recorded"
    ),
    EventType(
        "detector.test_begun", Category.GAS, (Severity.INFO,), (TestBegun,), "探测器通气开始", "test gas for a detector"
    ),
    _ended("bumped", "通气测试合格", "bump test passed", Severity.INFO, (ActionResult.OK,)),
    _ended("bump_failed", "通气测试不合格", "bump test failed", Severity.WARNING, _FAILED),
    _ended("bump_aborted", "通气测试中止", "bump test given up", Severity.WARNING, _FAILED),
    _ended("calibrated", "校准合格", "calibrated", Severity.INFO, (ActionResult.OK,)),
    _ended(
        "calibration_failed", "校准不合格，探测器停用", "calibration failed: out of service", Severity.WARNING, _FAILED
    ),
    _ended("calibration_aborted", "校准中止", "calibration given up", Severity.WARNING, _FAILED),
    EventType(
        "detector.due", Category.GAS, (Severity.WARNING, Severity.ALARM), (Due,), "探测器到期", "detector due"
    ),
    EventType(
        "detector.replaced", Category.GAS, (Severity.INFO,), (Replaced,), "更换探头，须重新通气测试",
        "head exchanged: bump test needed",
    ),
)  # fmt: skip
