"""Who must prove to be alive and when, what tries come to, what voids a face, and what a supervisor may decide."""

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.event import ActionResult, Severity
from contracts.permit import Revocations
from edge.interlock.conditions.faces import alive, face_left_ms, face_problem, tries_left
from edge.interlock.evidence import Face, FaceRefused, Prompt
from edge.interlock.happenings import PermitAccepted, Revoked, Vouched
from edge.interlock.liveness import due, end_release, judge
from edge.interlock.prompt_view import END_US, prompt
from edge.interlock.state import FORGOTTEN, Mode, Try, Vouch
from edge.interlock.view import build
from tests.edge.interlock.bench import GB, RELIEF, SECOND, WALL_S, Bench, permit
from tests.edge.interlock.changes import turn
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
TRIES = GB.liveness_tries_count.value
PAUSE_US = GB.liveness_pause_s.value * SECOND
TTL_US = GB.face_ttl_s.value * SECOND
AGAIN_US, AHEAD_US = GB.face_recheck_s.value * SECOND, GB.face_ahead_s.value * SECOND


@pytest.fixture
def unproven() -> Bench:
    """All is well but the proofs: both faces are recognised, nobody has followed an arrow yet."""
    bench = Bench()
    bench.looking = set()
    bench.step()
    bench.step(PermitAccepted(permit()))
    for who in ("performer", "guardian"):
        see(bench, who)
    bench.test_gas()
    bench.check_ticket()
    bench.step()
    assert bench.missing() <= {"face_liveness", "check_in_none"}
    return bench


def see(bench: Bench, who: str, liveness: str = "not_proven", distance: int = 350) -> None:
    """A face in the picture of now."""
    bench.now += 1
    bench.faces[who] = Face(bench.now, who, distance, liveness, "dlib", "n")


def prove(bench: Bench, who: str) -> None:
    see(bench, who, "proven")
    say(bench, who, "passed")


def say(bench: Bench, who: str, result: str, why: str = "", number: int = 3) -> None:
    """The last word of a try."""
    bench.now += 1
    bench.prompt = Prompt(bench.now, who, "n", "left", number, 8, bench.now + 3 * SECOND, result, why)  # type: ignore[arg-type]
    bench.step(ms=0)


def fail(bench: Bench, who: str, times: int = TRIES) -> None:
    for _ in range(times):
        say(bench, who, "failed", "wrong")


def asked(bench: Bench) -> tuple[str, ...]:
    step = bench.step(ms=0)
    return due(step.facts)


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


# --- tries


def ask(bench: Bench, who: str, number: int, nonce: str = "n") -> None:
    """A movement is asked for."""
    bench.now += 1
    bench.prompt = Prompt(bench.now, who, nonce, "left", number, 8, bench.now + 3 * SECOND)
    bench.step(ms=0)


def test_a_try_is_followed_from_its_first_arrow_to_its_end(unproven: Bench) -> None:
    ask(unproven, "performer", 0)
    assert unproven.durable.trying is None, "somebody who does not look straight yet has spent nothing"
    for number in (1, 2, 7):
        ask(unproven, "performer", number)
        assert unproven.durable.trying == Try("performer", "n", number, 8)
    prove(unproven, "performer")
    assert (unproven.durable.trying, unproven.durable.liveness_failed) == (None, {})
    assert not unproven.found("identity.liveness_failed")


@pytest.mark.parametrize(("result", "failed"), [("failed", {"performer": 1}), ("dropped", {})])
def test_the_end_of_a_try_counts_once(unproven: Bench, result: str, failed: dict[str, int]) -> None:
    ask(unproven, "performer", 1)
    say(unproven, "performer", result, "unanswered", number=1)
    assert (unproven.durable.trying, unproven.durable.liveness_failed) == (None, failed)
    ask(unproven, "performer", 0, "m")
    ask(unproven, "performer", 1, "m")
    assert unproven.durable.liveness_failed == failed


