"""The way out of a latch: each cause alone holds it, and what a reset remembers and writes."""

import msgspec
import pytest

from contracts.event import ActionResult, Severity
from edge.gas.reading import Quality
from edge.interlock.conditions import CONDITIONS
from edge.interlock.happenings import ResetRequested
from edge.interlock.resetting import clear_fault, proof_missing, reset
from edge.interlock.state import Mode, ProofTest, Reason
from edge.interlock.turn import Turn
from tests.edge.interlock.bench import GB, SECOND, WALL_S, Bench
from tests.edge.interlock.changes import changed, note, turn

replace = msgspec.structs.replace
TWO = ("leader", "engineer")
NO = {"sev": Severity.WARNING, "res": ActionResult.DENIED, "snapshot": True}


@pytest.fixture
def latched(ready: Bench) -> Bench:
    """A trip whose cause is gone."""
    ready.durable = replace(ready.durable, mode=Mode.TRIPPED, first_out=Reason("gone", "x"), active="HW-1")
    return ready


def _reset(bench: Bench, **durable: object) -> Turn:
    made = turn(bench, **durable)
    reset(made)
    return made


def test_a_reset_remembers_that_it_was_done_and_accepts_the_clock(latched: Bench) -> None:
    """BOX-02: whoever resets has looked at the time."""
    latched.wall_jump_ms = -7_000
    latched.volatile = replace(latched.volatile, reset_window_until_us=9, stepped_ms=8)
    latched.durable = replace(latched.durable, clock_back_ms=7_000, over_range=("ch4-1",))
    made = _reset(latched)
    clock = latched.clock
    assert changed(latched.durable, made.d) == {
        "reset_done": True, "clock_offset_ms": clock.t - clock.at_us // 1000, "clock_back_ms": 0, "over_range": (),
    }  # fmt: skip
    assert changed(latched.volatile, made.v) == {"reset_window_until_us": 0, "stepped_ms": 0}
    assert made.notes == [note("interlock.reset", actor=("person", "leader"), snapshot=True, first_out="gone")]


def test_a_reset_ends_the_suspension_of_the_permit_that_decides_and_of_no_other(latched: Bench) -> None:
    """PTW-17."""
    held = {"suspended": ("HW-2", "HW-1", "HW-3"), "first_out": None}
    assert _reset(latched, **held).d.suspended == ("HW-2", "HW-3")
    assert _reset(latched, **held, permits=()).d.suspended == held["suspended"]


@pytest.mark.parametrize(
    ("code", "subject", "ended"),
    [("permit_suspended", "HW-1", True), ("permit_suspended", "", True), ("permit_suspended", "HW-2", False),
     ("permit_void", "HW-1", False)],
)  # fmt: skip
def test_a_suspension_ends_with_a_latch_only_that_tells_of_it(latched: Bench, code: str, subject: str, ended: bool) -> None:
    """PTW-17: else whoever resets a trip would end what nobody has read."""
    told, gone = Reason(code, subject), Reason("gone", "x")
    for causes in ({"first_out": told}, {"first_out": gone, "consequences": (gone, told)}):
        made = _reset(latched, suspended=("HW-1",), **causes)
        assert made.d.reset_done
        assert made.d.suspended == (() if ended else ("HW-1",))


def test_a_reset_without_a_latch_names_no_cause(ready: Bench) -> None:
    made = _reset(ready, over_range=("ch4-1",))
    assert [n.data for n in made.notes] == [{"first_out": ""}]


def test_nobody_entitled_here_is_a_refusal_that_changes_nothing(latched: Bench) -> None:
    latched.badges[1003] = False
    del latched.badge_seen[1003]
    made = _reset(latched)
    assert (made.d, made.v) == (latched.durable, latched.volatile)
    assert made.notes == [note("interlock.reset_refused", **NO, reasons=[{"code": "reset_unauthorised", "chan": ""}])]


@pytest.mark.parametrize(
    ("is_key", "left_us", "ok"), [(True, 0, True), (False, 1, True), (False, 0, False), (False, -1, False)]
)
def test_a_push_button_needs_its_window_and_a_key_none(latched: Bench, is_key: bool, left_us: int, ok: bool) -> None:
    latched.site = replace(latched.site, reset_is_key=is_key)
    latched.volatile = replace(latched.volatile, reset_window_until_us=latched.now + left_us)
    made = _reset(latched)
    assert made.d.reset_done is ok
    if not ok:
        assert made.notes == [note("interlock.reset_refused", **NO, reasons=[{"code": "reset_window", "chan": ""}])]


CURABLE_ELSEWHERE = ("permit", "deadline", "level", "lease", "clock", "gas", "latch")
CREW = ("guardian", "performer", "faces", "faces_again")


