"""The fire watch, the finish button, breaks, and what a restart remembers."""

import msgspec
import pytest

from contracts.permit import Level, Revocations
from edge.interlock.happenings import PermitAccepted, Reconfirmed, Revoked
from edge.interlock.kernel import Relay
from edge.interlock.restart import recover
from edge.interlock.state import Durable, Mode
from tests.edge.interlock.bench import GB, SECOND, WALL_S, Bench, permit

replace = msgspec.structs.replace
HOUR = 3600


def _stop(bench: Bench) -> Bench:
    bench.press("stop")
    bench.step()
    return bench


def test_a_fire_watch_starts_at_every_opening_after_a_release(released: Bench) -> None:
    """GB 30871-2022 5.2.14, NFPA 51B: one hour from each opening."""
    released.press("stop")
    watch = released.durable.fire_watch
    assert watch is not None
    assert (watch.permit, watch.until_us - watch.started_us) == ("HW-1", HOUR * SECOND)
    assert len(released.found("fire_watch.started")) == 1
    released.press("reset")
    released.run(5)
    released.release()
    assert released.durable.fire_watch is None, "a resume under the same permit ends it"
    released.press("stop")
    assert released.durable.fire_watch is not None
    assert released.durable.fire_watch.started_us > watch.started_us
    assert len(released.found("fire_watch.started")) == 2


def test_an_attempt_that_never_released_starts_no_watch(ready: Bench) -> None:
    ready.arm()
    ready.press("stop")
    assert ready.durable.fire_watch is None


def test_locked_needs_both_the_reset_and_the_end_of_the_watch(released: Bench) -> None:
    _stop(released)
    released.press("finish")
    released.press("reset")
    released.run(10)
    assert released.mode is Mode.TRIPPED
    assert released.durable.reset_done
    released.step(ms=HOUR * 1000)
    released.step()
    assert released.mode is Mode.LOCKED
    assert released.durable.first_out is None
    assert [n.permit for n in released.found("fire_watch.ended")] == ["HW-1"]


def test_the_end_of_the_watch_alone_does_not_unlatch(released: Bench) -> None:
    _stop(released)
    released.step(ms=HOUR * 1000)
    released.step()
    assert released.durable.fire_watch is None
    assert released.mode is Mode.TRIPPED
    assert released.durable.latched


def test_the_kernel_asks_to_be_called_at_the_end_of_the_watch(released: Bench) -> None:
    _stop(released)
    watch = released.durable.fire_watch
    assert watch is not None
    released.now = watch.until_us - 50_000
    assert released.step(ms=0).next_us == watch.until_us


def test_another_permit_waits_for_the_watch(released: Bench) -> None:
    released.press("finish")
    released.press("reset")
    released.step(PermitAccepted(permit("HW-2")))
    released.test_gas()
    released.check_ticket("HW-2")
    released.press("arm")
    assert released.refusal() == {"watched"}
    watch = released.durable.fire_watch
    assert watch is not None
    released.now = watch.until_us
    released.step(ms=0)
    released.step(Reconfirmed("HW-2", "guardian"))
    released.test_gas()
    released.step()
    released.release()
    assert released.durable.active == "HW-2"


def test_the_watched_permit_goes_on_before_another_that_began_earlier(released: Bench) -> None:
    """`current_permit` does not change crews in the middle of a job."""
    released.step(PermitAccepted(permit("HW-0", start_s=-600)))
    _stop(released)
    released.press("reset")
    released.release()
    assert released.durable.active == "HW-1"


# --- finish


def test_finish_opens_and_ends_the_permit_and_begins_the_watch(released: Bench) -> None:
    """Workflow "Permit": POST_WATCH."""
    step = released.press("finish")
    assert step.relay is Relay.OPEN
    assert released.mode is Mode.TRIPPED
    assert released.first_out == "finished"
    assert released.durable.finished == ("HW-1",)
    assert released.durable.fire_watch is not None
    assert [n.type for n in step.notes if n.type.startswith(("work", "fire"))] == [
        "work.finished",
        "fire_watch.started",
    ]


def test_finished_work_is_never_resumed(released: Bench) -> None:
    released.press("finish")
    released.step()
    released.press("reset")
    released.press("arm")
    assert released.mode is not Mode.ARMED
    assert "permit_finished" in released.refusal()


def test_finish_after_a_trip_ends_the_permit_too(released: Bench) -> None:
    _stop(released)
    released.press("finish")
    assert released.durable.finished == ("HW-1",)
    assert released.first_out == "stop_pressed"
    released.press("finish")
    assert len(released.found("work.finished")) == 1


def test_finish_does_nothing_without_a_release(ready: Bench) -> None:
    ready.press("finish")
    assert ready.mode is Mode.PERMISSIVE_OK
    assert not ready.found("work.finished")


def test_gas_in_the_very_step_of_finish_is_the_cause(released: Bench) -> None:
    released.gas["ch4-1"].value = 40.0
    released.press("finish")
    assert released.first_out == "gas_high"


# --- breaks


