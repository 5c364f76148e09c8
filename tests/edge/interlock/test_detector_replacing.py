"""A head was exchanged: who may say so, what it costs and what is written down (domain "Detector")."""

import datetime
import time

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.event import ActionResult, Category, Severity
from edge.interlock import view
from edge.interlock.conditions.detectors import bump_reason, calibration_end_s, calibration_reason
from edge.interlock.conditions.facts import Facts
from edge.interlock.control import Request
from edge.interlock.detector_replacing import check, exchange, serial_of
from edge.interlock.happenings import DetectorReplaced
from edge.interlock.proving import DetectorRecord, Proof, Result
from edge.interlock.record import Note
from edge.interlock.restart import _of_another_boot
from edge.interlock.site import end_of_day
from edge.interlock.state import Mode
from edge.interlock.turn import Turn
from tests.edge.interlock.bench import GB, WALL_S, Bench

replace = msgspec.structs.replace
CH = "ch4-1"
DAY_S = 86_400
TODAY = datetime.datetime.fromtimestamp(WALL_S, datetime.UTC).date()
NEXT_YEAR_S = WALL_S + GB.calibration_age_d.value * DAY_S


def day(after: int) -> str:
    return (TODAY + datetime.timedelta(days=after)).isoformat()


def latest_of(f: Facts) -> datetime.date:
    """The last day of the site that is over a year from now."""
    site = datetime.timezone(datetime.timedelta(minutes=f.site.utc_offset_min))
    return (datetime.datetime.fromtimestamp(NEXT_YEAR_S, site) - datetime.timedelta(days=1)).date()


ASKED = Request("detector_replace", channel=CH, serial="SN-2", due=day(90), by="leader")
HERE = ("leader",)


@pytest.fixture
def facts() -> Facts:
    return Bench().step().facts


def refused(request: Request, f: Facts, here: tuple[str, ...] = HERE) -> ContractError:
    with pytest.raises(ContractError) as caught:
        check(request, f, here)
    return caught.value


def test_a_request_in_order_says_which_head_came_in(facts: Facts) -> None:
    assert check(ASKED, facts, HERE) == DetectorReplaced(CH, "SN-2", end_of_day(day(90), facts.site.utc_offset_min), "leader")


@pytest.mark.parametrize(("mode", "may"), [(mode, mode not in (Mode.ARMED, Mode.RELEASED)) for mode in Mode])
def test_no_head_is_exchanged_while_the_box_is_armed_or_released(facts: Facts, mode: Mode, may: bool) -> None:
    now = replace(facts, durable=replace(facts.durable, mode=mode))
    if may:
        assert check(ASKED, now, HERE).channel == CH
        return
    error = refused(ASKED, now)
    assert (error.field, error.expected, error.came, error.hint) == (
        "state", "a box that is not armed or released", mode.value, "finish or stop the work first",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field", "expected", "came"),
    [
        ({"channel": "ch4-9"}, "channel", "one of ch4-1, ch4-2, ch4-3, ch4-4, ch4-5, ch4-6, o2-1, co-1", "'ch4-9'"),
        ({"by": ""}, "by", "someone of the roster with the right calibrate whose badge is here", "nothing"),
        ({"by": "engineer"}, "by", "someone of the roster with the right calibrate whose badge is here", "engineer"),
        ({"serial": ""}, "serial", "the new head's serial number, at most 64 printable characters", "nothing"),
        ({"serial": "a\nb"}, "serial", "the new head's serial number, at most 64 printable characters", "'a\\nb'"),
        ({"serial": "e\u0301"}, "serial", "the new head's serial number, at most 64 printable characters", "'é'"),
        ({"due": ""}, "due", "a date like 2027-03-31", "nothing"),
        ({"due": "soon"}, "due", "a date like 2027-03-31", "'soon'"),
    ],
)
def test_what_is_missing_or_wrong_is_named(facts: Facts, changes: dict, field: str, expected: str, came: str) -> None:
    error = refused(replace(ASKED, **changes), facts)
    assert (error.field, error.expected, error.came) == (field, expected, came)
    if field == "by":
        assert error.hint == "here and entitled: leader"
    if field == "due":
        assert error.hint == "copy it from the new head's certificate"


def test_who_is_here_is_said(facts: Facts) -> None:
    assert refused(ASKED, facts, ()).hint == "here and entitled: nobody"
    assert refused(ASKED, facts, ("safety", "deputy")).hint == "here and entitled: safety, deputy"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_latest_day_is_the_same_by_every_clock(facts: Facts, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    latest = latest_of(facts)
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert f"not after {latest} (" in refused(replace(ASKED, due=day(-1)), facts).expected
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("length", "may"), [(1, True), (64, True), (65, False)])
def test_a_serial_number_has_an_end(facts: Facts, length: int, may: bool) -> None:
    asked = replace(ASKED, serial="7" * length)
    assert check(asked, facts, HERE).serial == "7" * length if may else refused(asked, facts).field == "serial"


