"""Who stands before the box: strangers, reports about people, and where the log says it."""

import msgspec
import pytest

from contracts.event import ActionResult
from contracts.permit import Precondition, Revocations, Role
from edge.interlock.conditions.faces import _shown
from edge.interlock.conditions.facts import facts
from edge.interlock.conditions.people import unknown_badges
from edge.interlock.evidence import FaceRefused
from edge.interlock.happenings import Confirmed, PermitAccepted, Revoked
from edge.interlock.state import Mode
from tests.edge.interlock.bench import BOOT_US, GB, GUARDIAN, PERFORMER, SECOND, WALL_S, Bench, permit

replace = msgspec.structs.replace
STAYS_US = GB.stranger_s.value * SECOND


@pytest.mark.parametrize(
    ("distance_milli", "age_us", "trips"),
    [(599, 0, False), (600, 0, True), (601, 0, True), (-1, 0, True), (0, 0, False), (900, STAYS_US, True),
     (900, STAYS_US + 1, False)],
)  # fmt: skip
def test_a_stranger_is_whoever_is_far_from_everyone_just_now(
    released: Bench, distance_milli: int, age_us: int, trips: bool
) -> None:
    """PTW-24: nearly known is not strange, and a stranger who left longer ago than the slowest look takes is gone."""
    released.now += 20_000
    released.strangers = (FaceRefused(released.now - age_us, "guardian", distance_milli),)
    released.step(ms=0)
    assert (released.mode is Mode.TRIPPED) == trips
    if trips:
        assert released.first_out == "stranger"


def test_a_nearly_known_face_in_the_same_frame_hides_no_stranger(released: Bench) -> None:
    """PTW-24: two faces of one frame."""
    at_us = released.now + 20_000
    released.strangers = (FaceRefused(at_us, "guardian", 900), FaceRefused(at_us, "guardian", 550))
    released.step()
    assert released.first_out == "stranger"


def test_a_refused_face_is_reported_now_and_then(ready: Bench) -> None:
    """PTW-24: unauthorised entry is an event; a face that stays does not flood the log."""
    for _ in range(250):
        ready.strangers = (FaceRefused(ready.now, "guardian", 900),)
        ready.step(ms=100)
    refused = ready.found("identity.refused")
    assert 2 <= len(refused) <= 3
    assert refused[0].res is ActionResult.DENIED
    assert refused[0].data["distance_milli"] == 900


def test_each_person_is_reported_once_and_again_after_they_were_gone(ready: Bench) -> None:
    ready.run(5)
    assert [note.data["chan"] for note in ready.found("identity.verified")] == ["performer", "guardian"]
    ready.looking.discard("guardian")
    ready.run(181, ms=200)
    ready.looking.add("guardian")
    ready.run(1)
    assert [note.data["chan"] for note in ready.found("identity.verified")] == ["performer", "guardian", "guardian"]


def test_the_check_in_is_recorded_once(ready: Bench) -> None:
    """PTW-27."""
    ready.run(5)
    (note,) = ready.found("identity.checked_in")
    assert note.permit == "HW-1"
    assert note.snapshot


@pytest.mark.parametrize("missing", ["guardian", "performer", "place", "faces"])
def test_nobody_checks_in_alone_or_elsewhere(bench: Bench, missing: str) -> None:
    """PTW-27, PTW-12: all of them at the place, at the same moment."""
    if missing == "faces":
        bench.looking.discard("guardian")
    elif missing == "place":
        bench.position = None
    else:
        bench.badges[{"guardian": 1002, "performer": 1001}[missing]] = False
    bench.step(PermitAccepted(permit()))
    bench.run(1)
    assert bench.durable.checked_in == {}
    bench.press("arm")
    assert "check_in_none" in bench.refusal()


def test_a_confirmed_precondition_is_recorded_with_its_person(bench: Bench) -> None:
    """PTW-11."""
    bench.step(PermitAccepted(permit(preconditions=(Precondition("cooled", "设备已冷却"),))))
    step = bench.step(Confirmed("HW-1", "cooled", "guardian"))
    (note,) = step.notes
    assert (note.type, note.actor, note.permit, note.data) == (
        "permit.precondition", ("person", "guardian"), "HW-1", {"id": "cooled"},
    )  # fmt: skip
    assert bench.durable.preconditions["HW-1/cooled"].person == "guardian"


def test_a_precondition_of_another_permit_does_not_count(bench: Bench) -> None:
    wanted = (Precondition("cooled", "设备已冷却"),)
    bench.step(PermitAccepted(permit(preconditions=wanted)))
    bench.step(Confirmed("HW-2", "cooled", "guardian"))
    bench.press("arm")
    assert "precondition" in bench.refusal()


def test_a_gas_test_is_recorded_with_its_values(bench: Bench) -> None:
    step = bench.test_gas(CH4=1.5)
    (note,) = [n for n in step.notes if n.type == "gas_test.recorded"]
    assert note.actor == ("person", "leader")
    assert {"position": "up", "gas": "CH4", "unit": "%LEL", "value_milli": 1500} in note.data["points"]


def test_the_report_of_a_detector_that_fails_is_a_warning_and_of_gas_an_alarm(ready: Bench) -> None:
    ready.gas["ch4-4"].silent_since = ready.now
    ready.run(1)
    ready.gas["ch4-4"].silent_since = None
    ready.gas["ch4-4"].value = 50.0
    ready.run(1)
    ready.gas["ch4-4"].value = 0.0
    ready.run(1)
    told = [(n.type, n.sev.value) for n in ready.notes if n.cat.value == "gas" and n.type.startswith("gas.")]
    assert told == [("gas.fault", "warning"), ("gas.alarm", "alarm"), ("gas.normal", "info")]


