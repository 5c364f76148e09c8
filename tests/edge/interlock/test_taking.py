"""What happened is taken into what is remembered: field by field, to the step, and with the whole of its note."""

import msgspec
import pytest

from contracts.event import Category, Severity
from contracts.permit import Level, PermitClaims, Revocations
from edge.interlock.happenings import (
    Acknowledged,
    Confirmed,
    GasTested,
    Happening,
    IdentifyAsked,
    PermitAccepted,
    Reconfirmed,
    ResetRequested,
    Revoked,
    ShutDown,
    Suspended,
    SuspendedHere,
)
from edge.interlock.state import (
    Confirmation,
    FireWatch,
    GasPoint,
    GasTest,
    Mode,
    Reason,
    Reconfirmation,
    TicketCheck,
    current_permit,
    usable,
)
from edge.interlock.taking import take
from edge.interlock.turn import Turn
from tests.edge.interlock.bench import GB, SECOND, WALL_S, Bench, permit
from tests.edge.interlock.changes import changed, note, turn

replace = msgspec.structs.replace
Changes = dict[str, object]


def _take(bench: Bench, *happenings: Happening, **durable: object) -> tuple[Turn, Changes, Changes]:
    made = turn(bench, **durable)
    before, volatile = made.d, made.v
    for happening in happenings:
        take(made, happening)
    return made, changed(before, made.d), changed(volatile, made.v)


def test_identify_shows_the_box_for_half_a_minute(ready: Bench) -> None:
    _, kept, shown = _take(ready, IdentifyAsked())
    assert (kept, shown) == ({}, {"identify_until_us": ready.now + 30 * SECOND})


def test_a_gas_test_is_kept_and_written_whole(ready: Bench) -> None:
    """GB 30871-2022 5.3.1; a value that the log cannot keep is none."""
    points = (GasPoint("up", "CH4", "%LEL", 1.5), GasPoint("down", "O2", "vol%", float("nan")))
    test = GasTest(5, WALL_S, "leader", "PGM-1", points, 1_900_000_000)
    made, kept, _ = _take(ready, GasTested(test))
    assert kept == {"gas_test": test}
    assert made.notes == [
        note(
            "gas_test.recorded", Category.GAS, actor=("person", "leader"), serial="PGM-1", calibrated_until=1_900_000_000,
            sampled=WALL_S,
            points=[
                {"position": "up", "gas": "CH4", "unit": "%LEL", "value_milli": 1500},
                {"position": "down", "gas": "O2", "unit": "vol%", "value_milli": None},
            ],
        )
    ]  # fmt: skip


@pytest.mark.parametrize("people", [(), ("leader", "engineer")])
def test_a_request_opens_the_window_of_a_reset_or_of_a_fault(ready: Bench, people: tuple[str, ...]) -> None:
    """reset_window_s: each opens its own and not the other."""
    until = ready.now + GB.reset_window_s.value * SECOND
    made, kept, opened = _take(ready, ResetRequested(1000, people))
    assert kept == {}
    assert opened == ({"fault_window": (until, people)} if people else {"reset_window_until_us": until})
    assert made.notes == [note("interlock.reset_window", actor=("cli", "1000"), by=list(people))]


def test_a_confirmation_is_kept_beside_the_others_and_written(ready: Bench) -> None:
    """PTW-11."""
    old = {"HW-1/a": Confirmation("x", 5)}
    made, kept, _ = _take(ready, Confirmed("HW-1", "b", "guardian"), preconditions=old)
    assert kept == {"preconditions": {**old, "HW-1/b": Confirmation("guardian", ready.now)}}
    assert made.notes == [note("permit.precondition", Category.PERMIT, actor=("person", "guardian"), id="b")]


def test_a_measurement_is_written_with_value_unit_and_photo(ready: Bench) -> None:
    """PTW-11: zero degrees is a value."""
    made, kept, _ = _take(ready, Confirmed("HW-2", "b", "guardian", 0, "photo"))
    assert kept == {"preconditions": {"HW-2/b": Confirmation("guardian", ready.now, 0, "photo")}, "photos": ("photo",)}
    assert made.notes == [
        note(
            "permit.precondition", Category.PERMIT, actor=("person", "guardian"), permit="HW-2", id="b", value_milli=0,
            unit="°C", commitment="photo",
        )
    ]  # fmt: skip


