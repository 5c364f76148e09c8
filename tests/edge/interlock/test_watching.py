"""What every step looks at besides the conditions: edges, clock, over-range, reports, contact, check-in, to the step."""

import itertools

import msgspec
import pytest

from contracts.event import ActionResult, Category, Severity
from contracts.permit import PermitClaims
from edge.gas.reading import InputReading, Quality
from edge.interlock.element_watch import watch_contacts
from edge.interlock.evidence import Face, FaceRefused
from edge.interlock.kernel import Relay
from edge.interlock.state import Durable, FireWatch, Levels, Mode, Reason, Volatile
from edge.interlock.turn import Turn
from edge.interlock.watching import (
    check_in,
    edges,
    end_watch,
    follow_clock,
    latch_over_range,
    record_gas,
    remember_gas,
    remember_trust,
    report_entries,
    report_gas,
    report_people,
)
from tests.edge.interlock.bench import GB, SECOND, WALL_S, Bench, permit
from tests.edge.interlock.changes import changed, note, turn

replace = msgspec.structs.replace
DAY_S = 86_400
DOWN = Levels(arm=False, finish=False, reset=False)


def _seen(made: Turn, durable: Durable, volatile: Volatile) -> tuple[dict[str, object], dict[str, object]]:
    return changed(durable, made.d), changed(volatile, made.v)


# --- edges


def _inputs(made: Turn, at_us: int, *up: str) -> None:
    levels = {name: name in up for name in ("arm", "finish", "reset")}
    made.snapshot = replace(made.snapshot, inputs=InputReading(**levels, stop=True, estop=True, at_us=at_us))


@pytest.mark.parametrize("was", list(itertools.product((False, True), repeat=3)))
@pytest.mark.parametrize("now", list(itertools.product((False, True), repeat=3)))
def test_only_what_was_up_and_is_down_is_an_edge(
    ready: Bench, was: tuple[bool, bool, bool], now: tuple[bool, bool, bool]
) -> None:
    """BOX-08: all 64 pairs of readings of the three buttons."""
    names = ("arm", "finish", "reset")
    made = turn(ready)
    made.v = replace(made.v, levels=Levels(*was))
    _inputs(made, ready.now, *(name for name, level in zip(names, now, strict=True) if level))
    edges(made)
    assert made.pressed == tuple(n for n, before, after in zip(names, was, now, strict=True) if after and not before)
    assert made.v.levels == Levels(*now)


@pytest.mark.parametrize(("age_us", "edge"), [(500_000, True), (500_001, False)])
def test_a_reading_that_is_too_old_makes_no_edge_and_is_forgotten(ready: Bench, age_us: int, edge: bool) -> None:
    """inputs_ttl_ms: to the microsecond."""
    made = turn(ready)
    assert made.v.levels == DOWN
    _inputs(made, ready.now - age_us, "arm")
    edges(made)
    assert made.pressed == (("arm",) if edge else ())
    assert made.v.levels == (Levels(arm=True, finish=False, reset=False) if edge else None)


def test_without_a_button_module_nothing_is_known_of_the_buttons(ready: Bench) -> None:
    made = turn(ready)
    made.snapshot = replace(made.snapshot, inputs=None)
    edges(made)
    assert (made.v.levels, made.pressed) == (None, ())


# --- the clock

OFFSET_MS = WALL_S * 1000 - 1_000_000
"""Of the bench's clock."""


