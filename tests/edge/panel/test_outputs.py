"""Lamps on GPIO lines, recorded by gpiozero's mock pins, and on a module whose coils lie apart."""

import itertools
import time

import pytest
from gpiozero.pins.mock import MockFactory

from contracts.errors import ContractError
from edge.config import GpioChip
from edge.gpio.pi import PiGpio
from edge.panel.mind import Mind
from edge.panel.outputs import GpioOutputs, ModbusOutputs
from edge.panel.wiring import OUTPUTS, Panel, check_panel
from firmware_sim.modbus import Fault, Faulty, TcpBus
from firmware_sim.outputs import COILS, OutputModule
from tests.edge.panel.test_patterns import _status

LINES = {"red": 17, "amber": 27, "green": 24, "buzzer": 18, "silence": 22}
DARK = dict.fromkeys(OUTPUTS, False)


@pytest.fixture
def pins():
    factory = MockFactory()
    yield factory
    factory.reset()


async def test_the_pins_play_the_pattern_in_its_order(pins, ready):
    """Door open: four amber flashes; every state of the pin that was recorded, and the red and green stay low."""
    ready.pressed.add("door")
    ready.step()
    status = _status(ready)
    outputs = GpioOutputs(Panel(kind="gpio", **LINES), PiGpio(GpioChip("pi"), pins))
    amber, start = pins.pin(27), time.monotonic()
    amber.clear_states()
    pins.pin(17).clear_states()
    mind, now, changes = Mind(30, 0), 0, []
    while now < 5_000_000:
        mind.hear(status, now)
        await outputs.write(mind.levels(now))
        if not changes or mind.levels(now)["amber"] is not changes[-1][1]:
            changes.append((now / 1e6, mind.levels(now)["amber"]))
        now = mind.next_us(now)
    amber.assert_states([False, *[on for _, on in changes]])
    pins.pin(17).assert_states([False])
    assert [round(b[0] - a[0], 2) for a, b in itertools.pairwise(changes)][:8] == [0.3] * 7 + [1.5]
    assert time.monotonic() - start < 5, "the pattern is worked out, not waited for"
    outputs.close()
    assert not pins.pin(27).state


async def test_a_button_is_pressed_against_ground(pins):
    outputs = GpioOutputs(Panel(kind="gpio", **LINES), PiGpio(GpioChip("pi"), pins))
    assert await outputs.pressed() == {"silence": False}
    pins.pin(22).drive_low()
    assert await outputs.pressed() == {"silence": True}
    outputs.close()


@pytest.mark.parametrize(
    "places",
    [dict(zip(COILS, range(5), strict=True)), {"red": 4, "amber": 2, "green": 0, "buzzer": 3}],
    ids=["side by side, FC15", "apart, FC05"],
)
async def test_a_module_takes_every_level_by_its_own_coil(places):
    module = OutputModule()
    bus = TcpBus({30: Faulty(module)})
    await bus.start()
    outputs = ModbusOutputs(Panel(kind="modbus", host=bus.host, port=bus.port, unit_id=30, silence=0, **places))
    try:
        levels = {**DARK, "amber": True, "buzzer": True}
        await outputs.write(levels)
        assert {name: module.levels[place] for name, place in places.items()} == {n: levels[n] for n in places}
        assert module.writes == (1 if len(places) == 5 else 4)
        module.pressed["silence"] = True
        assert await outputs.pressed() == {"silence": True}
        await bus.stop()
        with pytest.raises(OSError, match=r".+"):
            await outputs.write(DARK)
    finally:
        outputs.close()
        await bus.stop()


async def test_an_answer_without_inputs_is_no_answer():
    """A module that tells fewer inputs than were asked for is one that cannot be reached; the process goes on."""
    faulty = Faulty(OutputModule(), fault=Fault.WRONG_COUNT)
    bus = TcpBus({30: faulty})
    await bus.start()
    outputs = ModbusOutputs(_panel(host=bus.host, port=bus.port, unit_id=30, lamp_test=1))
    try:
        with pytest.raises(OSError, match="told no input where 1 was asked for"):
            await outputs.pressed()
        faulty.fault = Fault.NONE
        assert await outputs.pressed() == {"lamp_test": False}
    finally:
        outputs.close()
        await bus.stop()


def _panel(**changes):
    return Panel(**{"kind": "modbus", "host": "h", "red": 0, "amber": 1, "green": 2, "buzzer": 3, **changes})


@pytest.mark.parametrize(
    ("panel", "gpio", "taken", "field"),
    [
        (_panel(host=""), False, (), "panel.host"),
        (_panel(white=0), False, (), "panel (coils)"),
        (_panel(silence=1, lamp_test=1), False, (), "panel (discrete inputs)"),
        (_panel(kind="gpio"), False, (), "gpio"),
        (_panel(kind="gpio", silence=3), True, (), "panel (lines)"),
        (_panel(kind="gpio"), True, (2,), "panel (lines)"),
    ],
)
def test_a_panel_that_contradicts_itself_is_refused(panel, gpio, taken, field):
    with pytest.raises(ContractError) as refused:
        check_panel(panel, gpio=gpio, taken=taken)
    assert refused.value.field == field


def test_coils_and_inputs_of_a_module_may_have_the_same_numbers():
    check_panel(_panel(silence=0, lamp_test=1), gpio=False, taken=(0,))
