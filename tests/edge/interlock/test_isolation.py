"""A proof of isolation ages, and any confirmation can be taken back (PTW-11, GB 30871-2022 5.2.2, 4.17)."""

import pytest

from contracts.errors import ContractError
from contracts.permit import Level, PermitClaims, Precondition
from edge.interlock import entering
from edge.interlock.conditions.measures import measures
from edge.interlock.conditions.preconditions import preconditions
from edge.interlock.happenings import Confirmed, PermitAccepted, Withdrawn
from edge.interlock.kernel import Relay
from edge.interlock.state import Confirmation, Mode, Opening, Reason
from tests.edge.interlock.bench import GB, SECOND, WALL_S, Bench, permit, replace
from tests.edge.interlock.test_taking import _take
from tests.edge.interlock.wording import Wording

BLIND = Precondition("blind", "盲板 B-7 blind B-7", "isolation")
SWEPT = Precondition("swept", "已清扫 swept")
HOUR_US = 3600 * SECOND
RULE = GB.isolation_daily


def _codes(bench: Bench, *, proven_us: int | None, opened_us: int | None = None, wall_s: int | None = None, jti: str = "") -> list[Reason]:
    """The reasons when the blind was proven and the relay opened that long ago."""
    f = bench.step().facts
    assert f.permit is not None
    number = jti or f.permit.jti
    proofs = {} if proven_us is None else {f"{f.permit.jti}/blind": Confirmation("guardian", f.now_us - proven_us)}
    opening = None if opened_us is None else Opening(number, f.now_us - opened_us, by_gas=False)
    wall_s = f.wall_s if wall_s is None else wall_s
    f = replace(
        f, durable=replace(f.durable, preconditions=proofs, opening=opening), wall_s=wall_s, wall_us=wall_s * SECOND
    )
    return list(preconditions(f).reasons)


def _confirmed(claims: PermitClaims) -> Bench:
    """Ready to arm, everything that the permit asks for confirmed just now."""
    bench = Bench()
    bench.step()
    bench.step(PermitAccepted(claims))
    for each in claims.preconditions:
        bench.step(Confirmed(claims.jti, each.id, "guardian"))
    return bench.prepare(claims)


@pytest.fixture
def isolated() -> Bench:
    return _confirmed(permit(preconditions=(BLIND,), end_s=10**6))


