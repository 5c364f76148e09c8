"""Both GPIO families keep one contract; the Pi's on gpiozero's mock pins, the PC's on a chip in memory."""

import asyncio

import pytest
from gpiozero.pins.mock import MockFactory

from contracts.errors import ContractError
from edge.config import GpioChip
from edge.gpio import Pull, open_gpio
from edge.gpio.pc import PcGpio
from edge.gpio.pi import PiGpio
from edge.sockets import now_us
from tests.edge.gpio.fake_gpiod import FakeChip

OUT, IN = 17, 27


class PiWires:
    def __init__(self):
        self.factory = MockFactory()
        self.gpio = PiGpio(GpioChip("pi"), self.factory)

    def level(self, line):
        return bool(self.factory.pin(line).state)

    def drive(self, line, level):
        pin = self.factory.pin(line)
        pin.drive_high() if level else pin.drive_low()


@pytest.fixture(params=["pi", "pc"])
def wires(request, monkeypatch):
    if request.param == "pi":
        made = PiWires()
        yield made
        made.factory.reset()
        return
    chip = FakeChip()
    chip.install(monkeypatch)
    chip.gpio = PcGpio(GpioChip("pc"))
    yield chip


def test_an_output_is_inactive_from_the_start_and_after_its_release(wires):
    """BOX-04: nothing is driven before somebody decides."""
    line = wires.gpio.output(OUT)
    assert not wires.level(OUT)
    line.write(True)
    assert wires.level(OUT)
    line.write(False)
    assert not wires.level(OUT)
    line.write(True)
    line.release()
    assert not wires.level(OUT)
    line.release()


def test_a_released_output_can_no_longer_be_driven(wires):
    line = wires.gpio.output(OUT)
    line.release()
    with pytest.raises(OSError, match=r"closed|released"):
        line.write(True)
    assert not wires.level(OUT)


def test_one_owner_for_a_line(wires):
    line = wires.gpio.output(OUT)
    with pytest.raises(OSError, match=r"17|busy"):
        wires.gpio.output(OUT)
    line.release()
    wires.gpio.output(OUT).release()


@pytest.mark.parametrize(("pull", "idle", "active"), [(Pull.UP, True, False), (Pull.DOWN, False, True), (Pull.NONE, False, True)])
def test_a_broken_wire_reads_inactive(wires, pull, idle, active):
    """The pull decides what active is: whatever the resistor does alone is "inactive"."""
    wires.drive(IN, idle)
    line = wires.gpio.input(IN, pull)
    assert not line.read()
    wires.drive(IN, active)
    assert line.read()
    line.release()
    line.release()
    with pytest.raises(OSError, match=r"closed|released"):
        line.read()


async def test_edges_wake_the_loop_with_their_time(wires):
    wires.drive(IN, False)
    line = wires.gpio.input(IN, Pull.DOWN)
    line.edges()
    woken = asyncio.Event()
    asyncio.get_running_loop().add_reader(line.fd, woken.set)
    before = now_us()
    wires.drive(IN, True)
    wires.drive(IN, False)
    async with asyncio.timeout(5):
        await woken.wait()
    found = line.edges()
    assert [edge.active for edge in found] == [True, False]
    assert all(before - 1000 <= edge.at_us <= now_us() + 1000 for edge in found)
    assert line.edges() == []
    asyncio.get_running_loop().remove_reader(line.fd)
    line.release()


def test_a_machine_without_gpio_is_told_so():
    """This machine is neither a Raspberry Pi nor has it a chip."""
    for chip in (GpioChip("pi"), GpioChip("pc", "/dev/gpiochip77")):
        with pytest.raises(ContractError, match=r"gpio") as refused:
            open_gpio(chip)
        assert refused.value.field == "gpio"


def test_a_line_that_the_chip_does_not_have_is_refused(wires):
    with pytest.raises(OSError, match="99"):
        wires.gpio.output(99)
    with pytest.raises(OSError, match="99"):
        wires.gpio.input(99, Pull.UP)
