"""Process sensors in the kernel: measured preconditions, the box's own heat, the wind."""

import math

import pytest

from contracts.permit import Level, Precondition
from edge.gas.reading import Quality
from edge.interlock import view
from edge.interlock.conditions.measures import measures
from edge.interlock.conditions.wind import BEAUFORT_M_S, grade
from edge.interlock.happenings import PermitAccepted
from edge.interlock.kernel import Relay
from edge.interlock.replay import replay
from edge.interlock.state import Mode, Reason
from tests.edge.interlock.bench import GB, SITE, STALE_US, Bench, permit, replace

COOLED = Precondition("cooled", "vessel below 60", "temperature", 60_000, "temp-1")
PLACES = [("temp-1", "preconditions"), ("box-temp", "enclosure"), ("wind-1", "wind")]
QUALITIES = {
    Quality.STALE: "sensor_stale",
    Quality.FAULT: "sensor_fault",
    Quality.OVER_RANGE: "sensor_over_range",
    Quality.UNDER_RANGE: "sensor_under_range",
    Quality.WARM_UP: "sensor_warm_up",
    Quality.FROZEN: "sensor_frozen",
    Quality.BAD_FRAME: "sensor_stale",
    Quality.NEVER: "sensor_never",
}


def wanting(*wanted: Precondition) -> Bench:
    """Everything is met but, perhaps, what the permit wants."""
    bench = Bench()
    bench.step()
    bench.step(PermitAccepted(permit(preconditions=wanted or (COOLED,))))
    bench.test_gas()
    bench.check_ticket()
    return bench


def reasons(bench: Bench, condition: str) -> list[tuple[str, str, int | None, int | None]]:
    found = bench.step(ms=0).verdicts[condition].reasons
    assert all(reason.clause == "PTW-11" if condition == "preconditions" else reason.clause for reason in found)
    assert all(reason.unit == "°C" for reason in found if reason.code.startswith("temperature_"))
    return [(reason.code, reason.subject, reason.value_milli, reason.limit_milli) for reason in found]


@pytest.mark.parametrize(
    ("celsius", "found"),
    [
        (-20.0, []),
        (59.999999, []),
        (60.0, []),
        (60.000001, [("temperature_high", "vessel below 60", 60_000, 60_000)]),
        (85.0, [("temperature_high", "vessel below 60", 85_000, 60_000)]),
    ],
)
def test_a_measured_precondition_passes_up_to_its_limit(celsius: float, found: list[object]) -> None:
    """PTW-11: exactly at the limit is cool enough, the smallest step above is not."""
    bench = wanting()
    bench.sensors["temp-1"].value = celsius
    assert reasons(bench, "preconditions") == found


def test_a_sensor_that_the_box_does_not_have_proves_nothing() -> None:
    """PTW-11: unknown is no; an anemometer measures no temperature either."""
    for name in ("temp-9", "wind-1"):
        bench = wanting(replace(COOLED, sensor=name))
        assert reasons(bench, "preconditions") == [("temperature_none", "vessel below 60", None, 60_000)]
    (seen,) = measures("preconditions", wanting(replace(COOLED, sensor="temp-9")).step(ms=0).facts)
    assert (seen.zh, seen.en, seen.inside) == (
        "vessel below 60：本盒无此传感器（never）", "vessel below 60: this box has no such sensor (never)", False,
    )  # fmt: skip


def test_a_temperature_without_a_limit_is_never_cool_enough() -> None:
    assert reasons(wanting(replace(COOLED, limit_milli=None)), "preconditions") == [
        ("temperature_none", "vessel below 60", None, None)
    ]


@pytest.mark.parametrize(("name", "condition"), PLACES)
@pytest.mark.parametrize("quality", QUALITIES)
def test_a_sensor_that_says_nothing_sound_says_no(name: str, condition: str, quality: Quality) -> None:
    """BOX-04, PTW-11: every bad quality refuses with its own reason, however good its number looks."""
    bench = wanting()
    bench.sensors[name].quality = quality
    ((code, subject, _, _),) = reasons(bench, condition)
    assert (code, subject) == (QUALITIES[quality], name)


