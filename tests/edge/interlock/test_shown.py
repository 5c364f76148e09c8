"""Every line that `hotbox explain` shows of a condition, in both languages, as it was written down and read.

After a change: ``python -m tests.edge.interlock.test_shown``, then read the difference in shown.txt.
"""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.permit import Level, Precondition
from edge.gas.reading import Quality
from edge.interlock.conditions.measures import SHOWN, Measure, measures
from edge.interlock.conditions.wind import BEAUFORT_M_S
from edge.interlock.evidence import Face, FaceRefused
from edge.interlock.proving import DetectorRecord, Result
from edge.interlock.site import SiteRelay
from edge.interlock.state import (
    Confirmation,
    FireWatch,
    GasPoint,
    GasTest,
    Mode,
    Opening,
    ProofTest,
    Reason,
    Reconfirmation,
)
from tests.edge.interlock.bench import GB, RELIEF, SECOND, SITE, WALL_S, Bench, bumped, permit, replace
from tests.edge.interlock.changes import turn

FILE = Path(__file__).with_name("shown.txt")
NOW = 1_000 * SECOND
WANTED = (
    Precondition("drained", "line drained"), Precondition("cooled", "vessel", "temperature", 60_000),
    Precondition("probe", "wall", "temperature", 40_000), Precondition("blind", "blinds set", "isolation"),
)  # fmt: skip


def _nothing() -> Bench:
    """Power is on, nothing was heard."""
    bench = Bench()
    bench.badges, bench.position, bench.camera = {}, None, None
    bench.looking = set()
    for gas in bench.gas.values():
        gas.quality = Quality.NEVER
    return bench


def _ready() -> Bench:
    bench = Bench().prepare(permit(people=(*permit().people, RELIEF)))
    bench.now = NOW + 1_500_000
    return bench


def _released() -> Bench:
    """Released and not yet confirmed; one of the guardians is not of the crew; all is some time old."""
    bench = Bench().prepare(permit(people=(*permit().people, RELIEF)))
    bench.now = NOW
    bench.durable = replace(
        bench.durable, mode=Mode.RELEASED, active="HW-1", released_us=NOW - 100_500, deadline_us=NOW + 90 * SECOND + 500_000,
        crew=("performer", "guardian"), ignited=("HW-1",), signed_offset_ms=WALL_S * 1000 - 1_007_500, clock_back_ms=7,
        clock_offset_ms=WALL_S * 1000 - 1_000_250, opening=Opening("HW-1", NOW - 200 * SECOND, by_gas=False),
    )  # fmt: skip
    bench.inputs_silent_since = NOW - 100_500
    bench.deadman_silent_since = NOW - 50_500
    bench.position_silent_since = NOW - 2_500_000
    bench.camera_silent_since = NOW - 1_500_000
    bench.latch = True
    bench.clock_floor = WALL_S * 1000 - 1_500
    bench.clock_error_ms = 1_001
    bench.loop_gap_ms = 12
    return bench


def _bad() -> Bench:
    """Everything that can be shown as wrong, or as another word."""
    bench = Bench().prepare(permit(preconditions=(), approved_s=-600))
    bench.now = NOW
    claims = permit(preconditions=WANTED, approved_s=-3600, start_s=-90_000, end_s=86_400, level=Level.GRADE_2)
    assert bench.durable.gas_test is not None
    points = (GasPoint("up", "CH4", "%LEL", 11.5), GasPoint("up", "H2", "%LEL", 1.0), GasPoint("down", "O2", "vol%", 19.0))
    bench.durable = replace(
        bench.durable, permits=(claims,), checked_in={"HW-1": 0}, first_out=Reason("gas_high", "ch4-1"), reset_done=True,
        preconditions={
            "HW-1/drained": Confirmation("guardian", NOW - 5), "HW-1/cooled": Confirmation("leader", NOW - 7_000_000, 61_500, "p"),
        },
        reconfirmed=Reconfirmation("HW-1", "guardian", NOW - 3_500_000),
        gas_test=GasTest(NOW - 4_500_000, WALL_S, "leader", "PGM", points),
        fire_watch=FireWatch("HW-1", NOW - SECOND, NOW + 2_500_000),
        proof_test=ProofTest(NOW - 9_500_000, WALL_S, ("a", "b"), ok=True, steps=()),
        detectors={
            "ch4-1": bumped(), "ch4-2": bumped(result=Result.FAILED), "ch4-3": DetectorRecord(),
            "ch4-4": replace(bumped(), calibration=replace(bumped().bump, due_s=WALL_S + 43_200)),  # type: ignore[arg-type]
        },
        clock_offset_ms=None, signed_offset_ms=None, as_of=WALL_S + 30,
    )  # fmt: skip
    groups = tuple(replace(g, channels=tuple(replace(c, due_s=0 if c.name == "ch4-5" else c.due_s) for c in g.channels)) for g in bench.site.groups)
    bench.site = replace(bench.site, groups=groups, contacts=("mains", "battery"))
    bench.gas["ch4-1"].quality, bench.gas["ch4-1"].value = Quality.FAULT, None
    bench.pressed = {"stop", "mains"}
    bench.camera = "stalled"
    bench.looking = set()
    bench.faces = {"guardian": Face(NOW - 5_500_000, "guardian", 512, "not_proven", "dlib")}
    bench.badges[9002] = True
    bench.unknown_badges = {9001: NOW - 1}
    bench.strangers = tuple(FaceRefused(NOW - age_us, "", 700) for age_us in (GB.stranger_s.value * SECOND, GB.stranger_s.value * SECOND + 1, 0))
    bench.contact = True
    bench.audit = replace(bench.audit, writable=False, age_ms=1234)
    return bench


