"""A Waveshare Modbus RTU relay board of a type with inputs: coils, and "flash on", a coil that opens by itself.

    function 05, 0x0000 + channel   FF00 on, 0000 off
    function 05, 0x0200 + channel   flash on for value x 100 ms
    function 01, 0x0000 + channel   coils
    function 02, 0x0000 + channel   inputs

Source: findings/hardware 6 and the maker's wiki. That a flash which arrives while one is running begins anew is an
assumption here as it is in the driver: it must be tried on the board.
"""

from collections.abc import Sequence
from typing import Any

from firmware_sim.clock import now_us
from firmware_sim.deadman.device import Contact
from firmware_sim.modbus import pdu
from firmware_sim.relays.board import bad_address, bad_value, move, words

CHANNELS = 8
_FLASH_ON = 0x0200
_STEP_US = 100_000
_LONGEST = 0x7FFF


class Waveshare:
    """One board; the relay of channel 0 is modelled, its mirror contact closes input 0 while the relay is open."""

    def __init__(self) -> None:
        """All off."""
        self.contact = Contact()
        self.coils = [False] * CHANNELS
        self.flashes = 0
        self.power_ups = 1
        self._until_us = [0] * CHANNELS

    def registers(self) -> Sequence[int]:
        """None."""
        return ()

    def discrete_inputs(self) -> Sequence[bool]:
        """Input 0: the mirror contact."""
        return [not self.contact.closed] + [False] * (CHANNELS - 1)

    def tick(self) -> None:
        """The flash timers, then the contact."""
        now = now_us()
        for channel, until_us in enumerate(self._until_us):
            if until_us and now >= until_us:
                self.coils[channel], self._until_us[channel] = False, 0
        move(self.contact, coil=self.coils[0])

    def reboot(self) -> None:
        """Everything off."""
        self.coils = [False] * CHANNELS
        self._until_us = [0] * CHANNELS
        self.power_ups += 1

    def respond(self, request: bytes) -> bytes:
        """Answer one request."""
        self.tick()
        pair = words(request)
        if pair is None:
            return bad_value(request)
        address, value = pair
        match request[0]:
            case 1 | 2 if value >= 1 and address + value <= CHANNELS:
                bits = self.coils if request[0] == 1 else self.discrete_inputs()
                return pdu.bits_reply(request[0], bits[address : address + value])
            case 5 if address < CHANNELS:
                if value not in (0x0000, 0xFF00):
                    return bad_value(request)
                self.coils[address], self._until_us[address] = value == 0xFF00, 0
            case 5 if _FLASH_ON <= address < _FLASH_ON + CHANNELS:
                if not 1 <= value <= _LONGEST:
                    return bad_value(request)
                channel = address - _FLASH_ON
                self.coils[channel], self._until_us[channel] = True, now_us() + value * _STEP_US
                self.flashes += 1
            case 1 | 2 | 5:
                return bad_address(request)
            case _:
                return pdu.exception(request[0], pdu.ILLEGAL_FUNCTION)
        self.tick()
        return request

    def state(self) -> dict[str, Any]:
        """What `hotbox-sim state` shows."""
        return {"coil": self.coils[0], "flashes": self.flashes, "power_ups": self.power_ups}