@pytest.mark.parametrize(
    ("mode", "step_ms", "followed", "told"),
    [
        (mode, step_ms, followed if mode is Mode.RELEASED else idle, told)
        for mode in (Mode.LOCKED, Mode.RELEASED)
        for step_ms, followed, idle, told in (
            (0, True, True, False), (1, True, True, False), (50, True, True, False), (51, False, True, False),
            (2000, False, True, False), (2001, False, True, True), (-1, False, False, False),
            (-2000, False, False, False), (-2001, False, False, True),
        )
    ],
)  # fmt: skip
def test_what_the_clock_does_is_followed_told_or_held_against_it(
    ready: Bench, mode: Mode, step_ms: int, followed: bool, told: bool
) -> None:
    """BOX-02: forward and idle it is followed; while released only what scheduling explains; never backward."""
    known = OFFSET_MS - step_ms
    made = turn(ready, mode=mode, active="HW-1", clock_offset_ms=known)
    durable, volatile = made.d, made.v
    follow_clock(made)
    back = {"clock_back_ms": -step_ms} if step_ms < -2000 else {}
    moved = {"clock_offset_ms": OFFSET_MS} if followed and step_ms else {}
    assert _seen(made, durable, volatile) == ({**moved, **back}, {"stepped_ms": OFFSET_MS} if told else {})
    assert made.notes == ([note("clock.jump", Category.CLOCK, Severity.WARNING, ms=step_ms)] if told else [])


@pytest.mark.parametrize("mode", [Mode.ARMED, Mode.RELEASED])
def test_a_clock_that_is_ahead_is_not_followed_while_armed_or_released(ready: Bench, mode: Mode) -> None:
    made = turn(ready, mode=mode, clock_offset_ms=OFFSET_MS - 51)
    follow_clock(made)
    assert made.d.clock_offset_ms == OFFSET_MS - 51


def test_a_jump_is_told_once_and_another_one_again(ready: Bench) -> None:
    made = turn(ready, mode=Mode.RELEASED, clock_offset_ms=OFFSET_MS - 5000)
    follow_clock(made)
    follow_clock(made)
    assert len(made.notes) == 1
    made.v = replace(made.v, stepped_ms=OFFSET_MS - 2001)
    follow_clock(made)
    assert [n.data for n in made.notes] == [{"ms": 5000}, {"ms": 5000}]


@pytest.mark.parametrize("apart_ms", [-2000, -1, 1, 2000])
def test_a_jump_that_is_read_a_little_otherwise_is_the_same_one(ready: Bench, apart_ms: int) -> None:
    """BOX-02: two clocks are read one after the other, so that a jump which stays would fill the log otherwise."""
    made = turn(ready, mode=Mode.RELEASED, clock_offset_ms=OFFSET_MS - 5000)
    made.v = replace(made.v, stepped_ms=OFFSET_MS + apart_ms)
    follow_clock(made)
    assert made.notes == []
    assert made.v.stepped_ms == OFFSET_MS + apart_ms


@pytest.mark.parametrize("apart_ms", [-2001, 2001])
def test_a_second_jump_is_told_anew(ready: Bench, apart_ms: int) -> None:
    made = turn(ready, mode=Mode.RELEASED, clock_offset_ms=OFFSET_MS - 5000)
    made.v = replace(made.v, stepped_ms=OFFSET_MS + apart_ms)
    follow_clock(made)
    assert len(made.notes) == 1
    assert made.v.stepped_ms == OFFSET_MS


def test_the_first_reading_of_a_boot_is_no_step(ready: Bench) -> None:
    made = turn(ready, clock_offset_ms=None)
    follow_clock(made)
    assert (made.d.clock_offset_ms, made.d.clock_back_ms, made.notes) == (OFFSET_MS, 0, [])


@pytest.mark.parametrize(
    ("quality", "behind_ms", "back_ms"),
    [("sync", 2000, 0), ("sync", 2001, 2001), ("none", 2001, 0), ("rtc", 2001, 2001), ("sync", -5000, 0)],
)
def test_a_clock_below_its_floor_was_set_back(ready: Bench, quality: str, behind_ms: int, back_ms: int) -> None:
    """BOX-02: after a reboot the newest known time tells; a clock without a source tells nothing."""
    ready.clock_quality, ready.clock_floor = quality, ready.clock.t + behind_ms
    made = turn(ready, clock_offset_ms=None)
    follow_clock(made)
    assert made.d.clock_back_ms == back_ms
    assert made.d.clock_offset_ms == OFFSET_MS
    assert made.notes == []


