"""What a supervisor may decide on somebody whose tries are used up, and what not (ANT-01)."""

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.event import Severity
from edge.interlock.conditions.faces import alive, face_problem
from edge.interlock.evidence import Device
from edge.interlock.state import Mode, Reason, Try
from edge.interlock.vouching import judge, wait
from tests.edge.interlock.bench import GB, Bench, permit
from tests.edge.interlock.proofs import AGAIN_US, TRIES, TTL_US, ask, asked, decide, fail, see, supervised, tap, vouch
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace


def test_a_supervisor_vouches_for_one_arming_and_the_log_says_so(stuck: Bench) -> None:
    """ANT-01: counted as vouched, never as proven."""
    decide(supervised(stuck), vouch())
    (note,) = stuck.found("identity.vouched")
    assert (note.sev, note.actor, note.snapshot) == (Severity.WARNING, ("person", "leader"), True)
    assert note.data == {
        "chan": "performer", "decision": "vouched", "why": "known to me for years", "uid": 1000,
        "confirmed": "key", "clause": GB.liveness_tries_count.clause,
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
    decide(supervised(stuck), vouch())
    stuck.step()
    stuck.arm()
    stuck.pressed.add("stop")
    stuck.step()
    stuck.pressed.clear()
    stuck.run(1)
    assert stuck.mode is Mode.LOCKED
    assert stuck.volatile.vouch is None


def test_a_word_ends_with_the_badge_and_with_its_time(stuck: Bench) -> None:
    decide(supervised(stuck), vouch())
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
    decide(supervised(stuck), vouch())
    word = stuck.volatile.vouch
    assert word is not None
    at_us = word.at_us + (1 if later == "the proof" else -1)
    stuck.now += 1
    stuck.faces["performer"] = replace(stuck.faces["performer"], at_us=at_us, liveness="proven")
    known = alive(stuck.step().facts, "performer")
    assert known == ((at_us, "proven") if later == "the proof" else (word.at_us, "vouched"))


def test_new_tries_forgive_the_one_that_was_broken_off(stuck: Bench) -> None:
    supervised(stuck)
    ask(stuck, "performer", 3)
    decide(stuck, vouch(again=True))
    ask(stuck, "performer", 0, "m")
    assert (stuck.durable.trying, stuck.durable.liveness_failed) == (None, {})
    stuck.durable = replace(stuck.durable, liveness_failed={"performer": TRIES}, trying=Try("guardian", "n", 3, 8))
    decide(stuck, vouch(again=True))
    assert stuck.durable.trying == Try("guardian", "n", 3, 8), "another person's is another matter"


@pytest.mark.parametrize(("age_us", "allowed"), [(TTL_US, True), (TTL_US + 1, False)])
def test_while_released_too_whoever_is_vouched_for_was_recognised_just_now(
    released: Bench, wording: Wording, age_us: int, allowed: bool
) -> None:
    """BOX-04: a face of an hour ago is nobody's; of the guardian at the re-check the rule for arming holds."""
    supervised(released).looking.clear()
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
    decide(supervised(stuck), vouch(again=True))
    assert stuck.durable.liveness_failed == {}
    assert stuck.volatile.vouch is None
    assert stuck.found("identity.vouched")[-1].data["decision"] == "again"
    assert asked(stuck) == ("performer",)


def test_a_command_alone_decides_nothing(stuck: Bench) -> None:
    """ANT-01: whoever has a shell can type the supervisor's name; the supervisor's badge may just be near."""
    supervised(stuck).step(vouch())
    stuck.run(GB.reset_window_s.value + 1)
    see(stuck, "performer")
    stuck.step()
    assert stuck.missing() >= {"liveness_failed"}
    assert (stuck.volatile.vouch, stuck.volatile.vouching) == (None, None)
    (told,) = stuck.found("identity.vouch_asked")
    assert told.actor == ("cli", "1000")
    assert (told.data["by"], told.data["chan"], told.data["decision"]) == ("leader", "performer", "vouched")
    assert not stuck.found("identity.vouched")
    stuck.press("reset")
    assert not stuck.found("identity.vouched"), "too late"


@pytest.mark.parametrize("again", [False, True])
def test_where_there_is_a_reader_only_the_supervisors_own_card_confirms(stuck: Bench, again: bool) -> None:
    """ANT-01: no other card, no card of before, no key."""
    supervised(stuck)
    stuck.site = replace(stuck.site, reads_cards=True)
    tap(stuck)
    stuck.step(vouch(again=again))
    tap(stuck, "engineer")
    stuck.press("reset")
    assert not stuck.found("identity.vouched")
    tap(stuck)
    (note,) = stuck.found("identity.vouched")
    assert (note.data["confirmed"], note.data["uid"]) == ("card", 1000)
    tap(stuck)
    assert len(stuck.found("identity.vouched")) == 1, "one window, one decision"


def test_a_card_without_its_badge_confirms_nothing_until_both_are_here(stuck: Bench) -> None:
    supervised(stuck)
    stuck.site = replace(stuck.site, reads_cards=True)
    stuck.step(vouch())
    seen = stuck.badge_seen[1003]
    stuck.badges[1003] = False
    stuck.badge_seen[1003] = seen - 60 * 1_000_000
    tap(stuck)
    assert not stuck.found("identity.vouched")
    stuck.badges[1003] = True
    tap(stuck)
    assert stuck.found("identity.vouched")


def test_the_key_that_resets_does_not_vouch_as_well(stuck: Bench) -> None:
    """One movement of the hand, one meaning."""
    supervised(stuck).step(vouch())
    stuck.pressed.add("stop")
    stuck.step()
    stuck.pressed.clear()
    stuck.durable = replace(stuck.durable, over_range=("ch4-1",))
    stuck.press("reset")
    assert stuck.found("interlock.reset")
    assert not stuck.found("identity.vouched")
    stuck.press("reset")
    assert stuck.found("identity.vouched")


def test_nobody_slips_another_decision_under_the_supervisors_hand(stuck: Bench, wording: Wording) -> None:
    """Two windows at once would leave open what the hand confirms."""
    f = supervised(stuck).step(vouch(again=True)).facts
    with pytest.raises(ContractError) as error:
        wait(f, vouch(uid=1001))
    wording.check(error.value)
    stuck.step(vouch(uid=1001))
    stuck.press("reset")
    assert [note.data["decision"] for note in stuck.found("identity.vouched")] == ["again"]


@pytest.mark.parametrize("case", ["broken reader", "latched"])
def test_what_cannot_be_confirmed_is_not_asked_for(stuck: Bench, wording: Wording, case: str) -> None:
    supervised(stuck)
    if case == "latched":
        stuck.durable = replace(stuck.durable, first_out=Reason("stop"))
    else:
        stuck.site = replace(stuck.site, reads_cards=True)
        stuck.devices["nfc"] = Device(stuck.now, "nfc", "silent", 0)
    with pytest.raises(ContractError) as error:
        wait(stuck.step(ms=0).facts, vouch())
    wording.check(error.value)


def test_another_permit_ends_what_waits_for_the_supervisor(stuck: Bench) -> None:
    supervised(stuck).step(vouch())
    stuck.volatile = replace(stuck.volatile, voids_of="HW-0")
    stuck.step()
    assert stuck.volatile.vouching is None


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
    bench = supervised(stuck)
    bench.durable = replace(bench.durable, **durable)
    before = bench.step(ms=0)
    with pytest.raises(ContractError) as error:
        judge(before.facts, vouch(**changes))
    wording.check(error.value)
    decide(bench, vouch(**changes))
    assert bench.volatile.vouch is None
    assert not bench.found("identity.vouch_asked")
    assert not bench.found("identity.vouched")


def test_without_a_permit_there_is_nobody_to_vouch_for(bench: Bench, wording: Wording) -> None:
    with pytest.raises(ContractError) as error:
        judge(supervised(bench).step().facts, vouch())
    wording.check(error.value)


def test_whoever_is_vouched_for_is_here(stuck: Bench, wording: Wording) -> None:
    supervised(stuck).badges[1001] = False
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
    decide(supervised(stuck), vouch())
    fail(stuck, "guardian")
    with pytest.raises(ContractError) as error:
        judge(stuck.step().facts, vouch(person="guardian"))
    wording.check(error.value)
    assert judge(stuck.step().facts, vouch(person="guardian", again=True)).person == "guardian"


def test_a_face_that_the_camera_did_not_recognise_is_not_vouched_for(stuck: Bench, wording: Wording) -> None:
    """Only liveness is taken on trust, never who it is."""
    del stuck.faces["performer"]
    supervised(stuck)
    with pytest.raises(ContractError) as error:
        judge(stuck.step().facts, vouch())
    wording.check(error.value)
