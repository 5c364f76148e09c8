"""What the box asks of a permit's time: trusted clock, restarts and reboots, lost state, daily check-in, a relief."""

import msgspec
import pytest

from contracts.permit import Level, Revocations
from edge.interlock.happenings import PermitAccepted, Reconfirmed, Revoked, SuspendedHere
from edge.interlock.restart import recover
from edge.interlock.state import Mode
from tests.edge.interlock.bench import GB, PERFORMER, RELIEF, SECOND, WALL_S, Bench, permit

replace = msgspec.structs.replace
DAY_S = 86_400


# --- a clock that is trusted


def test_without_rtc_the_bridges_signed_time_makes_a_clock_trusted(bench: Bench) -> None:
    """BOX-02: only time newer than all that was signed before, and only a clock that agrees with it."""
    bench.clock_quality = "none"
    bench.step(PermitAccepted(permit()))
    assert "clock_quality" in bench.missing()
    for off_s, trusted in ((-61, False), (61, False), (60, True)):
        fresh = bench.wall_ms // 1000 + off_s
        bench.durable = replace(bench.durable, as_of=0, signed_offset_ms=None)
        bench.step(Revoked(Revocations("b", "box-1", bench.durable.revision + 1, fresh, ())))
        bench.step()
        assert ("clock_quality" not in bench.missing()) == trusted, off_s
    bench.wall_jump_ms = 61_000
    bench.step()
    assert "clock_quality" in bench.missing(), "it agreed with another clock"


def test_signed_time_that_is_resent_bears_no_witness(bench: Bench) -> None:
    bench.clock_quality = "none"
    bench.durable = replace(bench.durable, as_of=WALL_S)
    bench.step(Revoked(Revocations("b", "box-1", 1, WALL_S, ())))
    bench.step()
    assert bench.durable.signed_offset_ms is None


def test_another_boot_needs_signed_time_again(bench: Bench) -> None:
    bench.step(Revoked(Revocations("b", "box-1", 1, WALL_S, ())))
    assert bench.durable.signed_offset_ms is not None
    bench.restart(boot_id="boot-2")
    assert bench.durable.signed_offset_ms is None


# --- restarts and reboots


@pytest.mark.parametrize(("off_min", "kept"), [(10, True), (40, False)])
def test_a_trusted_clock_tells_how_long_the_machine_was_off(ready: Bench, off_min: int, kept: bool) -> None:
    """GB 30871-2022 5.3.1 c: the gas test ages while the power is off."""
    ready.durable = replace(ready.durable, ignited=("HW-1",))
    ready.wall_jump_ms = off_min * 60_000
    ready.restart(boot_id="boot-2")
    ready.step()
    assert ("gas_test_old" not in ready.missing()) == kept
    assert "gas_test_none" not in ready.missing()


@pytest.mark.parametrize("quality", ["none", ""])
def test_an_untrusted_clock_tells_nothing_so_everything_is_too_old(ready: Bench, quality: str) -> None:
    ready.clock_quality = quality
    ready.restart(boot_id="boot-2")
    assert ready.durable.gas_test is None
    assert ready.durable.opening is None


def test_a_clock_behind_what_is_known_tells_nothing(ready: Bench) -> None:
    ready.clock_floor = ready.wall_ms + 1
    ready.restart(boot_id="boot-2")
    assert ready.durable.gas_test is None


def test_a_clock_set_back_while_the_process_was_down_waits_for_a_person(ready: Bench) -> None:
    """BOX-02: no restart forgets the time-lock."""
    ready.wall_jump_ms = -3_600_000
    ready.restart()
    ready.step()
    ready.wall_jump_ms = 0
    ready.step()
    assert ready.missing() == {"clock_back"}
    ready.restart()
    ready.run(1)
    assert ready.missing() == {"clock_back"}
    ready.press("reset")
    ready.step()
    assert ready.mode is Mode.PERMISSIVE_OK


def test_a_break_begins_with_the_last_evaluation_before_a_sleep(released: Bench) -> None:
    """5.3.1 d: a suspended machine wakes after 70 min: the relay was open all that time, whenever it is noticed."""
    released.loop_gap_ms = 70 * 60_000
    released.step(ms=70 * 60_000)
    assert released.durable.opening is not None
    assert released.durable.opening.at_us == released.now - 70 * 60 * SECOND


# --- a lost state


def _lost(bench: Bench) -> None:
    bench.durable, notes = recover(
        None, first_start=False, boot_id="boot-1", now_us=bench.now, rules=GB, clock=bench.clock
    )
    assert [note.type for note in notes] == ["interlock.fault"]


