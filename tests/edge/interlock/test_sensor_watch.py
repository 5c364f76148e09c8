"""A process sensor warns once when its limit stays crossed or it stays silent, and says once that it is over (INS-01, INS-05)."""

import msgspec
import pytest

from contracts.event import Severity
from contracts.events import registry
from edge.config import Sensor
from edge.gas.reading import Quality, Reading
from edge.interlock.outbox_watch import Said
from edge.interlock.sensor_watch import NORMAL, WARNING, Limits, Seen, SensorWatch, judge, limits_of
from edge.interlock.site import SiteSensor

AFTER_US, STALE_US = 5_000_000, 2_000_000
HUMID = SiteSensor("hum-1", "humidity", "%RH", 0, 100, STALE_US, "plant")
VIBRATES = SiteSensor("vib-1", "vibration", "mm/s", 0, 50, STALE_US, "plant")
BOTH = Limits(HUMID, 80_000, 30_000, 5_000, AFTER_US)
ABOVE, BELOW = Limits(VIBRATES, 7_100, None, 500, AFTER_US), Limits(HUMID, None, 30_000, 5_000, AFTER_US)


def _read(value: float | None, at_us: int, quality: Quality = Quality.GOOD, name: str = "hum-1") -> Reading:
    return Reading(name, value, quality, at_us, 0, None, "")


def _play(limits: Limits, *looks: tuple[int, float | Quality | None]) -> list[tuple[int, str, str]]:
    """Look at these milliseconds at a value, a bad quality or nothing; gives when which event told of what."""
    seen, found = Seen(), []
    for ms, what in looks:
        now = 10_000_000 + ms * 1000
        reading = None if what is None else _read(what, now) if not isinstance(what, Quality) else _read(None, now, what)
        seen, said = judge(limits, seen, reading, now)
        found += [(ms, each.type, str(each.data.get("code", each.data.get("was")))) for each in said]
        assert all(registry.REGISTRY[each.type].sev == (each.sev,) for each in said)
    return found


@pytest.mark.parametrize(
    ("value", "code"), [(80.0, ""), (80.001, "sensor_high"), (79.9, ""), (30.0, ""), (29.999, "sensor_low"), (30.1, "")]
)
def test_a_limit_is_crossed_beyond_it_and_not_at_it(value: float, code: str) -> None:
    """INS-01: exactly at the threshold is no warning."""
    assert _play(BOTH, (0, value), (5000, value)) == ([(5000, WARNING, code)] if code else [])


@pytest.mark.parametrize(("ms", "warns"), [(4999, False), (5000, True), (5001, True)])
def test_it_warns_from_the_debounce_time_on_and_no_earlier(ms: int, warns: bool) -> None:
    """INS-05: threshold and debounce."""
    assert _play(BOTH, (0, 85.0), (ms, 85.0)) == ([(ms, WARNING, "sensor_high")] if warns else [])


def test_one_reading_inside_the_limit_begins_the_debounce_anew() -> None:
    """INS-05."""
    assert _play(BOTH, (0, 85.0), (4000, 80.0), (5000, 85.0), (9999, 85.0)) == []
    assert _play(BOTH, (0, 85.0), (4000, 80.0), (5000, 85.0), (10_000, 85.0)) == [(10_000, WARNING, "sensor_high")]


def test_a_jump_from_one_limit_to_the_other_begins_the_debounce_anew() -> None:
    assert _play(BOTH, (0, 85.0), (4000, 20.0), (8999, 20.0)) == []
    assert _play(BOTH, (0, 85.0), (4000, 20.0), (9000, 20.0)) == [(9000, WARNING, "sensor_low")]


@pytest.mark.parametrize(
    ("limits", "beyond", "almost", "back", "code"),
    [
        (BOTH, 85.0, 75.001, 75.0, "sensor_high"),
        (BOTH, 20.0, 34.999, 35.0, "sensor_low"),
        (ABOVE, 9.0, 6.601, 6.6, "sensor_high"),
        (BELOW, 20.0, 34.999, 35.0, "sensor_low"),
    ],
)
def test_it_warns_once_and_is_normal_again_only_inside_by_the_margin(
    limits: Limits, beyond: float, almost: float, back: float, code: str
) -> None:
    looks = [(0, beyond), (5000, beyond), (6000, almost), (20_000, beyond), (30_000, almost), (31_000, back), (40_000, back)]
    assert _play(limits, *looks) == [(5000, WARNING, code), (31_000, NORMAL, code)]