def _finished() -> Bench:
    """After a trip that nobody reset; a proof test that failed; GNSS alone; the crew of today; a break so far."""
    bench = _released()
    bench.durable = replace(
        bench.durable, mode=Mode.TRIPPED, first_out=Reason("estop_open"), confirmed=True, checked_in={"HW-1": 0},
        proof_test=ProofTest(NOW, WALL_S, ("a", "b"), ok=False, steps=()), as_of=WALL_S - 30, ignited=(),
        fire_watch=FireWatch("HW-1", 0, NOW - 5), opening=Opening("HW-1", NOW - 1_500_000, by_gas=False),
    )  # fmt: skip
    bench.site = replace(bench.site, quorum=("badge",))
    return bench


def _inside() -> Bench:
    """Grade 2 in a confined space, whose own break is as long as the level's or shorter; stopped an hour ago."""
    bench = Bench().prepare(permit(level=Level.GRADE_2, confined=True))
    bench.now = NOW
    bench.rules = replace(GB, confined_break_s=replace(GB.confined_break_s, value=1200))
    bench.durable = replace(bench.durable, opening=Opening("HW-1", NOW - 3_600_500_000, by_gas=False))
    return bench


def _inside_longer() -> Bench:
    """Grade 1 in a confined space whose own break may be longer than the level's."""
    bench = Bench().prepare(permit(confined=True))
    bench.now = NOW
    bench.durable = replace(bench.durable, opening=Opening("HW-1", NOW, by_gas=True))
    return bench


def _another() -> Bench:
    """The last opening was under another permit: no break of this one; while released, its own is over."""
    bench = Bench().prepare(permit())
    bench.now = NOW
    bench.durable = replace(bench.durable, opening=Opening("HW-9", NOW - 5, by_gas=False))
    return bench


def _at(bench: Bench, local: str) -> Bench:
    """The same at that moment of the site's clock."""
    here = datetime.timezone(datetime.timedelta(minutes=SITE.utc_offset_min))
    moment = datetime.datetime.fromisoformat(local).replace(tzinfo=here)
    bench.wall_jump_ms = int(moment.timestamp() - WALL_S) * 1000
    return bench


def _plain() -> Bench:
    """A box without an anemometer, whose controller and buttons were never heard; the permit names a sensor that it has
    not got, and temperatures without a limit, which no permit that was checked has; its ticket was not checked, and it is the night before a rest day."""
    wanted = (
        Precondition("probe", "wall", "temperature", 40_000, "temp-9"), Precondition("near", "tank", "temperature", 40_000, "temp-1"),
        Precondition("vague", "pipe", "temperature", None, "temp-1"), Precondition("by hand", "valve", "temperature"),
    )  # fmt: skip
    bench = Bench().prepare()
    bench.now = NOW
    bench.durable = replace(bench.durable, permits=(permit(preconditions=wanted, end_s=10**9),), ticket_checks={})
    bench.site = replace(bench.site, wind="")
    bench.deadman_heard = bench.inputs_heard = False
    return _at(bench, "2027-01-15T23:00:00")


