"""ICP DAS M-7000 remote output with host watchdog, over Modbus RTU on a line of its own.

    what the module does (maker's "M-7000 Address Mapping" Rev. 1.11 and tM-R5 quick start; counted from 0 here)
    coil 0…     digital output                   coil 259    0: a timed-out module refuses output commands
    coil 128…   its safe value                   coil 260    host watchdog enabled
    coil 160…   its value at power-on            coil 269    time-out status, writing 1 clears it
                (192… on some types)             coil 272    1: read for the first time since power-on
    input 32…   digital input                    register 488   watchdog time in 0.1 s

It latches: after the watchdog has opened it, output commands do nothing until the status was cleared explicitly, which
happens here inside a CLOSE and nowhere else. Every frame feeds the watchdog, so frames are sent only in answer to an
evaluated heartbeat or an order. The status line that the kernel knows from the dead-man controller is made from what
the module really says: output, time-out status, reset status and the mirror contact. Nothing is told before the
module's settings were read back as they must be, after each connection and each of its restarts.

Not known from documentation: how late the watchdog may be beyond its setting (`ICPDAS_LATE_MS` is allowed and proven
at every proof test), and that a refused output command is not carried out later.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from enum import StrEnum

import msgspec
from pymodbus.pdu.bit_message import WriteSingleCoilRequest

from edge.config import Relay
from edge.relay.protocol import SEQ_MASK, DeadmanStatus
from edge.relay.rtu import RelayLine
from edge.relay.timing import ICPDAS_LATE_MS
from edge.sockets import now_us

_log = logging.getLogger(__name__)

_SAFE, _MODE, _ENABLE, _TIMED_OUT, _FIRST_READ, _PERIOD = 128, 259, 260, 269, 272, 488
_FLAGS = _FIRST_READ - _TIMED_OUT + 1
_FRESH_US = 300_000
_RETRY_S = 0.05
_OPENINGS = 3
_CLOCK = 1 << 30


class _Order(StrEnum):
    NONE = "none"
    CLOSE = "close"
    DRILL = "drill"
    FALSE_CLOSE = "false_close"
    DROP = "drop"


class IcpDasCounts(msgspec.Struct):
    """What happened on the line since start."""

    rounds: int = 0
    failed: int = 0
    set_up: int = 0


class IcpDasRelay:
    """See `edge.relay.driver.RelayDriver`."""

    def __init__(self, config: Relay, on_status: Callable[[DeadmanStatus], None]) -> None:
        """`on_status` is called in the loop with each complete round of answers."""
        self._config = config
        self._on_status = on_status
        self._line: RelayLine | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Event
        self._status: DeadmanStatus | None = None
        self._sound = False  # the module's settings were read back since it was last connected or powered up
        self._open_wanted = True
        self._order = _Order.NONE
        self._order_us = 0
        self._closed = False  # CLOSE was carried out and not taken back
        self._beat = False
        self._beat_us = 0
        self._beat_open_us = 0  # last heartbeat that said open, 0 when a later one said closed
        self._sent_us = 0
        self._seq = self._boots = self._opens = self._cycles = 0
        self._cause = "power_up"
        self._nonce = ""
        self._new_nonce()
        self.counts = IcpDasCounts()

    @property
    def connected(self) -> bool:
        """Whether the line is open and the module's settings were proven."""
        return self._line is not None and self._line.connected and self._sound

    @property
    def status(self) -> DeadmanStatus | None:
        """The last status of this connection."""
        return self._status

    def open_port(self) -> bool:
        """See `RelayDriver.open_port`; connecting goes on in the background."""
        if self._task is None:
            config = self._config
            self._wake = asyncio.Event()
            self._line = RelayLine(
                "relay", config.device, config.baud, config.unit_id, coil=config.channel, contact=config.feedback
            )
            self._task = asyncio.get_running_loop().create_task(self._run(self._line))
        return self.connected

    def heartbeat(self, closed: bool) -> bool:
        """See `RelayDriver.heartbeat`: asks for one round of questions, which feed the watchdog."""
        if self._line is None:
            return False
        now = now_us()
        self._beat, self._beat_us = True, now
        self._beat_open_us = 0 if closed else now
        if not closed and self._closed:
            self._cause = "state_mismatch"
            self._want_open()
        elif not closed and self._status is not None and self._status.latch_closed:
            self._want_open()  # the order was echoed and yet not obeyed, or the echo was another one's
        self._wake.set()
        return self.connected

    def close_contact(self) -> bool:
        """See `RelayDriver.close_contact`; only on a fresh status that says open, after heartbeats that say open."""
        young = now_us() - self._beat_open_us <= self._config.watchdog_ms * 1000
        if not young or not self._rests():
            return False
        return self._ask(_Order.CLOSE)

    def open_contact(self) -> bool:
        """See `RelayDriver.open_contact`."""
        if self._line is None:
            return False
        if self._closed:
            self._cause = "commanded"
        self._want_open()
        return self.connected

    def drill(self) -> bool:
        """See `RelayDriver.drill`: no frame is sent until the watchdog must have run out, with the output open."""
        return self._rests() and self._ask(_Order.DRILL)

    def false_close(self) -> bool:
        """See `RelayDriver.false_close`: an output command while the time-out status is set."""
        return self._rests() and self._ask(_Order.FALSE_CLOSE)

    def watch_drop(self) -> bool:
        """See `RelayDriver.watch_drop`: no frame is sent until the watchdog must have run out, then it is asked."""
        return self._closed and self._order is _Order.NONE and self._ask(_Order.DROP)

    def discard_input(self) -> None:
        """See `RelayDriver.discard_input`: each question throws away what came before it; orders are dropped here."""
        self._order = _Order.NONE
        self._status = None

    def shut(self) -> None:
        """See `RelayDriver.shut`."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._line is not None:
            line, self._line = self._line, None
            line.say_last(
                WriteSingleCoilRequest(address=self._config.channel, bits=[False], dev_id=self._config.unit_id)
            )
        self._status = None

    # --- orders

    def _rests(self) -> bool:
        """A fresh status says open, output and contact alike, and nothing is going on."""
        status = self._status
        if status is None or not self.connected or self._open_wanted or self._order is not _Order.NONE:
            return False
        return not (self._closed or status.latch_closed or status.contact_closed) and (
            now_us() - status.at_us <= _FRESH_US
        )

    def _ask(self, order: _Order) -> bool:
        self._order, self._order_us = order, now_us()
        self._wake.set()
        return True

    def _want_open(self) -> None:
        self._open_wanted, self._order, self._closed = True, _Order.NONE, False
        self._wake.set()

    def _new_nonce(self) -> None:
        self._nonce = os.urandom(4).hex().upper()

    # --- the line

    async def _run(self, line: RelayLine) -> None:
        """Ask and order for ever, one exchange at a time."""
        while True:
            if not line.connected or not self._sound:
                await self._begin(line)
                continue
            if not (self._open_wanted or self._beat or self._order is not _Order.NONE):
                self._wake.clear()
                await self._wake.wait()
            if self._open_wanted:
                await self._open(line)
            elif self._order is not _Order.NONE:
                order, self._order = self._order, _Order.NONE
                await self._carry_out(order, line)
            elif self._beat:
                self._beat = False
                await self._look(line)

    async def _begin(self, line: RelayLine) -> None:
        """Connect, open, and prove the module's settings; try again a moment later."""
        self._status, self._sound = None, False
        if await line.connect() and await self._set_up(line):
            self._sound, self._open_wanted = True, True
            self.counts.set_up += 1
            return
        self.counts.failed += 1
        await asyncio.sleep(_RETRY_S)

    async def _set_up(self, line: RelayLine) -> bool:
        """Output, safe value and power-on value open, outputs refused after a time-out, watchdog on: all read back."""
        config = self._config
        steps = config.watchdog_ms // 100
        self._closed = False
        wanted = {config.channel: False, _SAFE + config.channel: False, config.power_on_coil + config.channel: False,
                  _MODE: False, _ENABLE: True}  # fmt: skip
        for address, on in wanted.items():
            if not await line.write_coil(address, on=on):
                return False
        if not await line.write_register(_PERIOD, steps) or await line.register(_PERIOD) != steps:
            return False
        for address, on in wanted.items():
            if await line.coils(address, 1) != [on]:
                _log.error("relay module %s does not keep coil %d at %d", config.device, address, on)
                return False
        return True

    async def _open(self, line: RelayLine) -> None:
        """Open at once, whatever else is going on; an order that is not echoed is given again."""
        for _ in range(_OPENINGS):
            if await line.write_coil(self._config.channel, on=False):
                self._open_wanted = False
                await self._look(line)
                return
            if not line.connected:
                return
        # Every attempt feeds the watchdog of a module that hears and does not obey: now it is left to run out.
        await asyncio.sleep((self._config.watchdog_ms + ICPDAS_LATE_MS) / 1000)

    async def _carry_out(self, order: _Order, line: RelayLine) -> None:
        steps: dict[_Order, Callable[[RelayLine], Awaitable[None]]] = {
            _Order.CLOSE: self._close, _Order.DRILL: self._drill, _Order.FALSE_CLOSE: self._false_close,
            _Order.DROP: self._drop,
        }  # fmt: skip
        await steps[order](line)

    async def _close(self, line: RelayLine) -> None:
        """Clear the time-out status, see it cleared, close. One frame on the way at a time, each while still wanted."""
        timed_out = await self._timed_out(line)
        if timed_out and self._wanted():
            timed_out = await self._timed_out(line) if await line.write_coil(_TIMED_OUT, on=True) else None
        if timed_out is not False or not self._wanted():
            self._refuse()
            return
        self._closed = True
        self._cycles += 1
        if not await line.write_coil(self._config.channel, on=True):
            self._refuse()
        elif not self._open_wanted:
            await self._look(line)

    def _wanted(self) -> bool:
        """The CLOSE is not older than the watchdog's time and was not taken back."""
        return not self._open_wanted and now_us() - self._order_us <= self._config.watchdog_ms * 1000

    def _refuse(self) -> None:
        self._cause = "bad_close"
        self._new_nonce()
        self._want_open()

    async def _drill(self, line: RelayLine) -> None:
        """Say nothing until the watchdog must have run out, then ask whether it has; an OPEN ends it."""
        silent_ms = await self._silence()
        if silent_ms is None:
            return
        if await self._timed_out(line):
            self._cause = "drill"
            self._new_nonce()
        await self._look(line, silent_ms=silent_ms)

    async def _drop(self, line: RelayLine) -> None:
        """The same with the output closed: what opened it shows in the answers."""
        silent_ms = await self._silence()
        if silent_ms is not None:
            await self._look(line, silent_ms=silent_ms)

    async def _silence(self) -> int | None:
        """Send no frame until the watchdog must have run out; gives the milliseconds, None when an OPEN ended it."""
        began_us = self._sent_us
        end_us = began_us + (self._config.watchdog_ms + ICPDAS_LATE_MS) * 1000
        while (left_us := end_us - now_us()) > 0:
            self._wake.clear()
            if self._open_wanted:
                return None
            try:
                async with asyncio.timeout(left_us / 1e6):
                    await self._wake.wait()
            except TimeoutError:
                break
        return (now_us() - began_us) // 1000

    async def _false_close(self, line: RelayLine) -> None:
        """Command the output while it must refuse; without a time-out status nothing is sent."""
        if await self._timed_out(line) and not self._open_wanted:
            await line.write_coil(self._config.channel, on=True)
            output = await line.coils(self._config.channel, 1)
            if output == [False]:
                self._cause = "bad_close"
                self._new_nonce()
            else:
                self._open_wanted = True
        await self._look(line)

    async def _look(self, line: RelayLine, *, silent_ms: int | None = None) -> None:
        """One round: output, flags, mirror contact; tells it when every answer is sound."""
        at_us = now_us()
        self.counts.rounds += 1
        output = await line.coils(self._config.channel, 1)
        if self._open_wanted:
            return  # first things first
        timed_out = await self._timed_out(line) if output is not None else None
        mirror = await line.input(self._config.feedback) if timed_out is not None else None
        if output is None or timed_out is None or mirror is None:
            self.counts.failed += 1
            return
        self._sent_us = now_us()
        # An output that is on although it should not be is told as closed, whatever the other bits say.
        latch = output[0] and not (timed_out and self._closed)
        if self._closed and not latch:
            # It opened without us. OPEN is said once more, so that nothing can close it again.
            self._cause = "heartbeat_lost" if timed_out else "commanded"
            self._want_open()
        self._tell(at_us, latch=latch, contact=not mirror, silent_ms=silent_ms)

    async def _timed_out(self, line: RelayLine) -> bool | None:
        """The time-out status; None when nothing sound came or the module says that it had no power meanwhile."""
        flags = await line.coils(_TIMED_OUT, _FLAGS)
        if flags is None:
            return None
        if flags[-1]:
            self._restarted()
            return None
        return flags[0]

    def _restarted(self) -> None:
        """The module had no power: its settings must be proven again."""
        self._boots += 1
        self._cause = "power_up"
        self._sound = False
        self._want_open()

    def _tell(self, at_us: int, *, latch: bool, contact: bool, silent_ms: int | None) -> None:
        before = self._status
        if before is not None and before.latch_closed and not latch:
            self._opens += 1
            self._new_nonce()
        self._seq = (self._seq + 1) & SEQ_MASK
        age_ms = silent_ms if silent_ms is not None else (at_us - self._beat_us) // 1000
        self._status = DeadmanStatus(
            self._seq, self._boots, latch, contact, self._nonce, min(age_ms, 99_999), self._opens, self._cycles,
            self._cause, at_us // 1000 % _CLOCK, at_us,
        )  # fmt: skip
        self._on_status(self._status)
