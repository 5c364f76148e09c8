"""An ICP DAS M-7000 module with relay outputs, inputs and a host watchdog, as far as its Modbus map is used here.

    coil (from 1)   meaning
    00001…          digital output
    00129…          its safe value, taken when the host watchdog times out
    00161…          its value at power-on
    00260           watchdog mode: 0 = outputs refuse commands until the time-out status is cleared
    00261           watchdog enabled
    00270           time-out status; writing 1 clears it
    00273           1 when read for the first time since power-on
    10033…          digital input
    40489           watchdog time in 0.1 s

Source: the maker's address mapping (M-7000 Address Mapping Rev. 1.11; tM-R5 quick start). Where that is silent, the
worse of two behaviours is played: every frame to the module feeds the watchdog, and an output command that is refused
is still echoed as if it had been obeyed.
"""

from collections.abc import Sequence
from typing import Any

from firmware_sim.clock import now_us
from firmware_sim.deadman.device import Contact
from firmware_sim.modbus import pdu
from firmware_sim.relays.board import bad_address, bad_value, move, words

CHANNELS = 4
_SAFE, _POWER_ON, _MODE, _ENABLE, _TIMED_OUT, _FIRST_READ = 128, 160, 259, 260, 269, 272
_INPUTS = 32
_PERIOD = 488
_STEP_US = 100_000
_COILS = 280


class IcpDas:
    """One module; the relay of channel 0 is modelled, its mirror contact closes input 0 while the relay is open."""

    def __init__(self) -> None:
        """As delivered: watchdog off, everything open."""
        self.contact = Contact()
        self.outputs = [False] * CHANNELS
        self.safe = [False] * CHANNELS
        self.power_on = [False] * CHANNELS
        self.mode = False
        self.enabled = False
        self.period = 0
        self.timed_out = False
        self.timeouts = 0
        self.power_ups = 1
        self.first_read = True
        self.refused = 0
        self._heard_us = now_us()

    def registers(self) -> Sequence[int]:
        """The one register that is used."""
        return ()

    def discrete_inputs(self) -> Sequence[bool]:
        """Input 0: the mirror contact."""
        return [not self.contact.closed] + [False] * (CHANNELS - 1)

    def tick(self) -> None:
        """The watchdog, then the contact."""
        if self.enabled and not self.timed_out and now_us() - self._heard_us > self.period * _STEP_US:
            self.timed_out = True
            self.timeouts += 1
            self.outputs = list(self.safe)
        move(self.contact, coil=self.outputs[0])

    def reboot(self) -> None:
        """Settings are in its EEPROM; the time-out status is lost, which is the worse case."""
        self.outputs = list(self.power_on)
        self.timed_out = False
        self.first_read = True
        self.power_ups += 1
        self._heard_us = now_us()

    def respond(self, request: bytes) -> bytes:
        """Answer one request; every frame feeds the watchdog."""
        self.tick()
        self._heard_us = now_us()
        pair = words(request)
        if pair is None:
            return bad_value(request)
        address, value = pair
        match request[0]:
            case 1 if value >= 1 and address + value <= _COILS:
                return pdu.bits_reply(1, [self._coil(address + index) for index in range(value)])
            case 2 if value >= 1 and address >= _INPUTS and address + value <= _INPUTS + CHANNELS:
                self.tick()
                first = address - _INPUTS
                return pdu.bits_reply(2, self.discrete_inputs()[first : first + value])
            case 3 if (address, value) == (_PERIOD, 1):
                return pdu.registers_reply(3, [self.period])
            case 5:
                return self._write(request, address, value)
            case 6 if address == _PERIOD and value <= 255:
                self.period = value
                return request
        return bad_address(request) if request[0] in (1, 2, 3, 6) else pdu.exception(request[0], pdu.ILLEGAL_FUNCTION)

    def _coil(self, address: int) -> bool:
        for first, values in ((0, self.outputs), (_SAFE, self.safe), (_POWER_ON, self.power_on)):
            if first <= address < first + CHANNELS:
                return values[address - first]
        if address == _FIRST_READ:
            first_read, self.first_read = self.first_read, False
            return first_read
        return {_MODE: self.mode, _ENABLE: self.enabled, _TIMED_OUT: self.timed_out}.get(address, False)

    def _write(self, request: bytes, address: int, value: int) -> bytes:
        if value not in (0x0000, 0xFF00):
            return bad_value(request)
        on = value == 0xFF00
        for first, values in ((0, self.outputs), (_SAFE, self.safe), (_POWER_ON, self.power_on)):
            if first <= address < first + CHANNELS:
                if values is self.outputs and self.timed_out:
                    self.refused += 1
                else:
                    values[address - first] = on
                self.tick()
                return request
        match address:
            case 259:
                self.mode = on
            case 260:
                self.enabled = on
            case 269:
                self.timed_out = self.timed_out and not on
            case _:
                return bad_address(request)
        return request

    def state(self) -> dict[str, Any]:
        """What `hotbox-sim state` shows."""
        return {
            "output": self.outputs[0], "safe": self.safe[0], "power_on": self.power_on[0], "enabled": self.enabled,
            "period_ms": self.period * 100, "timed_out": self.timed_out, "timeouts": self.timeouts,
            "power_ups": self.power_ups, "refused": self.refused,
        }  # fmt: skip
