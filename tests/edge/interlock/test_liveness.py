"""Who must prove to be alive, and when; what makes a face worthless."""

import msgspec
import pytest

from contracts.permit import Revocations
from edge.interlock.conditions.faces import alive, face_problem
from edge.interlock.evidence import Face
from edge.interlock.happenings import PermitAccepted, Revoked, TemplateChanged
from edge.interlock.liveness import due, end_release
from edge.interlock.state import Mode, Vouch
from tests.edge.interlock.bench import GB, RELIEF, WALL_S, Bench, permit
from tests.edge.interlock.changes import turn
from tests.edge.interlock.proofs import AGAIN_US, AHEAD_US, TTL_US, asked, prove, see

replace = msgspec.structs.replace


# --- who is asked


def test_whoever_is_here_and_has_proven_nothing_is_asked(unproven: Bench) -> None:
    """ANT-01"""
    assert asked(unproven) == ("performer", "guardian")
    prove(unproven, "performer")
    assert asked(unproven) == ("guardian",)
    prove(unproven, "guardian")
    assert asked(unproven) == ()
    assert unproven.mode is Mode.PERMISSIVE_OK


def test_nobody_is_asked_without_badge_or_permit(unproven: Bench, bench: Bench) -> None:
    """PTW-07: somebody has to be here first."""
    unproven.badges[1001] = False
    unproven.run(21, ms=500)
    assert asked(unproven) == ("guardian",)
    bench.step()
    assert asked(bench) == ()


def test_nobody_is_asked_where_the_pack_does_not_ask_for_proof(unproven: Bench) -> None:
    unproven.rules = replace(GB, liveness=replace(GB.liveness, value="not_proven"))
    assert asked(unproven) == ()
    assert unproven.mode is Mode.PERMISSIVE_OK


@pytest.mark.parametrize(("liveness", "code"), [("not_proven", ""), ("proven", ""), ("surely", "face_liveness"), ("", "face_liveness")])
def test_where_no_proof_is_asked_for_only_words_that_are_known_count(unproven: Bench, liveness: str, code: str) -> None:
    """What a newer vision might say is not taken for granted."""
    unproven.rules = replace(GB, liveness=replace(GB.liveness, value="not_proven"))
    see(unproven, "guardian", liveness)
    problem = face_problem(unproven.step().facts, permit().people[1])
    assert (problem.code if problem else "") == code


@pytest.mark.parametrize("age_us", [TTL_US, TTL_US + 1])
def test_a_proof_that_is_too_old_to_arm_with_is_asked_for_anew(unproven: Bench, age_us: int) -> None:
    """BOX-03: both within their time to live."""
    prove(unproven, "performer")
    prove(unproven, "guardian")
    begun = unproven.faces["guardian"].at_us
    see(unproven, "performer")
    unproven.now = begun + age_us
    assert ("guardian" in asked(unproven)) == (age_us > TTL_US)


def test_another_guardian_is_not_asked_while_one_is_verified(unproven: Bench) -> None:
    """A permit may name several; as many as the rules ask for are enough."""
    two = permit(people=(*permit().people, RELIEF))
    unproven.durable = replace(unproven.durable, permits=(two,))
    unproven.badges[1005] = True
    assert asked(unproven) == ("performer", "guardian", "relief")
    prove(unproven, "relief")
    assert asked(unproven) == ("performer",)


@pytest.mark.parametrize("mode", [Mode.ARMED, Mode.FAULT])
def test_nobody_is_asked_while_an_attempt_is_recorded_or_a_fault_is_latched(unproven: Bench, mode: Mode) -> None:
    f = unproven.step().facts
    assert due(replace(f, durable=replace(f.durable, mode=mode))) == ()
    assert due(f) != ()


def test_nobody_turns_the_head_while_a_trip_waits_or_gas_is_over_its_limit(released: Bench) -> None:
    """First the cause, then the faces."""
    released.looking.clear()
    released.gas["ch4-1"].value = 50.0
    released.run(1)
    assert released.mode is Mode.TRIPPED
    assert asked(released) == ()
    released.gas["ch4-1"].value = 0.0
    released.run(1)
    assert asked(released) == ()
    released.press("reset")
    assert asked(released) == ("performer", "guardian")
    f = released.step().facts
    assert due(replace(f, volatile=replace(f.volatile, gas_over=True))) == ()