@pytest.mark.parametrize(
    ("name", "condition", "milli", "unit", "clause"),
    [
        ("temp-1", "preconditions", 24_000, "°C", "PTW-11"),
        ("box-temp", "enclosure", 31_000, "°C", GB.enclosure_max_c.clause),
        ("wind-1", "wind", 2_000, "m/s", GB.wind_forbidden_grade.clause),
    ],
)
def test_the_whole_reason_names_sensor_number_unit_and_rule(
    name: str, condition: str, milli: int, unit: str, clause: str
) -> None:
    """BOX-04, PTW-11: a fault with the number that came, an old number with its age, silence from the start with neither."""
    bench = wanting()
    bench.site = replace(SITE, sensors=tuple(replace(sensor, stale_us=2_000_000) for sensor in SITE.sensors))
    said = bench.sensors[name]
    said.quality = Quality.FAULT
    assert bench.step(ms=0).verdicts[condition].reasons == (Reason("sensor_fault", name, milli, None, unit, clause),)
    said.quality, said.silent_since = Quality.GOOD, bench.now - 2_700_999
    assert bench.step(ms=0).verdicts[condition].reasons == (Reason("sensor_stale", name, 2_700, 2_000, "s", clause),)
    said.quality = Quality.NEVER
    assert bench.step(ms=0).verdicts[condition].reasons == (Reason("sensor_never", name, None, None, unit, clause),)


@pytest.mark.parametrize(("name", "condition"), PLACES)
@pytest.mark.parametrize(("age_us", "passes"), [(-1, False), (0, True), (STALE_US, True), (STALE_US + 1, False)])
def test_a_sensor_counts_until_its_stale_limit(name: str, condition: str, age_us: int, passes: bool) -> None:
    bench = wanting()
    bench.sensors[name].silent_since = bench.now - age_us
    assert [code for code, *_ in reasons(bench, condition)] == ([] if passes else ["sensor_stale"])


@pytest.mark.parametrize(("name", "condition"), PLACES)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_says_no(name: str, condition: str, value: float | None) -> None:
    bench = wanting()
    bench.sensors[name].value = value
    assert [code for code, *_ in reasons(bench, condition)] == ["sensor_stale"]


def test_heat_after_the_release_trips_nothing_but_refuses_the_next() -> None:
    """PTW-11: a precondition is of the release."""
    bench = wanting().release()
    bench.sensors["temp-1"].value = 300.0
    assert bench.step(ms=0).relay is Relay.HOLD


@pytest.mark.parametrize(
    ("name", "value", "first"),
    [
        ("box-temp", 70.001, Reason("enclosure_hot", "box-temp", 70_001, 70_000, "°C", GB.enclosure_max_c.clause)),
        ("wind-1", 8.125, Reason("wind_strong", "wind-1", 8_125, 8_000, "m/s", GB.wind_forbidden_grade.clause)),
    ],
)
def test_too_hot_inside_and_too_much_wind_open_at_once_with_their_own_first_out(
    released: Bench, name: str, value: float, first: Reason
) -> None:
    """BOX-04, GB 30871-2022 5.2.15."""
    released.sensors[name].value = value
    step = released.step(ms=0)
    assert step.relay is Relay.OPEN
    assert released.durable.first_out == first
    released.press("reset")
    assert first.code in released.missing(), "the reset is given, the release is not"


def test_thermostat_and_sensor_are_both_told(ready: Bench) -> None:
    """None short-cuts the other."""
    ready.pressed.add("enclosure")
    (reason,) = ready.step(ms=0).verdicts["enclosure"].reasons
    assert (reason.code, reason.subject) == ("enclosure_hot", "")
    ready.sensors["box-temp"].value = 90.0
    assert [reason.subject for reason in ready.step(ms=0).verdicts["enclosure"].reasons] == ["", "box-temp"]
    ready.sensors["box-temp"].quality = Quality.FAULT
    assert [reason.code for reason in ready.step(ms=0).verdicts["enclosure"].reasons] == ["enclosure_hot", "sensor_fault"]


