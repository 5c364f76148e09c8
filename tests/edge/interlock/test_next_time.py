"""When the kernel asks to be called again, and what it makes of countdowns: to the microsecond."""

import msgspec
import pytest

from contracts.event import Category, Severity
from edge.gas.reading import InputReading, Reading
from edge.interlock.happenings import ShutDown
from edge.interlock.kernel import Relay, again, next_us, run, settle
from edge.interlock.state import Bypass, FireWatch, Mode, Reason
from edge.interlock.turn import Turn
from edge.relay.element import ElementStatus
from tests.edge.interlock.bench import GB, PERFORMER, SECOND, STALE_US, Bench
from tests.edge.interlock.changes import note, turn

replace = msgspec.structs.replace


def _bare(bench: Bench, **durable: object) -> Turn:
    """No evidence of which time alone could take the worth."""
    made = turn(bench, **durable)
    made.snapshot = replace(made.snapshot, readings={}, sensors={}, inputs=None, deadman=None)
    return made


def test_without_anything_to_wait_for_it_is_a_second(ready: Bench) -> None:
    """Absence is not an event."""
    assert next_us(_bare(ready)) == ready.now + SECOND


@pytest.mark.parametrize("mode", list(Mode))
def test_the_end_of_an_attempt_counts_while_armed(ready: Bench, mode: Mode) -> None:
    armed_us = ready.now - GB.attempt_s.value * SECOND + 5
    made = _bare(ready, mode=mode, armed_us=armed_us, active="HW-1", confirmed=True, deadline_us=10**18)
    assert next_us(made) == ready.now + (5 if mode is Mode.ARMED else SECOND)


@pytest.mark.parametrize("mode", list(Mode))
def test_deadline_record_countdown_and_settle_time_count_while_released(ready: Bench, mode: Mode) -> None:
    record_us, settle_us = GB.gas_record_s.value * SECOND, GB.settle_ms.value * 1000
    far = 10**18
    for deadline_us, recorded_us, released_us, confirmed, wanted in (
        (ready.now + 7, far, 0, True, 7), (far, ready.now - record_us + 9, 0, True, 9),
        (far, far, ready.now - settle_us + 10, False, 11), (far, far, ready.now - settle_us + 10, True, SECOND),
    ):  # fmt: skip
        made = _bare(ready, mode=mode, active="HW-1", deadline_us=deadline_us, released_us=released_us, confirmed=confirmed)
        made.v = replace(made.v, recorded_us=recorded_us)
        assert next_us(made) == ready.now + (wanted if mode is Mode.RELEASED else SECOND)
    made = _bare(ready, mode=mode, active="HW-1", deadline_us=far, confirmed=True)
    grace_us = GB.guardian_grace_s.value * SECOND
    made.verdicts["guardian"] = replace(made.verdicts["guardian"], grace_us=grace_us)
    made.v = replace(made.v, recorded_us=far, grace={"guardian": ready.now - grace_us + 13})
    assert next_us(made) == ready.now + (13 if mode is Mode.RELEASED else SECOND)


def test_the_ends_of_watch_and_bypass_count_in_every_mode(ready: Bench) -> None:
    assert next_us(_bare(ready, fire_watch=FireWatch("HW-1", 0, ready.now + 3))) == ready.now + 3
    bypass = Bypass("ch4-2", ("a", "b"), "r", "m", 0, ready.now + 4)
    later = replace(bypass, until_us=ready.now + 6)
    assert next_us(_bare(ready, bypasses=(later, bypass))) == ready.now + 4


