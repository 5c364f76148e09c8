"""What people see of the movement that is asked for, of how each is known, and of refused faces."""

import msgspec
import pytest

from edge.interlock.conditions.faces import face_left_ms, liveness, tries_left
from edge.interlock.conditions.measures import measures
from edge.interlock.evidence import Face, FaceRefused, Prompt
from edge.interlock.prompt_view import END_US, prompt
from edge.interlock.state import Mode
from edge.interlock.view import build
from tests.edge.interlock.bench import GB, SECOND, Bench, permit
from tests.edge.interlock.proofs import AGAIN_US, TRIES, TTL_US, fail, prove, say, see

replace = msgspec.structs.replace


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


@pytest.mark.parametrize(("result", "why", "failed", "en"), [
    ("passed", "", 0, "verified"), ("failed", "late", 1, "not verified: wait, then try again"),
    ("failed", "flat", 1, "not verified: wait, then try again and turn further"),
    ("failed", "late", TRIES, "not verified: call a supervisor"), ("failed", "flat", TRIES, "not verified: call a supervisor"),
])  # fmt: skip
def test_the_end_of_a_try_is_shown_for_a_moment(unproven: Bench, result: str, why: str, failed: int, en: str) -> None:
    for _ in range(max(1, failed)):
        say(unproven, "performer", result, why)
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


def test_a_proof_that_became_worthless_is_shown_as_none(unproven: Bench) -> None:
    """The last picture of it is still there; what is shown is what counts."""
    prove(unproven, "guardian")
    f = unproven.step().facts
    assert liveness(f, "guardian") == (unproven.faces["guardian"].at_us, "proven")
    f = replace(f, volatile=replace(f.volatile, voids={"guardian": f.now_us}))
    assert liveness(f, "guardian") == (None, "not_proven")
    (shown,) = [m.en for m in measures("faces", f) if m.subject == "李监护" and m.en.startswith("liveness")]
    assert shown == "liveness: not proven"
    lax = replace(f, rules=replace(GB, liveness=replace(GB.liveness, value="not_proven")))
    assert liveness(lax, "guardian") == (unproven.faces["guardian"].at_us, "proven")
    assert liveness(f, "nobody") == (None, "")


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