def test_a_warning_may_turn_into_its_opposite_after_the_debounce_time() -> None:
    told = _play(BOTH, (0, 85.0), (5000, 85.0), (6000, 20.0), (10_999, 20.0), (11_000, 20.0))
    assert told == [(5000, WARNING, "sensor_high"), (6000, NORMAL, "sensor_high"), (11_000, WARNING, "sensor_low")]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (None, "sensor_never"),
        (Quality.FAULT, "sensor_fault"),
        (Quality.FROZEN, "sensor_frozen"),
        (Quality.BAD_FRAME, "sensor_stale"),
        (Quality.OVER_RANGE, "sensor_over_range"),
        (float("nan"), "sensor_stale"),
    ],
)
def test_a_sensor_that_nobody_can_believe_is_a_warning_of_its_own(what: float | Quality | None, code: str) -> None:
    """INS-01, INS-05: silence is no dry store and no quiet machine."""
    assert _play(BOTH, (0, what), (4999, what)) == []
    told = _play(BOTH, (0, what), (5000, what), (60_000, what), (61_000, 50.0), (62_000, 50.0))
    assert told == [(5000, WARNING, code), (61_000, NORMAL, code)]


def test_a_short_silence_is_not_told_and_counts_anew() -> None:
    assert _play(BOTH, (0, None), (4000, 50.0), (5000, None), (9999, None)) == []
    assert _play(BOTH, (0, None), (4000, 50.0), (5000, None), (10_000, None)) == [(10_000, WARNING, "sensor_never")]


@pytest.mark.parametrize(("age_us", "doubted"), [(-1, True), (0, False), (STALE_US, False), (STALE_US + 1, True)])
def test_a_reading_is_believed_until_its_age_limit(age_us: int, doubted: bool) -> None:
    seen, _ = judge(BOTH, Seen(), _read(50.0, 10_000_000), 10_000_000 + age_us)
    assert bool(seen.unknown_us) is doubted


def test_silence_neither_ends_a_crossing_nor_a_warning() -> None:
    """A store that was damp before its sensor fell silent is damp until somebody has seen otherwise."""
    assert _play(BOTH, (0, 85.0), (2000, None), (6000, 85.0)) == [(6000, WARNING, "sensor_high")]
    told = _play(BOTH, (0, 85.0), (5000, 85.0), (6000, None), (11_000, None), (12_000, 85.0), (13_000, 70.0))
    assert told == [
        (5000, WARNING, "sensor_high"), (11_000, WARNING, "sensor_never"), (12_000, NORMAL, "sensor_never"),
        (13_000, NORMAL, "sensor_high"),
    ]  # fmt: skip


@pytest.mark.parametrize(("limits", "value"), [(ABOVE, 0.0), (BELOW, 100.0)])
def test_a_side_without_a_limit_never_warns(limits: Limits, value: float) -> None:
    assert _play(limits, (0, value), (60_000, value)) == []


