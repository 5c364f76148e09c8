"""What is fixed while the box runs: the example configuration joined with its rules, and what is refused."""

import time
from pathlib import Path

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.gas import Unit
from edge import config as box_config
from edge.config import BoxConfig, Nfc, ResponseFactor, SeriesRelay
from edge.interlock import rules
from edge.interlock.site import Site, SiteChannel, SitePerson, SiteRelay, SiteSensor, build, end_of_day
from edge.relay.timing import dead_man_ms
from tests.edge.interlock.bench import GB
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
EXAMPLE = Path(box_config.__file__).parents[1] / "configs" / "box.example.yaml"


@pytest.fixture
def config() -> BoxConfig:
    return box_config.load(EXAMPLE)


def _build(config: BoxConfig, pack: rules.Rules = GB) -> Site:
    return build(config, pack, {block.name: 500_000 for block in config.blocks})


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


def test_a_channel_is_what_the_configuration_says_of_it(config: BoxConfig) -> None:
    """Numbers of the sensor, its certificate, its group and bus; times become microseconds."""
    changed = _change_channel(config, t90_s=12.5, range_high=80.0, serial="SN-7")
    own = {block.name: 400_000 + at for at, block in enumerate(config.blocks)}
    site = build(changed, GB, own)
    methane, oxygen, *_ = site.channels
    assert methane == SiteChannel(
        name="ch4-1", gas="CH4", zh="甲烷", en="methane", limit=GB.limit("CH4", Unit.PCT_LEL), range_low=-5.0,
        range_high=80.0, stale_us=400_000, t90_us=12_500_000, due_s=1_814_371_200, group="ch4", bus="gas-tcp",
        catalytic=True, calibration_gas="CH4", factor=1.0, serial="SN-7",
    )  # fmt: skip
    assert (oxygen.stale_us, oxygen.t90_us, oxygen.bus) == (400_001, 20_000_000, "gas-tcp")
    assert [group.vote for group in site.groups] == ["1oo1"] * 4
    assert site.oxygen == (oxygen,)
    assert build(_change_channel(config, calibration_due=""), GB, own).channels[0].due_s == 0


def test_the_response_factor_goes_with_the_channel(config: BoxConfig) -> None:
    site = _build(_change_channel(config, gas="C3H8", calibration_gas="CH4", response_factor=FACTOR))
    assert (site.channels[0].calibration_gas, site.channels[0].factor) == ("CH4", 1.6)


def test_the_box_keeps_its_people_contacts_beacon_and_clock(config: BoxConfig) -> None:
    """BOX-04: who may reset is in the roster; the day ends by the site's clock."""
    presence = replace(config.presence, beacon=1099, quorum=("gnss", "beacon"))
    site = _build(replace(config, presence=presence, utc_offset_min=330))
    assert (site.box, site.baseline, site.reset_is_key) == ("box-1", "gb30871-2022", True)
    assert site.contacts == ("door", "mains", "battery", "enclosure", "flame")
    assert (site.beacon, site.quorum, site.utc_offset_min) == (1099, ("gnss", "beacon"), 330)
    assert site.quorum_need == 0, "all of them"
    fewer = replace(config, presence=replace(presence, quorum_need=1))
    assert _build(fewer).quorum_need == 1
    assert site.roster[0] == SitePerson(
        "leader", "班长", 1003, ("reset", "gas_test", "ticket_check", "clear_fault", "calibrate", "bypass", "supervise")
    )
    assert [person.id for person in site.roster] == ["leader", "safety"]


@pytest.mark.parametrize(
    ("test_key", "isolated", "wired"),
    [(10, 11, ("test_key", "isolated")), (10, None, ("test_key",)), (None, 11, ("isolated",)), (None, None, ())],
)
def test_a_proof_test_knows_which_of_its_inputs_are_wired(
    config: BoxConfig, test_key: int | None, isolated: int | None, wired: tuple[str, ...]
) -> None:
    """BOX-04: a contact that is not there proves nothing."""
    inputs = replace(config.inputs, test_key=test_key, isolated=isolated)
    assert _build(replace(config, inputs=inputs)).proof_inputs == wired


@pytest.mark.parametrize("asked", [True, False])
def test_a_crew_taps_its_cards_only_where_the_site_asks_for_it(config: BoxConfig, asked: bool) -> None:
    """PTW-27: a reader alone asks nobody."""
    assert _build(config).tap_check_in is False
    presence = replace(config.presence, nfc=Nfc("/dev/ttyUSB9", "tags.yaml", check_in=asked))
    assert _build(replace(config, presence=presence)).tap_check_in is asked


