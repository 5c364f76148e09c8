"""`sensors`, `enclosure` and `wind` in the box's configuration: what is explained, and what is refused and why."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from contracts.errors import ContractError
from edge import config as box_config
from edge.config import BoxConfig, Sensor
from edge.gas import budget
from edge.interlock import rules, safety_time
from edge.interlock.site import build

replace = msgspec.structs.replace
EXAMPLE = Path(box_config.__file__).parents[1] / "configs" / "box.example.yaml"
GB = rules.load("gb30871-2022")


@pytest.fixture
def config() -> BoxConfig:
    return box_config.load(EXAMPLE)


def _change(config: BoxConfig, **changes: object) -> BoxConfig:
    first, *others = config.sensors
    return replace(config, sensors=(replace(first, **changes), *others))


def _warns(config: BoxConfig, **changes: object) -> BoxConfig:
    return _change(config, **({"warn_above": 80, "warn_after_s": 5, "warn_back_by": 5} | changes))


@pytest.mark.parametrize("changes", [{}, {"warn_back_by": 119.9}, {"warn_below": 60, "warn_back_by": 19.9}, {"warn_above": 399.9}, {"warn_above": None, "warn_below": -39.9}])
def test_a_limit_that_the_sensor_can_show_and_come_back_from_is_accepted(config: BoxConfig, changes: dict[str, object]) -> None:
    """INS-05."""
    box_config.check(_warns(config, **changes))


def test_the_examples_humidity_and_vibration_sensors_are_right_when_their_sign_is_taken_away(tmp_path: Path) -> None:
    """INS-01, INS-05: what a person uncomments works."""
    text = EXAMPLE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith(("#   - {name: hum-1", "#   - {name: vib-1"))]
    at = text.index("# A sensor may warn;")
    path = tmp_path / "box.yaml"
    path.write_text(text[:at] + "".join(f"  {row.lstrip('# ')}\n" for row in rows) + text[at:], encoding="utf-8")
    config = box_config.load(path)
    box_config.check(config)
    found = build(config, GB, budget.stale_limits_us(config)).sensors[-2:]
    assert [(s.name, s.quantity, s.unit) for s in found] == [("hum-1", "humidity", "%RH"), ("vib-1", "vibration", "mm/s")]


def test_the_example_explains_a_thermometer_the_box_and_the_wind(config: BoxConfig) -> None:
    """PTW-11: what a permit calls by name stands in the box's own file."""
    site = build(config, GB, budget.stale_limits_us(config))
    assert [(s.name, s.quantity, s.unit) for s in site.sensors] == [
        ("temp-1", "temperature", "°C"), ("box-temp", "temperature", "°C"), ("wind-1", "wind", "m/s"),
    ]  # fmt: skip
    assert (site.enclosure, site.wind) == ("box-temp", "wind-1")
    assert site.sensor["box-temp"].stale_us == budget.stale_limit_us(config, config.sensors[1])


