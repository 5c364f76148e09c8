"""What holds for every sequence of events, however unlikely: random worlds against the kernel's promises."""

import itertools
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.permit import Level, Revocations
from edge.gas.reading import InputReading, Quality, Reading
from edge.interlock import kernel
from edge.interlock.evidence import Badge, Camera, Face, FaceRefused, Position, Video
from edge.interlock.happenings import (
    Acknowledged,
    Confirmed,
    GasTested,
    Happening,
    PermitAccepted,
    Reconfirmed,
    ResetRequested,
    Revoked,
    ShutDown,
    Suspended,
    SuspendedHere,
)
from edge.interlock.kernel import Relay
from edge.interlock.snapshot import AuditHealth, Clock, Snapshot
from edge.interlock.state import GasPoint, GasTest, Mode, decode
from edge.interlock.state import encode as encode_state
from edge.interlock.turn import failing
from edge.relay.protocol import DeadmanStatus
from tests.edge.interlock.bench import GB, RELIEF, SECOND, SITE, WALL_S, Bench, bumped, permit
from tests.edge.interlock.memory import Memory
from tests.prove.explore import Box
from tests.prove.moves import MAX_NUMBER, MOVES, mend, move

replace = msgspec.structs.replace
NAMES = tuple(channel.name for channel in SITE.channels)

# --- a world that drifts, with a person who keeps trying to weld

OFTEN = ("arm", "ack", "mend")
_moves = st.tuples(st.one_of(st.sampled_from(sorted(MOVES)), st.sampled_from(OFTEN)), st.integers(0, MAX_NUMBER))


def _box() -> Box:
    """A box whose every step is held to the invariants; its notes fit the log and its decisions replay from there."""
    memory = Memory()
    return Box(lambda transition: memory.write(transition.step))


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_moves, max_size=40), st.booleans())
def test_no_sequence_of_events_releases_unduly(moves: list[tuple[str, int]], started: bool) -> None:
    """HOLD and CLOSE only in RELEASED; RELEASED only by the current attempt's acknowledgement on good evidence."""
    bench = _box()
    if started:
        bench.prepare(permit("HW-1", people=(*permit().people, RELIEF)))
    for name, number in moves:
        move(bench, name, number)
        assert decode(encode_state(bench.durable)) == bench.durable


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_moves, max_size=12))
def test_after_whatever_happened_a_person_can_bring_the_box_back(moves: list[tuple[str, int]]) -> None:
    """No state is a dead end: mended, cleared, reset and tested, a new permit is released again."""
    bench = _box()
    bench.prepare().release()
    for name, number in moves:
        move(bench, name, number)
    mend(bench)
    bench.run(2)
    bench.wall_jump_ms = max(bench.wall_jump_ms, 0)
    if bench.mode is Mode.FAULT:
        bench.prove()
        bench.step(ResetRequested(0, ("leader", "engineer")))
        bench.press("reset")
    bench.press("finish")
    bench.press("reset")
    bench.step(ms=3_700_000)
    bench.run(1)
    bench.press("reset")
    start_s = bench.wall_ms // 1000 - WALL_S
    voids = (*bench.durable.void, *(held.jti for held in bench.durable.permits))
    # However many days have gone by: somebody bumps the detectors.
    tested = {name: bumped(t=bench.wall_ms - 1000) for name in NAMES}
    bench.durable = replace(bench.durable, void=voids, detectors=tested)
    # Whatever hour it has become: the last one is good at night and on rest days, too.
    last = permit(
        "HW-LAST", start_s=start_s, end_s=start_s + 3600, approved_s=start_s, as_of=WALL_S + start_s,
        base_level=Level.GRADE_2,
    )  # fmt: skip
    bench.step(PermitAccepted(last))
    bench.test_gas()
    bench.check_ticket("HW-LAST")
    bench.run(1)
    bench.release()


# --- arbitrary evidence

_floats = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 10.0, 20.9, 1e308, -1e308]))
_stamps = st.one_of(st.integers(0, 2 * 10**9), st.integers(999 * SECOND, 1001 * SECOND), st.just(2**53 - 1))
_ints = st.integers(-(2**31), 2**31 - 1)
_text = st.text("abcdefghijklmnopqrstuvwxyz -_", max_size=20)


def _subjects(value: st.SearchStrategy[Any], keys: tuple[Any, ...]) -> st.SearchStrategy[dict[Any, Any]]:
    return st.dictionaries(st.sampled_from(keys), value, max_size=len(keys))


def _named(pairs: dict[str, tuple[float | None, Quality, int]]) -> dict[str, Reading]:
    return {name: Reading(name, *given, 0, None, "") for name, given in pairs.items()}


