"""What a person must say before gas goes on a detector: anything that could prove nothing is refused and named (GAS-05)."""

import math
import time

import msgspec
import pytest

from contracts.errors import ContractError
from edge.gas.reading import Quality, Reading
from edge.interlock.conditions.facts import Facts
from edge.interlock.control import Request
from edge.interlock.detector_request import check
from edge.interlock.happenings import DetectorTestBegun
from edge.interlock.proving import DetectorRecord, Kind, Proof, Result
from edge.interlock.site import SiteChannel, end_of_day
from edge.interlock.state import Mode
from tests.edge.interlock.bench import GB, STALE_US, WALL_S, Bench
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
CH = "ch4-1"
BUMP = Request("detector_test", kind="bump", channel=CH, gas="CH4", unit="%LEL", applied=50.0, by="leader", bottle="7")
CALIBRATE = replace(BUMP, kind="calibration")
OXYGEN = replace(BUMP, channel="o2-1", gas="O2", unit="vol%", applied=10.0)
HERE = ("leader",)
DAY_S = 86_400
LONGEST_S = GB.calibration_age_d.value * DAY_S


@pytest.fixture
def facts() -> Facts:
    """A locked box whose detectors read clean air."""
    return Bench().step().facts


def _reading(f: Facts, channel: str = CH, **changes: object) -> Facts:
    """The same moment with a channel's reading changed."""
    reading = replace(f.snapshot.readings[channel], **changes)
    return replace(f, snapshot=replace(f.snapshot, readings={**f.snapshot.readings, channel: reading}))


def _channel(f: Facts, name: str = CH, **changes: object) -> Facts:
    """The same moment with a channel of another kind."""

    def changed(channel: SiteChannel) -> SiteChannel:
        return replace(channel, **changes) if channel.name == name else channel

    groups = tuple(replace(group, channels=tuple(map(changed, group.channels))) for group in f.site.groups)
    return replace(f, site=replace(f.site, groups=groups))


def _refused(request: Request, f: Facts, here: tuple[str, ...] = HERE) -> ContractError:
    with pytest.raises(ContractError) as caught:
        check(request, f, here)
    return caught.value


def _passes(request: Request, f: Facts) -> bool:
    try:
        check(request, f, HERE)
    except ContractError:
        return False
    return True


def test_a_request_in_order_begins_the_test_as_it_was_asked_for(facts: Facts) -> None:
    assert check(BUMP, facts, HERE) == DetectorTestBegun(Kind.BUMP, CH, 50.0, "leader", "7", 0)
    due = replace(CALIBRATE, due="2027-06-30")
    assert check(due, facts, HERE) == DetectorTestBegun(
        Kind.CALIBRATION, CH, 50.0, "leader", "7", end_of_day("2027-06-30", facts.site.utc_offset_min)
    )
    assert check(OXYGEN, facts, HERE).applied == 10.0


@pytest.mark.parametrize(("mode", "passes"), [(mode, mode not in (Mode.ARMED, Mode.RELEASED)) for mode in Mode])
def test_gas_goes_on_a_detector_only_while_the_box_is_neither_armed_nor_released(
    facts: Facts, mode: Mode, passes: bool
) -> None:
    """Gas on a detector would then be gas on the site."""
    assert _passes(BUMP, replace(facts, durable=replace(facts.durable, mode=mode))) is passes


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "zero"}, {"channel": "ch4-9"}, {"by": "engineer"}, {"by": ""}, {"bottle": ""}, {"bottle": "x" * 65},
        {"bottle": "7\n"}, {"gas": "C3H8"}, {"unit": "vol%"}, {"applied": None}, {"applied": math.nan},
        {"applied": math.inf}, {"applied": 9.0}, {"applied": 95.0}, {"due": "2027-06-30"},
        {"kind": "calibration", "due": "soon"}, {"kind": "calibration", "due": "2027-01-14"},
        {"kind": "calibration", "due": "2028-01-15"},
    ],
    ids=[
        "no such kind", "no such channel", "not here", "nobody", "no bottle", "a long bottle", "a bottle of two lines",
        "another gas", "another unit", "no concentration", "no number", "infinite", "too little to alarm",
        "beyond the range", "a bump test's end", "no date", "yesterday", "too far away",
    ],
)  # fmt: skip
def test_what_would_prove_nothing_is_refused(facts: Facts, changes: dict[str, object], wording: Wording) -> None:
    wording.check(_refused(replace(BUMP, **changes), facts))


