"""Every row that the kernel decides by: just below its limit, at it, and just above it, with its id and clause.

A line of the table says what the world looks like at a certain amount of the row's quantity, and what tells that
the condition still passes. Amounts are in the row's finest step: microseconds for times that the kernel measures on
its own clock, seconds where it goes by the wall clock, thousandths of a unit for gas.
"""

import dataclasses
import datetime
import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from contracts.gas import Unit
from contracts.level import upgrade_level
from contracts.permit import Level, Precondition
from edge import config as box_config
from edge.gas.reading import InputReading, Quality, Reading
from edge.inputs import debounce
from edge.interlock import rules, safety_time
from edge.interlock.conditions.air import channel_reason
from edge.interlock.conditions.facts import facts
from edge.interlock.evidence import Face, FaceRefused
from edge.interlock.happenings import PermitAccepted, ResetRequested
from edge.interlock.rules import Flag, Limit, Number
from edge.interlock.snapshot import AuditHealth, Clock, Snapshot
from edge.interlock.state import FORGOTTEN, Confirmation, Durable, Mode, Opening, Reconfirmation
from tests.edge.interlock.bench import BOOT_US, GB, SECOND, SITE, WALL_S, Bench, permit
from tests.edge.interlock.test_offers import _judge, _sign

replace = msgspec.structs.replace
MS = 1000
UP_TO = (True, True, False)
"""The limit itself still passes."""
BELOW = (True, False, False)
"""The limit itself is too much."""
FROM = (False, True, True)
"""The limit itself is enough."""
OVER = (False, False, True)
"""Only what is over the limit passes."""


@dataclasses.dataclass(frozen=True)
class Edge:
    """A row's boundary: `at` makes the world for an amount, `scale` turns the row's unit into the amount's."""

    rule: str
    clause: str
    scale: int
    passes: tuple[bool, bool, bool]
    at: Callable[[int], bool]
    name: str = ""

    @property
    def id(self) -> str:
        return self.name or self.rule


def _ready() -> Bench:
    return Bench().prepare()


def _released() -> Bench:
    return _ready().release()


def _ok(bench: Bench, condition: str) -> bool:
    """Evaluate once without letting time pass, and see whether a condition passes."""
    step = bench.step(ms=0)
    verdict = step.verdicts[condition]
    if not verdict.ok:
        rule_clauses = {reason.clause for reason in verdict.reasons}
        assert all(rule_clauses), (condition, verdict.reasons)
    return verdict.ok


def _silent(field: str, condition: str) -> Callable[[int], bool]:
    """Evidence that was captured some microseconds ago."""

    def at(amount: int) -> bool:
        bench = _ready()
        setattr(bench, field, bench.now - amount)
        return _ok(bench, condition)

    return at


def _badge(amount: int) -> bool:
    bench = _ready()
    bench.badges[1002] = False
    bench.badge_seen[1002] = bench.now - amount
    return _ok(bench, "guardian")


def _battery(amount: int) -> bool:
    bench = _ready()
    bench.batteries[1002] = amount
    return not any(note.type == "badge.battery" for note in bench.step().notes)


def _face(released: bool, condition: str) -> Callable[[int], bool]:
    def at(amount: int) -> bool:
        bench = _released() if released else _ready()
        bench.looking.discard("guardian")
        bench.now += 10_000 * SECOND
        bench.faces["guardian"] = Face(bench.now - amount, "guardian", 350, "proven", "dlib")
        return _ok(bench, condition)

    return at


def _distance(amount: int) -> bool:
    bench = _ready()
    bench.looking.discard("guardian")
    bench.faces["guardian"] = Face(bench.now, "guardian", amount, "proven", "dlib")
    return _ok(bench, "faces")


def _stranger(distance: int, ago: int) -> bool:
    bench = _ready()
    bench.strangers = (FaceRefused(bench.now - ago, "guardian", distance),)
    return _ok(bench, "stranger")


def _unknown(amount: int) -> bool:
    bench = _ready()
    bench.unknown_badges[9001] = bench.now - amount
    return _ok(bench, "unknown_badge")


