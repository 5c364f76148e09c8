"""What a configuration may not say about the final element."""

import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from contracts.errors import ContractError
from edge import config as box_config
from edge.cli import checking
from edge.config import BoxConfig, GpioChip, SeriesRelay, check, device_addresses
from edge.interlock import rules
from edge.panel.wiring import Panel

replace = msgspec.structs.replace
EXAMPLE = Path(box_config.__file__).parents[1] / "configs" / "box.example.yaml"
BOARD = SeriesRelay("k2", "waveshare", 0, device="/dev/ttyUSB7")
LINE = SeriesRelay("k3", "gpio", 27, line=17)


@pytest.fixture
def config() -> BoxConfig:
    return box_config.load(EXAMPLE)


def _with(config: BoxConfig, *series: SeriesRelay, gpio: GpioChip | None = None) -> BoxConfig:
    return replace(config, relay=replace(config.relay, series=series), gpio=gpio)


@pytest.mark.parametrize(
    "relay", [{"kind": "gpio", "line": 17, "feedback": 27}, {"kind": "waveshare", "device": "/dev/ttyUSB7"}]
)
def test_a_relay_that_does_not_latch_is_never_the_primary(tmp_path: Path, relay: dict[str, Any]) -> None:
    """design: GPIO or a retriggered board only in series with a latching dead-man. Said before its keys are unknown."""
    box = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")) | {"relay": relay}
    (tmp_path / "box.yaml").write_text(yaml.safe_dump(box), encoding="utf-8")
    with pytest.raises(ContractError, match="deadman or icpdas") as refused:
        box_config.read(tmp_path / "box.yaml")
    assert refused.value.field == "relay.kind"
    assert "relay.series" in refused.value.hint


def test_a_chain_of_all_kinds_is_accepted_and_its_devices_are_known(config: BoxConfig) -> None:
    chain = _with(config, BOARD, LINE, gpio=GpioChip("pi"))
    check(chain)
    assert ("relay.series.k2.device", "/dev/ttyUSB7", False) in device_addresses(chain)
    assert ("gpio", "pi", False) in device_addresses(chain)


@pytest.mark.parametrize(
    ("series", "chip", "field"),
    [
        ((LINE,), None, "gpio"),
        ((replace(LINE, line=None),), GpioChip("pi"), "relay.series[0].line"),
        ((replace(BOARD, device=""),), None, "relay.series[0].device"),
        ((BOARD, replace(BOARD, device="/dev/ttyUSB8")), None, "relay.series"),
        ((replace(BOARD, name="relay"),), None, "relay.series"),
        ((LINE, replace(LINE, name="k4", line=27, feedback=5)), GpioChip("pi"), "relay.series (GPIO lines)"),
        ((replace(LINE, feedback=17),), GpioChip("pi"), "relay.series (GPIO lines)"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_by_its_field(config: BoxConfig, series, chip, field: str) -> None:
    with pytest.raises(ContractError) as refused:
        check(_with(config, *series, gpio=chip))
    assert refused.value.field == field


LAMPS = {"red": 5, "amber": 6, "green": 13, "buzzer": 19}


@pytest.mark.parametrize("shared", [17, 27], ids=["coil", "mirror contact"])
@pytest.mark.parametrize("used", ["amber", "buzzer", "white", "silence", "lamp_test"])
def test_a_lamp_and_a_relay_never_have_the_same_line(config: BoxConfig, used: str, shared: int) -> None:
    """BOX-04: what drives a lamp would close k3, or drive its feedback."""
    chain = _with(config, LINE, gpio=GpioChip("pi"))
    check(replace(chain, panel=Panel("gpio", **LAMPS)))
    with pytest.raises(ContractError, match=f"{shared} twice") as refused:
        check(replace(chain, panel=Panel("gpio", **{**LAMPS, used: shared})))
    assert refused.value.field == "panel (lines)"


def test_a_modules_coil_may_have_the_number_of_a_relays_line(config: BoxConfig) -> None:
    chain = _with(config, LINE, gpio=GpioChip("pi"))
    check(replace(chain, panel=Panel("modbus", host="127.0.0.1", **{**LAMPS, "red": 17})))


def test_a_serial_line_belongs_to_one_device(config: BoxConfig) -> None:
    with pytest.raises(ContractError, match="a serial line of its own"):
        check(_with(config, replace(BOARD, device=config.relay.device)))


@pytest.mark.parametrize("keeps", [True, False])
def test_a_kernel_that_keeps_levels_is_told_of_at_the_check(config: BoxConfig, monkeypatch, keeps: bool) -> None:
    """findings/hardware 2: a relay on a GPIO line stays closed when the program dies; only the primary opens then."""
    monkeypatch.setattr(checking, "keeps_outputs", lambda: keeps)
    chain = _with(config, BOARD, LINE, gpio=GpioChip("pi"))
    found = [caution.field for caution in checking._warnings(chain, rules.load("gb30871-2022"), datetime.date(2026, 6, 1))]
    assert ("relay.series.k3" in found) is keeps
    assert "relay.series.k2" not in found
