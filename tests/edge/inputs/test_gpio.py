"""Buttons and contacts on GPIO lines: edges wake the loop, what flickered is believed, a lost chip is "no" (BOX-04)."""

import asyncio

import msgspec
import pytest
from gpiozero.pins.mock import MockFactory

from contracts.errors import ContractError
from edge import config as box_config
from edge.config import GpioChip, Inputs
from edge.gpio import Pull
from edge.gpio.pc import PcGpio
from edge.gpio.pi import PiGpio
from edge.inputs.gpio import BUTTONS, REOPEN_US, GpioInputs, flickered
from edge.sockets import now_us
from tests.edge.gas.site import configuration
from tests.edge.gpio.fake_gpiod import FakeChip
from tests.edge.gpio.lost import LosablePi, losable_pi

__all__ = ["losable_pi"]

LINES = {"arm": 5, "stop": 6, "finish": 13, "reset": 19, "estop": 26, "door": 20, "mains": 21, "flame": 16}
CONFIG = msgspec.structs.replace(
    configuration([], []), gpio=GpioChip("pi"), inputs=Inputs(kind="gpio", pull="up", **LINES)
)


class PiWires:
    """gpiozero's mock pins, contacts to ground."""

    def __init__(self):
        self.factory = MockFactory()
        self.gpio = PiGpio(GpioChip("pi"), self.factory)

    def contact(self, name, closed):
        pin = self.factory.pin(LINES[name])
        pin.drive_low() if closed else pin.drive_high()


class PcWires(FakeChip):
    """A chip in memory."""

    def __init__(self, monkeypatch):
        super().__init__()
        self.install(monkeypatch)
        self.gpio = PcGpio(GpioChip("pc"))

    def contact(self, name, closed):
        self.drive(LINES[name], not closed)


@pytest.fixture(params=["pi", "pc"])
def wires(request, monkeypatch):
    return PiWires() if request.param == "pi" else PcWires(monkeypatch)


def _rest(wires, inputs):
    """Take the lines (which pulls them up), then wire everything as it is at rest."""
    inputs.look()
    for name in LINES:
        wires.contact(name, name not in BUTTONS)
    inputs.look()


@pytest.fixture
async def box(wires):
    heard = []
    inputs = GpioInputs(CONFIG, wires.gpio, heard.append)
    _rest(wires, inputs)
    heard.clear()
    yield inputs, heard, wires
    inputs.close()


