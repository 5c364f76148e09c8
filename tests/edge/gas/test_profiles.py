"""Profiles against simulated devices of each family, which are written without looking at them; and what is refused."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from contracts import yaml_file
from contracts.errors import ContractError
from edge import config as box_config
from edge.config import BoxConfig
from edge.gas import profile as profiles
from edge.gas.block import reads
from edge.gas.budget import bus_budget
from edge.gas.poller import BusPoller
from edge.gas.profile import DEVICES, Profile, complete, load, names, parse
from edge.gas.reading import Quality
from edge.interlock.safety_time import sums
from firmware_sim.gas import Detector, units_of
from firmware_sim.modbus import Fault, RtuBus, TcpBus
from firmware_sim.pty_line import PtyLine
from firmware_sim.settings import DetectorSettings
from tests.edge.gas.site import Heard, configuration
from tests.edge.interlock.bench import GB
from tests.edge.interlock.test_site import EXAMPLE


def head(name: str, layout: str, slot: int = 0, **changes: object) -> DetectorSettings:
    """A simulated methane head of a family."""
    return DetectorSettings(**{
        "name": name, "unit_id": 1, "gas": "CH4", "unit": "%LEL", "scale": 0.1, "range_high": 100, "layout": layout,
        "slot": slot, **changes,
    })  # fmt: skip


def channel(name: str, profile: str, **changes: object) -> dict:
    """A channel as it stands in a configuration, completed by its profile."""
    said = {"name": name, "bus": "b", "unit_id": 1, "gas": "CH4", "calibration_gas": "CH4", "profile": profile, **changes}
    return complete(said, f"channels.{name}")


GENERIC = {"unit": "%LEL", "range_low": -5, "range_high": 100}
FAMILIES: dict[str, dict] = {
    "generic-int": {**GENERIC, "scale": 0.1},
    "generic-float": GENERIC,
    "generic-float-low-first": GENERIC,
    "rtu-fixed-head": GENERIC,
    "4-20ma-remote-io": {"unit": "%LEL", "span": [0, 100], "point": "ai0"},
    "portable-multigas-gateway": {"point": "lel"},
}


class Site:
    """Heads on a bus, a poller on it and what it heard."""

    def __init__(self, heads: list[Detector], units: dict, config: BoxConfig) -> None:
        self.heads = {one.settings.name: one for one in heads}
        self.units = units
        self.config = config
        self.heard = Heard()

    def fault(self, name: str, fault: Fault) -> None:
        one = self.heads[name]
        one.set_fault(fault)
        self.units[one.settings.unit_id].fault = fault

    async def quality(self, name: str, quality: Quality) -> None:
        await self.heard.until(lambda: self.heard.of(name) and self.heard.of(name)[-1].quality is quality, 8)


@asynccontextmanager
async def site(settings: list[DetectorSettings], channels: list[dict], folder: Path | None = None):
    heads = [Detector(each) for each in settings]
    units = units_of(heads, 150)
    bus = TcpBus(units) if folder is None else RtuBus(units, PtyLine(folder / "rtu"), 115200)
    await bus.start()
    where = (
        {"kind": "tcp", "poll_ms": 50, "host": "127.0.0.1", "port": bus.port}
        if isinstance(bus, TcpBus)
        else {"kind": "rtu", "poll_ms": 150, "device": str(folder / "rtu"), "baud": 115200}
    )
    config = configuration([{"name": "b", "turnaround_ms": 5, **where}], channels)
    found = Site(heads, units, config)
    task = asyncio.create_task(BusPoller(config, config.buses[0], found.heard.deliver).run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bus.stop()


WARM = {"warm_up_s": 0.0, "t90_s": 0.2}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Families whose heads settle in a fifth of a second: nothing else of the profile is changed."""
    known = profiles.load

    def fast(name: str) -> Profile:
        return msgspec.structs.replace(known(name), **WARM)

    for module in ("edge.gas.profile", "edge.gas.decoding", "edge.gas.detector"):
        if hasattr(__import__(module, fromlist=["load"]), "load"):
            monkeypatch.setattr(f"{module}.load", fast)