def test_the_crew_of_a_permit_that_is_over_is_not_asked(unproven: Bench) -> None:
    unproven.step(Revoked(Revocations("bridge-1", "box-1", 1, WALL_S, ("HW-1",))))
    unproven.durable = replace(unproven.durable, first_out=None)
    assert asked(unproven) == ()


@pytest.mark.rule("face_ahead_s")
@pytest.mark.parametrize(("left_us", "told"), [(AHEAD_US, False), (AHEAD_US - 1, True)])
def test_the_guardian_is_asked_ahead_of_the_re_check_and_the_performer_not_at_all(
    released: Bench, left_us: int, told: bool
) -> None:
    """BOX-04: a welder works under a mask."""
    released.looking.clear()
    at_us = released.now
    for who in ("performer", "guardian"):
        released.faces[who] = replace(released.faces[who], at_us=at_us)
    released.step()
    released.now = at_us + AGAIN_US - left_us
    assert asked(released) == (("guardian",) if told else ())


# --- what voids a face


@pytest.mark.parametrize(("who", "badge"), [("performer", 1001), ("guardian", 1002)])
def test_a_badge_that_was_away_makes_the_face_worthless(released: Bench, who: str, badge: int) -> None:
    """ANT-01, BOX-03: nobody knows who came back with it; a failing re-check warns for a minute, then trips."""
    released.looking.clear()
    released.badges[badge] = False
    released.run(21, ms=100)
    released.badges[badge] = True
    released.run(2, ms=100)
    assert released.mode is Mode.RELEASED
    last = released.last
    assert last is not None
    (reason,) = last.verdicts["faces_again"].reasons
    assert reason.code == "face_void"
    assert [note.data for note in released.found("identity.voided")] == [{"chan": who}]
    assert asked(released) == (who,)
    released.run(GB.face_grace_s.value - 4, ms=100)
    assert released.mode is Mode.RELEASED
    released.run(4, ms=100)
    assert released.first_out == "face_void"


def test_whoever_comes_back_and_is_verified_within_the_grace_works_on(released: Bench) -> None:
    released.badges[1001] = False
    released.run(21, ms=100)
    released.badges[1001] = True
    released.run(60, ms=100)
    assert released.mode is Mode.RELEASED
    assert released.volatile.grace == {}


def test_a_badge_that_goes_while_its_time_to_live_runs_is_not_away(released: Bench) -> None:
    """The radio is deaf for seconds."""
    released.looking.clear()
    released.badges[1002] = False
    released.run(19, ms=100)
    released.badges[1002] = True
    released.run(1)
    assert released.volatile.voids == {}


def test_after_a_release_everybody_is_verified_anew(released: Bench) -> None:
    """ANT-01: after each break."""
    released.looking.clear()
    released.press("stop")
    released.run(1)
    released.press("reset")
    released.press("arm")
    assert released.refusal() == {"face_void"}
    released.looking = {"performer", "guardian"}
    released.step()
    released.release()


def test_a_proof_from_before_a_void_does_not_come_back(unproven: Bench) -> None:
    prove(unproven, "guardian")
    unproven.volatile = replace(unproven.volatile, voids={"guardian": unproven.now})
    proof = unproven.faces["guardian"]
    unproven.step()
    step = unproven.step()
    snapshot = replace(step.facts.snapshot, faces={"guardian": replace(proof, at_us=unproven.now, liveness="not_proven")})
    f = replace(step.facts, snapshot=snapshot, now_us=unproven.now)
    guardian = permit().people[1]
    assert alive(f, "guardian") == (None, "")
    reason = face_problem(f, guardian)
    assert reason is not None
    assert reason.code == "face_liveness"