@pytest.mark.parametrize("here", [(), ("safety", "boss")], ids=["nobody", "others"])
def test_who_is_here_and_entitled_is_named(facts: Facts, here: tuple[str, ...], wording: Wording) -> None:
    wording.check(_refused(BUMP, facts, here))


@pytest.mark.parametrize("applied", [20.9, 5.0, 27.0], ids=["clean air", "too little", "too much"])
def test_oxygen_must_be_below_or_above_its_band_and_within_the_range(
    facts: Facts, applied: float, wording: Wording
) -> None:
    """Both ends of the band are named."""
    wide = _channel(facts, "o2-1", range_low=5.0, range_high=27.0)
    wording.check(_refused(replace(OXYGEN, applied=applied), wide))


def test_a_released_box_says_what_to_do(facts: Facts, wording: Wording) -> None:
    wording.check(_refused(BUMP, replace(facts, durable=replace(facts.durable, mode=Mode.RELEASED))))


def test_a_channel_under_test_is_waited_for(wording: Wording) -> None:
    bench = Bench()
    facts = bench.step(DetectorTestBegun(Kind.BUMP, CH, 50.0, "leader", "7", 0)).facts
    wording.check(_refused(BUMP, facts))
    assert _passes(replace(BUMP, channel="ch4-2"), facts)


@pytest.mark.parametrize("length", [1, 64])
def test_a_bottles_number_may_have_up_to_64_characters(facts: Facts, length: int) -> None:
    assert check(replace(BUMP, bottle="7" * length), facts, HERE).bottle == "7" * length


def test_a_failed_bump_test_asks_for_a_calibration(facts: Facts, wording: Wording) -> None:
    """OSHA SHIB 2013: after a failed bump test the detector is calibrated; another bump test cures nothing."""
    failed = Proof(WALL_S * 1000, 0, Result.FAILED, "test_slow", 50.0, 20.0, None, "leader", "7")
    after = replace(facts, durable=replace(facts.durable, detectors={CH: DetectorRecord(bump=failed)}))
    wording.check(_refused(BUMP, after))
    assert _passes(CALIBRATE, after)
    assert _passes(replace(BUMP, channel="ch4-2"), after)


def test_a_channel_is_tested_with_the_gas_that_it_is_calibrated_with(facts: Facts, wording: Wording) -> None:
    """IEC 60079-29-2: what it shows is that gas times the factor."""
    propane = _channel(facts, gas="C3H8", calibration_gas="CH4", factor=1.6)
    assert check(BUMP, propane, HERE).applied == 80.0
    wording.check(_refused(replace(BUMP, gas="C3H8"), propane))


# --- before the gas --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age_us", "passes"), [(STALE_US - 1, True), (STALE_US, True), (STALE_US + 1, False)])
def test_the_detector_must_read_before_the_gas_to_the_microsecond(facts: Facts, age_us: int, passes: bool) -> None:
    assert _passes(BUMP, _reading(facts, at_us=facts.now_us - age_us)) is passes


@pytest.mark.parametrize(
    "changes",
    [{"quality": Quality.FAULT}, {"at_us": 0}, {"value": None}, {"value": 10.5}],
    ids=["fault", "stale", "no value", "gas already"],
)
def test_a_detector_that_does_not_read_clean_air_is_refused(
    facts: Facts, changes: dict[str, object], wording: Wording
) -> None:
    wording.check(_refused(BUMP, _reading(facts, **changes)))


def test_a_detector_that_never_read_is_refused(facts: Facts, wording: Wording) -> None:
    readings: dict[str, Reading] = {name: each for name, each in facts.snapshot.readings.items() if name != CH}
    wording.check(_refused(BUMP, replace(facts, snapshot=replace(facts.snapshot, readings=readings))))


@pytest.mark.parametrize(("value", "passes"), [(9.99, True), (10.0, True), (10.01, False)])
def test_the_air_is_clean_up_to_the_limit(facts: Facts, value: float, passes: bool) -> None:
    """GB 30871-2022 5.3.2: 10 %LEL passes, more does not."""
    assert _passes(BUMP, _reading(facts, value=value)) is passes


@pytest.mark.parametrize(
    ("value", "passes"), [(19.49, False), (19.5, True), (20.9, True), (23.5, True), (23.51, False)]
)
def test_oxygen_is_clean_within_its_band(facts: Facts, value: float, passes: bool) -> None:
    assert _passes(OXYGEN, _reading(facts, "o2-1", value=value)) is passes


# --- the gas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("applied", "passes"), [(9.99, False), (10.0, False), (10.01, True)])
def test_the_gas_must_be_more_than_the_limit(facts: Facts, applied: float, passes: bool) -> None:
    assert _passes(replace(BUMP, applied=applied), facts) is passes