@pytest.mark.parametrize("name", FAMILIES)
async def test_each_family_is_read_by_its_profile(name: str, quick: None, tmp_path: Path) -> None:
    """Clean air, gas, its own fault, warm-up, over-range; on the line that the family has (BOX-06)."""
    changes = {**FAMILIES[name], "t90_s": 0.2}
    folder = tmp_path if name.startswith("rtu") else None
    async with site([head("d1", name)], [channel("d1", name, **changes)], folder) as found:
        heard = found.heard
        await found.quality("d1", Quality.GOOD)
        assert heard.of("d1")[-1].value == pytest.approx(0, abs=0.02)
        found.heads["d1"].set(12.5)
        await heard.until(lambda: heard.of("d1")[-1].value == pytest.approx(12.5, abs=0.01), 8)
        found.fault("d1", Fault.STATUS_FAULT)
        await found.quality("d1", Quality.FAULT)
        found.fault("d1", Fault.NONE)
        await found.quality("d1", Quality.GOOD)
        found.fault("d1", Fault.WARM_UP)
        # A loop can say no more than that it does not measure: 2 mA is a fault to everybody (NAMUR NE 43).
        await found.quality("d1", Quality.FAULT if name.startswith("4-20") else Quality.WARM_UP)
        found.fault("d1", Fault.OVER_RANGE)
        await found.quality("d1", Quality.OVER_RANGE)


FOUR = (("lel", "CH4", 100, 0.0), ("o2", "O2", 30, 20.9), ("co", "CO", 1000, 3.0), ("h2s", "H2S", 100, 0.5))


async def test_four_gases_of_one_unit_are_read_in_one_request(quick: None) -> None:
    """Several channels share a unit id; a failed sensor of one gas says nothing about the others."""
    settings = [
        head(n, "portable-multigas-gateway", slot, gas=gas, range_high=high, value=value)
        for slot, (n, gas, high, value) in enumerate(FOUR)
    ]
    channels = [
        channel(n, "portable-multigas-gateway", point=n, gas=gas, calibration_gas=gas) for n, gas, _, _ in FOUR
    ]
    async with site(settings, channels) as found:
        (block,) = reads(found.config, "b")
        assert (block.lengths, len(block.blocks)) == ((11, 12, 13, 14), 4)
        for name, _, _, value in FOUR:
            await found.quality(name, Quality.GOOD)
            assert found.heard.of(name)[-1].value == value
        stamps = {found.heard.of(name)[0].at_us for name, *_ in FOUR}
        assert len(stamps) == 1
        found.fault("h2s", Fault.STATUS_FAULT)
        await found.quality("h2s", Quality.FAULT)
        assert found.heard.of("co")[-1].quality is Quality.GOOD
        assert found.units[1].requests < len(found.heard.readings) / 3


async def test_eight_loops_of_one_module(quick: None) -> None:
    settings = [head(f"d{n}", "4-20ma-remote-io", n, value=10.0 * n) for n in range(8)]
    channels = [
        channel(f"d{n}", "4-20ma-remote-io", point=f"ai{n}", span=[0, 100], unit="%LEL", t90_s=0.2) for n in range(8)
    ]
    async with site(settings, channels) as found:
        for n in range(8):
            await found.quality(f"d{n}", Quality.GOOD)
            assert found.heard.of(f"d{n}")[-1].value == pytest.approx(10 * n, abs=0.01)


def test_every_profile_that_is_shipped_can_be_read_and_says_what_it_is_in_both_languages() -> None:
    for name in names():
        found = load(name)
        assert found.name == name
        assert found.zh
        assert found.en
        text = (DEVICES / f"{name}.yaml").read_text(encoding="utf-8")
        assert text.startswith("#"), f"{name} does not explain itself"


def test_a_channel_that_names_no_profile_is_read_as_ever() -> None:
    said = {"name": "a", "bus": "b", "unit_id": 1, "gas": "CH4", "calibration_gas": "CH4", **FAMILIES["generic-int"]}
    found = complete(said, "channels[0]")
    assert (found["function"], found["register"], found["live_counter"]) == ("input", 0, True)