def test_of_two_ways_back_the_longer_is_remembered_and_the_first_stays(ready: Bench) -> None:
    ready.clock_floor = ready.clock.t + 4000
    made = turn(ready, clock_offset_ms=OFFSET_MS + 3000)
    follow_clock(made)
    assert made.d.clock_back_ms == 4000
    made = turn(ready, clock_offset_ms=OFFSET_MS + 5000)
    follow_clock(made)
    assert made.d.clock_back_ms == 5000
    made = turn(ready, clock_offset_ms=OFFSET_MS + 5000, clock_back_ms=2500)
    follow_clock(made)
    assert made.d.clock_back_ms == 2500


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("quality", ["sync", "none"])
def test_whether_the_clock_could_be_trusted_is_what_the_clock_condition_said_last(
    ready: Bench, quality: str, trusted: bool
) -> None:
    ready.clock_quality = quality
    made = turn(ready, clock_trusted=trusted)
    remember_trust(made)
    assert made.d.clock_trusted is (quality == "sync")


# --- gas


def _readings(made: Turn, **qualities: Quality) -> None:
    found = {name.replace("_", "-"): quality for name, quality in qualities.items()}
    readings = {
        name: replace(reading, quality=found.get(name, reading.quality))
        for name, reading in made.snapshot.readings.items()
    }
    made.snapshot = replace(made.snapshot, readings=readings)
    made.judge()


def test_over_range_latches_each_channel_once(ready: Bench) -> None:
    made = turn(ready, over_range=("ch4-2",))
    _readings(made, ch4_2=Quality.OVER_RANGE, ch4_3=Quality.OVER_RANGE, ch4_4=Quality.UNDER_RANGE)
    latch_over_range(made)
    assert made.d.over_range == ("ch4-2", "ch4-3")
    latch_over_range(made)
    assert made.d.over_range == ("ch4-2", "ch4-3")


def test_gas_that_comes_and_goes_dates_the_gas_test_both_times(ready: Bench) -> None:
    """GB 30871-2022 5.3.1: a test from before the alarm, or from within it, is worth nothing."""
    ready.gas["ch4-1"].value = 40.0
    ready.now += 1000
    made = turn(ready)
    assert made.verdicts["gas_test"].ok
    durable, volatile = made.d, made.v
    remember_gas(made)
    assert _seen(made, durable, volatile) == ({"gas_alarm_us": ready.now}, {"gas_over": True})
    assert [r.code for r in made.verdicts["gas_test"].reasons] == ["gas_test_after_trip"]
    assert (made.f.durable, made.f.volatile) == (made.d, made.v)
    made.now += 1000
    remember_gas(made)
    assert made.d.gas_alarm_us == ready.now, "it goes on"
    ready.gas["ch4-1"].value = 0.0
    ready.durable, ready.volatile = made.d, made.v
    ready.now += 2000
    made = turn(ready)
    remember_gas(made)
    assert (made.d.gas_alarm_us, made.v.gas_over) == (ready.now, False)


def test_a_detector_that_failed_is_no_gas(ready: Bench) -> None:
    ready.gas["ch4-1"].quality = Quality.FAULT
    made = turn(ready)
    remember_gas(made)
    assert (made.d.gas_alarm_us, made.v.gas_over) == (0, False)