def test_a_site_without_sensors_needs_none() -> None:
    bench = Bench(replace(SITE, sensors=(), enclosure="", wind="", contacts=())).prepare()
    assert bench.mode is Mode.PERMISSIVE_OK
    facts = bench.step(ms=0).facts
    assert [m.en for name in ("enclosure", "wind") for m in measures(name, facts)] == ["not wired", "no anemometer"]
    assert not view._sensors(facts)


@pytest.mark.parametrize(
    ("contacts", "sensor", "shown"),
    [
        (("enclosure",), "box-temp", ["contact closed", "temperature inside"]),
        ((), "box-temp", ["temperature inside"]),
        (("enclosure",), "", ["contact closed"]),
    ],
)
def test_explain_shows_thermostat_and_sensor_where_they_are(contacts: tuple[str, ...], sensor: str, shown: list[str]) -> None:
    bench = Bench(replace(SITE, contacts=contacts, enclosure=sensor)).prepare()
    step = bench.step(ms=0)
    assert step.verdicts["enclosure"].ok
    assert [m.en for m in measures("enclosure", step.facts)] == shown


def test_a_precondition_shows_what_its_sensor_measures_or_nothing() -> None:
    bench = wanting(COOLED, replace(COOLED, id="gone", sensor="temp-9"), replace(COOLED, id="hand", sensor=""))
    shown = view._permit(bench.step(ms=0).facts)
    assert shown is not None
    assert [(p.id, p.sensor, p.ok, p.value) for p in shown.preconditions] == [
        ("cooled", "temp-1", True, "24"), ("gone", "temp-9", False, ""), ("hand", "", False, ""),
    ]  # fmt: skip


def test_a_sensor_is_no_gas(ready: Bench) -> None:
    """It never votes, and over-range of a thermometer latches nothing."""
    ready.sensors["temp-1"].quality = Quality.OVER_RANGE
    step = ready.step(ms=0)
    assert step.verdicts["gas"].ok
    assert not ready.durable.over_range
    assert ready.mode is Mode.PERMISSIVE_OK, "no precondition asks for it"


@pytest.mark.parametrize(
    ("m_s", "blows"),
    [(-1.0, 0), (0.0, 0), (0.2, 0), (0.3, 1), (7.9, 4), (8.0, 5), (10.7, 5), (10.8, 6), (32.6, 11), (32.7, 12), (60.0, 12)],
)
def test_a_speed_has_the_grade_whose_lower_bound_it_reaches(m_s: float, blows: int) -> None:
    """GB/T 28591-2012."""
    assert grade(m_s) == blows


@pytest.mark.parametrize(("forbidden", "m_s", "passes"), [(0, 0.0, False), (1, 0.2, True), (1, 0.3, False), (13, 60.0, True)])
def test_the_pack_says_from_which_grade(forbidden: int, m_s: float, passes: bool) -> None:
    """OSHA's pack has no such rule: 13 lies beyond the scale."""
    never = replace(GB.wind_stop_grade, value=13)
    pack = replace(GB, wind_forbidden_grade=replace(GB.wind_forbidden_grade, value=forbidden), wind_stop_grade=never)
    bench = Bench(pack=pack)
    bench.sensors["wind-1"].value = m_s
    step = bench.step(ms=0)
    assert step.verdicts["wind"].ok is passes
    (shown,) = measures("wind", step.facts)
    assert shown.high == (BEAUFORT_M_S[forbidden] if forbidden <= 12 else None)
    assert shown.inside is (None if forbidden == 13 else passes)


@pytest.mark.parametrize(("level", "base"), [(Level.GRADE_2, None), (Level.GRADE_1, Level.GRADE_2), (Level.SPECIAL, None)])
def test_a_storm_opens_the_contact_whatever_the_permit(level: Level, base: Level | None) -> None:
    """wind_stop_grade: 40 m/s is no wind for an upgraded permit either, and none begins in it."""
    bench = Bench().prepare(permit(level=level, base_level=base)).release()
    bench.sensors["wind-1"].value = 40.0
    step = bench.step(ms=0)
    assert step.relay is Relay.OPEN
    rule = GB.wind_stop_grade
    assert step.durable.first_out == Reason("wind_stop", "wind-1", 40_000, 10_800, "m/s", rule.clause)
    (shown, *_) = measures("wind", step.facts)
    assert shown.inside is False