def test_the_guardians_word_is_kept_and_written(ready: Bench) -> None:
    """PTW-08."""
    made, kept, _ = _take(ready, Reconfirmed("HW-2", "guardian"))
    assert kept == {"reconfirmed": Reconfirmation("HW-2", "guardian", ready.now)}
    clause = GB.approval_age_s.clause
    assert made.notes == [
        note("permit.reconfirmed", Category.PERMIT, actor=("person", "guardian"), permit="HW-2", clause=clause)
    ]


@pytest.mark.parametrize(("relief", "present"), [(True, False), (False, True)])
def test_whoever_stops_the_work_here_is_named(ready: Bench, relief: bool, present: bool) -> None:
    """GB 30871-2022 4.10: and takes the ticket back."""
    made, kept, _ = _take(ready, SuspendedHere("guardian", relief, present))
    assert kept == {"ticket_checks": {}}
    assert made.asked == [Reason("suspended_here", "guardian", None, None, "", "GB 30871-2022 4.10")]
    assert made.notes == [
        note(
            "permit.suspended", Category.PERMIT, Severity.WARNING, actor=("person", "guardian"), relief=relief,
            present=present,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("mode", list(Mode))
def test_a_shutdown_asks_for_an_opening_only_where_something_goes_on(ready: Bench, mode: Mode) -> None:
    made, kept, _ = _take(ready, ShutDown(), mode=mode, active="HW-1")
    assert made.asked == ([Reason("shutdown")] if mode in (Mode.ARMED, Mode.RELEASED) else [])
    assert (kept, made.notes) == ({}, [])


def test_an_acknowledgement_is_not_remembered(ready: Bench) -> None:
    made, kept, shown = _take(ready, Acknowledged(1))
    assert (kept, shown, made.asked, made.notes) == ({}, {}, [], [])


# --- suspended by the bridge


@pytest.mark.parametrize(("named", "concerned"), [("HW-1", True), ("", True), ("HW-9", False)])
@pytest.mark.parametrize("void", [True, False])
def test_a_suspension_is_written_and_asks_when_it_concerns_this_box(
    ready: Bench, named: str, concerned: bool, void: bool
) -> None:
    """PTW-17."""
    made, kept, _ = _take(ready, Suspended(named, "wind", void))
    remembered = {"void": (named,)} if void else {"suspended": (named or "HW-1",)}
    assert kept == remembered | ({"ticket_checks": {}} if concerned else {})
    kind = "permit.void" if void else "permit.suspended"
    assert made.notes == [note(kind, Category.PERMIT, Severity.WARNING, permit=named, reason="wind")]
    code = "permit_void" if void else "permit_suspended"
    assert made.asked == ([Reason(code, named, None, None, "", "PTW-17")] if concerned else [])


def test_a_permit_is_void_once(ready: Bench) -> None:
    _, kept, _ = _take(ready, Suspended("HW-9", "a", True), void=("HW-9", "HW-8"))
    assert kept == {}
    _, kept, _ = _take(ready, Suspended("HW-9", "a", True), void=tuple(f"N-{n}" for n in range(1024)))
    assert kept == {"void": (*(f"N-{n}" for n in range(1, 1024)), "HW-9")}


def test_a_suspension_is_remembered_once_and_the_oldest_of_too_many_makes_room(ready: Bench) -> None:
    """PTW-17."""
    _, kept, _ = _take(ready, Suspended("HW-9", "a", False), suspended=("HW-9", "HW-8"))
    assert kept == {"suspended": ("HW-8", "HW-9")}
    _, kept, _ = _take(ready, Suspended("HW-9", "a", False), suspended=tuple(f"N-{n}" for n in range(1024)))
    assert kept == {"suspended": (*(f"N-{n}" for n in range(1, 1024)), "HW-9")}


def test_a_suspension_of_the_permit_that_decided_or_of_the_one_that_decides_now_asks(ready: Bench) -> None:
    """What came in the same step must not hide the work that goes on."""
    made, _, _ = _take(ready, PermitAccepted(permit("HW-0", start_s=-600)), Suspended("HW-0", "wind", False))
    assert [r.subject for r in made.asked] == ["HW-0"]
    made, _, _ = _take(ready, PermitAccepted(permit("HW-0", start_s=-600)), Suspended("HW-1", "wind", False))
    assert [r.subject for r in made.asked] == ["HW-1"]
    made, _, _ = _take(ready, Suspended("HW-1", "wind", False), permits=())
    assert made.asked == []


# --- permits


def test_a_permit_is_kept_by_its_beginning_and_written_whole(ready: Bench) -> None:
    earlier, same = permit("HW-0", start_s=-600), permit("HW-00")
    made, kept, _ = _take(ready, PermitAccepted(same), PermitAccepted(earlier))
    (held,) = ready.durable.permits
    assert kept == {"permits": (earlier, same, held)}
    (_, told) = made.notes
    assert told == note(
        "permit.accepted", Category.PERMIT, actor=("bridge", "bridge-1"), permit="HW-0", part=earlier, level="grade_1",
        base_level="grade_1", nbf=earlier.nbf, exp=earlier.exp, content_sha256=earlier.content_sha256,
        people=[
            {"id": "performer", "role": "performer", "badge": 1001}, {"id": "guardian", "role": "guardian", "badge": 1002},
        ],
        approvals=[
            {"by": "boss", "office": "site unit", "at": WALL_S - 900},
            {"by": "ehs", "office": "safety department", "at": WALL_S - 600},
        ],
    )  # fmt: skip


def test_a_permit_that_carries_an_upgrade_is_written_with_the_level_it_comes_from(ready: Bench) -> None:
    """GB 30871-2022 5.1.1."""
    made, _, _ = _take(ready, PermitAccepted(permit("HW-0", level=Level.SPECIAL, base_level=Level.GRADE_1)))
    assert (made.notes[0].data["level"], made.notes[0].data["base_level"]) == ("special", "grade_1")


def test_a_permit_that_is_held_stays_as_it_is(ready: Bench) -> None:
    """GB 30871-2022 4.18."""
    made, kept, _ = _take(ready, PermitAccepted(permit(end_s=9 * 3600)))
    assert (kept, made.notes) == ({}, [])


def test_what_belongs_to_permits_that_made_room_goes_with_them(ready: Bench) -> None:
    full = tuple(permit(f"N-{number:02}", start_s=number) for number in range(16))
    proofs = {"N-00/a": Confirmation("x", 1), "N-15/a": Confirmation("y", 2), "LAST/a/b": Confirmation("z", 3)}
    came = {"N-00": 0, "N-15": 0, "N-03": 2}
    checks = {number: TicketCheck("leader", 7, 0) for number in ("N-00", "N-15")}
    made, kept, _ = _take(
        ready, PermitAccepted(permit("LAST", start_s=5)), permits=full, preconditions=proofs, checked_in=came,
        ticket_checks=checks, active="",
    )  # fmt: skip
    numbers = {held.jti for held in made.d.permits}
    assert numbers == {"LAST", *(f"N-{number:02}" for number in range(15))}
    assert made.d.preconditions == {"N-00/a": Confirmation("x", 1), "LAST/a/b": Confirmation("z", 3)}
    assert made.d.checked_in == {"N-00": 0, "N-03": 2}
    assert made.d.ticket_checks == {"N-00": TicketCheck("leader", 7, 0)}
    assert set(kept) == {"permits", "preconditions", "checked_in", "ticket_checks"}


@pytest.mark.parametrize("how", ["active", "watched"])
def test_the_permit_of_the_last_attempt_and_the_watched_one_never_make_room(ready: Bench, how: str) -> None:
    full = tuple(permit(f"N-{number:02}", start_s=number) for number in range(16))
    changes: Changes = {"active": "N-15"} if how == "active" else {"fire_watch": FireWatch("N-15", 0, ready.now + 1)}
    made, _, _ = _take(ready, PermitAccepted(permit("NEW", start_s=1)), permits=full, **{"active": "", **changes})
    assert {held.jti for held in full} - {held.jti for held in made.d.permits} == {"N-14"}


@pytest.mark.parametrize(
    "over", [{"void": ("N-03", "N-05")}, {"finished": ("N-03", "N-05")}, {"revoked": ("N-03", "N-05")}, {}]
)
def test_the_first_that_is_over_makes_room_before_the_last_that_stands(ready: Bench, over: Changes) -> None:
    full = tuple(permit(f"N-{number:02}", start_s=number) for number in range(16))
    made, _, _ = _take(ready, PermitAccepted(permit("NEW", start_s=1)), permits=full, active="", **over)
    gone = {held.jti for held in full} - {held.jti for held in made.d.permits}
    assert gone == ({"N-03"} if over else {"N-15"})
    assert len(made.d.permits) == 16


def test_sixteen_permits_fit(ready: Bench) -> None:
    fifteen = tuple(permit(f"N-{number:02}", start_s=number) for number in range(15))
    made, _, _ = _take(ready, PermitAccepted(permit("NEW", start_s=99)), permits=fifteen)
    assert len(made.d.permits) == 16


# --- signed time and revocations

OFFSET_MS = WALL_S * 1000 - 1_000_000


@pytest.mark.parametrize(
    ("off_s", "agrees"), [(0, True), (60, True), (61, False), (-60, True), (-61, False)]
)  # fmt: skip
@pytest.mark.parametrize("by", ["permit", "list"])
def test_signed_time_is_a_floor_and_a_witness_when_the_clock_agrees(
    ready: Bench, by: str, off_s: int, agrees: bool
) -> None:
    """BOX-02: to the second, either way."""
    as_of = ready.wall_ms // 1000 + off_s
    happening: Happening = (
        PermitAccepted(permit("HW-2", as_of=as_of)) if by == "permit" else Revoked(Revocations("b", "box-1", 0, as_of, ()))
    )
    made, kept, _ = _take(ready, happening, as_of=as_of - 1, revision=0)
    assert kept["as_of"] == as_of
    assert made.d.signed_offset_ms == (OFFSET_MS if agrees else None)


@pytest.mark.parametrize("older_s", [0, 1])
def test_signed_time_that_is_no_newer_says_nothing(ready: Bench, older_s: int) -> None:
    now_s = ready.wall_ms // 1000
    made, kept, _ = _take(ready, Revoked(Revocations("b", "box-1", 0, now_s - older_s, ())), as_of=now_s, revision=0)
    assert (kept, made.d.signed_offset_ms) == ({}, None)


@pytest.mark.parametrize(
    ("known_s", "jump_s", "ahead_s"), [(None, 0, 0), (None, 90_000, 90_000), (0, 90_000, 0), (0, -5, -5), (-5, 0, -5)]
)
def test_signed_time_that_jumps_ahead_speeds_up_no_time_of_this_boot(
    ready: Bench, known_s: int | None, jump_s: int, ahead_s: int
) -> None:
    """GB 30871-2022 B.3: what must be kept is aged by it, and a bridge's clock can be set, too."""
    boot_s = ready.wall_ms // 1000 - ready.now // SECOND
    as_of = ready.wall_ms // 1000 + jump_s
    known = None if known_s is None else boot_s + known_s
    made, _, _ = _take(ready, _listed(5, as_of), as_of=9, revision=5, signed_ahead_s=known)
    assert (made.d.as_of, made.d.signed_ahead_s) == (as_of, boot_s + ahead_s)


def _listed(rev: int, as_of: int, *numbers: str) -> Revoked:
    return Revoked(Revocations("bridge-1", "box-1", rev, as_of, numbers))


def test_a_newer_list_replaces_the_older_and_voids_what_is_held(ready: Bench) -> None:
    """PTW-17."""
    held = (permit(), permit("HW-2"), permit("HW-3"))
    listed = _listed(6, 0, "HW-2", "HW-1", "HW-3", "HW-9")
    made, kept, _ = _take(ready, listed, permits=held, revision=5, revoked=("HW-7",), void=("HW-3", "HW-8"), as_of=9)
    assert kept == {
        "revoked": ("HW-2", "HW-1", "HW-3", "HW-9"), "revision": 6, "void": ("HW-3", "HW-8", "HW-2", "HW-1"),
    }  # fmt: skip
    assert made.notes == [
        note("permit.revoked", Category.PERMIT, Severity.WARNING, actor=("bridge", "bridge-1"), permit=number)
        for number in ("HW-2", "HW-1")
    ]


def test_what_was_revoked_is_kept_in_bounds(ready: Bench) -> None:
    full = tuple(f"N-{n}" for n in range(1024))
    made, _, _ = _take(ready, _listed(6, 0, "HW-1"), void=full)
    assert (len(made.d.void), made.d.void[0], made.d.void[-1]) == (1024, "N-1", "HW-1")


@pytest.mark.parametrize("rev", [4, 5])
def test_an_older_list_takes_nothing_back_and_the_same_one_renews_only_the_time(ready: Bench, rev: int) -> None:
    now_s = ready.wall_ms // 1000
    made, kept, _ = _take(ready, _listed(rev, now_s, "HW-1"), revision=5, revoked=("HW-7",), as_of=9)
    assert kept == ({} if rev == 4 else {"as_of": now_s, "signed_offset_ms": OFFSET_MS})
    assert made.notes == []


@pytest.mark.parametrize(("rev", "newer_s", "known"), [(5, 0, True), (5, -1, False), (6, 1, True), (4, 1, False)])
def test_a_lost_state_waits_for_a_list_that_is_not_older_than_the_loss(
    ready: Bench, rev: int, newer_s: int, known: bool
) -> None:
    """A list from before may have been replaced since; an older number is no list at all."""
    made, _, _ = _take(ready, _listed(rev, WALL_S + newer_s), revision=5, lost_s=WALL_S)
    assert made.d.lost_s == (None if known else WALL_S)


# --- which permit decides


@pytest.mark.parametrize(
    ("over", "stands"),
    [({}, True), ({"finished": ("HW-1",)}, False), ({"void": ("HW-1",)}, False), ({"revoked": ("HW-1",)}, False),
     ({"finished": ("X",), "void": ("X",), "revoked": ("X",)}, True)],
)  # fmt: skip
def test_a_permit_stands_until_it_is_over_or_its_end(ready: Bench, over: Changes, stands: bool) -> None:
    claims = permit()
    durable = replace(ready.durable, **over)
    assert usable(durable, claims, claims.exp - 1) is stands
    assert usable(durable, claims, claims.exp) is False


def _decides(bench: Bench, **durable: object) -> str:
    found = current_permit(replace(bench.durable, **durable), WALL_S)
    return found.jti if found is not None else "-"


def test_the_armed_one_decides_else_the_watched_else_the_first_that_stands_else_the_last(ready: Bench) -> None:
    three: tuple[PermitClaims, ...] = (permit("A"), permit("B"), permit("C"))
    watch = FireWatch("B", 0, ready.now + 1)
    assert _decides(ready, permits=three) == "A"
    assert _decides(ready, permits=three, void=("A",)) == "B"
    assert _decides(ready, permits=three, fire_watch=watch) == "B"
    assert _decides(ready, permits=three, fire_watch=watch, void=("B",)) == "A"
    assert _decides(ready, permits=three, void=("A", "B", "C")) == "C"
    assert _decides(ready, permits=()) == "-"
    for mode in (Mode.ARMED, Mode.RELEASED):
        assert _decides(ready, permits=three, fire_watch=watch, mode=mode, active="C") == "C"
        assert _decides(ready, permits=three, mode=mode, active="C", void=("C",)) == "C", "its own condition trips"
        assert _decides(ready, permits=three, mode=mode, active="D") == "-"
    for mode in (Mode.LOCKED, Mode.TRIPPED, Mode.FAULT, Mode.PERMISSIVE_OK):
        assert _decides(ready, permits=three, mode=mode, active="C") == "A"