def test_each_alarm_and_fault_is_told_once_whole_and_its_end_once(ready: Bench) -> None:
    clause = GB.limit("CH4", ready.site.channels[0].limit.unit).clause
    ready.gas["ch4-1"].value, ready.gas["ch4-2"].quality = 40.0, Quality.FAULT
    made = turn(ready)
    report_gas(made)
    assert made.notes == [
        note(
            "gas.alarm", Category.GAS, Severity.ALARM, code="gas_high", chan="ch4-1", value_milli=40_000,
            limit_milli=10_000, unit="%LEL", clause=clause,
        ),
        note(
            "gas.fault", Category.GAS, Severity.WARNING, code="gas_fault", chan="ch4-2", value_milli=0, unit="%LEL",
            clause=clause,
        ),
    ]  # fmt: skip
    assert (made.v.alarms, made.v.faults) == (("ch4-1",), ("ch4-2",))
    made.notes.clear()
    report_gas(made)
    assert made.notes == []
    # The one that failed reads gas, the one that read gas fails: both told, neither is normal.
    ready.gas["ch4-1"].quality, ready.gas["ch4-1"].value = Quality.UNDER_RANGE, 0.0
    ready.gas["ch4-2"].quality, ready.gas["ch4-2"].value = Quality.GOOD, 41.0
    ready.volatile = made.v
    made = turn(ready)
    report_gas(made)
    assert [(n.type, n.data["chan"]) for n in made.notes] == [("gas.fault", "ch4-1"), ("gas.alarm", "ch4-2")]
    assert (made.v.alarms, made.v.faults) == (("ch4-2",), ("ch4-1",))
    ready.volatile = made.v
    ready.gas["ch4-1"].quality, ready.gas["ch4-2"].value = Quality.GOOD, 0.0
    made = turn(ready)
    report_gas(made)
    assert made.notes == [
        note("gas.normal", Category.GAS, chan="ch4-2"), note("gas.normal", Category.GAS, chan="ch4-1"),
    ]  # fmt: skip
    assert (made.v.alarms, made.v.faults) == ((), ())


@pytest.mark.parametrize("quality", [Quality.WARM_UP, Quality.NEVER])
def test_what_warms_up_or_was_never_read_hides_no_alarm_behind_it(ready: Bench, quality: Quality) -> None:
    """What everybody knows is not told, what stands behind it in the list is."""
    ready.gas["ch4-1"].quality = quality
    ready.gas["ch4-2"].value = 40.0
    made = turn(ready)
    report_gas(made)
    assert [(n.type, n.data["chan"]) for n in made.notes] == [("gas.alarm", "ch4-2")]
    assert (made.v.alarms, made.v.faults) == (("ch4-2",), ())


def test_only_an_alarm_or_only_a_fault_that_changes_is_remembered(ready: Bench) -> None:
    ready.gas["ch4-1"].value = 40.0
    made = turn(ready)
    report_gas(made)
    assert (made.v.alarms, made.v.faults) == (("ch4-1",), ())
    ready.volatile = made.v
    ready.gas["ch4-2"].quality = Quality.FAULT
    made = turn(ready)
    report_gas(made)
    assert (made.v.alarms, made.v.faults) == (("ch4-1",), ("ch4-2",))


def test_the_record_of_all_values_says_what_is_not_known(released: Bench) -> None:
    """GB 30871-2022 6.5."""
    released.gas["ch4-1"].quality = Quality.NEVER
    released.gas["ch4-2"].value, released.gas["ch4-2"].quality = None, Quality.FAULT
    released.volatile = replace(released.volatile, recorded_us=0)
    made = turn(released)
    record_gas(made)
    (told,) = made.notes
    rule = GB.gas_record_s
    assert replace(told, data={}) == note("gas.record", Category.GAS, attempt=1)
    assert (told.data["seconds"], told.data["clause"], set(told.data)) == (
        rule.value, rule.clause, {"seconds", "clause", "values"},
    )  # fmt: skip
    methane = {"gas": "CH4", "unit": "%LEL", "limit_high_milli": 10_000, "limit_clause": "GB 30871-2022 5.3.2 (LEL >= 4 vol%)"}
    assert told.data["values"][:3] == [
        {"chan": "ch4-1", "q": "never", "value_milli": None, **methane},
        {"chan": "ch4-2", "q": "fault", "value_milli": None, **methane},
        {"chan": "ch4-3", "q": "good", "value_milli": 0, **methane},
    ]
    oxygen = next(row for row in told.data["values"] if row["gas"] == "O2")
    assert (oxygen["limit_low_milli"], oxygen["limit_high_milli"]) == (19_500, 23_500)
    assert made.v.recorded_us == released.now


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("since_us", [None, GB.gas_record_s.value * SECOND - 1, GB.gas_record_s.value * SECOND])
def test_all_values_are_recorded_at_once_and_at_the_packs_interval_while_released(
    released: Bench, mode: Mode, since_us: int | None
) -> None:
    """gas_record_s: to the microsecond."""
    released.now += GB.gas_record_s.value * SECOND
    made = turn(released, mode=mode)
    made.v = replace(made.v, recorded_us=0 if since_us is None else released.now - since_us)
    last_us = made.v.recorded_us
    record_gas(made)
    due = mode is Mode.RELEASED and since_us != GB.gas_record_s.value * SECOND - 1
    assert len(made.notes) == due
    assert made.v.recorded_us == (released.now if due else last_us if mode is Mode.RELEASED else 0)