@pytest.mark.parametrize("cause", ["first", "after", "other subject", "other code"])
@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_what_blocks_every_reset_and_what_opened_the_relay_hold_it(latched: Bench, condition: object, cause: str) -> None:
    """Design "Reset": danger blocks always; everything else only where it was the cause; some things never."""
    bad = Reason("bad", "here")
    made = turn(latched)
    name = condition.name  # type: ignore[attr-defined]
    made.verdicts[name] = replace(made.verdicts[name], reasons=(bad,))
    held = {
        "first": {"first_out": bad}, "after": {"consequences": (bad,)},
        "other subject": {"first_out": Reason("bad", "there")}, "other code": {"first_out": Reason("worse", "here")},
    }[cause]  # fmt: skip
    made.d = replace(made.d, **held)
    reset(made)
    always = condition.blocks_reset and condition.release and name != "gas"  # type: ignore[attr-defined]
    blocked = always or (cause in ("first", "after") and name not in CURABLE_ELSEWHERE)
    assert made.d.reset_done is not blocked
    if blocked:
        assert made.notes == [note("interlock.reset_refused", **NO, reasons=[{"code": "bad", "chan": "here"}])]


@pytest.mark.parametrize("name", CREW)
def test_the_crew_of_a_permit_that_is_over_need_not_come_back(latched: Bench, name: str) -> None:
    bad = Reason("bad")
    for over in (False, True):
        made = turn(latched, first_out=bad)
        made.verdicts[name] = replace(made.verdicts[name], reasons=(bad,))
        if over:
            made.verdicts["permit"] = replace(made.verdicts["permit"], reasons=(Reason("permit_finished"),))
        reset(made)
        assert made.d.reset_done is over


def test_gas_holds_a_reset_whatever_the_cause_was(latched: Bench) -> None:
    latched.gas["ch4-1"].value = 40.0
    made = _reset(latched)
    assert [r["code"] for r in made.notes[0].data["reasons"]] == ["gas_high"]


def test_a_latched_over_range_that_still_reads_gas_is_told_as_the_latch_that_it_is(latched: Bench) -> None:
    latched.gas["ch4-1"].value = 40.0
    made = _reset(latched, over_range=("ch4-1",))
    assert [r["code"] for r in made.notes[0].data["reasons"]] == ["gas_over_range"]


def test_a_reset_frees_the_over_range_channels_that_are_well_and_no_other(latched: Bench) -> None:
    """A head still over range in a 2oo3 group keeps its latch; the vote of the others is enough for the reset."""
    latched.gas["ch4-4"].quality = Quality.OVER_RANGE
    made = _reset(latched, over_range=("ch4-4", "ch4-1"))
    assert (made.d.reset_done, made.d.over_range) == (True, ("ch4-4",))
    latched.gas["ch4-5"].quality = Quality.FAULT
    made = _reset(latched, over_range=("ch4-4", "ch4-1"))
    assert (made.d.reset_done, made.d.over_range) == (False, ("ch4-4", "ch4-1"))
    assert [r["chan"] for r in made.notes[0].data["reasons"]] == ["ch4-4", "ch4-5"]


# --- the fault


@pytest.fixture
def faulty(ready: Bench) -> Bench:
    """A fault whose repair is done, proven, and asked to be cleared by two people who are here."""
    ready.badges[1004] = True
    ready.step()
    since = ready.now
    ready.now += 10 * SECOND
    ready.durable = replace(
        ready.durable, mode=Mode.FAULT, since_us=since, first_out=Reason("welded"),
        proof_test=ProofTest(ready.now - SECOND, WALL_S, TWO, True, ()),
    )  # fmt: skip
    ready.volatile = replace(ready.volatile, fault_window=(ready.now + SECOND, TWO))
    return ready


def _clear(bench: Bench) -> Turn:
    made = turn(bench)
    clear_fault(made)
    return made


def test_a_cleared_fault_is_a_trip_that_still_waits_for_its_reset(faulty: Bench) -> None:
    """Two named people, proof test, contact open: EN ISO 13849-1."""
    made = _clear(faulty)
    assert changed(faulty.durable, made.d) == {"mode": Mode.TRIPPED, "since_us": faulty.now, "fault_cleared_by": TWO}
    assert changed(faulty.volatile, made.v) == {"fault_window": (0, ())}
    assert made.notes == [note("interlock.fault_cleared", sev=Severity.WARNING, snapshot=True, by=list(TWO))]
    assert made.d.latched


@pytest.mark.parametrize("left_us", [0, -1, 1])
def test_the_window_of_a_fault_ends_at_its_time(faulty: Bench, left_us: int) -> None:
    faulty.volatile = replace(faulty.volatile, fault_window=(faulty.now + left_us, TWO))
    assert (_clear(faulty).d.mode is Mode.TRIPPED) is (left_us > 0)


@pytest.mark.parametrize("people", [(), ("leader",), ("leader", "leader"), ("leader", "performer"), ("engineer", "x")])
def test_two_different_entitled_people_must_have_asked(faulty: Bench, people: tuple[str, ...]) -> None:
    faulty.volatile = replace(faulty.volatile, fault_window=(faulty.now + 1, people))
    made = _clear(faulty)
    assert changed(faulty.durable, made.d) == {}
    assert made.notes == [note("interlock.reset_refused", **NO, reasons=[{"code": "fault_latched", "chan": ""}])]