def test_what_the_camera_sees_of_somebody_whose_badge_is_away_does_not_bring_the_face_back(released: Bench) -> None:
    """ANT-01: whoever comes back with the badge looks into the camera then; the minute runs on until that."""
    released.badges[1002] = False
    released.run(30, ms=100)
    assert "guardian" in released.looking
    assert set(released.volatile.grace) == {"guardian", "faces_again"}
    released.looking.discard("guardian")
    released.badges[1002] = True
    released.run(1, ms=100)
    assert set(released.volatile.grace) == {"faces_again"}
    assert released.last is not None
    (reason,) = released.last.verdicts["faces_again"].reasons
    assert (reason.code, reason.subject) == ("face_void", "李监护")
    released.looking.add("guardian")
    released.run(1, ms=100)
    assert released.volatile.grace == {}


def test_a_badge_that_comes_for_the_first_time_makes_no_face_worthless(bench: Bench) -> None:
    bench.badges[1001] = False
    bench.step()
    bench.step(PermitAccepted(permit()))
    bench.badges[1001] = True
    bench.step()
    assert bench.volatile.here == ("performer", "guardian")
    assert bench.volatile.voids == {}


def test_under_another_permit_everybody_is_verified_anew(unproven: Bench) -> None:
    """BOX-03, ANT-01: what was proven for one work says nothing of the next; nor does a supervisor's word."""
    prove(unproven, "guardian")
    proof = unproven.faces["guardian"]
    unproven.volatile = replace(unproven.volatile, vouch=Vouch("performer", "boss", unproven.now))
    unproven.step(PermitAccepted(permit("HW-0", start_s=-120)))
    assert (unproven.volatile.voids_of, unproven.volatile.vouch) == ("HW-0", None)
    assert unproven.volatile.voids == dict.fromkeys(("performer", "guardian"), unproven.now)
    assert "face_void" in unproven.missing()
    see(unproven, "guardian")
    f = unproven.step().facts
    assert alive(replace(f, snapshot=replace(f.snapshot, proofs={"guardian": proof})), "guardian") == (None, "")


def test_the_first_permit_and_the_same_one_again_void_nothing(unproven: Bench) -> None:
    assert (unproven.volatile.voids_of, unproven.volatile.voids) == ("HW-1", {})
    unproven.step(PermitAccepted(permit()))
    assert unproven.volatile.voids == {}


def test_what_is_known_only_by_a_proof_is_void_with_the_rest(unproven: Bench) -> None:
    """Proofs are kept beside faces, and either may have been crowded out; people of the permit may be on their way."""
    made = turn(unproven)
    made.snapshot = replace(made.snapshot, faces={}, proofs={"visitor": Face(1, "visitor", 350, "proven", "dlib")})
    made.before = Mode.RELEASED
    end_release(made)
    assert made.v.voids == dict.fromkeys(("visitor", "performer", "guardian"), made.now)


def test_of_people_who_matter_no_more_nothing_is_remembered(released: Bench) -> None:
    """A camera that sees many people must not fill the memory."""
    released.volatile = replace(released.volatile, voids={"somebody": 5})
    released.press("stop")
    assert set(released.volatile.voids) == {"performer", "guardian"}


def test_a_template_that_is_about_to_change_voids_that_persons_face_and_proof(ready: Bench) -> None:
    """BOX-01: at once, whatever the camera showed a moment ago."""
    assert ready.mode is Mode.PERMISSIVE_OK
    ready.looking.clear()
    ready.step(TemplateChanged("performer"))
    assert ready.missing() == {"face_void"}
    assert ready.mode is not Mode.PERMISSIVE_OK
    see(ready, "performer")
    ready.step()
    assert ready.missing() == {"face_liveness"}, "the proof was by the template of before"
    see(ready, "performer", "proven")
    ready.step()
    assert ready.missing() == set()


def test_who_is_verified_is_written_down_with_the_template(unproven: Bench) -> None:
    """BOX-01: whose face it was told from is in the log."""
    see(unproven, "guardian", "proven")
    unproven.faces["guardian"] = replace(unproven.faces["guardian"], template="d" * 64)
    unproven.step()
    assert unproven.found("identity.verified")[-1].data["template"] == "d" * 64