def test_the_head_that_is_in_is_no_new_one(facts: Facts) -> None:
    record = facts.durable.detectors[CH]
    known = replace(
        facts, durable=replace(facts.durable, detectors={CH: replace(record, serial="SN-2")})
    )
    error = refused(ASKED, known)
    assert (error.field, error.expected, error.came, error.hint) == (
        "serial", "another head's serial number", "SN-2", "it is the one that is in already",
    )  # fmt: skip


def test_a_channel_in_a_test_keeps_its_head(facts: Facts) -> None:
    busy = replace(facts, volatile=replace(facts.volatile, exercises={CH: None}))
    error = refused(ASKED, busy)
    assert (error.field, error.expected, error.came, error.hint) == (
        "channel", "a channel that is not being tested", CH, "wait for that test's end",
    )  # fmt: skip


def test_a_certificate_is_good_from_today_and_no_longer_than_the_pack_allows(facts: Facts) -> None:
    """calibration_age_d: one second after its end, on its end, at the longest, a second longer."""
    end_s = end_of_day(day(30), facts.site.utc_offset_min)
    for wall_s, may in ((end_s - 1, True), (end_s, False)):
        now = replace(facts, wall_s=wall_s)
        asked = replace(ASKED, due=day(30))
        assert check(asked, now, HERE).due_s == end_s if may else refused(asked, now).field == "due"
    span = GB.calibration_age_d.value * DAY_S
    for wall_s, may in ((end_s - span, True), (end_s - span - 1, False)):
        now = replace(facts, wall_s=wall_s)
        asked = replace(ASKED, due=day(30))
        assert check(asked, now, HERE).due_s == end_s if may else refused(asked, now).field == "due"
    error = refused(replace(ASKED, due=day(-1)), facts)
    latest = latest_of(facts)
    assert (error.expected, error.came) == (f"after today and not after {latest} ({GB.calibration_age_d.clause})", day(-1))


REPLACED = DetectorReplaced(CH, "SN-2", WALL_S + 80 * DAY_S, "leader")


def turn_of(bench: Bench, **changes: object) -> Turn:
    bench.step()
    return Turn(bench.site, GB, replace(bench.durable, **changes), bench.volatile, bench.snapshot(), bench.now)


def test_what_was_proven_of_the_old_head_is_gone_and_the_exchange_written_down() -> None:
    """A new head saw no gas yet: the next release needs its bump test."""
    bench = Bench()
    failed = Proof(1, 0, Result.FAILED, "test_slow", 50.0, None, None, "leader", "7", 5)
    turn = turn_of(bench, detectors={**bench.durable.detectors, CH: DetectorRecord(failed, failed, "SN-1", 7)})
    exchange(turn, REPLACED)
    assert turn.d.detectors[CH] == DetectorRecord(None, None, "SN-2", REPLACED.due_s)
    assert set(turn.d.detectors) == {channel.name for channel in bench.site.channels}
    assert turn.notes == [
        Note(
            "detector.replaced", Category.GAS, Severity.INFO, ActionResult.OK, ("person", "leader"), "", 0, 0, False,
            {"chan": CH, "serial": "SN-2", "was": "SN-1", "due": REPLACED.due_s, "clause": GB.calibration_age_d.clause},
        )
    ]  # fmt: skip


@pytest.mark.parametrize("mode", [Mode.ARMED, Mode.RELEASED])
def test_nothing_is_exchanged_between_the_request_and_an_arming(mode: Mode) -> None:
    turn = turn_of(Bench(), mode=mode)
    before = turn.d
    exchange(turn, REPLACED)
    assert (turn.d, turn.notes) == (before, [])


def test_a_channel_that_is_not_there_has_no_head() -> None:
    turn = turn_of(Bench())
    before = turn.d
    exchange(turn, replace(REPLACED, channel="ch4-9"))
    assert (turn.d, turn.notes) == (before, [])


def test_the_next_release_waits_for_the_new_heads_bump_test() -> None:
    bench = Bench()
    bench.prepare()
    step = bench.step(REPLACED)
    assert "bump_test" in bench.failing()
    (channel,) = [c for c in bench.site.channels if c.name == CH]
    found = step.facts
    reason = bump_reason(found, channel)
    assert reason is not None
    assert reason.code == "bump_never"
    assert calibration_reason(found, channel) is None
    assert calibration_end_s(found, channel) == REPLACED.due_s
    shown = next(c for c in view._channels(found) if c.name == CH)
    assert (shown.serial, shown.life, shown.calibration_due) == ("SN-2", "BUMP_DUE", REPLACED.due_s)


def test_the_serial_number_is_the_configurations_until_a_head_is_exchanged(facts: Facts) -> None:
    (channel,) = [c for c in facts.site.channels if c.name == CH]
    assert serial_of(facts, channel) == ""
    assert serial_of(facts, replace(channel, serial="SN-0")) == "SN-0"


def test_a_restart_remembers_the_head() -> None:
    """The state file keeps serial and certificate; a record of another boot loses only its stamps."""
    record = DetectorRecord(serial="SN-2", certified_s=9)
    assert _of_another_boot(record) == record
