"""What a start makes of what was kept, field by field: the same boot, another one, a lost state, an unclean end."""

from hashlib import sha256

import msgspec
import pytest

from contracts.event import ActionResult, Category, Severity
from contracts.permit import Precondition
from edge.interlock.decision_record import Start
from edge.interlock.proving import DetectorRecord, Proof, Result
from edge.interlock.record import Note
from edge.interlock.restart import again, is_used, recover
from edge.interlock.snapshot import Clock
from edge.interlock.state import (
    Bypass,
    Confirmation,
    DamagedStateError,
    Durable,
    FireWatch,
    GasTest,
    Mode,
    Opening,
    ProofTest,
    Reason,
    Reconfirmation,
    Try,
    decode,
    encode,
    milli,
)
from tests.edge.interlock.bench import GB, SECOND, SITE, WALL_S, permit
from tests.edge.interlock.changes import changed, note

replace = msgspec.structs.replace
NOW = 50 * SECOND
WATCH_US = GB.fire_watch_s.value * SECOND
OLD_OFFSET_MS = WALL_S * 1000 - 9_000_000
"""Of the last boot, which was then 9000 s old."""
CLOCK = Clock(t=WALL_S * 1000 + 100_000, at_us=NOW, quality="rtc", error_ms=0, floor=0)
"""The wall clock at this start, 100 s later."""
SHIFT_US = (OLD_OFFSET_MS - (CLOCK.t - NOW // 1000) - 1000) * 1000
"""A time of the last boot in this one's, with the second that a real-time clock does not tell."""
PROOF = Proof(WALL_S * 1000, 77, Result.PASSED, "", 50.0, 49.0, 8000, "leader", "bottle-1")
KEPT = Durable(
    boot_id="old",
    mode=Mode.TRIPPED,
    since_us=8_000 * SECOND,
    attempt=3,
    active="HW-1",
    first_out=Reason("stop_pressed"),
    consequences=(Reason("gas_high", "ch4-1"),),
    over_range=("ch4-1",),
    preconditions={"HW-1/a": Confirmation("x", 5), "HW-1/b": Confirmation("y", 7, 60_000, "photo")},
    reconfirmed=Reconfirmation("HW-1", "guardian", 11),
    as_of=WALL_S,
    gas_test=GasTest(13, WALL_S, "leader", "PGM", ()),
    gas_alarm_us=17,
    opening=Opening("HW-1", 19, by_gas=True),
    fire_watch=FireWatch("HW-1", 23, 29),
    detectors={"a": DetectorRecord(bump=PROOF), "b": DetectorRecord(calibration=replace(PROOF, due_s=4)), "c": DetectorRecord()},
    bypasses=(Bypass("ch4-4", ("a", "b"), "r", "m", 1, 2), Bypass("ch4-5", ("a", "b"), "r", "m", 1, 2)),
    proof_test=ProofTest(31, WALL_S, ("a", "b"), True, ()),
    clock_offset_ms=OLD_OFFSET_MS,
    clock_trusted=True,
    clock_back_ms=5,
    signed_offset_ms=6,
    signed_ahead_s=7,
)


def _start(found: Durable | None, *, boot: str = "new", clock: Clock = CLOCK, first: bool = False):  # type: ignore[no-untyped-def]
    """A start, made from its arguments and once more from its record."""
    start = Start(SITE, GB, found, first, boot, NOW, clock)
    made = recover(found, first_start=first, boot_id=boot, now_us=NOW, rules=GB, clock=clock)
    assert again(start) == made
    return made


def _said(kind: str, cat: Category, sev: Severity, permit: str = "", attempt: int = 0, **more: object) -> Note:
    snapshot = bool(more.pop("snapshot", False))
    return note(kind, cat, sev, permit=permit, attempt=attempt, snapshot=snapshot, **more)


ENDED = tuple(
    _said("bypass.ended", Category.BYPASS, Severity.WARNING, chan=name, why="the box was started anew")
    for name in ("ch4-4", "ch4-5")
)
UNKNOWN = {
    "boot_id": "new", "since_us": NOW, "fire_watch": FireWatch("HW-1", NOW, NOW + WATCH_US), "clock_offset_ms": None,
    "clock_trusted": False, "signed_offset_ms": None, "signed_ahead_s": None, "bypasses": (), "proof_test": None,
    "detectors": {
        "a": DetectorRecord(bump=replace(PROOF, at_us=0)), "b": DetectorRecord(calibration=replace(PROOF, at_us=0, due_s=4)),
        "c": DetectorRecord(),
    },
}  # fmt: skip
"""What another boot changes whatever the clock says."""
FORGOTTEN = {
    "gas_test": None, "gas_alarm_us": 0, "opening": None, "reconfirmed": None,
    "preconditions": {"HW-1/a": Confirmation("x", 5)},
}  # fmt: skip
"""What nobody knows the age of when the clock cannot tell."""
MOVED = {
    "gas_test": GasTest(13 + SHIFT_US, WALL_S, "leader", "PGM", ()), "gas_alarm_us": 17 + SHIFT_US,
    "opening": Opening("HW-1", 19 + SHIFT_US, by_gas=True),
    "reconfirmed": Reconfirmation("HW-1", "guardian", 11 + SHIFT_US),
    "preconditions": {
        "HW-1/a": Confirmation("x", 5 + SHIFT_US), "HW-1/b": Confirmation("y", 7 + SHIFT_US, 60_000, "photo"),
    },
}  # fmt: skip
"""The same, moved to this boot by a clock that can be believed."""


def test_the_same_boot_keeps_everything() -> None:
    """Latches, bypasses, tests, watch: a process that died knows how long ago."""
    assert _start(KEPT, boot="old") == (KEPT, ())


@pytest.mark.parametrize("boot", ["old", "new"])
@pytest.mark.parametrize("before", [{}, {"x": 1, "y": 2}])
def test_a_try_that_the_restart_broke_off_has_failed(boot: str, before: dict[str, int]) -> None:
    """ANT-01: pulling the plug buys no other order of movements."""
    found = Durable(boot_id="old", liveness_failed=before, trying=Try("x", "n", 3, 8))
    durable, notes = _start(found, boot=boot)
    failed = before.get("x", 0) + 1
    assert (durable.trying, durable.liveness_failed) == (None, {**before, "x": failed})
    assert notes == (
        note(
            "identity.liveness_failed", Category.IDENTITY, Severity.WARNING, ActionResult.DENIED, actor=("person", "x"),
            permit="", chan="x", why="broken_off", number=3, movements=8, failed=failed,
            tries=GB.liveness_tries_count.value,
        ),
    )  # fmt: skip


def test_another_boot_moves_every_time_by_a_clock_that_can_be_believed() -> None:
    """GB 30871-2022 5.3.1 c: what is measured ages while the power is off; the watch begins again."""
    durable, notes = _start(KEPT)
    assert changed(KEPT, durable) == {**UNKNOWN, **MOVED}
    assert notes == ENDED


def test_the_clocks_error_makes_everything_older() -> None:
    durable, _ = _start(KEPT, clock=replace(CLOCK, error_ms=2_000))
    assert durable.gas_alarm_us == 17 + SHIFT_US - 2_000_000


@pytest.mark.parametrize(
    ("found", "clock"),
    [
        ({"clock_offset_ms": None}, {}), ({"clock_trusted": False}, {}), ({}, {"quality": "none"}),
        ({}, {"floor": CLOCK.t + 1}), ({"as_of": CLOCK.t // 1000 + 1}, {}),
    ],
    ids=["never read", "not trusted then", "no source now", "below the floor", "behind signed time"],
)  # fmt: skip
def test_a_clock_that_cannot_be_believed_makes_everything_that_ages_unknown(
    found: dict[str, object], clock: dict[str, object]
) -> None:
    """BOX-02: each of them alone; confirmations that do not age stand."""
    kept = replace(KEPT, **found)
    durable, notes = _start(kept, clock=replace(CLOCK, **clock))
    assert changed(replace(kept, clock_offset_ms=0, clock_trusted=True), durable) == {**UNKNOWN, **FORGOTTEN}
    assert notes == ENDED


@pytest.mark.parametrize(("floor_ms", "as_of_s"), [(CLOCK.t, 0), (0, CLOCK.t // 1000)])
def test_a_clock_at_its_floor_is_believed(floor_ms: int, as_of_s: int) -> None:
    durable, _ = _start(replace(KEPT, as_of=as_of_s), clock=replace(CLOCK, floor=floor_ms))
    assert durable.gas_alarm_us == 17 + SHIFT_US


@pytest.mark.parametrize(("later_us", "believed"), [(0, True), (1, False)])
def test_a_clock_that_would_put_the_last_boot_into_the_future_is_not_believed(later_us: int, believed: bool) -> None:
    """What was entered before cannot come after this start."""
    durable, _ = _start(replace(KEPT, since_us=NOW - SHIFT_US + later_us))
    assert (durable.gas_test is not None) is believed


def test_what_was_never_there_is_not_made_by_a_shift() -> None:
    bare = Durable(boot_id="old", clock_offset_ms=OLD_OFFSET_MS, clock_trusted=True)
    durable, notes = _start(bare)
    assert changed(bare, durable) == {
        "boot_id": "new", "since_us": NOW, "clock_offset_ms": None, "clock_trusted": False,
    }  # fmt: skip
    assert notes == ()


# --- armed or released when it ended


@pytest.mark.parametrize("mode", [Mode.ARMED, Mode.RELEASED])
def test_an_unclean_end_comes_up_tripped_with_a_watch_and_says_so_whole(mode: Mode) -> None:
    """Design: first-out `unclean_restart`; no short break excuses an old gas test."""
    kept = replace(KEPT, mode=mode, active="HW-9", first_out=Reason("old"), reset_done=True, opening=Opening("HW-9", 1, False))
    durable, notes = _start(kept, boot="old")
    assert changed(kept, durable) == {
        "mode": Mode.TRIPPED, "since_us": NOW, "first_out": Reason("unclean_restart", "HW-9"), "consequences": (),
        "reset_done": False, "opening": None, "fire_watch": FireWatch("HW-9", NOW, NOW + WATCH_US),
    }  # fmt: skip
    tripped = _said(
        "interlock.tripped", Category.INTERLOCK, Severity.ALARM, "HW-9", 3, snapshot=True, code="unclean_restart",
        chan="HW-9", others=[], released=True,
    )  # fmt: skip
    assert notes == (tripped,)
    assert _start(kept)[1] == (*ENDED, tripped)


@pytest.mark.parametrize("mode", [Mode.LOCKED, Mode.PERMISSIVE_OK, Mode.TRIPPED, Mode.FAULT])
def test_every_other_end_comes_up_as_it_was(mode: Mode) -> None:
    kept = replace(KEPT, mode=mode)
    assert _start(kept, boot="old") == (kept, ())
    assert _start(kept)[0].mode is mode


# --- nothing was found


def test_the_first_start_begins_with_nothing() -> None:
    assert _start(None, first=True) == (Durable(boot_id="new", since_us=NOW), ())


@pytest.mark.parametrize(
    ("quality", "floor_ms", "lost_s"),
    [("rtc", 0, CLOCK.t // 1000), ("rtc", CLOCK.t, CLOCK.t // 1000), ("rtc", CLOCK.t + 5_000, CLOCK.t // 1000 + 5),
     ("none", 7_999, 7)],
)  # fmt: skip
def test_a_lost_state_is_a_fault_with_a_watch_and_the_time_of_the_loss(quality: str, floor_ms: int, lost_s: int) -> None:
    """Who knows which latch, revocation or fault went with it; the time is the clock's, or the newest known."""
    durable, notes = _start(None, clock=replace(CLOCK, quality=quality, floor=floor_ms))
    assert durable == Durable(
        boot_id="new", since_us=NOW, mode=Mode.FAULT, first_out=Reason("state_lost"),
        fire_watch=FireWatch("", NOW, NOW + WATCH_US), lost_s=lost_s,
    )  # fmt: skip
    assert notes == (_said("interlock.fault", Category.INTERLOCK, Severity.ALARM, code="state_lost", chan=""),)


# --- the state file


def test_the_state_file_is_one_line_of_json_and_its_seal() -> None:
    """What was written comes back whole, and only that."""
    file = encode(KEPT)
    body, seal, rest = file.split(b"\n")
    assert msgspec.json.decode(body)["boot_id"] == "old"
    assert (seal, rest) == (sha256(body).hexdigest().encode(), b"")
    assert decode(file) == KEPT


@pytest.mark.parametrize("file", [b"", b"{}", encode(KEPT)[:-1], encode(KEPT) + b"x", encode(KEPT).replace(b"old", b"new")])
def test_a_file_whose_seal_does_not_fit_is_damaged(file: bytes) -> None:
    with pytest.raises(DamagedStateError, match=r"\Athe seal does not fit the content\Z"):
        decode(file)


@pytest.mark.parametrize(
    ("body", "why"), [(b'{"mode":"OPEN"}', "Invalid enum value 'OPEN'"), (b"{", "truncated"), (b'{"boot_id":"\xff"}', "utf-8")]
)
def test_a_sealed_file_that_is_no_state_is_damaged_and_says_why(body: bytes, why: str) -> None:
    with pytest.raises(DamagedStateError, match=why):
        decode(b"%b\n%b\n" % (body, sha256(body).hexdigest().encode()))


@pytest.mark.parametrize(
    ("value", "thousandths"),
    [(None, None), (1.5, 1500), (-0.0004, 0), (9_007_199_254_740.99, 2**53 - 2), (-9_007_199_254_740.99, 2 - 2**53),
     (9_007_199_254_740.992, None), (float("nan"), None), (float("inf"), None)],
)  # fmt: skip
def test_numbers_are_kept_in_thousandths_as_far_as_the_log_can(value: float | None, thousandths: int | None) -> None:
    """2^53 - 2 is the largest thousandfold of a float that it can, 2^53 the next."""
    assert milli(value) == thousandths


def test_what_ages_is_forgotten_when_the_clock_cannot_tell_its_age() -> None:
    """PTW-11: a proof of isolation and a tag's reading age, while a plain confirmation stands."""
    wanted = (Precondition("a", "swept"), Precondition("c", "blind", "isolation"), Precondition("e", "seen", tag="v"))
    proofs = {f"HW-1/{each}": Confirmation("x", 5) for each in "ace"}
    kept = replace(KEPT, permits=(permit(preconditions=wanted),), preconditions=proofs, clock_offset_ms=None)
    durable, _ = _start(kept, clock=CLOCK)
    assert list(durable.preconditions) == ["HW-1/a"]


@pytest.mark.parametrize(
    ("found", "existed", "used"),
    [
        (None, False, False),
        (None, True, True),
        (Durable(boot_id="this"), True, False),
        (Durable(boot_id="this"), False, False),
        (Durable(boot_id="this", revision=1), True, True),
        (KEPT, True, True),
    ],
    ids=["nothing", "a file that cannot be read", "what the very first start wrote", "no file", "one thing more", "work"],
)
def test_a_box_has_worked_before_when_its_state_says_more_than_the_first_start_wrote(found: Durable | None, existed: bool, used: bool) -> None:
    """ANT-09: a log that is not there beside such a state is a log that is gone."""
    assert is_used(found, existed=existed) is used
