"""What is fixed while the box runs: the example configuration joined with its rules, and what is refused."""

from pathlib import Path

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.gas import Unit
from edge import config as box_config
from edge.config import BoxConfig, ResponseFactor
from edge.interlock import rules
from edge.interlock.site import Site, build
from tests.edge.interlock.bench import GB

replace = msgspec.structs.replace
EXAMPLE = Path(box_config.__file__).parents[1] / "configs" / "box.example.yaml"


@pytest.fixture
def config() -> BoxConfig:
    return box_config.load(EXAMPLE)


def _build(config: BoxConfig, pack: rules.Rules = GB) -> Site:
    return build(config, pack, {channel.name: 500_000 for channel in config.channels})


def test_the_example_box_gets_its_limits_in_the_detectors_units(config: BoxConfig) -> None:
    """GB 30871-2022 5.3.2: 0.5 vol% of methane is 10 %LEL."""
    site = _build(config)
    limits = {c.name: (c.limit.low, c.limit.high, c.limit.unit.value) for c in site.channels}
    assert limits["ch4-1"] == (None, 10.0, "%LEL")
    assert limits["o2-1"] == (19.5, 23.5, "vol%")
    assert limits["co-1"] == (None, pytest.approx(25.76, abs=0.01), "ppm")
    assert all(c.limit.clause for c in site.channels)
    assert {g.name: g.needed for g in site.groups} == {
        g.name: {"1oo1": 1, "1oo2": 1, "2oo3": 2}[g.vote] for g in config.groups
    }


def test_a_calibration_is_good_through_its_last_day(config: BoxConfig) -> None:
    """2027-06-30 is due at midnight after it, UTC."""
    assert _build(config).channels[0].due_s == 1_814_400_000


def _change_channel(config: BoxConfig, **changes: object) -> BoxConfig:
    first, *others = config.channels
    return replace(config, channels=(replace(first, **changes), *others))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda c: replace(c, groups=()), "groups"),
        (lambda c: replace(c, roster=(c.roster[0], replace(c.roster[0], id="twin"))), "roster.badge"),
        (lambda c: _change_channel(c, calibration_gas="C3H8"), "channels.ch4-1.calibration_gas"),
        (lambda c: _change_channel(c, calibration_due="soon"), "channels.ch4-1.calibration_due"),
        (lambda c: _change_channel(c, gas="XE", calibration_gas="XE"), "channels.ch4-1.gas"),
        (lambda c: _change_channel(c, gas="XE"), "channels.ch4-1.gas"),
        (lambda c: _change_channel(c, unit=Unit.PPM), "channels.ch4-1.unit"),
    ],
    ids=[
        "no groups",
        "one badge for two",
        "calibrated with another gas",
        "no date",
        "unknown gas",
        "unknown gas, calibrated with a known one",
        "no way to convert",
    ],
)
def test_a_site_that_could_not_protect_is_refused_and_named(
    config: BoxConfig, change: object, field: str | None
) -> None:
    """A reading without its gas, unit and calibration gas is meaningless."""
    with pytest.raises(ContractError) as caught:
        _build(change(config))  # type: ignore[operator]
    assert caught.value.field == field


FACTOR = ResponseFactor(1.6, "manual, table 7")


@pytest.mark.parametrize(
    ("scale", "range_high", "factor", "field"),
    [
        (10 / 32767, 10.0, None, "scale"),  # 10 is the limit, and passes: it must be possible to read more
        (10.001 / 32767, 10.0, None, None),
        (0.0001, 3.0, None, "scale"),
        (99.99 / 32767, 100.0, None, "scale"),
        (100 / 32767, 100.0, None, None),
        (0.1, 9.99, None, "range_high"),
        (0.1, 10.0, None, None),
        (0.1, 5.94, FACTOR, "range_high"),  # propane: 9.52 %LEL, 5.95 of the sensor's own
        (0.1, 5.96, FACTOR, None),
        (5.94 / 32767, 5.94, FACTOR, "scale"),
        (5.96 / 32767, 5.96, FACTOR, None),
    ],
)
def test_a_channel_whose_numbers_end_before_its_limit_is_refused(
    config: BoxConfig, scale: float, range_high: float, factor: ResponseFactor | None, field: str | None
) -> None:
    """GB 30871-2022 5.3.2: gas beyond the limit must be something that the channel can say; both values are shown."""
    other = {"gas": "C3H8", "response_factor": factor} if factor else {}
    changed = _change_channel(config, scale=scale, range_high=range_high, **other)
    if field is None:
        assert _build(changed).channels[0].range_high == range_high
        return
    with pytest.raises(ContractError) as caught:
        _build(changed)
    assert caught.value.field == f"channels.ch4-1.{field}"
    assert "%LEL" in caught.value.expected
    assert "%LEL" in caught.value.came
    assert caught.value.hint