@pytest.mark.rule("isolation_daily")
@pytest.mark.parametrize(("past_us", "ok"), [(-1, True), (0, True), (1, False)])
def test_an_isolation_is_proven_again_every_day(isolated: Bench, past_us: int, ok: bool) -> None:
    """The site's midnight: just after it, on it, just before it."""
    f = isolated.step().facts
    since_midnight_us = (f.wall_s * SECOND + f.site.utc_offset_min * 60 * SECOND) % (24 * HOUR_US)
    found = _codes(isolated, proven_us=since_midnight_us + past_us)
    assert found == ([] if ok else [Reason("isolation_day", BLIND.text, (since_midnight_us + past_us) // 1000, None, "s", RULE.clause)])


@pytest.mark.parametrize(("level", "confined", "longest_s"), [(Level.GRADE_1, False, 1800), (Level.GRADE_2, False, 3600), (Level.GRADE_2, True, 3600)])
@pytest.mark.parametrize("past_us", [-1, 0, 1])
def test_an_isolation_is_proven_again_after_a_break(level: Level, confined: bool, longest_s: int, past_us: int) -> None:
    """As long as a gas test outlasts a break, and no microsecond longer (GB 30871-2022 5.3.1 d, 6.3 f)."""
    bench = _confirmed(permit(level=level, confined=confined, preconditions=(BLIND,)))
    noon = WALL_S - WALL_S % 86400 + 4 * 3600
    break_us = longest_s * SECOND + past_us
    found = _codes(bench, proven_us=break_us + 5, opened_us=break_us, wall_s=noon)
    said = [Reason("isolation_break", BLIND.text, break_us // 1000, longest_s * 1000, "s", RULE.clause)]
    assert found == (said if past_us > 0 else [])
    assert all(type(reason.limit_milli) is int for reason in found)


@pytest.mark.parametrize(("later_us", "ok"), [(-1, False), (0, False), (1, True)])
def test_what_was_proven_after_the_opening_holds(isolated: Bench, later_us: int, ok: bool) -> None:
    noon = WALL_S - WALL_S % 86400 + 4 * 3600
    opened_us = 2 * HOUR_US
    assert (_codes(isolated, proven_us=opened_us - later_us, opened_us=opened_us, wall_s=noon) == []) is ok


def test_a_proof_that_is_missing_or_from_the_future_is_none(isolated: Bench) -> None:
    for proven_us in (None, -1):
        assert [reason.code for reason in _codes(isolated, proven_us=proven_us)] == ["isolation_unproven"]
    assert _codes(isolated, proven_us=0) == []


def test_a_pack_may_ask_for_one_proof_only(isolated: Bench) -> None:
    isolated.rules = replace(GB, isolation_daily=replace(RULE, value=False))
    assert _codes(isolated, proven_us=30 * HOUR_US, opened_us=20 * HOUR_US) == []


def test_a_plain_confirmation_does_not_age() -> None:
    bench = _confirmed(permit(preconditions=(SWEPT,)))
    f = bench.step().facts
    old = replace(f.durable, preconditions={"HW-1/swept": Confirmation("guardian", f.now_us - 30 * HOUR_US)})
    assert preconditions(replace(f, durable=old)).ok


# --- taken back ---------------------------------------------------------------------------------------------------


def _with(*wanted: Precondition) -> Bench:
    return _confirmed(permit(preconditions=wanted))


def test_taking_a_confirmation_back_opens_the_contact_at_once() -> None:
    bench = _with(BLIND, SWEPT).release()
    step = bench.step(Withdrawn("HW-1", "blind", "guardian"))
    assert step.relay is Relay.OPEN
    assert step.durable.mode is Mode.TRIPPED
    assert step.durable.first_out == Reason("precondition_withdrawn", "blind", clause="GB 30871-2022 4.17; PTW-11")
    assert list(step.durable.preconditions) == ["HW-1/swept"]
    (note,) = [each for each in step.notes if each.type == "permit.withdrawn"]
    assert (note.actor, note.permit, note.data) == (("person", "guardian"), "HW-1", {"id": "blind"})
    assert note.sev.value == "warning"


def test_taking_a_confirmation_back_ends_an_attempt() -> None:
    bench = _with(SWEPT)
    bench.press("arm")
    assert bench.mode is Mode.ARMED
    step = bench.step(Withdrawn("HW-1", "swept", "guardian"))
    assert (step.durable.mode, bench.latch) == (Mode.TRIPPED, False)
    assert step.durable.first_out is not None
    assert step.durable.first_out.code == "precondition_withdrawn"


def test_taking_a_confirmation_back_refuses_the_next_release_without_a_trip() -> None:
    bench = _with(SWEPT)
    step = bench.step(Withdrawn("HW-1", "swept", "guardian"))
    assert step.durable.first_out is None
    assert [reason.code for reason in step.verdicts["preconditions"].reasons] == ["precondition"]


@pytest.mark.parametrize("mode", [Mode.LOCKED, Mode.PERMISSIVE_OK, Mode.TRIPPED, Mode.FAULT])
def test_an_open_contact_has_nothing_to_trip(mode: Mode) -> None:
    """Also of the permit that was released last."""
    bench = _with(SWEPT)
    bench.durable = replace(bench.durable, mode=mode, active="HW-1", first_out=None)
    made, kept, _ = _take(bench, Withdrawn("HW-1", "swept", "guardian"))
    assert made.asked == []
    assert kept == {"preconditions": {}}


def test_what_is_taken_back_of_another_permit_leaves_the_work_alone() -> None:
    bench = _with(SWEPT).release()
    step = bench.step(Withdrawn("HW-2", "swept", "guardian"))
    assert step.durable.mode is Mode.RELEASED
    assert [note.permit for note in step.notes if note.type == "permit.withdrawn"] == ["HW-2"]
    assert list(step.durable.preconditions) == ["HW-1/swept"]


def test_whoever_takes_it_back_is_not_asked_to_be_here() -> None:
    f = _with(BLIND).step().facts
    assert entering.withdraw(f, "HW-1", "blind", "anybody") == Withdrawn("HW-1", "blind", "anybody")
    assert entering.withdraw(f, "HW-1", "blind", "x" * 64).person == "x" * 64


@pytest.mark.parametrize(
    ("number", "precondition", "person"),
    [("HW-2", "blind", "guardian"), ("HW-1", "swept", "guardian"), ("HW-1", "", "guardian"), ("HW-1", "blind", ""),
     ("HW-1", "blind", "x" * 65), ("HW-1", "blind", "a\nb")],
    ids=["another permit", "not of it", "nothing", "nobody", "too long a name", "two lines"],
)  # fmt: skip
def test_nothing_is_taken_back_that_is_not_confirmed(number: str, precondition: str, person: str, wording: Wording) -> None:
    f = _with(BLIND).step().facts
    with pytest.raises(ContractError) as caught:
        entering.withdraw(f, number, precondition, person)
    wording.check(caught.value)


def test_all_that_is_confirmed_is_named(wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        entering.withdraw(_with(BLIND, SWEPT).step().facts, "HW-1", "vented", "guardian")
    assert caught.value.expected == "blind, swept"
    wording.check(caught.value)


def test_a_permit_of_which_nothing_is_confirmed_says_so(wording: Wording) -> None:
    bench = Bench()
    bench.step()
    f = bench.step(PermitAccepted(permit(preconditions=(BLIND,)))).facts
    with pytest.raises(ContractError) as caught:
        entering.withdraw(f, "HW-1", "blind", "guardian")
    wording.check(caught.value)


def test_the_box_shows_how_old_a_proof_is() -> None:
    step = _with(BLIND).step()
    (shown,) = measures("preconditions", step.facts)
    assert shown.at_us is not None