_snapshots = st.builds(
    Snapshot,
    clock=st.builds(Clock, st.integers(0, 2**42), _stamps, _text, st.integers(0, 2**31), st.integers(0, 2**42)),
    audit=st.builds(AuditHealth, st.booleans(), st.integers(0, 2**31), st.booleans()),
    readings=_subjects(st.tuples(_floats, st.sampled_from(Quality), _stamps), (*NAMES, "other")).map(_named),
    inputs=st.one_of(
        st.none(),
        st.builds(InputReading, st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans(), _stamps),
    ),
    badges=_subjects(st.builds(Badge, _stamps, st.just(1001), _ints), (1001, 1002, 1003, 7)),
    position=st.one_of(st.none(), st.builds(Position, _stamps, st.booleans(), _ints, _ints, _ints, _ints)),
    faces=_subjects(st.builds(Face, _stamps, _text, _ints, _text, _text), ("performer", "guardian", "x")),
    strangers=st.lists(st.builds(FaceRefused, _stamps, _text, _ints), max_size=3).map(tuple),
    camera=st.one_of(st.none(), st.builds(Camera, _stamps, _text, _ints)),
    video=st.one_of(st.none(), st.builds(Video, _stamps, _text, _text, _stamps, _stamps, _stamps, _stamps)),
    deadman=st.one_of(
        st.none(),
        st.builds(
            DeadmanStatus, _ints, _ints, st.booleans(), st.booleans(), _text, _ints, _ints, _ints, _text, _ints, _stamps
        ),
    ),
    loop_gap_ms=st.integers(0, 2**31),
)
_permits = st.builds(
    lambda number, start, length, as_of: permit(f"HW-{number}", start_s=start, end_s=start + length, as_of=as_of),
    st.integers(0, 5), st.integers(-WALL_S, 2**40 - 2 * WALL_S), st.integers(1, 10**6), st.integers(0, 2**40),
)  # fmt: skip
_happenings: st.SearchStrategy[Happening] = st.one_of(
    st.builds(Acknowledged, st.integers(-1, 5)),
    st.builds(PermitAccepted, _permits),
    st.builds(
        Revoked,
        st.builds(
            Revocations, st.just("b"), st.just("box-1"), st.integers(0, 9), st.integers(0, 2**40),
            st.lists(st.sampled_from(["HW-0", "HW-1"])).map(tuple),
        ),
    ),
    st.builds(Suspended, st.sampled_from(["", "HW-0", "HW-1", "?"]), _text, st.booleans()),
    st.builds(
        GasTested,
        st.builds(
            GasTest, _stamps, st.integers(0, 2**40), _text, _text,
            st.lists(st.builds(GasPoint, _text, st.sampled_from(["CH4", "O2"]), st.just("%LEL"), st.floats())).map(tuple),
        ),
    ),
    st.builds(ResetRequested, st.integers(0, 2**31), st.lists(_text, max_size=3).map(tuple)),
    st.builds(Confirmed, st.just("HW-1"), _text, _text, st.one_of(st.none(), _ints), _text),
    st.builds(Reconfirmed, st.just("HW-1"), _text),
    st.builds(SuspendedHere, _text, st.booleans(), st.booleans()),
    st.just(ShutDown()),
)  # fmt: skip


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(_snapshots, st.lists(_happenings, max_size=4), st.integers(0, 5 * SECOND)), min_size=1, max_size=5
    ),
    st.sampled_from(["new", "ready", "armed", "released", "tripped", "fault"]),
)
def test_arbitrary_evidence_never_breaks_the_kernel(
    turns: list[tuple[Snapshot, list[Happening], int]], where: str
) -> None:
    """`step` never raises, is deterministic, always gives a later deadline, and its notes fit the log.

    Every decision in it is made again from its leaves alone and comes out the same (KPI-16).
    """
    bench = STARTS[where]
    durable, volatile, now = bench.durable, bench.volatile, bench.now
    log = Memory(typed=False)  # what a person enters is judged before it happens: here it was not
    for snapshot, happenings, pause in turns:
        now += pause
        step = kernel.step(SITE, GB, durable, volatile, snapshot, now, tuple(happenings))
        again = kernel.step(SITE, GB, durable, volatile, snapshot, now, tuple(happenings))
        assert msgspec.json.encode(step) == msgspec.json.encode(again)
        assert now < step.next_us <= now + SECOND
        assert (step.relay is Relay.OPEN) == (step.durable.mode is not Mode.RELEASED)
        if step.relay is Relay.HOLD:
            graced = {"guardian", "performer", "faces_again"}
            assert {c.name for c, _ in failing(step.verdicts, release=False)} <= graced
        log.write(step)
        durable, volatile = step.durable, step.volatile


def _start(where: str) -> Bench:
    bench = Bench()
    bench.step()
    if where == "new":
        return bench
    bench.prepare()
    if where == "armed":
        bench.arm()
    elif where != "ready":
        bench.release()
    if where in ("tripped", "fault"):
        bench.welded = where == "fault"
        bench.press("stop")
        bench.run(0.5)
    return bench


STARTS = {where: _start(where) for where in ("new", "ready", "armed", "released", "tripped", "fault")}


def test_the_starting_points_are_what_they_say() -> None:
    modes = [STARTS[where].mode for where in STARTS]
    assert modes == [
        Mode.LOCKED, Mode.PERMISSIVE_OK, Mode.ARMED, Mode.RELEASED, Mode.TRIPPED, Mode.FAULT,
    ]  # fmt: skip


def test_the_kernel_called_at_its_own_deadlines_misses_no_loss_of_evidence() -> None:
    """Absence is not an event: whoever falls silent is noticed at `next_us`, for every source that trips at once."""
    for source, limit_us in (("inputs", 500_000), ("deadman", 180_000), ("ch4-1", 500_000), ("o2-1", 500_000)):
        bench = _start("released")
        snapshot = bench.snapshot()
        silent = bench.now
        durable, volatile = bench.durable, bench.volatile
        for _ in itertools.count():
            step = kernel.step(SITE, GB, durable, volatile, snapshot, bench.now)
            durable, volatile = step.durable, step.volatile
            if durable.mode is not Mode.RELEASED:
                break
            bench.now = step.next_us
            fresh = bench.snapshot()
            if source in snapshot.readings:
                fresh = replace(fresh, readings={**fresh.readings, source: snapshot.readings[source]})
            else:
                fresh = replace(fresh, **{source: getattr(snapshot, source)})
            snapshot = fresh
        assert bench.now - silent == limit_us + 1, source