@pytest.mark.parametrize("badge", [1003, 1004])
def test_each_of_the_two_must_be_here(faulty: Bench, badge: int) -> None:
    faulty.badges[badge] = False
    del faulty.badge_seen[badge]
    assert _clear(faulty).d.mode is Mode.FAULT


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_controller_contact_and_buttons_must_be_sound_and_nothing_else(faulty: Bench, condition: object) -> None:
    made = turn(faulty)
    name = condition.name  # type: ignore[attr-defined]
    made.verdicts[name] = replace(made.verdicts[name], reasons=(Reason("bad"),))
    clear_fault(made)
    assert (made.d.mode is Mode.FAULT) is (name in ("deadman", "contact_open", "inputs"))


def test_a_refusal_names_the_missing_proof(faulty: Bench) -> None:
    faulty.durable = replace(faulty.durable, proof_test=None)
    made = _clear(faulty)
    proof = {"code": "proof_none", "chan": "", "clause": GB.proof_test_s.clause}
    assert made.notes == [note("interlock.reset_refused", **NO, reasons=[{"code": "fault_latched", "chan": ""}, proof])]


PROOF_US = GB.proof_test_s.value * SECOND


@pytest.mark.parametrize(
    ("after_us", "age_us", "ok", "code"),
    [
        (1, 0, True, ""), (1, PROOF_US, True, ""), (1, PROOF_US + 1, True, "proof_old"), (0, 0, True, "proof_none"),
        (-1, 0, True, "proof_none"), (1, 0, False, "proof_none"),
    ],
)  # fmt: skip
def test_a_proof_test_counts_that_passed_after_the_fault_began_and_is_young(
    faulty: Bench, after_us: int, age_us: int, ok: bool, code: str
) -> None:
    """proof_test_s: to the microsecond."""
    test = ProofTest(faulty.durable.since_us + after_us, WALL_S, TWO, ok, ())
    durable = replace(faulty.durable, proof_test=test)
    rule = GB.proof_test_s
    wanted = {
        "": [], "proof_none": [Reason("proof_none", "", None, None, "", rule.clause)],
        "proof_old": [Reason("proof_old", "", age_us // 1000, rule.value * 1000, "s", rule.clause)],
    }[code]  # fmt: skip
    assert proof_missing(GB, faulty.site, durable, test.at_us + age_us) == wanted


def test_without_a_proof_test_there_is_none(faulty: Bench) -> None:
    missing = proof_missing(GB, faulty.site, replace(faulty.durable, proof_test=None), faulty.now)
    assert missing == [Reason("proof_none", "", None, None, "", GB.proof_test_s.clause)]


@pytest.mark.parametrize(
    ("wired", "pulse", "code"),
    [
        ((), False, ""), (("isolated",), False, ""), (("test_key",), False, ""), ((), True, ""),
        (("test_key", "isolated"), False, "proof_drill"), (("test_key", "isolated"), True, ""),
        (("isolated", "test_key"), False, "proof_drill"),
    ],
)  # fmt: skip
def test_where_the_contact_can_be_closed_for_a_test_a_drill_does_not_leave_a_fault(
    faulty: Bench, wired: tuple[str, ...], pulse: bool, code: str
) -> None:
    """EN ISO 13849-1, proof test: a contactor that was exchanged has moved before it is trusted."""
    site = replace(faulty.site, proof_inputs=wired)
    test = ProofTest(faulty.durable.since_us + 1, WALL_S, TWO, True, (), pulse)
    missing = proof_missing(GB, site, replace(faulty.durable, proof_test=test), test.at_us)
    assert missing == ([Reason(code, "", None, None, "", GB.proof_test_s.clause)] if code else [])


# --- through the whole step


def test_the_reset_edge_in_a_fault_resets_nothing_but_clears_it(faulty: Bench) -> None:
    """A second movement resets the trip that a fault becomes."""
    faulty.step(ResetRequested(1000, TWO), ms=0)
    faulty.press("reset")
    assert (faulty.mode, faulty.durable.reset_done) == (Mode.TRIPPED, False)
    faulty.press("reset")
    assert faulty.durable.reset_done or faulty.mode is Mode.PERMISSIVE_OK


@pytest.mark.parametrize("why", ["nothing", "latch", "over range", "clock"])
def test_a_reset_edge_counts_where_there_is_something_to_reset(ready: Bench, why: str) -> None:
    changes: dict[str, dict[str, object]] = {
        "nothing": {}, "latch": {"first_out": Reason("gone")}, "over range": {"over_range": ("ch4-4",)},
        "clock": {"clock_back_ms": 5},
    }  # fmt: skip
    ready.durable = replace(ready.durable, **changes[why])
    ready.press("reset")
    assert bool(ready.found("interlock.reset")) is (why != "nothing")
    assert ready.mode is Mode.PERMISSIVE_OK