# --- people


@pytest.mark.parametrize(
    ("age_us", "distance", "counts"), [(180 * SECOND, 500, True), (180 * SECOND + 1, 500, False), (0, 501, False)]
)
def test_a_verified_face_is_told_whole_within_its_time_and_distance(
    ready: Bench, age_us: int, distance: int, counts: bool
) -> None:
    ready.looking.clear()
    ready.faces = {"guardian": Face(ready.now - age_us, "guardian", distance, "proven", "dlib")}
    ready.volatile = replace(ready.volatile, verified=())
    made = turn(ready)
    report_people(made)
    told = note(
        "identity.verified", Category.IDENTITY, actor=("person", "guardian"), chan="guardian", engine="dlib",
        distance_milli=distance, liveness="proven",
    )  # fmt: skip
    assert made.notes == ([told] if counts else [])
    assert made.v.verified == (("guardian",) if counts else ())
    made.notes.clear()
    report_people(made)
    assert made.notes == []


def test_a_face_without_a_permit_verifies_nobody(bench: Bench) -> None:
    bench.step()
    bench.strangers = (FaceRefused(bench.now, "guardian", 900),)
    made = turn(bench)
    report_people(made)
    assert (made.notes, made.v.verified) == ([], ())


def _stranger(ready: Bench, since_us: int, *distances: int) -> Turn:
    """Refused faces in one frame, some time after the last report."""
    ready.strangers = tuple(FaceRefused(ready.now, f"near-{distance}", distance) for distance in distances)
    ready.volatile = replace(ready.volatile, refused_us=ready.now - since_us)
    made = turn(ready)
    report_people(made)
    return made


@pytest.mark.parametrize(("since_us", "again"), [(10 * SECOND, False), (10 * SECOND + 1, True)])
def test_a_stranger_who_stays_is_told_again_after_ten_seconds(ready: Bench, since_us: int, again: bool) -> None:
    """PTW-24."""
    made = _stranger(ready, since_us, 700, 900)
    told = note(
        "identity.refused", Category.IDENTITY, Severity.WARNING, ActionResult.DENIED, code="stranger", chan="",
        nearest="near-900", distance_milli=900, limit_milli=GB.stranger_distance_milli.value,
    )  # fmt: skip
    assert made.notes == ([told] if again else [])
    assert made.v.refused_us == (ready.now if again else ready.now - since_us)


def test_a_nearly_known_face_is_not_told_as_a_stranger(ready: Bench) -> None:
    made = _stranger(ready, 60 * SECOND, 550)
    assert (made.notes, made.v.refused_us) == ([], ready.now - 60 * SECOND)


def _entered(bench: Bench, before: Mode) -> Turn:
    bench.badges[9002] = True
    bench.unknown_badges[9001] = bench.now
    bench.strangers = (FaceRefused(bench.now, "guardian", 900),)
    bench.pressed.add("door")
    made = turn(bench)
    made.before = before
    report_entries(made)
    return made


