"""A Waveshare Modbus RTU relay board held by "flash on", in series with a latching primary and never alone.

    function 05, address 0x0200 + channel, value n: on for n x 100 ms, then off by itself
    function 05, address channel, value 0000: off
    function 02: the board's inputs; one of them carries this relay's mirror contact

Each "flash on" is sent from an evaluated heartbeat that says closed, at most every 200 ms, and never from a timer: a
box that dies or hangs sends none, and the relay drops when the last one has run out. The board does not latch, any
later "flash on" would close it again: once the last has run out, this driver sends none before the next CLOSE. Nor
does it when the board lost its power in between: each flash but the first follows a look that found it closed. That a
flash sent while one is running begins anew is an assumption to be tried on the board (findings/hardware 6); a board on
which it does not opens early, which trips.
"""

import asyncio
import struct
from collections.abc import Callable

import msgspec
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import WriteSingleCoilRequest

from edge.config import SeriesRelay
from edge.relay.element import ElementStatus
from edge.relay.rtu import RelayLine
from edge.sockets import now_us

FLASH_ON = 0x0200
FLASH_EVERY_US = 200_000
_RETRY_S = 0.05


class FlashOn(ModbusPDU):
    """Function 05 with a time instead of FF00, which pymodbus's own request cannot carry; the board echoes it."""

    function_code = 5
    rtu_frame_size = 8
    value = 0

    def encode(self) -> bytes:
        """Address and value."""
        return struct.pack(">HH", self.address, self.value)

    @classmethod
    def of(cls, channel: int, hold_ms: int, unit_id: int) -> "FlashOn":
        """On for so long."""
        made = cls(address=FLASH_ON + channel, dev_id=unit_id)
        made.value = hold_ms // 100
        return made


class WaveshareCounts(msgspec.Struct):
    """What happened on the line since start."""

    flashes: int = 0
    failed: int = 0


class WaveshareRelay:
    """See `edge.relay.element.SeriesDriver`."""

    def __init__(self, config: SeriesRelay, on_status: Callable[[ElementStatus], None]) -> None:
        """`on_status` is called in the loop with each answer about the contact."""
        self._config = config
        self._on_status = on_status
        self._line: RelayLine | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Event
        self._status: ElementStatus | None = None
        self._open_wanted = True
        self._closed = False  # CLOSE was ordered and not taken back
        self._beat_us = 0  # of the newest heartbeat that said closed and was not used yet, 0 when there is none
        self._look_wanted = False
        self._flashed_us = 0
        self._begun = False  # a flash was echoed since CLOSE: from now on the contact must be seen closed
        self._held_us = 0  # when the contact was last known to be held: the order, then each flash that was echoed
        self.counts = WaveshareCounts()

    @property
    def name(self) -> str:
        """See `SeriesDriver.name`."""
        return self._config.name

    @property
    def status(self) -> ElementStatus | None:
        """See `SeriesDriver.status`."""
        return self._status

    def open_port(self) -> None:
        """See `SeriesDriver.open_port`."""
        if self._task is None:
            config = self._config
            self._wake = asyncio.Event()
            self._line = RelayLine(
                config.name, config.device, config.baud, config.unit_id, coil=config.channel, contact=config.feedback
            )
            self._task = asyncio.get_running_loop().create_task(self._run(self._line))

    def heartbeat(self, closed: bool) -> None:
        """See `SeriesDriver.heartbeat`: a flash when the last one is 200 ms old, and a look at the contact."""
        if self._line is None:
            return
        if not closed and (self._closed or (self._status is not None and self._status.contact_closed)):
            self.open_contact()  # said once more as long as the contact does not follow
        if closed and self._closed:
            self._beat_us = now_us()
        self._look_wanted = True
        self._wake.set()

    def close_contact(self) -> bool:
        """See `SeriesDriver.close_contact`; only on a status that says open."""
        status = self._status
        if self._line is None or status is None or status.contact_closed or self._open_wanted:
            return False
        self._closed, self._flashed_us, self._begun = True, 0, False
        self._beat_us = self._held_us = now_us()
        self._wake.set()
        return True

    def open_contact(self) -> bool:
        """See `SeriesDriver.open_contact`."""
        self._closed, self._beat_us = False, 0
        if self._line is None:
            return False
        self._open_wanted = True
        self._wake.set()
        return self._line.connected

    def shut(self) -> None:
        """See `SeriesDriver.shut`."""
        self._closed = False
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._line is not None:
            line, self._line = self._line, None
            line.say_last(
                WriteSingleCoilRequest(address=self._config.channel, bits=[False], dev_id=self._config.unit_id)
            )
        self._status = None

    async def _run(self, line: RelayLine) -> None:
        while True:
            if not line.connected:
                self._status, self._open_wanted, self._closed = None, True, False
                if not await line.connect():
                    await asyncio.sleep(_RETRY_S)
                continue
            if not (self._open_wanted or self._beat_us or self._look_wanted):
                self._wake.clear()
                await self._wake.wait()
            if self._open_wanted:
                if await line.write_coil(self._config.channel, on=False):
                    self._open_wanted = False
                    self._look_wanted = True
                else:
                    self.counts.failed += 1
                continue
            seen_closed = None
            if self._look_wanted:
                self._look_wanted = False
                seen_closed = await self._look(line)
            if not self._open_wanted:
                await self._hold(line, seen_closed)

    async def _hold(self, line: RelayLine, seen_closed: bool | None) -> None:
        """One flash for one heartbeat, if it is time, the heartbeat is not old and the contact did not drop."""
        beat_us, self._beat_us = self._beat_us, 0
        now = now_us()
        if self._closed and now - self._held_us > self._config.hold_ms * 1000:
            self.open_contact()  # it has dropped by itself: only a CLOSE closes it again
            return
        due = now - self._flashed_us >= FLASH_EVERY_US
        if not (self._closed and beat_us and due) or now - beat_us > FLASH_EVERY_US:
            return
        if self._begun and not seen_closed:
            if seen_closed is False:
                self.open_contact()  # the board was without power
            return
        request = FlashOn.of(self._config.channel, self._config.hold_ms, self._config.unit_id)
        self._flashed_us = now
        if await line.echoed(request):
            self.counts.flashes += 1
            self._held_us, self._begun = now, True
        else:
            self.counts.failed += 1
            self._flashed_us = 0  # the next heartbeat tries again

    async def _look(self, line: RelayLine) -> bool | None:
        """Whether the contact is closed; None when nothing sound came."""
        at_us = now_us()
        mirror = await line.input(self._config.feedback)
        if mirror is None:
            self.counts.failed += 1
            return None
        self._status = ElementStatus(self.name, not mirror, at_us)
        self._on_status(self._status)
        return not mirror