def test_the_event_says_value_limit_unit_and_what_is_measured() -> None:
    """INS-01: who reads it needs no second look."""
    seen, _ = judge(BOTH, Seen(), _read(85.25, 10_000_000), 10_000_000)
    seen, (warned,) = judge(BOTH, seen, _read(85.5, 15_000_000), 15_000_000)
    assert warned == Said(WARNING, Severity.WARNING, {
        "code": "sensor_high", "chan": "hum-1", "value_milli": 85_500, "limit_milli": 80_000, "unit": "%RH",
        "clause": "INS-01", "quantity": "humidity",
    })  # fmt: skip
    _, (normal,) = judge(BOTH, seen, _read(60.0, 16_000_000), 16_000_000)
    assert normal == Said(NORMAL, Severity.INFO, {
        "chan": "hum-1", "was": "sensor_high", "value_milli": 60_000, "unit": "%RH", "quantity": "humidity",
    })  # fmt: skip
    for said in (warned, normal):
        form = registry.REGISTRY[said.type].forms[0]
        assert msgspec.convert(said.data, form)
    seen, _ = judge(ABOVE, Seen(), None, 1)
    _, (silent,) = judge(ABOVE, seen, None, 1 + AFTER_US)
    assert silent.data == {"code": "sensor_never", "chan": "vib-1", "clause": "INS-05", "quantity": "vibration"}
    stale = _read(1.5, 0, name="vib-1")
    _, (silent,) = judge(ABOVE, seen, stale, 1 + AFTER_US)
    assert silent.data == {
        "code": "sensor_stale", "chan": "vib-1", "value_milli": 5_000, "limit_milli": 2_000, "unit": "s",
        "clause": "INS-05", "quantity": "vibration",
    }  # fmt: skip
    over = _read(55.5, AFTER_US, Quality.OVER_RANGE, "vib-1")
    _, (broken,) = judge(ABOVE, seen, over, 1 + AFTER_US)
    assert broken.data == {
        "code": "sensor_over_range", "chan": "vib-1", "value_milli": 55_500, "unit": "mm/s", "clause": "INS-05",
        "quantity": "vibration",
    }  # fmt: skip


def test_the_watch_hears_only_those_with_limits_and_notices_the_silent_ones() -> None:
    row = {"bus": "plant", "unit_id": 24, "scale": 0.1, "range_low": 0.0, "range_high": 100.0}
    damp = Sensor("hum-1", quantity="humidity", warn_above=80, warn_after_s=5, warn_back_by=5, **row)
    plain = Sensor("hum-2", quantity="humidity", **row)
    site = {name: msgspec.structs.replace(HUMID, name=name) for name in ("hum-1", "hum-2")}
    assert limits_of(damp, HUMID) == Limits(HUMID, 80_000, None, 5_000, AFTER_US)
    assert limits_of(plain, HUMID) is None
    said: list[Said] = []
    watch = SensorWatch((damp, plain), site, said.append)
    for now in (1_000_000, 6_000_000):
        for name in site:
            watch.look(name, _read(85.0, now, name=name), now)
    assert [(each.type, each.data["chan"]) for each in said] == [(WARNING, "hum-1")]
    last = {name: _read(85.0, 6_000_000, name=name) for name in site}
    for now in (6_000_000 + STALE_US + 1, 6_000_000 + STALE_US + 1 + AFTER_US):
        watch.look_at_all(last, now)
    watch.look_at_all({}, 60_000_000)
    assert [each.data["code"] for each in said] == ["sensor_high", "sensor_stale"]


def test_a_sensor_that_speaks_again_says_its_value_and_its_next_silence_is_told_too() -> None:
    """INS-01, INS-05: nothing of the first silence is kept."""
    seen, _ = judge(BOTH, Seen(), None, 1_000_000)
    seen, (silent,) = judge(BOTH, seen, None, 1_000_000 + AFTER_US)
    assert silent.type == WARNING
    seen, (normal,) = judge(BOTH, seen, _read(50.5, 9_000_000), 9_000_000)
    assert normal.data == {
        "chan": "hum-1", "was": "sensor_never", "value_milli": 50_500, "unit": "%RH", "quantity": "humidity",
    }  # fmt: skip
    assert seen == Seen()
    seen, _ = judge(BOTH, seen, _read(50.5, 9_000_000), 20_000_000)
    _, (stale,) = judge(BOTH, seen, _read(50.5, 9_000_000), 20_000_000 + AFTER_US)
    assert stale.data["limit_milli"] == STALE_US // 1000
    assert isinstance(stale.data["limit_milli"], int), "the log has no floats"


def test_limits_are_taken_from_a_whole_configuration_alone() -> None:
    row = {"bus": "plant", "unit_id": 24, "scale": 0.1, "range_low": 0.0, "range_high": 100.0, "quantity": "humidity"}
    dry = Sensor("hum-1", warn_below=30, warn_after_s=5, warn_back_by=5, **row)
    assert limits_of(dry, HUMID) == BELOW
    assert limits_of(Sensor("hum-1", warn_below=30, warn_after_s=5, **row), HUMID) is None
    assert limits_of(Sensor("hum-1", warn_below=30, warn_back_by=5, **row), HUMID) is None