def test_a_contact_is_its_serial_number_or_its_place(config: BoxConfig) -> None:
    """EN ISO 13849-1: a new contact begins its life at nought; a configuration without numbers counts by place."""
    k2 = SeriesRelay("k2", "gpio", 5, line=4, serial="A-7", rated_cycles=30_000)
    relays = replace(config.relay, serial="", rated_cycles=100_000, series=(k2, replace(k2, name="k3", serial="")))
    assert _build(replace(config, relay=relays)).relays == (
        SiteRelay("", "relay", 100_000), SiteRelay("k2", "A-7", 30_000), SiteRelay("k3", "relay.k3", 30_000),
    )  # fmt: skip
    assert _build(replace(config, relay=replace(relays, serial="P-1"))).relays[0].contact == "P-1"


def test_each_gas_and_unit_that_is_measured_has_one_limit(config: BoxConfig) -> None:
    twice = replace(config.channels[0], name="ch4-2", unit_id=9)
    group = replace(config.groups[0], vote="1oo2", channels=("ch4-1", "ch4-2"))
    site = _build(replace(config, channels=(*config.channels, twice), groups=(group, *config.groups[1:])))
    assert [(limit.gas, limit.unit.value) for limit in site.limits] == [
        ("CH4", "%LEL"), ("O2", "vol%"), ("CO", "ppm"), ("H2S", "ppm"),
    ]  # fmt: skip
    assert (site.groups[0].vote, site.groups[0].needed) == ("1oo2", 1)


def test_a_sensor_is_what_the_configuration_says_of_it(config: BoxConfig) -> None:
    made = {sensor.name: sensor for sensor in _build(config).sensors}
    assert made["temp-1"] == SiteSensor("temp-1", "temperature", "°C", -40, 400, 500_000, "plant")
    assert made["wind-1"] == SiteSensor("wind-1", "wind", "m/s", 0, 60, 500_000, "plant")


def test_the_relays_own_time_counts(config: BoxConfig) -> None:
    """BOX-04: what a drill of the relay is held to."""
    module = replace(config, relay=replace(config.relay, kind="icpdas", watchdog_ms=100))
    assert (_build(config).dead_man_ms, _build(module).dead_man_ms) == (dead_man_ms(config.relay), 180)


def test_a_calibration_is_good_through_its_last_day(config: BoxConfig) -> None:
    """2027-06-30 is due at the site's midnight after it: in China 8 h before that of Greenwich."""
    assert _build(config).channels[0].due_s == 1_814_371_200
    assert _build(replace(config, utc_offset_min=0)).channels[0].due_s == 1_814_400_000
    assert _build(replace(config, utc_offset_min=-300)).channels[0].due_s == 1_814_418_000


def test_a_certificate_ends_at_the_same_moment_by_every_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "<SITE>-8:00")
    time.tzset()
    try:
        assert end_of_day("2027-06-30", 480) == 1_814_371_200
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_box_needs_somebody_who_may_check_tickets_where_its_rules_ask_for_it(
    config: BoxConfig, wording: Wording
) -> None:
    """PTW-16, GB 30871-2022 A.1: a rule that nobody could fulfil is found at the start, not before the first ignition."""
    nobody = replace(config, roster=tuple(replace(p, may=("reset", "gas_test")) for p in config.roster))
    with pytest.raises(ContractError) as caught:
        _build(nobody)
    assert caught.value.field == "roster"
    assert "gb30871-2022 asks for it (GB 30871-2022 A.1" in caught.value.expected
    wording.check(caught.value)
    _build(nobody, replace(GB, ticket_check=replace(GB.ticket_check, value=False)))
    first, *others = nobody.roster
    _build(replace(config, roster=(replace(first, may=("ticket_check",)), *others)))


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
    config: BoxConfig, change: object, field: str | None, wording: Wording
) -> None:
    """A reading without its gas, unit and calibration gas is meaningless."""
    with pytest.raises(ContractError) as caught:
        _build(change(config))  # type: ignore[operator]
    assert caught.value.field == field
    wording.check(caught.value)