def _upgraded() -> Bench:
    """Approved one level higher than its work asks for, which a calendar that has ended asks for, too; a pack that limits
    no wind and asks for no check of the ticket."""
    bench = Bench().prepare(permit(base_level=Level.GRADE_2))
    bench.now = NOW
    bench.rules = replace(
        GB, wind_forbidden_grade=replace(GB.wind_forbidden_grade, value=len(BEAUFORT_M_S)),
        wind_stop_grade=replace(GB.wind_stop_grade, value=len(BEAUFORT_M_S)),
        ticket_check=replace(GB.ticket_check, value=False),
    )  # fmt: skip
    return _at(bench, "2031-03-03T12:00:00")


def _windy() -> Bench:
    """A pack that limits no wind, and a permit that is not upgraded."""
    bench = _upgraded()
    bench.durable = replace(bench.durable, permits=(permit(),), ticket_checks={})
    return bench


def _chained() -> Bench:
    """Three relays in series: one that was never heard, one closed, one open, whose contacts have closed before."""
    bench = Bench(replace(SITE, relays=tuple(SiteRelay(name, name, 50_000) for name in ("", "k4", "k2", "k3"))))
    bench.durable = replace(bench.durable, cycles={"": 12, "k2": 7})
    bench.series = {"k2": True, "k3": False}
    bench.now = NOW
    bench.series_silent_since = NOW - 40_500
    return bench


WORLDS: dict[str, Callable[[], Bench]] = {
    "nothing known": _nothing, "ready": _ready, "released": _released, "bad": _bad, "finished": _finished,
    "plain": _plain, "upgraded": _upgraded, "windy": _windy, "chained": _chained,
    "inside": _inside, "inside, longer": _inside_longer, "another": _another,
}  # fmt: skip


def _line(measure: Measure, now_us: int) -> str:
    age = "" if measure.at_us is None else f" [{now_us - measure.at_us} us]"
    bounds = "" if measure.low is None and measure.high is None else f" ({measure.low!r} .. {measure.high!r}"
    bounds += ")" if bounds and not measure.below else " below)" if bounds else ""
    value = "" if measure.value is None else f" = {measure.value!r}"
    return f"  {measure.zh} | {measure.en} | {measure.subject}{value}{bounds} {measure.unit}{age} {measure.clause} {measure.inside}"


def _text() -> Iterator[str]:
    for name, world in WORLDS.items():
        bench = world()
        f = turn(bench).f
        yield f"== {name}"
        for condition, shown in SHOWN.items():
            if name == "nothing known":
                yield f"{condition}: {shown.keep_zh} | {shown.keep_en}"
            yield f"{condition}:"
            yield from (_line(measure, f.now_us) for measure in measures(condition, f))


def test_every_line_that_is_shown_was_read() -> None:
    """BOX-06: value, limits, unit, age and clause, passing or not, in both languages."""
    assert "\n".join(_text()) + "\n" == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "low", "high", "below", "inside"),
    [
        (1.0, None, None, False, None), (None, None, None, False, None), (None, 0.0, None, False, False),
        (None, None, 0.0, False, False), (1.0, 1.0, None, False, True), (0.999, 1.0, None, False, False),
        (1.0, None, 1.0, False, True), (1.001, None, 1.0, False, False), (1.0, None, 1.0, True, False),
        (0.999, None, 1.0, True, True), (1.0, 0.0, 1.0, False, True), (-0.1, 0.0, 1.0, False, False),
        (1.1, 0.0, 1.0, False, False), (0.5, 0.0, 1.0, True, True), (0.0, 0.0, None, True, True),
    ],
)  # fmt: skip
def test_a_value_is_inside_by_the_bounds_that_it_has(
    value: float | None, low: float | None, high: float | None, below: bool, inside: bool | None
) -> None:
    assert Measure("", "", "", value, low, high, below=below).inside is inside


def test_the_row_of_the_recheck_is_its_own(released: Bench) -> None:
    f = turn(released).f
    assert {m.high for m in measures("faces_again", f) if m.en == "face verified"} == {GB.face_recheck_s.value}
    assert measures("weather", f) == ()


if __name__ == "__main__":
    FILE.write_text("\n".join(_text()) + "\n", encoding="utf-8")