async def _until(true):
    """Let the loop turn until it is so."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for is the loop's own doing
            await asyncio.sleep(0)


async def test_at_rest_nothing_is_pressed_and_all_is_well(box):
    inputs, heard, _ = box
    before = now_us()
    inputs.look()
    (read,) = heard
    assert before <= read.at_us <= now_us()
    assert (read.arm, read.finish, read.reset) == (False, False, False)
    assert (read.stop, read.estop, read.door, read.mains, read.flame) == (True,) * 5
    assert (read.battery, read.enclosure) == (None, None), "not wired on this site"


@pytest.mark.parametrize("name", ["stop", "estop", "door", "mains", "flame"])
async def test_a_contact_that_opens_wakes_the_loop(box, name):
    """No poll: nobody calls `look`."""
    _, heard, wires = box
    wires.contact(name, closed=False)
    await _until(lambda: heard and not getattr(heard[-1], name))


@pytest.mark.parametrize("name", ["stop", "estop", "door", "mains", "flame"])
async def test_a_contact_that_opened_for_a_moment_is_delivered_open_although_it_is_closed_again(box, name):
    """Debounce never delays a trip: not even by swallowing it."""
    _, heard, wires = box
    wires.contact(name, closed=False)
    wires.contact(name, closed=True)
    await _until(lambda: len(heard) >= 2)
    assert [getattr(read, name) for read in heard[:2]] == [False, True]
    assert heard[0].at_us <= heard[1].at_us


async def test_a_button_that_flickered_while_it_was_held_did_not_stand_still(box):
    inputs, heard, wires = box
    wires.contact("arm", closed=True)
    await _until(lambda: heard and heard[-1].arm)
    inputs.look()
    heard.clear()
    wires.contact("arm", closed=False)
    wires.contact("arm", closed=True)
    await _until(lambda: len(heard) >= 2)
    assert [read.arm for read in heard[:2]] == [False, True]


def test_what_moved_is_told_the_other_way_round_and_the_rest_as_it_is():
    levels = {"arm": True, "reset": False, "finish": False, "stop": True, "door": False, "estop": True}
    told = flickered(levels, frozenset(("arm", "reset", "stop", "door")))
    assert told == {"arm": False, "reset": True, "finish": False, "stop": False, "door": False, "estop": True}


class Breaking:
    """A chip that stops answering, as one behind a pulled USB cable does."""

    def __init__(self, gpio):
        self._gpio = gpio
        self.broken = False
        self.taken = []

    def input(self, line, pull):
        if self.broken:
            raise OSError("gone")
        made = self._gpio.input(line, pull)
        inner_read = made.read

        def read():
            if self.broken:
                raise OSError("gone")
            return inner_read()

        made.read = read
        self.taken.append(made)
        return made


async def test_a_chip_that_is_gone_delivers_nothing_and_is_opened_again_each_second(monkeypatch, caplog):
    wires = PiWires()
    gpio, heard = Breaking(wires.gpio), []
    inputs = GpioInputs(CONFIG, gpio, heard.append)
    now = [now_us()]
    monkeypatch.setattr("edge.inputs.gpio.now_us", lambda: now[0])
    _rest(wires, inputs)
    assert heard.pop().stop
    heard.clear()
    gpio.broken = True
    inputs.look()
    assert heard.pop() is None
    assert "cannot be read" in caplog.text
    gpio.broken = False
    now[0] += REOPEN_US - 1
    inputs.look()
    assert heard == []
    now[0] += 1
    inputs.look()
    assert heard.pop() is not None
    inputs.close()


async def test_a_line_that_somebody_else_holds_gives_back_those_already_taken():
    wires = PiWires()
    wires.gpio.input(LINES["estop"], Pull.UP)
    heard = []
    inputs = GpioInputs(CONFIG, wires.gpio, heard.append)
    inputs.look()
    assert heard == [None]
    wires.gpio.input(LINES["arm"], Pull.UP).release()


async def test_lgpios_own_error_is_a_chip_that_is_gone(losable_pi: LosablePi, monkeypatch):
    """BOX-04: it is no OSError and no GPIOZeroError; the interlock goes on and knows nothing of its inputs."""
    heard, now = [], [now_us()]
    monkeypatch.setattr("edge.inputs.gpio.now_us", lambda: now[0])
    inputs = GpioInputs(CONFIG, losable_pi.gpio, heard.append)
    inputs.look()
    assert heard.pop() is not None
    losable_pi.lose("unknown handle")
    inputs.look()
    assert heard == [None]
    now[0] += REOPEN_US
    inputs.look()
    assert heard == [None, None], "not there yet"
    losable_pi.find()
    now[0] += REOPEN_US
    inputs.look()
    assert heard[-1] is not None
    inputs.close()


# --- configuration


def _config(**inputs):
    return msgspec.structs.replace(CONFIG, inputs=msgspec.structs.replace(CONFIG.inputs, **inputs))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (msgspec.structs.replace(CONFIG, gpio=None), "gpio"),
        (_config(bus="tcp"), "inputs.bus"),
        (_config(unit_id=10), "inputs.unit_id"),
        (_config(readable=16), "inputs.readable"),
        (_config(pull=""), "inputs.pull"),
        (_config(estop=None), "inputs.estop"),
        (_config(estop=5), "inputs (lines)"),
        (_config(kind="modbus"), "inputs.bus"),
        (msgspec.structs.replace(CONFIG, inputs=Inputs(bus="x")), "inputs.bus"),
    ],
)
def test_inputs_that_contradict_themselves_are_refused(changed, field):
    with pytest.raises(ContractError) as refused:
        box_config.check(changed)
    assert refused.value.field == field


def test_a_gpio_box_passes_its_inputs_and_a_modbus_box_has_usual_places():
    with pytest.raises(ContractError) as refused:
        box_config.check(CONFIG)
    assert refused.value.field != "inputs", "the next thing that this bare configuration lacks"
    assert CONFIG.inputs.addresses == LINES
    assert Inputs(bus="x", unit_id=1, door=7).addresses == {
        "arm": 0, "stop": 1, "finish": 2, "reset": 3, "estop": 4, "door": 7,
    }  # fmt: skip