@pytest.mark.parametrize(("before", "told"), [(Mode.ARMED, True), (Mode.RELEASED, True), (Mode.PERMISSIVE_OK, False)])
def test_every_way_in_is_told_once_and_whole_while_armed_or_released(ready: Bench, before: Mode, told: bool) -> None:
    """PTW-24: door, badges, face, each by its own name."""
    made = _entered(ready, before)
    limit = GB.stranger_distance_milli
    released = before is Mode.RELEASED
    wanted: list[dict[str, object]] = [
        {"code": "door_open", "chan": ""},
        {"code": "badge_unknown", "chan": "9001", "clause": "PTW-24"},
        {"code": "badge_unknown", "chan": "9002", "clause": "PTW-24"},
        {"code": "stranger", "chan": "", "value_milli": 900, "limit_milli": limit.value, "clause": limit.clause},
    ]
    notes = [note("entry.unauthorised", Category.IDENTITY, Severity.ALARM, **each, released=released) for each in wanted]
    assert made.notes == (notes if told else [])
    assert made.v.entries == (("door_open", "9001", "9002", "stranger") if told else ())
    if told:
        made.notes.clear()
        report_entries(made)
        assert made.notes == []
        made.before = Mode.TRIPPED
        report_entries(made)
        assert made.v.entries == ()


# --- the contact


@pytest.mark.parametrize(("age_us", "fault"), [(180_000, True), (180_001, False)])
def test_only_a_fresh_line_of_the_controller_tells_of_a_welded_contact(ready: Bench, age_us: int, fault: bool) -> None:
    ready.contact = True
    ready.deadman_silent_since = ready.now - age_us
    ready.volatile = replace(ready.volatile, commanded_us=ready.now - SECOND)
    made = turn(ready)
    watch_contacts(made)
    assert (made.d.mode is Mode.FAULT) is fault
    if fault:
        assert made.d.first_out == Reason("welded", "", None, None, "", GB.settle_ms.clause)


@pytest.mark.parametrize(("after_us", "confirmed"), [(0, False), (1, True)])
def test_a_line_from_before_the_command_confirms_nothing(released: Bench, after_us: int, confirmed: bool) -> None:
    """What the controller said before it was told to close is no answer."""
    released.durable = replace(released.durable, confirmed=False, released_us=released.now - 50_000)
    released.deadman_silent_since = released.durable.released_us + after_us
    made = turn(released)
    watch_contacts(made)
    assert made.d.confirmed is confirmed
    assert [n.type for n in made.notes] == (["relay.closed"] if confirmed else [])


def test_the_times_of_closing_and_opening_are_the_controllers_own(released: Bench) -> None:
    released.durable = replace(released.durable, confirmed=False, released_us=released.now - 1_520_999)
    released.controller.cycles = 7
    released.deadman_silent_since = released.now - 20_000
    made = turn(released)
    watch_contacts(made)
    assert made.notes == [note("relay.closed", attempt=1, snapshot=True, ms=1500, cycles=7)]
    released.deadman_silent_since = None
    released.pressed.add("stop")
    released.step()
    opened_us = released.now
    released.now += 1_520_999
    released.cause, released.deadman_silent_since = "commanded", released.now - 20_000
    made = turn(released)
    assert made.v.opening_since_us == opened_us
    watch_contacts(made)
    assert made.notes == [note("relay.opened", attempt=1, ms=1500, cause="commanded")]
    assert made.v.opening_since_us == 0


def test_a_contact_that_still_settles_has_not_opened(released: Bench) -> None:
    released.welded = True
    released.pressed.add("stop")
    released.step()
    made = turn(released)
    watch_contacts(made)
    assert made.notes == []
    assert made.v.opening_since_us == released.now