def _position(field: str) -> Callable[[int], bool]:
    def at(amount: int) -> bool:
        bench = _ready()
        assert bench.position is not None
        bench.position = replace(bench.position, **{field: amount})
        return _ok(bench, "place")

    return at


def _behind(amount: int) -> bool:
    bench = _ready()
    bench.durable = replace(bench.durable, as_of=bench.wall_ms // 1000 + amount)
    return _ok(bench, "clock")


def _step(amount: int) -> bool:
    bench = _released()
    bench.wall_jump_ms = amount
    return _ok(bench, "clock")


def _slew(amount: int) -> bool:
    """Whether a difference between two readings is taken for scheduling and followed."""
    bench = _released()
    known = bench.durable.clock_offset_ms
    assert known is not None
    bench.wall_jump_ms = amount
    bench.step(ms=0)
    return bench.durable.clock_offset_ms == known + amount


def _audit(released: bool, condition: str) -> Callable[[int], bool]:
    def at(amount: int) -> bool:
        bench = _released() if released else _ready()
        bench.audit = AuditHealth(writable=True, age_ms=amount, rollback=False)
        return _ok(bench, condition)

    return at


def _loop(amount: int) -> bool:
    bench = _ready()
    bench.loop_gap_ms = amount
    return _ok(bench, "loop")


def _gas_test(amount: int) -> bool:
    bench = _ready()
    assert bench.durable.gas_test is not None
    bench.now += 3600 * SECOND
    bench.durable = replace(bench.durable, gas_test=replace(bench.durable.gas_test, at_us=bench.now - amount))
    return _ok(bench, "gas_test")


def _check_in(sign: int) -> Callable[[int], bool]:
    """Whether the crew, here since the permit came, is taken as checked in."""

    def at(amount: int) -> bool:
        bench = Bench()
        bench.step(PermitAccepted(permit(start_s=-sign * amount)), ms=0)
        assert bench.wall_ms // 1000 == WALL_S
        bench.step(ms=0)
        return bench.durable.checked_in == {"HW-1": 0}

    return at


def _break(level: Level, pack: rules.Rules = GB, *, confined: bool = False) -> Callable[[int], bool]:
    """Whether an old gas test still counts, some time after an opening that was not gas's doing."""

    def at(amount: int) -> bool:
        bench = Bench(pack=pack).prepare(permit(level=level, confined=confined, end_s=8 * 3600))
        assert bench.durable.gas_test is not None
        bench.now += 7200 * SECOND
        bench.durable = replace(
            bench.durable,
            checked_in={"HW-1": 0},
            opening=Opening("HW-1", bench.now - amount, by_gas=False),
            gas_test=replace(bench.durable.gas_test, at_us=bench.now - 7200 * SECOND),
        )
        return _ok(bench, "gas_test")

    return at


LONG_BREAKS = replace(GB, levels={level: replace(rule, break_s=2 * rule.break_s) for level, rule in GB.levels.items()})
"""Levels that would allow a longer break than a confined space."""


def _approval(amount: int) -> bool:
    """Seconds between the last approval and the first ignition (the 47-minute case, PTW-08)."""
    bench = _ready()
    bench.step(PermitAccepted(permit("HW-0", start_s=-120, approved_s=-amount)), ms=0)
    bench.now = BOOT_US
    return _ok(bench, "approval")


def _reconfirmation(amount: int) -> bool:
    """Microseconds since the guardian's word on an approval of an hour ago."""
    bench = Bench()
    bench.step(PermitAccepted(permit(approved_s=-3600)), ms=0)
    bench.now += 1_800 * SECOND
    bench.test_gas()
    bench.durable = replace(bench.durable, reconfirmed=Reconfirmation("HW-1", "guardian", bench.now - amount))
    return _ok(bench, "approval")


def _measured(amount: int) -> bool:
    """Microseconds since a temperature was measured by hand (PTW-11)."""
    cooled = Precondition("cooled", "vessel below 60", "temperature", 60_000)
    bench = Bench()
    bench.step(PermitAccepted(permit(preconditions=(cooled,))), ms=0)
    proof = Confirmation("guardian", bench.now - amount, 60_000, "ab" * 32)
    bench.durable = replace(bench.durable, preconditions={"HW-1/cooled": proof})
    return _ok(bench, "preconditions")


def _tag_read(amount: int) -> bool:
    """Microseconds since the tag of a point was read (PTW-11)."""
    seen = Precondition("v-101", "V-101 seen", tag="v-101")
    bench = Bench()
    bench.step(PermitAccepted(permit(preconditions=(seen,))), ms=0)
    bench.durable = replace(bench.durable, preconditions={"HW-1/v-101": Confirmation("guardian", bench.now - amount)})
    return _ok(bench, "preconditions")


def _enclosure(amount: int) -> bool:
    """Thousandths of a degree inside the box."""
    bench = _ready()
    bench.sensors["box-temp"].value = amount / 1000
    return _ok(bench, "enclosure")


def _validity(level: Level) -> Callable[[int], bool]:
    def at(amount: int) -> bool:
        judged = _judge(_sign(permit(start_s=0, end_s=amount, level=level)))
        assert judged.response is not None
        return judged.response.ok

    return at


def _confined_validity(amount: int) -> bool:
    judged = _judge(_sign(permit(start_s=0, end_s=amount, level=Level.GRADE_2, confined=True)))
    assert judged.response is not None
    return judged.response.ok


def _attempt(amount: int) -> bool:
    bench = _ready()
    bench.arm()
    bench.now = bench.durable.armed_us + amount
    bench.step(ms=0)
    return bench.mode is Mode.ARMED


def _settle(amount: int) -> bool:
    """A contact that has not followed yet."""
    bench = _ready()
    bench.stuck = True
    bench.arm()
    bench.acknowledge()
    bench.now = bench.durable.released_us + amount
    bench.step(ms=0)
    return bench.mode is Mode.RELEASED


def _settle_open(amount: int) -> bool:
    """A contact that has not let go yet."""
    bench = _released()
    bench.welded = True
    bench.press("stop")
    bench.now = bench.volatile.commanded_us + amount
    bench.step(ms=0)
    return bench.mode is not Mode.FAULT


def _reset_window(amount: int) -> bool:
    bench = Bench(replace(SITE, reset_is_key=False)).prepare().release()
    bench.press("stop")
    bench.run(0.2)
    bench.step(ResetRequested(1000), ms=0)
    opened = bench.now
    bench.now = opened + amount - 20 * MS
    bench.press("stop")
    bench.now = opened + amount - 40 * MS
    bench.press("reset")
    assert bench.now == opened + amount
    return bench.durable.reset_done


def _fire_watch(amount: int) -> bool:
    """Whether the watch is over."""
    bench = _released()
    bench.press("stop")
    watch = bench.durable.fire_watch
    assert watch is not None
    bench.now = watch.started_us + amount
    bench.step(ms=0)
    return bench.durable.fire_watch is None


def _grace(condition: str, go: Callable[[Bench], None]) -> Callable[[int], bool]:
    """Whether ignition stays released, some time after a condition with grace began to fail."""

    def at(amount: int) -> bool:
        bench = _released()
        go(bench)
        bench.step(ms=0)
        began = bench.volatile.grace[condition]
        bench.now = began + amount
        bench.step(ms=0)
        return bench.mode is Mode.RELEASED

    return at


def _leave(badge: int) -> Callable[[Bench], None]:
    def go(bench: Bench) -> None:
        bench.badges[badge] = False
        bench.badge_seen[badge] = bench.now - GB.badge_ttl_s.value * SECOND - 1

    return go


def _recorder(amount: int) -> bool:
    """Whether a recorder that spoke last so long ago lets special work begin."""
    bench = Bench().prepare(permit(level=Level.SPECIAL))
    bench.video_silent_since = bench.now - amount
    bench.step(ms=0)
    return _ok(bench, "video")


def _recorded(amount: int) -> bool:
    """Whether special work goes on so long after the last picture reached the recorder's disk."""
    bench = Bench().prepare(permit(level=Level.SPECIAL)).release()
    bench.durable = replace(bench.durable, released_us=bench.now - 3600 * SECOND)
    bench.video_written = bench.now - amount
    bench.step(ms=0)
    return bench.mode is Mode.RELEASED


def _video_room(amount: int) -> bool:
    """Whether a recorder with room for so many seconds lets eight hours of special work begin."""
    bench = Bench().prepare(permit(level=Level.SPECIAL, start_s=0, end_s=8 * 3600 + 60))
    bench.video_left_s = amount
    bench.step(ms=0)
    return _ok(bench, "video")


def _look_away(bench: Bench) -> None:
    bench.looking.discard("guardian")
    bench.now += 5000 * SECOND
    bench.faces["guardian"] = replace(bench.faces["guardian"], at_us=bench.now - GB.face_recheck_s.value * SECOND - 1)


EXAMPLE = Path(box_config.__file__).parents[1] / "configs" / "box.example.yaml"


def _safety_time(amount: int) -> bool:
    """Whether a sum of so many microseconds is allowed: the detector's own time is what is left of it."""
    config = box_config.load(EXAMPLE)
    first = safety_time.sums(config, GB)[0]
    rest_ms = first.total_ms - first.t90_ms
    slow = replace(config.channels[0], t90_s=round((amount / 1000 - rest_ms) / 1000, 9))
    return safety_time.sums(replace(config, channels=(slow, *config.channels[1:])), GB)[0].ok


def _debounce(amount: int) -> bool:
    """Whether a key that was first read closed so long ago counts."""
    still_us, gap_us = GB.debounce_ms.value * MS, GB.inputs_ttl_ms.value * MS
    buttons = None
    for at_us, closed in ((0, False), (1, True), (1 + amount, True)):
        read = InputReading(arm=closed, stop=True, finish=False, reset=False, estop=True, at_us=at_us)
        buttons, read = debounce.settle(buttons, read, still_us, GB.stop_clear_ms.value * MS, gap_us)
    return read.arm


def _stop_clear(amount: int) -> bool:
    """Whether a stop that was first read let go so long ago counts as let go."""
    clear_us = GB.stop_clear_ms.value * MS
    buttons = None
    for at_us, closed in ((0, True), (1, False), (2, True), (2 + amount, True)):
        read = InputReading(arm=False, stop=closed, finish=False, reset=False, estop=closed, at_us=at_us)
        buttons, read = debounce.settle(buttons, read, GB.debounce_ms.value * MS, clear_us, 10 * clear_us)
    assert read.stop is read.estop
    return read.stop


S = SECOND
EDGES = [
    Edge("debounce_ms", "policy: push buttons and key switches bounce for up to 20 ms", MS, FROM, _debounce),
    Edge("stop_clear_ms", "policy: a stop whose wire is loose is a stop", MS, FROM, _stop_clear),
    Edge("inputs_ttl_ms", "policy: a silent button module is a pressed stop", MS, UP_TO,
         _silent("inputs_silent_since", "inputs")),
    Edge("dead_man_ms", "policy: open <= 200 ms after the last good heartbeat", MS, UP_TO,
         _silent("deadman_silent_since", "deadman")),
    Edge("dead_man_ms", "policy: open <= 200 ms after the last good heartbeat", 1, UP_TO, _loop, "dead_man_ms of the loop"),
    Edge("badge_ttl_s", "policy: BlueZ scans 10 s and is deaf for 5 s", S, UP_TO, _badge),
    Edge("badge_battery_percent", "policy: a week or more of broadcasting is left", 1, FROM, _battery),
    Edge("position_ttl_s", "AQ 3064.3-2025 (one fix in 5 s); policy", S, UP_TO,
         _silent("position_silent_since", "place")),
    Edge("position_min_satellites", "policy PTW-04", 1, FROM, _position("satellites")),
    Edge("position_max_hdop_centi", "policy PTW-04", 1, UP_TO, _position("hdop_centi")),
    Edge("camera_ttl_s", "GB 30871-2022 5.2.11; policy", S, UP_TO, _silent("camera_silent_since", "camera")),
    Edge("video_ttl_s", "GB 30871-2022 5.2.11; policy", S, UP_TO, _recorder, "video_ttl_s of the recorder's word"),
    Edge("video_ttl_s", "GB 30871-2022 5.2.11; policy", S, UP_TO, _recorded),
    Edge("video_room_s", "GB 30871-2022 5.2.11 (the whole process), 5.1.5 (8 h); policy", 1, FROM, _video_room),
    Edge("face_ttl_s", "policy BOX-03", S, UP_TO, _face(False, "faces")),
    Edge("face_recheck_s", "policy BOX-04: the guardian; the performer works under a mask", S, UP_TO, _face(True, "faces_again")),
    Edge("face_distance_milli", "policy: 1.4 % of outsiders pass at 0.50 (ORL, best two of three stills)", 1, UP_TO,
         _distance),
    Edge("stranger_distance_milli", "policy PTW-24", 1, BELOW, lambda amount: _stranger(amount, 0)),
    Edge("stranger_s", "policy PTW-24: outlasts the slowest look at a face and a silent camera", S, OVER, lambda amount: _stranger(900, amount)),
    Edge("unknown_badge_s", "policy PTW-24: BlueZ is deaf for 5 s; as long as a known badge counts", S, OVER, _unknown),
    Edge("clock_behind_s", "policy BOX-02: the bridge's newest signed time is a floor", 1, UP_TO, _behind),
    Edge("clock_step_ms", "policy BOX-02", 1, UP_TO, _step),
    Edge("clock_slew_ms", "policy BOX-02: what scheduling may lie between two readings of the clock", 1, UP_TO, _slew),
    Edge("audit_release_ms", "policy ANT-10", 1, UP_TO, _audit(False, "audit")),
    Edge("audit_run_ms", "policy ANT-10", 1, UP_TO, _audit(True, "audit_running")),
    Edge("gas_test_age_s", "GB 30871-2022 5.3.1 c", S, UP_TO, _gas_test),
    Edge("check_in_s", "policy PTW-27", 1, UP_TO, _check_in(1), "check_in_s after the start"),
    Edge("check_in_s", "policy PTW-27", 1, UP_TO, _check_in(-1), "check_in_s before the start"),
    Edge("attempt_s", "policy", S, BELOW, _attempt),
    Edge("settle_ms", "EN ISO 13849-1 (feedback of the contact)", MS, UP_TO, _settle, "settle_ms to close"),
    Edge("settle_ms", "EN ISO 13849-1 (feedback of the contact)", MS, UP_TO, _settle_open, "settle_ms to open"),
    Edge("reset_window_s", "policy", S, BELOW, _reset_window),
    Edge("fire_watch_s", "GB 30871-2022 5.2.14 (no minutes given); NFPA 51B 60 min; policy", S, FROM, _fire_watch),
    Edge("guardian_grace_s", "GB 30871-2022 4.10; policy", S, BELOW, _grace("guardian", _leave(1002))),
    Edge("performer_grace_s", "policy BOX-03", S, BELOW, _grace("performer", _leave(1001))),
    Edge("face_grace_s", "policy BOX-04: a failing re-check warns aloud for a minute", S, BELOW, _grace("faces_again", _look_away)),
    Edge("process_safety_time_s", "JJG 693 (response <= 30 s) and policy", S // 2, UP_TO, _safety_time),
    Edge("safety_time_share_percent", "policy: the other half belongs to people and ventilation", 600_000, UP_TO,
         _safety_time),
    Edge("approval_age_s", "policy PTW-08 (the 47-minute case)", 1, UP_TO, _approval),
    Edge("approval_age_s", "policy PTW-08 (the 47-minute case)", S, UP_TO, _reconfirmation, "approval_age_s of the guardian's word"),
    Edge("precondition_ttl_s", "policy PTW-11 (a temperature measured by hand, a point's tag)", S, UP_TO, _measured),
    Edge("precondition_ttl_s", "policy PTW-11 (a temperature measured by hand, a point's tag)", S, UP_TO, _tag_read,
         "precondition_ttl_s of a point's tag"),
    Edge("enclosure_max_c", "policy: rating of commercial-grade parts", 1000, UP_TO, _enclosure),
    *(Edge(f"levels.{level.value}.break_s", GB.levels[level].clause, S, UP_TO, _break(level)) for level in Level),
    Edge("confined_break_s", "GB 30871-2022 6.3 f", S, UP_TO, _break(Level.GRADE_2, LONG_BREAKS, confined=True)),
    Edge("confined_validity_h", "GB 30871-2022 6.10", 3600, UP_TO, _confined_validity),
    *(Edge(f"levels.{level.value}.validity_h", GB.levels[level].clause, 3600, UP_TO, _validity(level)) for level in Level),
]  # fmt: skip


def _row(name: str) -> Number | Flag:
    """The row of a name such as ``check_in_s`` or ``levels.special.break_s``."""
    if not name.startswith("levels."):
        found: Number = getattr(GB, name)
        return found
    _, level, field = name.split(".")
    rule = GB.levels[Level(level)]
    value = getattr(rule, field)
    return (Flag if isinstance(value, bool) else Number)(value, rule.clause, rule.source)


@pytest.mark.parametrize("side", [-1, 0, 1], ids=["below", "at", "above"])
@pytest.mark.parametrize("edge", [pytest.param(e, id=e.id, marks=pytest.mark.rule(e.rule)) for e in EDGES])
def test_a_row_decides_at_its_limit_and_a_hair_to_each_side(edge: Edge, side: int) -> None:
    row = _row(edge.rule)
    assert row.clause == edge.clause
    assert edge.at(row.value * edge.scale + side) is edge.passes[side + 1]


@pytest.mark.rule("gas_test_daily")
@pytest.mark.parametrize(("seconds_after", "passes"), [(-1, True), (0, False), (1, False)])
def test_a_gas_test_is_of_the_sites_own_day(seconds_after: int, passes: bool) -> None:
    """GB 30871-2022 5.3.1 d: every day before start. Midnight is the site's, eight hours before Greenwich's."""
    assert GB.gas_test_daily == Flag(True, "GB 30871-2022 5.3.1 d", GB.gas_test_daily.source)
    bench = Bench().prepare(permit(level=Level.GRADE_2, end_s=72 * 3600))
    assert bench.durable.gas_test is not None
    to_midnight_s = -(WALL_S + 8 * 3600) % 86_400
    bench.now = BOOT_US + (to_midnight_s + seconds_after) * SECOND
    bench.durable = replace(bench.durable, gas_test=replace(bench.durable.gas_test, at_us=bench.now - 60 * SECOND))
    assert _ok(bench, "gas_test") is passes


@pytest.mark.rule("ticket_check")
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize(("seconds_before", "today"), [(1, True), (0, False), (-1, False)])
def test_a_ticket_check_is_of_one_day_of_the_permit(wanted: bool, seconds_before: int, today: bool) -> None:
    """GB 30871-2022 A.1: the second day begins when its crew may check in, 30 min before its planned start."""
    clause = "GB 30871-2022 A.1 (the shift leader checks the ticket before ignition)"
    assert GB.ticket_check == Flag(True, clause, rules.Source.TEXT)
    pack = replace(GB, ticket_check=replace(GB.ticket_check, value=wanted))
    bench = Bench(pack=pack).prepare(permit(level=Level.GRADE_2, start_s=-60, end_s=72 * 3600))
    assert _ok(bench, "ticket_check")
    bench.now = BOOT_US + (86_400 - 60 - 1800 - seconds_before) * SECOND
    assert _ok(bench, "ticket_check") is (today or not wanted)


# --- limits of gases ----------------------------------------------------------------------------------------------


def _limits(name: str) -> list[object]:
    pack = rules.load(name)
    found = [(limit, f"limits.{limit.gas}.{limit.quantity}") for limit in pack.limits]
    found += [(limit, f"confined.{limit.gas}.{limit.quantity}") for limit in pack.confined]
    return [pytest.param(limit, id=f"{name} {key}", marks=pytest.mark.rule(key)) for limit, key in found]


def _channel_passes(limit: Limit, value: float) -> bool:
    """Whether a detector that speaks the limit's own unit may show this value."""
    channel = replace(SITE.channels[0], name="x", gas=limit.gas, limit=limit, range_high=math.inf, catalytic=False)
    clock = Clock(0, 0, "sync", 0, 0)
    snapshot = Snapshot(clock, AuditHealth(True, 0, False), {"x": Reading("x", value, Quality.GOOD, 0, 0, 0, "")})
    reason = channel_reason(facts(SITE, GB, Durable(), FORGOTTEN, snapshot, 0), channel)
    if reason is not None:
        assert reason.code in ("gas_high", "gas_low")
        assert reason.clause == limit.clause
    return reason is None


@pytest.mark.parametrize("limit", [*_limits("gb30871-2022"), *_limits("osha-nfpa"), *_limits("strictest")])
def test_a_gas_passes_up_to_its_limit_and_not_a_hair_beyond(limit: Limit) -> None:
    """GB 30871-2022 5.3.2 and 6.4, GBZ 2.1-2019, 29 CFR 1910.146: at limit, limit - 0.001 and limit + 0.001."""
    pack = replace(GB, limits=(limit,))
    plain = pack.limit(limit.gas, limit.unit)
    bounds = {"high": limit.high, "low": limit.low, "below": limit.below}
    for side, bound in bounds.items():
        if bound is None:
            continue
        inside, outside = (bound + 0.001, bound - 0.001) if side == "low" else (bound - 0.001, bound + 0.001)
        assert _channel_passes(plain, inside)
        assert _channel_passes(plain, bound) is (side != "below")
        assert not _channel_passes(plain, outside)


@pytest.mark.rule("temperature_c")
@pytest.mark.parametrize(
    ("temperature_c", "passes"), [(19, False), (20, True), (21, True)], ids=["below", "at", "above"]
)
def test_the_packs_temperature_decides_what_a_ppm_detector_may_show(temperature_c: int, passes: bool) -> None:
    """GBZ 2.1-2019: 30 mg/m3 of CO are 25.76 ppm at 20 degC, and fewer ppm in colder air."""
    cold = replace(GB, limits=tuple(replace(limit, temperature_c=temperature_c) for limit in GB.limits))
    at_twenty = GB.limit("CO", Unit.PPM).high
    assert at_twenty is not None
    assert _channel_passes(cold.limit("CO", Unit.PPM), at_twenty) is passes


# --- words and flags ----------------------------------------------------------------------------------------------


@pytest.mark.rule("liveness")
@pytest.mark.parametrize(("seen", "passes"), [("not_proven", False), ("proven", True), ("", False)])
def test_liveness_is_proven_or_it_is_not(seen: str, passes: bool) -> None:
    bench = _ready()
    bench.looking.discard("guardian")
    bench.faces["guardian"] = Face(bench.now, "guardian", 350, seen, "dlib")
    assert GB.liveness.clause == "policy ANT-01"
    assert _ok(bench, "faces") is passes


@pytest.mark.rule("unknown_badge_trips")
@pytest.mark.parametrize("trips", [True, False])
def test_an_unknown_badge_trips_or_is_told_only(trips: bool) -> None:
    """PTW-24: `true` trips; `false` lets the work go on, and rings the safety officer all the same."""
    bench = Bench(pack=replace(GB, unknown_badge_trips=replace(GB.unknown_badge_trips, value=trips))).prepare().release()
    bench.unknown_badges[9001] = bench.now
    bench.step()
    assert (bench.mode is Mode.TRIPPED) is trips
    assert len(bench.found("entry.unauthorised")) == 1


@pytest.mark.rule("clock_quality")
@pytest.mark.parametrize(
    ("seen", "passes"), [("none", False), ("rtc", True), ("sync", True), ("gps", True), ("", False)]
)
def test_a_clock_is_trusted_from_the_packs_quality_on(seen: str, passes: bool) -> None:
    bench = _ready()
    bench.clock_quality = seen
    step = bench.step(ms=0)
    assert step.verdicts["clock"].ok is passes


@pytest.mark.parametrize(
    ("level", "goes_on"),
    [
        pytest.param(
            level, not GB.levels[level].camera, marks=pytest.mark.rule(f"levels.{level.value}.camera"), id=level
        )
        for level in Level
    ],
)
def test_only_the_special_level_stops_without_its_camera(level: Level, goes_on: bool) -> None:
    """GB 30871-2022 5.2.11: the whole process is filmed."""
    assert goes_on is (level is not Level.SPECIAL)
    bench = Bench().prepare(permit(level=level)).release()
    bench.camera = None
    bench.step()
    assert (bench.mode is Mode.RELEASED) is goes_on


# --- the level's upgrade: a function of contracts.level, by the pack's days and hours --------------------------------


def _upgraded(start: str, end: str, wind_grade: int | None = None) -> bool:
    """Whether work between two local times stays at its level."""
    begin, finish = (datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC) for text in (start, end))
    return bool(upgrade_level(Level.GRADE_2, begin, finish, GB.calendar, wind_grade=wind_grade).reasons)


@pytest.mark.rule("night_from_h")
@pytest.mark.parametrize(("end", "rises"), [("21:59:59", False), ("22:00:00", False), ("22:00:01", True)])
def test_work_until_the_night_begins_is_day_work(end: str, rises: bool) -> None:
    """GB 30871-2022 5.1.1; the hours are the company's."""
    assert _upgraded("2026-09-16T20:00", f"2026-09-16T{end}") is rises


@pytest.mark.rule("night_to_h")
@pytest.mark.parametrize(("start", "rises"), [("05:59:59", True), ("06:00:00", False), ("06:00:01", False)])
def test_work_from_the_end_of_the_night_on_is_day_work(start: str, rises: bool) -> None:
    assert _upgraded(f"2026-09-16T{start}", "2026-09-16T20:00") is rises


@pytest.mark.rule("wind_forbidden_grade")
@pytest.mark.parametrize(("grade", "rises"), [(4, False), (5, True), (6, True)])
def test_wind_counts_from_grade_five(grade: int, rises: bool) -> None:
    """GB 30871-2022 5.2.15."""
    assert _upgraded("2026-09-16T09:00", "2026-09-16T10:00", grade) is rises


@pytest.mark.rule("wind_forbidden_grade")
@pytest.mark.parametrize(("m_s", "passes"), [(7.9, True), (7.999, True), (8.0, False), (8.1, False)])
def test_a_grade_begins_at_its_lower_bound(m_s: float, passes: bool) -> None:
    """GB/T 28591-2012: grade 5 blows from 8.0 m/s."""
    bench = _ready()
    bench.sensors["wind-1"].value = m_s
    assert _ok(bench, "wind") is passes


@pytest.mark.rule("wind_stop_grade")
@pytest.mark.parametrize(("m_s", "passes"), [(10.7, True), (10.799, True), (10.8, False), (10.801, False), (40.0, False)])
@pytest.mark.parametrize("base", [None, Level.GRADE_2], ids=["special of its own", "upgraded"])
def test_from_grade_six_no_permit_works_outdoors(base: Level | None, m_s: float, passes: bool) -> None:
    """wind_stop_grade, policy: GB/T 28591-2012 has grade 6 from 10.8 m/s."""
    level = Level.GRADE_1 if base else Level.SPECIAL
    bench = Bench().prepare(permit(level=level, base_level=base))
    bench.sensors["wind-1"].value = m_s
    assert _ok(bench, "wind") is passes


@pytest.mark.rule("upgrade_days")
@pytest.mark.parametrize(
    ("day", "rises"), [("2026-09-30", False), ("2026-10-01", True), ("2026-10-07", True), ("2026-10-08", False)]
)
def test_a_holiday_raises_the_level_and_the_days_beside_it_do_not(day: str, rises: bool) -> None:
    """GB 30871-2022 5.1.1: National Day, 1 to 7 October."""
    assert _upgraded(f"{day}T09:00", f"{day}T10:00") is rises


@pytest.mark.rule("gas_test_points_count")
@pytest.mark.parametrize(
    ("positions", "missing"),
    [(("up", "middle"), {"down"}), (("middle",), {"up", "down"}), (("up", "middle", "down"), set())],
    ids=["below", "far below", "at"],
)
def test_every_gas_is_tested_up_in_the_middle_and_down(positions: tuple[str, ...], missing: set[str]) -> None:
    """GB 30871-2022 5.3.1 a: two points are one too few, and the reason says which is missing; three will do."""
    bench = Bench().prepare()
    bench.test_gas(positions=positions)
    step = bench.step()
    reasons = step.verdicts["gas_test"].reasons
    assert {reason.subject for reason in reasons} == {f"{gas} {where}" for gas in ("CH4", "O2", "CO") for where in missing}
    assert all((r.code, r.clause) == ("gas_test_point", GB.gas_test_points_count.clause) for r in reasons)