def test_a_lost_state_is_a_fault_until_two_people_clear_it(bench: Bench) -> None:
    """Who knows which latch, fault or revocation went with it: strictness, not a guess."""
    _lost(bench)
    assert (bench.mode, bench.first_out, bench.durable.latched) == (Mode.FAULT, "state_lost", True)
    bench.run(1)
    bench.press("reset")
    assert bench.mode is Mode.FAULT


@pytest.mark.parametrize(("age_s", "known"), [(1, False), (0, True), (-1, True)])
def test_no_permit_counts_until_a_newer_revocation_list_came(bench: Bench, age_s: int, known: bool) -> None:
    """A list from before the loss may have been replaced since: it was replayed."""
    _lost(bench)
    lost_s = bench.durable.lost_s
    assert lost_s == bench.wall_ms // 1000
    bench.step(PermitAccepted(permit()))
    assert "revocations_unknown" in bench.missing()
    bench.restart()
    bench.step(Revoked(Revocations("b", "box-1", 4, lost_s - age_s, ("HW-9",))))
    bench.step()
    assert ("revocations_unknown" not in bench.missing()) == known


# --- daily check-in


def _second_day(late_s: int) -> Bench:
    """A 72 h permit, checked in on its first day; on the second the crew comes `late_s` after the planned start."""
    bench = Bench()
    bench.step()
    bench.step(PermitAccepted(permit(start_s=0, end_s=3 * DAY_S, level=Level.GRADE_2)))
    bench.step()
    assert bench.durable.checked_in == {"HW-1": 0}
    bench.badges[1001] = False
    bench.looking.discard("performer")
    bench.now += 12 * 3600 * SECOND
    bench.step()
    bench.now += (DAY_S + late_s - 5) * SECOND - (bench.wall_ms - WALL_S * 1000) * 1000
    bench.badges[1001] = True
    bench.step(ms=0)
    bench.now += 5 * SECOND
    bench.looking.add("performer")
    bench.step(ms=0)
    return bench


@pytest.mark.parametrize(("late_s", "in_time"), [(-1_800, True), (0, True), (1_799, True), (1_800, True), (1_801, False)])
def test_the_crew_checks_in_every_day(late_s: int, in_time: bool) -> None:
    """PTW-27, workflows "Permit": 29:59 and 30:00 are in time, 30:01 is not; a later day is suspended, not void."""
    bench = _second_day(late_s)
    assert (bench.durable.checked_in == {"HW-1": 1}) == in_time
    assert (bench.first_out == "check_in_missed") == (not in_time)
    assert bench.durable.void == ()


def test_after_a_missed_day_somebody_resets_and_the_crew_checks_in_late() -> None:
    bench = _second_day(1_801)
    bench.run(1)
    assert bench.durable.checked_in == {"HW-1": 0}, "not while it is latched"
    bench.press("reset")
    bench.run(1)
    assert bench.durable.checked_in == {"HW-1": 1}
    assert len(bench.found("permit.suspended")) == 1, "once a day"


# --- approval, relief


def test_the_guardians_word_is_for_one_permit(bench: Bench) -> None:
    """PTW-08: a word on another permit is none on this."""
    bench.step(PermitAccepted(permit(approved_s=-3600)))
    bench.step(Reconfirmed("HW-2", "guardian"))
    bench.test_gas()
    assert "approval_old" in bench.missing()
    bench.step(Reconfirmed("HW-1", "guardian"))
    bench.check_ticket()
    bench.step()
    assert bench.mode is Mode.PERMISSIVE_OK, bench.missing()


def test_a_permit_that_was_released_in_time_needs_no_second_word(released: Bench) -> None:
    """PTW-08 speaks of the first ignition; what comes later has its own breaks, days and gas tests."""
    released.press("stop")
    released.now += 3600 * SECOND
    released.step()
    assert "approval_old" not in released.missing()


def test_a_relief_takes_over_only_by_a_new_arming(bench: Bench) -> None:
    """Workflows "Permit": suspend, verify, new arm: nobody slips into a release that goes on."""
    bench.prepare(permit(people=(PERFORMER, *permit().people[1:], RELIEF))).release()
    bench.badges |= {1005: True}
    bench.looking |= {"relief"}
    bench.run(5)
    assert "relief" not in bench.durable.crew
    bench.step(SuspendedHere("guardian", relief=True, present=True))
    assert (bench.mode, bench.first_out) == (Mode.TRIPPED, "suspended_here")
    bench.badges[1002] = False
    bench.looking.discard("guardian")
    bench.run(30)
    bench.press("arm")
    assert bench.mode is Mode.TRIPPED, "not before a reset"
    bench.press("reset")
    bench.check_ticket()
    bench.run(1)
    bench.release()
    assert set(bench.durable.crew) == {"performer", "relief"}