@pytest.mark.parametrize(
    ("level", "minutes", "ok"),
    [(Level.GRADE_1, 29, True), (Level.GRADE_1, 31, False), (Level.GRADE_2, 59, True), (Level.GRADE_2, 61, False),
     (Level.SPECIAL, 31, False)],
)  # fmt: skip
def test_a_break_longer_than_the_levels_limit_needs_a_new_gas_test(
    bench: Bench, level: Level, minutes: int, ok: bool
) -> None:
    """GB 30871-2022 5.3.1 d: 30 minutes, 60 for grade 2."""
    bench.prepare(permit(level=level)).release()
    bench.step(ms=HOUR * 1000)
    assert bench.mode is Mode.RELEASED
    bench.press("stop")
    bench.press("reset")
    bench.step(ms=minutes * 60_000)
    bench.press("arm")
    assert (bench.mode is Mode.ARMED) == ok
    if not ok:
        assert bench.refusal() == {"gas_test_old"}


# --- restarts


@pytest.mark.parametrize("boot", ["boot-1", "boot-2"])
@pytest.mark.parametrize("mode", ["ARMED", "RELEASED"])
def test_a_restart_of_an_armed_or_released_box_comes_up_tripped(ready: Bench, mode: str, boot: str) -> None:
    """Unclean restart: TRIPPED, latched, with a fire watch."""
    ready.arm()
    if mode == "RELEASED":
        ready.acknowledge()
    ready.now += 5 * SECOND
    notes = ready.restart(boot_id=boot)
    assert ready.mode is Mode.TRIPPED
    assert ready.first_out == "unclean_restart"
    assert ready.durable.latched
    assert [note.type for note in notes] == ["interlock.tripped"]
    watch = ready.durable.fire_watch
    assert watch is not None
    assert (watch.permit, watch.started_us) == ("HW-1", ready.now)
    assert ready.step().relay is Relay.OPEN
    ready.press("arm")
    assert "latched" in ready.refusal()
    assert ready.durable.attempt == 1, "attempts rise for ever"


def test_an_unclean_restart_is_no_short_break(released: Bench) -> None:
    """When the relay really opened is not known: an old gas test is not excused."""
    released.step(ms=HOUR * 1000)
    released.restart()
    released.step()
    released.press("reset")
    released.press("arm")
    assert released.refusal() == {"gas_test_old"}


def test_the_very_first_start_comes_up_locked(bench: Bench) -> None:
    durable, notes = recover(None, first_start=True, boot_id="b", now_us=5, rules=GB, clock=bench.clock)
    assert (durable.mode, durable.latched, notes) == (Mode.LOCKED, False, ())


@pytest.mark.parametrize(("boot", "again"), [("boot-1", False), ("boot-2", True)])
def test_a_fire_watch_survives_restarts(released: Bench, boot: str, again: bool) -> None:
    """In the same boot it keeps its end; in another one, whose clock says nothing, it starts again."""
    _stop(released)
    watch = released.durable.fire_watch
    released.step(ms=600_000)
    released.now = released.now if not again else 7 * SECOND
    released.restart(boot_id=boot)
    kept = released.durable.fire_watch
    assert kept is not None
    assert watch is not None
    assert kept.permit == "HW-1"
    assert kept.until_us == (released.now + HOUR * SECOND if again else watch.until_us)


def test_a_restart_keeps_latches_and_what_the_bridge_said(released: Bench) -> None:
    released.step(Revoked(Revocations("bridge-1", "box-1", 7, WALL_S, ("HW-9",))))
    _stop(released)
    before = released.durable
    released.restart(boot_id="boot-2")
    after = released.durable
    for field in ("first_out", "reset_done", "permits", "finished", "void", "revoked", "revision", "as_of", "attempt"):
        assert getattr(after, field) == getattr(before, field)
    assert after.latched


def test_the_same_boot_keeps_the_gas_test(ready: Bench) -> None:
    ready.restart()
    ready.step()
    assert ready.step().durable.mode is Mode.PERMISSIVE_OK


def test_a_second_restart_does_not_hide_the_first(released: Bench) -> None:
    released.restart()
    released.restart()
    assert released.first_out == "unclean_restart"
    assert released.durable.latched


def test_a_faults_state_is_kept_whole(bench: Bench) -> None:
    found = Durable(boot_id="a", mode=Mode.FAULT, first_out=None)
    durable, _ = recover(found, first_start=False, boot_id="b", now_us=5, rules=GB, clock=bench.clock)
    assert durable.mode is Mode.FAULT


def test_a_resume_says_that_it_ended_the_watch(released: Bench) -> None:
    released.press("stop")
    released.press("reset")
    released.release()
    assert [note.data for note in released.found("fire_watch.ended")] == [{"resumed": True}]


def test_finish_and_arm_in_one_reading_do_not_arm(released: Bench) -> None:
    released.press("stop")
    released.press("reset")
    released.run(1)
    released.press("finish", "arm")
    assert released.durable.attempt == 1
    assert "permit_finished" in released.refusal()