@pytest.mark.parametrize(
    ("who", "number", "nonce"),
    [("performer", 0, "n"), ("performer", 3, "n"), ("performer", 2, "n"), ("performer", 4, "m"), ("guardian", 4, "n")],
    ids=["begins anew", "the same arrow again", "an arrow before it", "under another nonce", "another person's"],
)
def test_whoever_breaks_a_try_off_has_had_it(unproven: Bench, who: str, number: int, nonce: str) -> None:
    """ANT-01: else a badge in a tin, a whiff of gas or a button would buy any number of orders to choose from."""
    ask(unproven, "performer", 3)
    ask(unproven, who, number, nonce)
    (note,) = unproven.found("identity.liveness_failed")
    assert (note.sev, note.res, note.actor, note.permit) == (
        Severity.WARNING, ActionResult.DENIED, ("person", "performer"), "HW-1",
    )  # fmt: skip
    assert note.data == {
        "chan": "performer", "why": "broken_off", "number": 3, "movements": 8, "failed": 1, "tries": TRIES,
    }  # fmt: skip
    assert unproven.durable.liveness_failed == {"performer": 1}
    assert unproven.durable.trying == (Try(who, nonce, number, 8) if number else None)


def test_the_end_of_somebody_elses_try_breaks_one_off_too(unproven: Bench) -> None:
    ask(unproven, "performer", 3)
    say(unproven, "guardian", "failed", "late")
    assert unproven.durable.liveness_failed == {"performer": 1, "guardian": 1}
    assert unproven.durable.trying is None


def test_a_try_that_a_restart_broke_off_is_spent(unproven: Bench) -> None:
    """Nor does the plug."""
    ask(unproven, "performer", 3)
    (note,) = unproven.restart()
    assert (unproven.durable.trying, unproven.durable.liveness_failed) == (None, {"performer": 1})
    assert (note.type, note.permit, note.data["why"]) == ("identity.liveness_failed", "", "broken_off")
    assert unproven.restart() == ()


def test_no_try_is_followed_of_somebody_whom_the_permit_does_not_name(unproven: Bench) -> None:
    ask(unproven, "visitor", 3)
    assert unproven.durable.trying is None


@pytest.mark.rule("liveness_tries_count")
@pytest.mark.parametrize(("failed", "goes_on"), [(TRIES - 1, True), (TRIES, False), (TRIES + 1, False)])
def test_after_so_many_failed_tries_nobody_is_asked_again(unproven: Bench, failed: int, goes_on: bool) -> None:
    """ANT-01: then a supervisor decides."""
    assert GB.liveness_tries_count.clause == "policy ANT-01: then a supervisor decides"
    fail(unproven, "performer", failed)
    unproven.now += PAUSE_US
    assert asked(unproven) == (("performer", "guardian") if goes_on else ("guardian",))
    assert ("liveness_failed" in unproven.missing()) is not goes_on


def test_each_failed_try_is_written_down(unproven: Bench) -> None:
    say(unproven, "performer", "failed", "somebody_else", number=4)
    (note,) = unproven.found("identity.liveness_failed")
    assert (note.sev, note.res, note.actor) == (Severity.WARNING, ActionResult.DENIED, ("person", "performer"))
    assert note.data == {
        "chan": "performer", "why": "somebody_else", "number": 4, "movements": 8, "failed": 1, "tries": TRIES,
    }  # fmt: skip


def test_a_prompt_is_heard_once(unproven: Bench) -> None:
    say(unproven, "performer", "failed", "late")
    unproven.run(1)
    assert unproven.durable.liveness_failed == {"performer": 1}


def test_a_try_that_passes_begins_the_count_anew(unproven: Bench) -> None:
    fail(unproven, "performer", 1)
    fail(unproven, "guardian", 1)
    say(unproven, "performer", "passed")
    assert unproven.durable.liveness_failed == {"guardian": 1}


def test_a_try_that_nobody_answered_costs_nothing_but_a_pause(unproven: Bench) -> None:
    say(unproven, "performer", "dropped", "unanswered", number=1)
    assert unproven.durable.liveness_failed == {}
    assert asked(unproven) == ()
    unproven.now += PAUSE_US
    assert asked(unproven) == ("performer", "guardian")