def test_every_evidence_counts_just_after_it_got_too_old(ready: Bench) -> None:
    made = _bare(ready)
    old = Reading("co-1", 0.0, ready.snapshot().readings["co-1"].quality, ready.now - STALE_US, 0, 0, "")
    made.snapshot = replace(made.snapshot, readings={"co-1": old, "odd": replace(old, at_us=5)})
    assert next_us(made) == ready.now + 1
    made.snapshot = replace(made.snapshot, readings={"co-1": replace(old, at_us=ready.now - STALE_US - 1)})
    assert next_us(made) == ready.now + SECOND, "what is over already is not waited for"
    box = next(each for each in ready.site.sensors if each.name == "box-temp")
    hot = replace(old, channel="box-temp", at_us=ready.now - box.stale_us + 6)
    made.snapshot = replace(made.snapshot, readings={}, sensors={"box-temp": hot, "odd": replace(old, at_us=5)})
    assert next_us(made) == ready.now + 7
    made.snapshot = replace(made.snapshot, sensors={})
    read = InputReading(arm=False, finish=False, reset=False, stop=True, estop=True, at_us=ready.now - 400_000)
    made.snapshot = replace(made.snapshot, readings={}, inputs=read)
    assert next_us(made) == ready.now - 400_000 + GB.inputs_ttl_ms.value * 1000 + 1
    status = ready.snapshot().deadman
    assert status is not None
    made.snapshot = replace(made.snapshot, inputs=None, deadman=replace(status, at_us=ready.now - 100_000))
    assert next_us(made) == ready.now - 100_000 + GB.dead_man_ms.value * 1000 + 1
    series = {name: ElementStatus(name, False, ready.now - at_us) for name, at_us in (("k2", 100_000), ("k3", 90_000))}
    made.snapshot = replace(made.snapshot, deadman=None, series=series)
    assert next_us(made) == ready.now - 100_000 + GB.settle_ms.value * 1000 + 1


# --- countdowns

GRACE_US = GB.guardian_grace_s.value * SECOND
ABSENT = Reason("badge_absent", "x", 1, 2, "s", "c")


def _graced(bench: Bench, began_us: int | None = None) -> Turn:
    made = turn(bench)
    if began_us is not None:
        made.v = replace(made.v, grace={"guardian": began_us})
    made.verdicts["guardian"] = replace(made.verdicts["guardian"], reasons=(ABSENT,), grace_us=GRACE_US)
    return made


def test_the_countdown_begins_with_a_warning_that_says_how_long_and_why(released: Bench) -> None:
    """PTW-10: aloud, once."""
    made = _graced(released)
    run(made)
    assert (made.v.grace, made.d.mode) == ({"guardian": released.now}, Mode.RELEASED)
    assert made.notes == [
        note(
            "presence.warning", Category.IDENTITY, Severity.WARNING, attempt=1, condition="guardian",
            seconds=GB.guardian_grace_s.value,
            reasons=[
                {"code": "badge_absent", "chan": "x", "value_milli": 1, "limit_milli": 2, "unit": "s", "clause": "c"}
            ],
        )
    ]  # fmt: skip


def test_the_countdown_is_told_in_whole_seconds(released: Bench) -> None:
    made = _graced(released)
    made.verdicts["guardian"] = replace(made.verdicts["guardian"], grace_us=30_999_999)
    run(made)
    assert repr(made.notes[0].data["seconds"]) == "30"


@pytest.mark.parametrize(("went_us", "trips"), [(1, False), (GRACE_US - 1, False), (GRACE_US, True)])
def test_the_countdown_ends_in_a_trip_at_its_time(released: Bench, went_us: int, trips: bool) -> None:
    made = _graced(released, released.now - went_us)
    before = made.v
    run(made)
    assert (made.d.mode is Mode.TRIPPED) is trips
    assert made.v == before
    assert [n.type for n in made.notes] == (["interlock.tripped", "fire_watch.started"] if trips else [])
    if trips:
        assert made.d.first_out == ABSENT


def test_whoever_comes_back_ends_the_own_countdown_only(released: Bench) -> None:
    made = turn(released)
    made.v = replace(made.v, grace={"guardian": 5, "performer": released.now - 1})
    made.verdicts["performer"] = replace(made.verdicts["performer"], reasons=(ABSENT,), grace_us=GRACE_US)
    run(made)
    assert made.v.grace == {"performer": released.now - 1}
    assert made.notes == [note("presence.back", Category.IDENTITY, attempt=1, condition="guardian")]


def test_causes_are_ordered_by_danger_and_what_was_asked_for_comes_last(released: Bench) -> None:
    made = turn(released)
    made.verdicts["place"] = replace(made.verdicts["place"], reasons=(Reason("p1"), Reason("p2")))
    made.verdicts["stop"] = replace(made.verdicts["stop"], reasons=(Reason("s"),))
    made.verdicts["camera"] = replace(made.verdicts["camera"], reasons=(Reason("not run"),))
    made.asked = [Reason("asked")]
    run(made)
    assert made.d.first_out == Reason("s")
    assert made.d.consequences == (Reason("p1"), Reason("p2"), Reason("asked"))
    assert made.d.opening is not None
    assert not made.d.opening.by_gas