def test_a_site_may_stop_all_work_before_the_standard_limits_it() -> None:
    """Tightened to grade 4, the stop comes before what an upgrade would allow, and is shown as such."""
    bench = Bench(pack=replace(GB, wind_stop_grade=replace(GB.wind_stop_grade, value=4)))
    bench.sensors["wind-1"].value = 5.5
    step = bench.step(ms=0)
    assert [reason.code for reason in step.verdicts["wind"].reasons] == ["wind_stop"]
    (shown,) = measures("wind", step.facts)
    assert (shown.high, shown.inside, shown.clause) == (5.5, False, GB.wind_stop_grade.clause)
    same = replace(GB, wind_stop_grade=replace(GB.wind_stop_grade, value=GB.wind_forbidden_grade.value))
    (shown,) = measures("wind", Bench(pack=same).step(ms=0).facts)
    assert shown.clause == GB.wind_stop_grade.clause


@pytest.mark.parametrize(
    ("level", "base", "passes"),
    [
        (Level.GRADE_2, None, False),
        (Level.GRADE_1, None, False),
        (Level.GRADE_1, Level.GRADE_2, True),
        (Level.SPECIAL, Level.GRADE_1, True),
        (Level.SPECIAL, None, True),
    ],
)
def test_only_an_upgraded_permit_goes_on_in_strong_wind(level: Level, base: Level | None, passes: bool) -> None:
    """GB 30871-2022 5.2.15: where production needs it, one level higher. A silent anemometer stops that work too."""
    bench = Bench().prepare(permit(level=level, base_level=base)).release()
    bench.sensors["wind-1"].value = 10.7
    step = bench.step(ms=0)
    assert (step.relay is Relay.HOLD) is passes
    shown = measures("wind", step.facts)
    assert [m.inside for m in shown] == ([True, None] if passes else [False])
    assert [m.high for m in shown] == ([10.8, None] if passes else [8.0])
    bench.sensors["wind-1"].quality = Quality.FROZEN
    assert bench.step(ms=0).relay is Relay.OPEN


def test_the_kernel_looks_again_when_a_sensor_becomes_stale(ready: Bench) -> None:
    """Absence is no event."""
    ready.sensors["box-temp"].silent_since = ready.now - STALE_US + 1000
    assert ready.step(ms=0).next_us == ready.now + 1001


def test_a_decision_can_be_made_again_with_its_sensors(ready: Bench) -> None:
    """KPI-16: the record is lossless."""
    ready.sensors["box-temp"].value = 69.9
    ready.press("arm")
    event = next(event for event in ready.log.events if event.type == "release.authorised")
    rows = {row["n"]: row["v"] for row in event.data["snapshot"] if row["k"] == "snapshot.sensors"}
    assert set(rows) == {"temp-1", "box-temp", "wind-1"}
    assert rows["box-temp"]["value"] == "69.9"
    replayed = replay(event.type, event.data, ready.log.parts.__getitem__)
    assert replayed.same
    assert replayed.facts is not None
    assert replayed.facts.snapshot.sensors["box-temp"].value == 69.9


def test_the_status_shows_every_sensor_with_unit_age_and_use(ready: Bench) -> None:
    ready.sensors["temp-1"].silent_since = ready.now - STALE_US - 1
    ready.sensors["wind-1"].quality = Quality.NEVER
    shown = view._sensors(ready.step(ms=0).facts)
    assert [(s.name, s.quantity, s.value, s.unit, s.quality, s.age_ms, s.bus, s.use) for s in shown] == [
        ("temp-1", "temperature", 24.0, "°C", "stale", 500, "tcp", ""),
        ("box-temp", "temperature", 31.0, "°C", "good", 0, "tcp", "enclosure"),
        ("wind-1", "wind", None, "m/s", "never", None, "tcp", "wind"),
    ]


def test_explain_shows_the_temperature_that_a_precondition_asks_for() -> None:
    bench = wanting()
    (shown,) = measures("preconditions", bench.step(ms=0).facts)
    assert (shown.en, shown.subject, shown.value, shown.high, shown.unit, shown.inside) == (
        "vessel below 60", "temp-1", 24.0, 60.0, "°C", True,
    )  # fmt: skip