def test_a_face_that_answers_nothing_is_told_of_now_and_then(unproven: Bench) -> None:
    """ANT-01: such as a photograph that was left before the camera; nobody there at all is no event."""
    for _ in range(12):
        say(unproven, "performer", "dropped", "late", number=0)
        say(unproven, "performer", "dropped", "unanswered", number=1)
        unproven.now += 10 * SECOND
    told = unproven.found("identity.liveness_failed")
    assert [note.data["why"] for note in told] == ["unanswered", "unanswered"]
    assert {note.data["failed"] for note in told} == {0}


def test_somebody_whom_the_permit_does_not_name_has_no_tries(unproven: Bench) -> None:
    say(unproven, "visitor", "failed", "late")
    assert unproven.durable.liveness_failed == {}
    assert not unproven.found("identity.liveness_failed")


@pytest.mark.rule("liveness_pause_s")
@pytest.mark.parametrize(("passed_us", "told"), [(PAUSE_US - 1, False), (PAUSE_US, True)])
def test_between_two_tries_there_is_a_pause(unproven: Bench, passed_us: int, told: bool) -> None:
    assert GB.liveness_pause_s.clause == "policy ANT-01: between two tries"
    say(unproven, "performer", "failed", "late")
    f = unproven.step(ms=0).facts
    assert bool(due(replace(f, now_us=f.volatile.pause_us - PAUSE_US + passed_us))) == told


def test_failed_tries_survive_a_restart(unproven: Bench) -> None:
    """Nothing automatic loosens."""
    fail(unproven, "performer")
    unproven.restart()
    assert unproven.durable.liveness_failed == {"performer": TRIES}
    assert unproven.volatile == FORGOTTEN


def test_tries_of_people_whom_no_permit_names_any_more_are_forgotten(unproven: Bench) -> None:
    fail(unproven, "performer")
    other = permit("HW-2", people=(replace(permit().people[0], id="p2", badge=2001), permit().people[1]))
    unproven.durable = replace(unproven.durable, permits=())
    unproven.step(PermitAccepted(other))
    assert unproven.durable.liveness_failed == {}


# --- the supervisor


@pytest.fixture
def stuck(unproven: Bench) -> Bench:
    """The performer's tries are used up; the guardian has passed; the supervisor is here."""
    unproven.badges[1006] = True
    unproven.step()
    prove(unproven, "guardian")
    fail(unproven, "performer")
    see(unproven, "performer")
    unproven.step(ms=0)
    return unproven


def vouch(by: str = "leader", **changes: object) -> Vouched:
    return replace(Vouched("performer", by, "known to me for years"), **changes)


def _supervised(bench: Bench) -> Bench:
    """The shift leader may supervise."""
    roster = tuple(replace(each, may=(*each.may, "supervise")) if each.id == "leader" else each for each in bench.site.roster)
    bench.site = replace(bench.site, roster=roster)
    return bench


def test_a_supervisor_vouches_for_one_arming_and_the_log_says_so(stuck: Bench) -> None:
    """ANT-01: counted as vouched, never as proven."""
    _supervised(stuck).step(vouch())
    (note,) = stuck.found("identity.vouched")
    assert (note.sev, note.actor, note.snapshot) == (Severity.WARNING, ("person", "leader"), True)
    assert note.data == {
        "chan": "performer", "decision": "vouched", "why": "known to me for years", "clause": GB.liveness_tries_count.clause,
    }  # fmt: skip
    stuck.step()
    assert stuck.mode is Mode.PERMISSIVE_OK
    told = stuck.found("identity.verified")[-1]
    assert (told.data["chan"], told.data["liveness"]) == ("performer", "vouched")
    stuck.release()
    stuck.press("stop")
    assert stuck.volatile.vouch is None
    stuck.press("reset")
    for who in ("performer", "guardian"):
        see(stuck, who, "proven" if who == "guardian" else "not_proven")
    stuck.step()
    assert stuck.missing() == {"liveness_failed"}