def _only(config: BoxConfig, *names: str) -> BoxConfig:
    return replace(
        config,
        channels=tuple(channel for channel in config.channels if channel.name in names),
        groups=tuple(group for group in config.groups if set(group.channels) <= set(names)),
    )


def test_a_box_that_measures_nothing_that_burns_is_refused(config: BoxConfig) -> None:
    """GB 30871-2022 5.3.2: what burns is measured before hot work. Carbon monoxide in ppm is measured as poison."""
    with pytest.raises(ContractError) as caught:
        _build(_only(config, "o2-1", "co-1", "h2s-1"))
    assert caught.value.field == "channels"
    assert "O2 in vol%, CO in ppm" in caught.value.came
    assert "hot work needs at least one flammable-gas channel" in caught.value.hint
    assert [channel.name for channel in _build(_only(config, "ch4-1", "o2-1")).channels] == ["ch4-1", "o2-1"]


def test_a_channel_calibrated_with_another_gas_needs_the_factor_of_the_pair(config: BoxConfig) -> None:
    """Readings become those of the measured gas; the limit stays the measured gas's own."""
    site = _build(_change_channel(config, gas="C3H8", calibration_gas="CH4", response_factor=FACTOR))
    assert site.channels[0].limit.high == pytest.approx(9.52, abs=0.01)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"response_factor": FACTOR}, "response_factor"),
        ({"gas": "C3H8"}, "calibration_gas"),
        ({"gas": "C3H8", "calibration_gas": "XE", "response_factor": FACTOR}, "calibration_gas"),
        ({"gas": "O2", "unit": Unit.VOL_PCT, "response_factor": FACTOR}, "response_factor"),
        ({"gas": "CO", "unit": Unit.PPM, "calibration_gas": "H2S", "response_factor": FACTOR}, "response_factor"),
        ({"gas": "C3H8", "unit": Unit.VOL_PCT, "response_factor": FACTOR}, "response_factor"),
    ],
    ids=["same gas", "no factor", "unknown gas", "oxygen", "toxic", "vol%"],
)
def test_a_response_factor_is_taken_for_a_known_pair_of_flammable_gases_only(
    config: BoxConfig, change: dict[str, object], field: str
) -> None:
    with pytest.raises(ContractError) as caught:
        _build(_change_channel(config, **change))
    assert caught.value.field == f"channels.ch4-1.{field}"


@pytest.mark.parametrize("raw", [{"factor": 0.99, "source": "table"}, {"factor": 1.5}, {"factor": 1.5, "source": ""}])
def test_a_factor_that_lowers_a_reading_or_comes_from_nowhere_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(raw, ResponseFactor)


def test_simulation_rules_do_not_drive_real_devices(config: BoxConfig) -> None:
    """`SIMULATION` is accepted only when every device is loopback or a pseudo-terminal."""
    with pytest.raises(ContractError) as caught:
        _build(config, rules.load("SIMULATION"))
    assert caught.value.field == "baseline"
    with pytest.raises(ContractError):
        _build(replace(config, baseline="SIMULATION"), rules.load("SIMULATION"))


def test_a_flammable_channel_counts_as_catalytic_unless_it_says_otherwise(config: BoxConfig) -> None:
    """The conservative choice: a bead needs oxygen."""
    assert {c.name for c in _build(config).channels if c.catalytic} == {"ch4-1"}
    plain = _build(_change_channel(config, sensor=""))
    assert {c.name for c in plain.channels if c.catalytic} == {"ch4-1"}
    assert not any(c.catalytic for c in _build(_change_channel(config, sensor="infrared")).channels)


def test_a_catalytic_channel_without_an_oxygen_channel_is_refused(config: BoxConfig) -> None:
    without = replace(
        config,
        channels=tuple(c for c in config.channels if c.gas != "O2"),
        groups=tuple(g for g in config.groups if g.name != "o2"),
    )
    with pytest.raises(ContractError) as caught:
        _build(without)
    assert caught.value.field == "channels.ch4-1.sensor"
    assert "O2 channel" in caught.value.expected
    assert "infrared" in caught.value.hint
    _build(_change_channel(without, sensor="infrared"))