@pytest.mark.parametrize(("after_us", "fault"), [(250_000, False), (250_001, True)])
def test_the_settle_time_of_an_opening_counts_from_the_command(released: Bench, after_us: int, fault: bool) -> None:
    """EN ISO 13849-1: a released_us of long ago does not matter once it is told to open."""
    released.welded = True
    released.pressed.add("stop")
    released.step()
    released.now = released.volatile.commanded_us + after_us
    assert released.durable.released_us < released.volatile.commanded_us
    assert (released.step(ms=0).durable.mode is Mode.FAULT) is fault


@pytest.mark.parametrize(("after_us", "fault"), [(250_000, False), (250_001, True)])
def test_the_settle_time_of_a_box_that_starts_counts_from_its_first_step(after_us: int, fault: bool) -> None:
    """A contact that is closed at the start has the settle time too: a controller of which nothing is known yet."""
    bench = Bench()
    bench.contact = bench.welded = True
    bench.step()
    began = bench.now
    bench.now = began + after_us
    assert (bench.step(ms=0).durable.mode is Mode.FAULT) is fault
    assert bench.volatile.commanded_us == began or fault


# --- check-in


def _crew(late_s: int, **durable: object) -> Bench:
    """The crew is here, some seconds after the planned start of a 72 h permit."""
    bench = Bench()
    bench.step()
    claims: PermitClaims = permit(start_s=-late_s, end_s=3 * DAY_S - late_s)
    bench.durable = replace(bench.durable, permits=(claims,), as_of=claims.as_of, **durable)
    bench.now = 1_000 * SECOND
    return bench


def _check(bench: Bench) -> Turn:
    made = turn(bench)
    check_in(made)
    return made


@pytest.mark.parametrize(("late_s", "ok"), [(-1801, False), (-1800, True), (1800, True)])
def test_a_check_in_is_remembered_and_written_with_its_day(late_s: int, ok: bool) -> None:
    """PTW-27."""
    bench = _crew(late_s)
    made = _check(bench)
    assert changed(bench.durable, made.d) == ({"checked_in": {"HW-1": 0}} if ok else {})
    told = note("identity.checked_in", Category.IDENTITY, day=0, snapshot=True)
    assert made.notes == ([told] if ok else [])
    assert made.verdicts["check_in"].ok is ok


@pytest.mark.parametrize("missing", ["guardian", "performer", "place", "faces"])
def test_each_of_badges_place_and_faces_is_needed_to_check_in(missing: str) -> None:
    """PTW-27, PTW-12."""
    bench = _crew(0)
    made = turn(bench)
    made.verdicts[missing] = replace(made.verdicts[missing], reasons=(Reason("none"),))
    check_in(made)
    assert (made.d.checked_in, made.notes) == ({}, [])


def test_a_missed_first_day_voids_the_permit_and_says_so_whole() -> None:
    """PTW-27: 30:01 is too late, and the permit is over for good."""
    bench = _crew(1801)
    made = _check(bench)
    assert changed(bench.durable, made.d) == {"void": ("HW-1",)}
    rule = GB.check_in_s
    assert made.notes == [
        note(
            "permit.void", Category.PERMIT, Severity.WARNING, snapshot=True, code="check_in_late", chan="HW-1",
            value_milli=1_801_000, limit_milli=1_800_000, unit="s", clause=rule.clause,
        )
    ]  # fmt: skip
    assert made.asked == []
    assert not made.verdicts["permit"].ok, "judged anew"


def test_a_missed_later_day_suspends_and_asks_for_a_reset() -> None:
    """PTW-27: once, with the same words in the log and in the latch."""
    bench = _crew(DAY_S + 1801, checked_in={"HW-1": 0})
    made = _check(bench)
    assert changed(bench.durable, made.d) == {"missed": ("HW-1", 1)}
    rule = GB.check_in_s
    assert made.asked == [Reason("check_in_missed", "HW-1", 1_801_000, 1_800_000, "s", rule.clause)]
    assert made.notes == [
        note(
            "permit.suspended", Category.PERMIT, Severity.WARNING, snapshot=True, code="check_in_missed", chan="HW-1",
            value_milli=1_801_000, limit_milli=1_800_000, unit="s", clause=rule.clause,
        )
    ]  # fmt: skip
    assert [r.code for r in made.verdicts["check_in"].reasons] == ["check_in_none"]