def test_an_attempt_that_came_to_nothing_uses_the_word_up(stuck: Bench) -> None:
    _supervised(stuck).step(vouch())
    stuck.step()
    stuck.arm()
    stuck.pressed.add("stop")
    stuck.step()
    stuck.pressed.clear()
    stuck.run(1)
    assert stuck.mode is Mode.LOCKED
    assert stuck.volatile.vouch is None


def test_a_word_ends_with_the_badge_and_with_its_time(stuck: Bench) -> None:
    _supervised(stuck).step(vouch())
    f = stuck.step().facts
    assert alive(f, "performer")[1] == "vouched"
    assert alive(replace(f, volatile=replace(f.volatile, voids={"performer": f.now_us})), "performer") == (None, "")
    performer = permit().people[0]
    later = face_problem(replace(f, now_us=f.now_us + TTL_US + 1), performer)
    assert later is not None
    assert later.code == "face_old"
    see(stuck, "performer")
    stuck.now = f.now_us + TTL_US + 1
    again = face_problem(stuck.step(ms=0).facts, performer)
    assert again is not None
    assert again.code == "liveness_failed", "the face is fresh: only a supervisor can help"


@pytest.mark.parametrize("later", ["the word", "the proof"])
def test_the_newer_of_a_proof_and_a_word_decides(stuck: Bench, later: str) -> None:
    """Whoever was vouched for and then followed the arrows is proven, and for as long as that counts."""
    _supervised(stuck).step(vouch())
    word = stuck.volatile.vouch
    assert word is not None
    at_us = word.at_us + (1 if later == "the proof" else -1)
    stuck.now += 1
    stuck.faces["performer"] = replace(stuck.faces["performer"], at_us=at_us, liveness="proven")
    known = alive(stuck.step().facts, "performer")
    assert known == ((at_us, "proven") if later == "the proof" else (word.at_us, "vouched"))


def test_new_tries_forgive_the_one_that_was_broken_off(stuck: Bench) -> None:
    _supervised(stuck)
    ask(stuck, "performer", 3)
    stuck.step(vouch(again=True))
    ask(stuck, "performer", 0, "m")
    assert (stuck.durable.trying, stuck.durable.liveness_failed) == (None, {})
    stuck.durable = replace(stuck.durable, liveness_failed={"performer": TRIES}, trying=Try("guardian", "n", 3, 8))
    stuck.step(vouch(again=True))
    assert stuck.durable.trying == Try("guardian", "n", 3, 8), "another person's is another matter"


@pytest.mark.parametrize(("age_us", "allowed"), [(TTL_US, True), (TTL_US + 1, False)])
def test_while_released_too_whoever_is_vouched_for_was_recognised_just_now(
    released: Bench, wording: Wording, age_us: int, allowed: bool
) -> None:
    """BOX-04: a face of an hour ago is nobody's; of the guardian at the re-check the rule for arming holds."""
    _supervised(released).looking.clear()
    at_us = released.now
    for who in ("performer", "guardian"):
        see(released, who)
    released.durable = replace(released.durable, liveness_failed={"guardian": TRIES})
    released.now = released.faces["guardian"].at_us + age_us
    f = released.step(ms=0).facts
    assert released.now - at_us < AGAIN_US
    assert released.mode is Mode.RELEASED
    if allowed:
        assert judge(f, vouch(person="guardian")).person == "guardian"
    else:
        with pytest.raises(ContractError) as error:
            judge(f, vouch(person="guardian"))
        wording.check(error.value)


def test_new_tries_instead_of_a_word(stuck: Bench) -> None:
    _supervised(stuck).step(vouch(again=True))
    assert stuck.durable.liveness_failed == {}
    assert stuck.volatile.vouch is None
    assert stuck.found("identity.vouched")[-1].data["decision"] == "again"
    assert asked(stuck) == ("performer",)