def test_a_detector_that_was_never_read_is_not_reported_at_every_start(bench: Bench) -> None:
    from edge.gas.reading import Quality

    bench.gas["ch4-1"].quality = Quality.NEVER
    bench.run(1)
    assert not bench.found("gas.fault")
    assert "gas" in bench.failing()


@pytest.mark.parametrize(("role", "condition"), [("guardian", "guardian"), ("performer", "performer")])
def test_a_role_that_nobody_holds_is_missing_not_fulfilled(ready: Bench, role: str, condition: str) -> None:
    """BOX-03: a permit without a guardian is refused when offered; should one get in, nobody is no guardian."""
    (held,) = ready.durable.permits
    of_one_role = next(person for person in held.people if person.role.value != role)
    alone = replace(held, people=(of_one_role, replace(of_one_role, id="second", badge=1005)))
    ready.durable = replace(ready.durable, permits=(alone,))
    ready.press("arm")
    assert {condition, "faces"} <= ready.failing()
    assert {"badge_absent", "face_missing"} <= ready.refusal()


def test_people_are_looked_up_once_for_the_same_facts(released: Bench) -> None:
    """Several conditions ask; what other facts said never answers."""
    released.unknown_badges = {1999: released.now + 20_000}
    f = released.step().facts
    assert f.permit is not None
    shown, unknown = _shown(f, f.permit), unknown_badges(f)
    assert _shown(f, f.permit) is f.__dict__["shown"] is shown
    assert unknown_badges(f) is f.__dict__["unknown_badges"] is unknown
    assert unknown == (1999,)
    assert [(role, [each.id for each in people]) for role, people in shown] == [
        (Role.PERFORMER, ["performer"]), (Role.GUARDIAN, ["guardian"]),
    ]  # fmt: skip
    released.unknown_badges.clear()
    assert unknown_badges(released.step().facts) == ()


@pytest.mark.parametrize("look_s", [0.2, 1.0, 2.0])
def test_with_an_impostor_in_view_nobody_releases_however_slow_the_looks(ready: Bench, look_s: float) -> None:
    """PTW-24: refused faces arrive after a look, with the time of the picture; between two looks nothing lapses."""
    taken, due = ready.now, ready.now + round(look_s * SECOND)
    presses = 0
    ready.strangers = (FaceRefused(taken, "guardian", 800),)
    for number in range(800):
        if ready.now >= due:
            ready.strangers = (FaceRefused(taken, "guardian", 800),)
            taken, due = ready.now - 500_000, ready.now + round(look_s * SECOND)
        if number % 10 == 0:
            ready.press("arm")
            presses += 1
            assert ready.refusal() == {"stranger"}
        ready.step(ms=20)
        assert ready.mode is Mode.LOCKED
    assert presses == 80
    ready.run(GB.stranger_s.value + 1)
    ready.release()


def test_one_refused_face_trips_at_once_while_released(released: Bench) -> None:
    """PTW-24: no grace, and looks half a second apart need not agree."""
    released.strangers = (FaceRefused(released.now, "", -1),)
    released.step()
    assert (released.mode, released.first_out) == (Mode.TRIPPED, "stranger")


def test_faces_that_are_not_looked_at_in_time_release_nothing_and_trip_nothing(ready: Bench) -> None:
    """PTW-24: unknown is no; what goes on is filmed all the same."""
    ready.camera = "slow"
    ready.press("arm")
    assert ready.refusal() == {"camera_slow"}
    ready.camera = "ok"
    ready.release()
    ready.camera = "slow"
    ready.step()
    assert ready.mode is Mode.RELEASED


# --- badges that nothing names


def _over(how: str) -> dict[str, object]:
    """What makes HW-2 be over."""
    return {how: ("HW-2",)} if how != "exp" else {"permits": (permit(), permit("HW-2", end_s=0, people=OTHERS))}


OTHERS = (replace(PERFORMER, id="p2", badge=2001), replace(GUARDIAN, id="g2", badge=2002))


@pytest.mark.parametrize("how", ["void", "finished", "revoked", "exp", ""])
def test_people_of_a_permit_that_is_over_have_no_business_here(ready: Bench, how: str) -> None:
    """PTW-24: a permit that waits its turn names its people; one that is over names nobody any more."""
    ready.durable = replace(ready.durable, permits=(permit(), permit("HW-2", start_s=-50, people=OTHERS)))
    ready.badges[2001] = True
    if how:
        ready.durable = replace(ready.durable, **_over(how))
    ready.press("arm")
    assert (ready.mode is Mode.LOCKED) == bool(how)
    if how:
        assert ready.refusal() == {"badge_unknown"}


@pytest.mark.parametrize(("end_s", "known"), [(1, True), (0, False), (-1, False)])
def test_people_are_known_until_the_very_end_of_their_permit(bench: Bench, end_s: int, known: bool) -> None:
    """PTW-24."""
    others = permit("HW-2", start_s=-7200, end_s=end_s, people=OTHERS)
    bench.durable = replace(bench.durable, permits=(permit(), others), crew=())
    bench.badges[2002] = True
    bench.now = BOOT_US
    f = facts(bench.site, bench.rules, bench.durable, bench.volatile, bench.snapshot(), bench.now)
    deciding = replace(f, permit=bench.durable.permits[0])
    assert unknown_badges(deciding) == (() if known else (2002,))


def test_the_crew_of_the_work_that_just_ended_did_not_enter_unauthorised(released: Bench) -> None:
    """PTW-24: a revocation trips for itself; nobody rings about the people whom everybody knows."""
    released.step(Revoked(Revocations("bridge-1", "box-1", 1, WALL_S, ("HW-1",))))
    assert released.first_out == "permit_revoked"
    assert released.consequences == set()
    assert released.found("entry.unauthorised") == []