def test_who_checked_in_today_does_not_check_in_again() -> None:
    for late_s in (0, 1801):
        made = _check(_crew(late_s, checked_in={"HW-1": 0}))
        assert (made.d.checked_in, made.d.void, made.notes, made.asked) == ({"HW-1": 0}, (), [], [])


def test_void_permits_are_kept_in_bounds_when_one_more_is_missed() -> None:
    bench = _crew(1801, void=tuple(f"N-{number}" for number in range(1024)))
    made = _check(bench)
    assert (len(made.d.void), made.d.void[0], made.d.void[-1]) == (1024, "N-1", "HW-1")


def test_the_days_that_are_checked_in_of_other_permits_stay() -> None:
    made = _check(_crew(0, checked_in={"HW-9": 2}))
    assert made.d.checked_in == {"HW-9": 2, "HW-1": 0}


@pytest.mark.parametrize(("late_s", "latched", "ok"), [(1801, False, True), (1801, True, False), (1800, True, True)])
def test_an_excused_crew_checks_in_late_when_nothing_is_latched(late_s: int, latched: bool, ok: bool) -> None:
    """PTW-27: after the reset, not before it; within the window nothing needs an excuse."""
    cause = Reason("check_in_missed") if latched else None
    bench = _crew(DAY_S + late_s, checked_in={"HW-1": 0}, missed=("HW-1", 1), first_out=cause)
    made = _check(bench)
    assert (made.d.checked_in == {"HW-1": 1}) is ok
    assert made.asked == []


@pytest.mark.parametrize("missed", [("HW-1", 0), ("HW-2", 1)])
def test_an_excuse_is_for_one_permit_and_one_day(missed: tuple[str, int]) -> None:
    made = _check(_crew(DAY_S + 1801, checked_in={"HW-1": 0}, missed=missed))
    assert made.d.missed == ("HW-1", 1)
    assert made.d.checked_in == {"HW-1": 0}


def test_a_wrong_clock_misses_no_day_and_checks_nobody_in_too_late() -> None:
    bench = _crew(DAY_S + 1801, checked_in={"HW-1": 0})
    bench.clock_quality = "none"
    made = _check(bench)
    assert (made.d.missed, made.d.checked_in, made.notes) == (("", 0), {"HW-1": 0}, [])


def test_a_permit_that_is_over_is_not_checked_in_for() -> None:
    for changes in ({"void": ("HW-1",)}, {"finished": ("HW-1",)}, {"revoked": ("HW-1",)}):
        made = _check(_crew(0, **changes))
        assert (made.d.checked_in, made.notes) == ({}, [])


def test_without_a_permit_nobody_checks_in(bench: Bench) -> None:
    bench.step()
    made = _check(bench)
    assert (made.d.checked_in, made.notes) == ({}, [])


# --- the end of the watch


@pytest.mark.parametrize(("before_us", "over"), [(1, False), (0, True), (-1, True)])
def test_the_watch_ends_at_its_time(ready: Bench, before_us: int, over: bool) -> None:
    """GB 30871-2022 5.2.14."""
    made = turn(ready, fire_watch=FireWatch("HW-3", 0, ready.now + before_us))
    end_watch(made)
    assert (made.d.fire_watch is None) is over
    assert made.notes == ([note("fire_watch.ended", permit="HW-3", resumed=False)] if over else [])


def test_nothing_ends_where_nothing_is_watched(ready: Bench) -> None:
    made = turn(ready)
    end_watch(made)
    assert made.notes == []
    assert ready.step().relay is Relay.OPEN