REFUSALS = {
    "nobody of the permit": ({}, {"person": "visitor"}),
    "no name": ({}, {"person": ""}),
    "tries left": ({"liveness_failed": {}}, {}),
    "no supervisor": ({}, {"by": "engineer"}),
    "nobody": ({}, {"by": ""}),
    "no reason": ({}, {"reason": "  "}),
    "long reason": ({}, {"reason": "x" * 201}),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_a_supervisor_may_not_decide_is_refused(stuck: Bench, wording: Wording, case: str) -> None:
    durable, changes = REFUSALS[case]
    bench = _supervised(stuck)
    bench.durable = replace(bench.durable, **durable)
    before = bench.step(ms=0)
    with pytest.raises(ContractError) as error:
        judge(before.facts, vouch(**changes))
    wording.check(error.value)
    bench.step(vouch(**changes))
    assert bench.volatile.vouch is None
    assert not bench.found("identity.vouched")


def test_without_a_permit_there_is_nobody_to_vouch_for(bench: Bench, wording: Wording) -> None:
    with pytest.raises(ContractError) as error:
        judge(_supervised(bench).step().facts, vouch())
    wording.check(error.value)


def test_whoever_is_vouched_for_is_here(stuck: Bench, wording: Wording) -> None:
    _supervised(stuck).badges[1001] = False
    stuck.run(21, ms=500)
    with pytest.raises(ContractError) as error:
        judge(stuck.step().facts, vouch())
    wording.check(error.value)


@pytest.mark.parametrize("how", ["id", "badge"])
def test_nobody_vouches_for_work_that_is_their_own(stuck: Bench, wording: Wording, how: str) -> None:
    """ANT-01: never for oneself, and not for the other of the two."""
    guardian = permit().people[1]
    own = replace(stuck.site.roster[0], may=("supervise",), badge=guardian.badge)
    own = replace(own, id=guardian.id) if how == "id" else own
    stuck.site = replace(stuck.site, roster=(own,))
    with pytest.raises(ContractError) as error:
        judge(stuck.step().facts, vouch(by=own.id))
    wording.check(error.value)


def test_never_both_of_them(stuck: Bench, wording: Wording) -> None:
    """BOX-03"""
    _supervised(stuck).step(vouch())
    fail(stuck, "guardian")
    with pytest.raises(ContractError) as error:
        judge(stuck.step().facts, vouch(person="guardian"))
    wording.check(error.value)
    assert judge(stuck.step().facts, vouch(person="guardian", again=True)).person == "guardian"


def test_a_face_that_the_camera_did_not_recognise_is_not_vouched_for(stuck: Bench, wording: Wording) -> None:
    """Only liveness is taken on trust, never who it is."""
    del stuck.faces["performer"]
    _supervised(stuck)
    with pytest.raises(ContractError) as error:
        judge(stuck.step().facts, vouch())
    wording.check(error.value)


# --- what is shown


def _shown(bench: Bench) -> object:
    return prompt(bench.step(ms=0).facts)


def test_the_movement_that_is_asked_for_is_shown_with_what_is_left(unproven: Bench) -> None:
    unproven.prompt = Prompt(unproven.now, "performer", "n", "left", 2, 8, unproven.now + 3 * SECOND)
    unproven.now += SECOND
    seen = prompt(unproven.step(ms=0).facts)
    assert seen is not None
    assert (seen.name, seen.action, seen.number, seen.of, seen.left_ms) == ("张作业", "left", 2, 8, 2000)
    assert (seen.zh, seen.en) == ("请向左转头", "turn your head to the left")
    unproven.now += 2 * SECOND
    assert _shown(unproven) is None


@pytest.mark.parametrize("action", ["look", "left", "right", "blink"])
def test_every_movement_has_its_words(unproven: Bench, action: str) -> None:
    unproven.prompt = Prompt(unproven.now, "performer", "n", action, 1, 8, unproven.now + SECOND)  # type: ignore[arg-type]
    seen = prompt(unproven.step(ms=0).facts)
    assert seen is not None
    assert seen.zh
    assert seen.en


@pytest.mark.parametrize(("result", "failed", "en"), [
    ("passed", 0, "verified"), ("failed", 1, "not verified: wait, then try again"),
    ("failed", TRIES, "not verified: call a supervisor"),
])  # fmt: skip
def test_the_end_of_a_try_is_shown_for_a_moment(unproven: Bench, result: str, failed: int, en: str) -> None:
    for _ in range(max(1, failed)):
        say(unproven, "performer", result, "late")
    seen = prompt(unproven.step(ms=0).facts)
    assert seen is not None
    assert seen.en == en
    unproven.now += END_US
    assert _shown(unproven) is None


def test_a_try_that_was_dropped_and_a_stranger_show_nothing(unproven: Bench) -> None:
    say(unproven, "performer", "dropped")
    assert _shown(unproven) is None
    unproven.prompt = Prompt(unproven.now, "visitor", "n", "left", 2, 8, unproven.now + 3 * SECOND)
    assert _shown(unproven) is None


def test_the_status_says_of_each_how_they_are_known_and_for_how_long(unproven: Bench) -> None:
    prove(unproven, "guardian")
    fail(unproven, "performer", 1)
    step = unproven.step(ms=1000)
    people = {view.id: view for view in build(
        step.facts, step.verdicts, boot=1, audit=None, buses=(), events=(), loop_lag_ms=0, evaluations=1,  # type: ignore[arg-type]
    ).people}  # fmt: skip
    guardian, performer = people["guardian"], people["performer"]
    assert (guardian.liveness, guardian.face_ok, guardian.tries_left) == ("proven", True, TRIES)
    assert guardian.face_left_ms is not None
    assert TTL_US // 1000 - 1100 < guardian.face_left_ms <= TTL_US // 1000 - 1000
    assert (performer.liveness, performer.face_ok, performer.face_left_ms) == ("not_proven", False, None)
    assert performer.tries_left == TRIES - 1


def test_while_released_the_guardians_proof_runs_out_and_the_performers_does_not(released: Bench) -> None:
    f = released.step().facts
    performer, guardian = permit().people
    assert face_left_ms(f, performer) is None
    assert face_left_ms(f, guardian) == AGAIN_US // 1000
    assert tries_left(f, "guardian") == TRIES


# --- refused faces


@pytest.mark.parametrize(("known_s", "told"), [(None, True), (6, True), (5, False), (0, False)])
def test_a_face_that_resembles_somebody_who_was_not_recognised_is_an_event_at_once(
    unproven: Bench, known_s: int | None, told: bool
) -> None:
    """ANT-01: single pictures of somebody who turns the head are refused, too; they are no event."""
    unproven.now += 60 * SECOND
    unproven.faces = {}
    if known_s is not None:
        unproven.faces["performer"] = Face(unproven.now - known_s * SECOND, "performer", 350, "not_proven", "dlib")
    unproven.strangers = (FaceRefused(unproven.now, "performer", 540),)
    unproven.step(ms=0)
    found = [note.data for note in unproven.found("identity.refused")]
    assert found == ([{
        "code": "face_far", "chan": "", "nearest": "performer", "distance_milli": 540,
        "limit_milli": GB.face_distance_milli.value,
    }] if told else [])  # fmt: skip


def test_an_old_refusal_is_no_event(unproven: Bench) -> None:
    unproven.now += 60 * SECOND
    unproven.strangers = (FaceRefused(unproven.now - 6 * SECOND, "performer", 540),)
    unproven.step(ms=0)
    assert not unproven.found("identity.refused")


def test_the_advice_of_a_passive_model_is_written_down_and_decides_nothing(unproven: Bench) -> None:
    """ANT-01: scores say more about the frame around a picture than about the face."""
    prove(unproven, "guardian")
    see(unproven, "performer", "proven")
    unproven.faces["performer"] = replace(unproven.faces["performer"], live_milli=12)
    unproven.run(1)
    notes = {note.data["chan"]: note.data for note in unproven.found("identity.verified")}
    assert notes["performer"]["live_milli"] == 12
    assert "live_milli" not in notes["guardian"]
    assert unproven.mode is Mode.PERMISSIVE_OK