def test_the_age_that_a_gateway_may_hide_counts_in_the_process_safety_time() -> None:
    bus = {"name": "b", "kind": "tcp", "poll_ms": 100, "turnaround_ms": 5, "host": "127.0.0.1"}
    far = configuration([bus], [channel("d1", "portable-multigas-gateway", point="lel")])
    assert sums(far, GB)[0].bus_ms == bus_budget(far, far.buses[0]).worst_trip_ms + 3000


def test_the_budget_counts_the_registers_that_are_read() -> None:
    bus = {"name": "b", "kind": "rtu", "poll_ms": 500, "turnaround_ms": 10, "device": "/dev/pts/0"}
    for name, registers in (("generic-int", 6), ("generic-float", 7), ("rtu-fixed-head", 5), ("4-20ma-remote-io", 12)):
        config = configuration([bus], [channel("d1", name, **FAMILIES[name])])
        assert bus_budget(config, config.buses[0]).reply_bytes == 5 + 2 * registers


MINIMAL = """
zh: 头
en: head
readable: 2
points: {value: {at: 0, type: int16}}
status: [{at: 1, bits: {fault: [0]}}]
"""


def test_a_site_may_bring_its_own_file(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text(MINIMAL, encoding="utf-8")
    found = channel("d1", str(own), **GENERIC, scale=1)
    assert found["live_counter"] is False
    config = configuration([{"name": "b", "kind": "rtu", "poll_ms": 500, "turnaround_ms": 5, "device": "x"}], [found])
    (block,) = reads(config, "b")
    assert block.lengths == (2,)
    budget = bus_budget(config, config.buses[0])
    assert budget.tag_free
    assert budget.stale_ms > 8 * 500  # without a length to rotate the unit is left alone for six polls after a failure


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("readable: 2", "readable: 1"), "readable: expected at least 2"),
        (("type: int16", "type: int24"), "points"),
        (("fault: [0]", "fault: [16]"), "bits 0 to 15"),
        (("fault: [0]", "fault: [0], warm_up: [0]"), "0 as fault and as warm_up"),
        (("bits: {fault: [0]}", "bits: {fault: [0]}, codes: {good: [0]}"), "either `bits` or `codes`"),
        (("bits: {fault: [0]}", "codes: {fault: [0]}"), "say all is well"),
        ((", bits: {fault: [0]}", ""), "either `bits` or `codes`"),
        (("type: int16", "type: int16, scale: -1"), "a positive factor"),
        (("type: int16", "type: int16, current: true"), "milliamperes of one count"),
        (("type: int16", "type: int16, offset: .inf"), "offset"),
        (("type: int16", "type: int16, codes: {good: [1]}"), "every other number is a measurement"),
        (("type: int16", "type: float32, codes: {fault: [1]}"), "no raw codes"),
        (("points: {value: {at: 0, type: int16}}", ""), "at least one value"),
        (("en: head", "en: head\nkind: mqtt"), "what its messages hold"),
        (("en: head", "en: head\nmessage: {value: v}"), "it is read by registers"),
        (("en: head", "en: head\ncolour: red"), "colour"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused_by_file_and_key(change: tuple[str, str], said: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse(MINIMAL.replace(*change), "mine.yaml")
    assert said in str(caught.value)
    assert caught.value.field.startswith("mine.yaml")


@pytest.mark.parametrize(
    ("profile", "changes", "field", "said"),
    [
        ("nothing", {}, "profile", "one of 4-20ma-remote-io"),
        ("./nothing.yaml", {}, "profile", "a profile's file"),
        ("mqtt", {}, "profile", "describe it under `remotes`"),
        ("portable-multigas-gateway", {}, "point", "one of lel, o2, co, h2s"),
        ("portable-multigas-gateway", {"point": "ch4"}, "point", "one of lel, o2, co, h2s"),
        ("rtu-fixed-head", {**GENERIC, "scale": 1}, "scale", "0.1, as the profile rtu-fixed-head says"),
        ("rtu-fixed-head", {**GENERIC, "function": "input"}, "function", "holding, as the profile"),
        ("rtu-fixed-head", {**GENERIC, "live_counter": True}, "live_counter", "rtu-fixed-head has none"),
        ("portable-multigas-gateway", {"point": "lel", "live_counter": False}, "live_counter", "has one"),
        ("rtu-fixed-head", {**GENERIC, "t90_s": 19.9}, "t90_s", "not below the 20 s"),
        ("4-20ma-remote-io", {"point": "ai0", "unit": "%LEL"}, "span", "the values at 4 and at 20 mA"),
        ("4-20ma-remote-io", {"point": "ai0", "unit": "%LEL", "span": [5, 5]}, "span", "above the first"),
        ("generic-int", {**FAMILIES["generic-int"], "span": [0, 100]}, "span", "no current"),
    ],
)
def test_what_is_not_the_channels_to_say_is_refused(profile: str, changes: dict, field: str, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        channel("d1", profile, **changes)
    assert caught.value.field == f"channels.d1.{field}"
    assert said in str(caught.value)


def test_a_sampling_line_makes_the_response_longer() -> None:
    assert channel("d1", "rtu-fixed-head", **GENERIC, t90_s=35)["t90_s"] == 35
    assert channel("d1", "rtu-fixed-head", **GENERIC)["t90_s"] == 20


def test_the_comments_of_the_explaining_file_name_every_key() -> None:
    """generic-int.yaml explains every key that a profile may have."""
    text = (DEVICES / "generic-int.yaml").read_text(encoding="utf-8")
    assert isinstance(yaml_file.load(text, "generic-int.yaml"), dict)
    missing = [key for key in Profile.__struct_fields__ if key not in ("name", "message") and f"{key}:" not in text]
    assert missing == []


def test_a_sites_own_file_is_named_from_its_box_yaml(tmp_path: Path) -> None:
    """`profile: ./our-head.yaml` counts from the configuration's folder."""
    (tmp_path / "our-head.yaml").write_text(MINIMAL, encoding="utf-8")
    text = EXAMPLE.read_text(encoding="utf-8")
    changed = text.replace("profile: generic-int ", "profile: ./our-head.yaml ", 1).replace("    live_counter: true     #", "    #", 1)
    (tmp_path / "box.yaml").write_text(changed, encoding="utf-8")
    first = box_config.load(tmp_path / "box.yaml").channels[0]
    assert (first.profile, first.live_counter) == (str(tmp_path / "our-head.yaml"), False)


@pytest.mark.parametrize(
    ("was", "now", "field"),
    [
        ("profile: generic-int ", "profile: generic-inf ", "channels[0].profile"),
        ("profile: generic-int ", "profile: 4-20ma-remote-io ", "channels[0].point"),
        ("profile: generic-int ", "profile: [1] ", "channels[0].profile"),
    ],
)
def test_a_wrong_profile_in_box_yaml_is_named_by_channel(tmp_path: Path, was: str, now: str, field: str) -> None:
    (tmp_path / "box.yaml").write_text(EXAMPLE.read_text(encoding="utf-8").replace(was, now, 1), encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        box_config.load(tmp_path / "box.yaml")
    assert caught.value.field == field


def test_two_channels_are_not_one_register_read_twice(tmp_path: Path) -> None:
    """Under whatever block and point it is named: ai1 from register 0 is ai0 from register 1."""
    config = box_config.load(EXAMPLE)
    first = config.channels[0]
    loop = {"bus": first.bus, "unit_id": 9, "profile": "4-20ma-remote-io", "span": (0.0, 100.0)}
    twice = [
        msgspec.structs.replace(first, name=name, register=register, point=point, **loop)
        for name, register, point in (("a", 0, "ai1"), ("b", 1, "ai0"))
    ]
    with pytest.raises(ContractError, match="gas-tcp/9/1 twice"):
        box_config.check(msgspec.structs.replace(config, channels=(*config.channels, *twice)))