@pytest.mark.parametrize(("applied", "passes"), [(19.49, True), (19.5, False), (23.5, False), (23.51, True)])
def test_oxygen_must_be_beyond_its_band(facts: Facts, applied: float, passes: bool) -> None:
    assert _passes(replace(OXYGEN, applied=applied), facts) is passes


@pytest.mark.parametrize(("band", "passes"), [("", True), ("low", True), ("high", True), ("neither", False)])
def test_a_limit_may_have_one_end_or_both(facts: Facts, band: str, passes: bool) -> None:
    """What has no end there cannot be exceeded there."""
    limit = next(channel for channel in facts.site.channels if channel.name == "o2-1").limit
    ends = {"": {}, "low": {"high": None}, "high": {"low": None}, "neither": {"low": None, "high": None}}[band]
    f = _channel(facts, "o2-1", limit=replace(limit, **ends))
    applied = 24.0 if band == "high" else 10.0
    assert _passes(replace(OXYGEN, applied=applied), f) is passes


@pytest.mark.parametrize(("end", "said"), [("low", "below 19.5 vol%"), ("high", "above 23.5 vol%")])
def test_the_end_that_a_limit_has_is_named(facts: Facts, end: str, said: str) -> None:
    limit = next(channel for channel in facts.site.channels if channel.name == "o2-1").limit
    other = {"low": "high", "high": "low"}[end]
    refused = _refused(replace(OXYGEN, applied=20.9), _channel(facts, "o2-1", limit=replace(limit, **{other: None})))
    assert refused.expected == f"{said}: gas that it must alarm on"


@pytest.mark.parametrize(
    ("kind", "range_high", "passes"),
    [("bump", 60.0, True), ("bump", 59.99, False), ("calibration", 52.64, True), ("calibration", 52.63, False)],
)
def test_the_detector_must_be_able_to_show_the_gas_with_its_tolerance(
    facts: Facts, kind: str, range_high: float, passes: bool
) -> None:
    """A bump test's band is 20 % of the step, a calibration's 5 % of full scale."""
    f = _channel(facts, range_high=range_high)
    assert _passes(replace(BUMP, kind=kind), f) is passes


@pytest.mark.parametrize(("range_low", "passes"), [(7.82, True), (7.83, False)])
def test_the_band_must_not_end_below_the_range(facts: Facts, range_low: float, passes: bool) -> None:
    """10 vol% of oxygen after 20.9: a band of 2.18."""
    assert _passes(OXYGEN, _channel(facts, "o2-1", range_low=range_low)) is passes


def test_the_range_counts_in_the_measured_gas(facts: Facts, wording: Wording) -> None:
    """60 %LEL of methane read as 96 of propane: with its tolerance beyond a range of 60, which is 96 too."""
    f = _channel(facts, gas="C3H8", calibration_gas="CH4", factor=1.6, range_low=5.0, range_high=60.0)
    wording.check(_refused(replace(BUMP, applied=60.0), f))
    assert _passes(replace(BUMP, applied=50.0), f)


# --- the end of a calibration ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before_s", "passes"),
    [(0, False), (1, True), (LONGEST_S - 1, True), (LONGEST_S, True), (LONGEST_S + 1, False)],
)
def test_a_calibration_ends_after_now_and_within_the_longest_interval(
    facts: Facts, before_s: int, passes: bool
) -> None:
    """calibration_age_d, one year (JJG 693), to the second."""
    end_s = end_of_day("2027-06-30", facts.site.utc_offset_min)
    f = replace(facts, wall_s=end_s - before_s)
    assert _passes(replace(CALIBRATE, due="2027-06-30"), f) is passes


def test_the_latest_day_that_is_named_is_taken(facts: Facts) -> None:
    """A certificate is good through its last day, which ends a day later."""
    refused = _refused(replace(CALIBRATE, due="2028-01-15"), facts)
    assert "not after 2028-01-14" in refused.expected
    assert _passes(replace(CALIBRATE, due="2028-01-14"), facts)


def test_the_latest_day_is_the_same_by_every_clock(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "<SITE>-18:00")
    time.tzset()
    try:
        assert "not after 2028-01-14" in _refused(replace(CALIBRATE, due="2029-01-01"), facts).expected
    finally:
        monkeypatch.undo()
        time.tzset()


def test_without_a_date_the_packs_interval_counts(facts: Facts) -> None:
    assert check(CALIBRATE, facts, HERE).due_s == 0