@pytest.mark.parametrize(("gas", "stop"), [(True, False), (True, True), (False, True)])
def test_an_opening_is_by_gas_when_gas_is_among_its_causes(released: Bench, gas: bool, stop: bool) -> None:
    """5.3.1: then a new gas test is asked for."""
    made = turn(released)
    for name, bad in (("gas", gas), ("stop", stop), ("place", True)):
        if bad:
            made.verdicts[name] = replace(made.verdicts[name], reasons=(Reason(name),))
    run(made)
    assert made.d.opening is not None
    assert made.d.opening.by_gas is gas


def test_gas_within_somebodys_countdown_does_not_wait_and_the_countdown_is_no_cause(released: Bench) -> None:
    made = _graced(released, released.now - 5)
    made.verdicts["gas"] = replace(made.verdicts["gas"], reasons=(Reason("gas_high"),))
    run(made)
    assert (made.d.first_out, made.d.consequences) == (Reason("gas_high"), ())


def test_the_countdown_of_one_does_not_hide_what_stands_behind_it_in_the_table(released: Bench) -> None:
    made = _graced(released, released.now - 5)
    made.verdicts["audit_running"] = replace(made.verdicts["audit_running"], reasons=(Reason("audit_late"),))
    run(made)
    assert made.d.first_out == Reason("audit_late")


# --- at rest


@pytest.mark.parametrize("mode", list(Mode))
def test_a_countdown_is_forgotten_where_nothing_is_released(ready: Bench, mode: Mode) -> None:
    made = turn(ready, mode=mode, active="HW-1")
    made.v = replace(made.v, grace={"guardian": 5})
    settle(made)
    kept = mode in (Mode.ARMED, Mode.RELEASED, Mode.FAULT)
    assert made.v.grace == ({"guardian": 5} if kept else {})
    assert made.d.mode is (mode if kept else Mode.PERMISSIVE_OK)


@pytest.mark.parametrize("name", ["estop", "stop", "gas", "inputs", "loop", "place", "camera", "door"])
def test_dangers_after_the_first_out_are_kept_beside_it(ready: Bench, name: str) -> None:
    made = turn(ready, first_out=Reason("first"))
    made.verdicts[name] = replace(made.verdicts[name], reasons=(Reason("later", name),))
    settle(made)
    assert made.d.consequences == ((Reason("later", name),) if name in ("estop", "stop", "gas", "inputs", "loop") else ())
    assert (made.d.mode, made.d.first_out) == (Mode.TRIPPED, Reason("first"))


@pytest.mark.parametrize("before", [Mode.LOCKED, Mode.RELEASED])
def test_commands_are_dated_when_they_change_and_only_then(ready: Bench, before: Mode) -> None:
    """The settle time counts from here."""
    if before is Mode.RELEASED:
        ready.release()
    commanded_us = ready.volatile.commanded_us
    ready.step()
    assert ready.volatile.commanded_us == commanded_us
    ready.volatile = replace(ready.volatile, grace={"guardian": ready.now})
    ready.badges[1002] = False
    ready.badge_seen[1002] = ready.now - 21 * SECOND
    ready.pressed.add("stop")
    ready.step()
    opened = before is Mode.RELEASED
    assert ready.volatile.commanded_us == (ready.now if opened else commanded_us)
    assert ready.volatile.opening_since_us == (ready.now if opened else 0)
    assert ready.volatile.grace == {}


def test_closing_forgets_an_opening_that_was_never_seen(ready: Bench) -> None:
    ready.volatile = replace(ready.volatile, opening_since_us=5)
    ready.deadman_silent_since = None
    made = ready.step(ms=0)
    assert made.durable.mode is Mode.PERMISSIVE_OK
    ready.arm()
    ready.volatile = replace(ready.volatile, opening_since_us=7, grace={"guardian": 1})
    ready.acknowledge()
    assert (ready.mode, ready.volatile.opening_since_us, ready.volatile.grace) == (Mode.RELEASED, 0, {})


def test_a_step_can_be_made_again_from_what_it_was_given(released: Bench) -> None:
    """KPI-16."""
    released.gas["ch4-1"].value = 40.0
    step = released.step(ShutDown())
    assert step.given.happenings == (ShutDown(),)
    assert again(step.given) == step
    assert step.relay is Relay.OPEN
    assert PERFORMER.id in step.facts.durable.crew