@pytest.mark.parametrize(
    ("change", "field", "came"),
    [
        (lambda c: _change(c, bus="nowhere"), "sensors[0].bus", "nowhere"),
        (lambda c: _change(c, scale=float("nan")), "sensors[0].scale", "nan"),
        (lambda c: _change(c, scale=0.0), "sensors[0].scale", "0"),
        (lambda c: _change(c, scale=-0.1), "sensors[0].scale", "-0.1"),
        (lambda c: _change(c, range_low=float("-inf")), "sensors[0].range_low", "-inf"),
        (lambda c: _change(c, range_high=float("inf")), "sensors[0].range_high", "inf"),
        (lambda c: _change(c, range_high=-40.0), "sensors[0].range_high", "-40"),
        (lambda c: _change(c, name="ch4-1"), "sensors (names, those of channels too)", "ch4-1 twice"),
        (lambda c: _change(c, name="box-temp"), "sensors (names, those of channels too)", "box-temp twice"),
        (lambda c: _change(c, bus="gas-tcp", unit_id=1), "sensors (bus/unit_id/register)", "gas-tcp/1/0 twice"),
        (lambda c: _change(c, unit_id=22), "sensors (bus/unit_id/register)", "plant/22/0 twice"),
        (lambda c: replace(c, enclosure="box-9"), "enclosure", "box-9"),
        (lambda c: replace(c, enclosure="wind-1"), "enclosure", "wind-1"),
        (lambda c: replace(c, wind="temp-1"), "wind", "temp-1"),
        (lambda c: replace(c, wind=""), "sensors[2]", "nothing"),
        (lambda c: replace(c, sensors=()), "enclosure", "box-temp"),
        (lambda c: _change(c, warn_after_s=5), "sensors[0].warn_after_s", "neither"),
        (lambda c: _change(c, warn_back_by=1), "sensors[0].warn_back_by", "neither"),
        (lambda c: _warns(c, warn_after_s=None), "sensors[0].warn_after_s", "nothing"),
        (lambda c: _warns(c, warn_back_by=None), "sensors[0].warn_back_by", "nothing"),
        (lambda c: _warns(c, warn_above=400), "sensors[0].warn_above", "400"),
        (lambda c: _warns(c, warn_above=float("nan")), "sensors[0].warn_above", "nan"),
        (lambda c: _warns(c, warn_below=-40), "sensors[0].warn_below", "-40"),
        (lambda c: _warns(c, warn_back_by=0), "sensors[0].warn_back_by", "0"),
        (lambda c: _warns(c, warn_back_by=120), "sensors[0].warn_back_by", "120"),
        (lambda c: _warns(c, warn_below=60, warn_back_by=20), "sensors[0].warn_back_by", "20"),
        (lambda c: _warns(c, warn_below=80), "sensors[0].warn_back_by", "5"),
        (lambda c: replace(c, sensors=(*c.sensors[:2], replace(c.sensors[2], warn_above=20, warn_after_s=5, warn_back_by=1))),
         "sensors[2].warn_above", "20"),
    ],
)
def test_sensors_that_contradict_themselves_are_refused(
    config: BoxConfig, change: Callable[[BoxConfig], BoxConfig], field: str, came: str
) -> None:
    with pytest.raises(ContractError) as caught:
        box_config.check(change(config))
    assert (caught.value.field, caught.value.came) == (field, came)
    assert caught.value.hint


def test_a_site_may_have_no_sensors_at_all(config: BoxConfig) -> None:
    bare = replace(config, sensors=(), enclosure="", wind="")
    box_config.check(bare)
    assert not build(bare, GB, budget.stale_limits_us(bare)).sensors


def test_a_sensor_at_another_register_of_the_same_unit_is_accepted(config: BoxConfig) -> None:
    """Transmitters have several channels."""
    box_config.check(_change(config, unit_id=22, register=16))


@pytest.mark.parametrize(("scale", "reaches"), [(0.01220740, False), (0.01220741, True), (0.1, True)])
def test_a_scale_that_cannot_reach_the_range_is_refused(config: BoxConfig, scale: float, reaches: bool) -> None:
    """32767 counts must reach 400 °C, or heat above would be taken for less."""
    changed = _change(config, scale=scale)
    if reaches:
        assert build(changed, GB, budget.stale_limits_us(changed)).sensors[0].range_high == 400
        return
    with pytest.raises(ContractError) as caught:
        build(changed, GB, budget.stale_limits_us(changed))
    assert caught.value.field == "sensors.temp-1.scale"


@pytest.mark.parametrize(
    ("text", "field"),
    [({"quantity": "pressure"}, "quantity"), ({"warn_after_s": 0.9}, "warn_after_s"), ({"warn_after_s": 86_401}, "warn_after_s"), ({"unit_id": 0}, "unit_id"), ({"name": "a b"}, "name"), ({"unit": "°C"}, "unit")],
)
def test_what_no_sensor_has_is_refused_by_name(text: dict[str, object], field: str) -> None:
    row = {
        "name": "temp-1", "bus": "b", "unit_id": 1, "quantity": "temperature", "scale": 1, "range_low": 0, "range_high": 9,
    }  # fmt: skip
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(row | text, Sensor)


def test_sensors_count_in_the_bus_budget_and_in_the_process_safety_time(config: BoxConfig) -> None:
    """BOX-04: a serial line that sensors fill is slower for the detectors, and the sum says so."""
    rtu = next(bus for bus in config.buses if bus.name == "gas-rtu")
    hot = tuple(replace(config.sensors[0], name=f"t{n}", bus="gas-rtu", unit_id=30 + n) for n in range(20))
    full = replace(config, sensors=(*config.sensors, *hot))
    assert budget.bus_budget(full, rtu).units == budget.bus_budget(config, rtu).units + 20
    with pytest.raises(ContractError, match="gas-rtu"):
        budget.check(full)
    slow = tuple(replace(bus, poll_ms=2000) if bus.name == "gas-rtu" else bus for bus in full.buses)
    before, after = (
        next(time for time in safety_time.sums(each, GB) if time.channel == "co-1")
        for each in (config, replace(full, buses=slow))
    )
    assert after.total_ms > before.total_ms