def test_a_gas_that_the_pack_does_not_limit_is_refused(config: BoxConfig, wording: Wording) -> None:
    """INT-06: no limit, no release; the pack's gases are named."""
    without = replace(GB, limits=tuple(limit for limit in GB.limits if limit.gas != "CH4"))
    with pytest.raises(ContractError) as caught:
        _build(config, without)
    wording.check(caught.value)


def test_every_unit_that_a_gas_has_a_limit_in_is_named(config: BoxConfig) -> None:
    methane = GB.limits[0]
    both = replace(GB, limits=(*GB.limits, replace(methane, unit=Unit.PCT_LEL, high=10.0)))
    with pytest.raises(ContractError, match=r"limit for CH4 \(vol%, %LEL\) converts to, got ppm"):
        _build(_change_channel(config, unit=Unit.PPM), both)


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
        (10.0000004 / 32767, 9.0, None, "scale"),  # compared to a millionth, as readings are
        (10.000001 / 32767, 10.0, None, None),
        (0.1, 9.9999996, None, None),
        (0.1, 9.999999, None, "range_high"),
        (99.9999996 / 32767, 100.0, None, None),
        (9.07 / 32767, 9.07, ResponseFactor(1.050034124586, "manual"), None),  # 9.52380951, the limit is 9.52380952
    ],
)
def test_a_channel_whose_numbers_end_before_its_limit_is_refused(
    config: BoxConfig, scale: float, range_high: float, factor: ResponseFactor | None, field: str | None, wording: Wording
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
    wording.check(caught.value)


def _only(config: BoxConfig, *names: str) -> BoxConfig:
    return replace(
        config,
        channels=tuple(channel for channel in config.channels if channel.name in names),
        groups=tuple(group for group in config.groups if set(group.channels) <= set(names)),
    )


def test_a_box_that_measures_nothing_that_burns_is_refused(config: BoxConfig, wording: Wording) -> None:
    """GB 30871-2022 5.3.2: what burns is measured before hot work. Carbon monoxide in ppm is measured as poison."""
    with pytest.raises(ContractError) as caught:
        _build(_only(config, "o2-1", "co-1", "h2s-1"))
    assert caught.value.field == "channels"
    wording.check(caught.value)
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
    config: BoxConfig, change: dict[str, object], field: str, wording: Wording
) -> None:
    with pytest.raises(ContractError) as caught:
        _build(_change_channel(config, **change))
    assert caught.value.field == f"channels.ch4-1.{field}"
    wording.check(caught.value)


@pytest.mark.parametrize("raw", [{"factor": 0.99, "source": "table"}, {"factor": 1.5}, {"factor": 1.5, "source": ""}])
def test_a_factor_that_lowers_a_reading_or_comes_from_nowhere_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(raw, ResponseFactor)


def test_simulation_rules_do_not_drive_real_devices(config: BoxConfig, wording: Wording) -> None:
    """`SIMULATION` is accepted only when every device is loopback or a pseudo-terminal."""
    with pytest.raises(ContractError) as caught:
        _build(config, rules.load("SIMULATION"))
    assert caught.value.field == "baseline"
    wording.check(caught.value)
    with pytest.raises(ContractError, match=r"^buses\.gas-tcp: "):
        _build(replace(config, baseline="SIMULATION"), rules.load("SIMULATION"))


def test_a_flammable_channel_counts_as_catalytic_unless_it_says_otherwise(config: BoxConfig) -> None:
    """The conservative choice: a bead needs oxygen."""
    assert {c.name for c in _build(config).channels if c.catalytic} == {"ch4-1"}
    plain = _build(_change_channel(config, sensor=""))
    assert {c.name for c in plain.channels if c.catalytic} == {"ch4-1"}
    assert not any(c.catalytic for c in _build(_change_channel(config, sensor="infrared")).channels)


@pytest.mark.parametrize("sensor", ["catalytic", ""], ids=["said to be one", "nothing said"])
def test_a_catalytic_channel_without_an_oxygen_channel_is_refused(
    config: BoxConfig, sensor: str, wording: Wording
) -> None:
    without = replace(
        config,
        channels=tuple(c for c in config.channels if c.gas != "O2"),
        groups=tuple(g for g in config.groups if g.name != "o2"),
    )
    with pytest.raises(ContractError) as caught:
        _build(_change_channel(without, sensor=sensor))
    assert caught.value.field == "channels.ch4-1.sensor"
    wording.check(caught.value)
    _build(_change_channel(without, sensor="infrared"))
