"""The simulated dead-man controller: the firmware's state machine on a pseudo-terminal with a model of its relay.

A process of its own without an event loop framework: one poll() with the next tick or contact movement as its
deadline, at real-time priority when the system allows, so that a loaded machine costs no tick.
"""

import os
import random
import select
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from firmware_sim.child import MAX_DATAGRAM, Answer, Offer, Request, arguments, die_with_parent
from firmware_sim.clock import now_us
from firmware_sim.deadman.deadman import CLOCK, CLOSED, DeadMan
from firmware_sim.errors import SimulationError, one_of, within
from firmware_sim.pty_line import PtyLine

TICK_US = 5_000
DROP_OUT_US = 5_000
PULL_IN_US = 8_000
CHATTER_US = 20_000
_LATE_MS = 400
_LATEST_MS = 60_000


class RelayFault(StrEnum):
    """What can be wrong with the controller or its relay; `reboot` happens once.

    `late`: what it says arrives late; `corrupt`: with a wrong bit; `chatter`: the driven contact does not stay closed.
    """

    NONE = "none"
    REBOOT = "reboot"
    WELD = "weld"
    STUCK_OPEN = "stuck_open"
    MUTE = "mute"
    CLOGGED = "clogged"
    LATE = "late"
    CORRUPT = "corrupt"
    CHATTER = "chatter"


class Contact:
    """A relay contact that follows its coil after the drop-out or pull-in time."""

    def __init__(self) -> None:
        """At rest, open."""
        self.closed = False
        self.welded = False
        self.stuck_open = False
        self.chatters = False
        self.opened_us = 0
        self.closed_us = 0
        self._wanted = False
        self._due_us = 0

    def drive(self, coil: bool, at_us: int) -> None:
        """Tell the model what the coil does."""
        wanted = (coil or (self.welded and self.closed)) and not self.stuck_open
        if self.chatters and wanted:
            wanted = at_us // CHATTER_US % 2 == 0
        if wanted != self._wanted:
            self._wanted = wanted
            self._due_us = at_us + (PULL_IN_US if wanted else DROP_OUT_US)

    def due_us(self) -> int | None:
        """When the contact is going to move, if it is."""
        return self._due_us if self._wanted != self.closed else None

    def move(self, at_us: int) -> None:
        """Move if it is time."""
        due = self.due_us()
        if due is None or at_us < due:
            return
        self.closed = self._wanted
        if self.closed:
            self.closed_us = at_us
        else:
            self.opened_us = at_us


class Controller:
    """The state machine, its relay and its line; stamps are CLOCK_BOOTTIME in microseconds."""

    def __init__(self, line: PtyLine) -> None:
        """Power up for the first time."""
        self.line = line
        self.contact = Contact()
        self.fault = RelayFault.NONE
        self.last_good_hb_us = 0
        self.hb_before_open_us = 0
        self.late_ticks = 0
        self.worst_tick_us = 0
        self._late_us = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._machine = self._boot(1, 0)

    def _boot(self, boots: int, cycles: int) -> DeadMan:
        return DeadMan(_clock_ms(), boots, cycles, _random32())

    def step(self) -> None:
        """One step: contact, line, state machine, coil."""
        received = self.line.read()
        now = now_us()
        self.contact.move(now)
        machine = self._machine
        before = machine.heartbeats, machine.opens
        sent = machine.step(now // 1000 % CLOCK, received, self.contact.closed, _random32())
        if machine.opens != before[1]:
            self.hb_before_open_us = self.last_good_hb_us
        if machine.heartbeats != before[0]:
            self.last_good_hb_us = now
        self.contact.drive(machine.coil, now)
        if sent:
            self._say(sent, now)
        while self._waiting and self._waiting[0][0] <= now:
            self.line.write(self._waiting.popleft()[1])

    def _say(self, sent: bytes, now: int) -> None:
        match self.fault:
            case RelayFault.MUTE:
                return
            case RelayFault.CORRUPT:
                at = random.randrange(len(sent))
                self.line.write(sent[:at] + bytes((sent[at] ^ 1 << random.randrange(8),)) + sent[at + 1 :])
            case _:
                self._waiting.append((now + self._late_us, sent))

    def set_fault(self, kind: str = "", value: str = str(_LATE_MS)) -> None:
        """One of `RelayFault`; `value` is how late it speaks, in milliseconds. A clogged line takes no more bytes."""
        late_ms = within("late", value, 0, _LATEST_MS, "ms")
        fault = RelayFault(one_of("fault deadman", kind, RelayFault))
        if fault is RelayFault.REBOOT:
            # The coil loses its drive at once; the program starts anew.
            self.contact.drive(coil=False, at_us=now_us())
            self._machine = self._boot(self._machine.boots + 1, self._machine.cycles)
        else:
            self.fault = fault
            self._late_us = round(late_ms * 1000) if fault is RelayFault.LATE else 0
            self._waiting.clear()
        self.line.clog(self.fault is RelayFault.CLOGGED)
        self.contact.welded = self.fault is RelayFault.WELD
        self.contact.stuck_open = self.fault is RelayFault.STUCK_OPEN
        self.contact.chatters = self.fault is RelayFault.CHATTER

    def state(self) -> dict[str, Any]:
        """What `hotbox-sim state` shows."""
        machine = self._machine
        return {
            "latch": machine.latch,
            "contact": CLOSED if self.contact.closed else "O",
            "boots": machine.boots,
            "opens": machine.opens,
            "cycles": machine.cycles,
            "bad_lines": machine.bad,
            "nonce": f"{machine.nonce:08X}",
            "last_good_hb_us": self.last_good_hb_us,
            "hb_before_open_us": self.hb_before_open_us,
            "contact_open_us": self.contact.opened_us,
            "contact_closed_us": self.contact.closed_us,
            "open_cause": machine.cause,
            "tick_ms": TICK_US // 1000,
            "late_ticks": self.late_ticks,
            "worst_tick_us": self.worst_tick_us,
            "fault": self.fault.value,
        }


def _clock_ms() -> int:
    return now_us() // 1000 % CLOCK


def _random32() -> int:
    return int.from_bytes(os.urandom(4), "big")


def _prefer_this_process() -> str:
    """Real-time priority if allowed, else a better nice value, else as it is."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))
        return "SCHED_FIFO"
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        return "nice -15"
    return "normal priority"


def main() -> None:
    """Run the controller until the supervisor closes its end or SIGTERM arrives."""
    given = arguments(sys.argv[1:])
    die_with_parent(given.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    channel = socket.socket(fileno=given.descriptor)
    line = PtyLine(Path(given.directory) / "deadman")
    line.open()
    try:
        _run(Controller(line), channel, _prefer_this_process())
    finally:
        line.close()


def _stop(number: int, frame: Any) -> None:
    del number, frame
    sys.exit(0)


def _run(controller: Controller, channel: socket.socket, priority: str) -> None:
    channel.send(
        msgspec.json.encode(
            Offer(
                {"deadman": {"device": str(controller.line.link)}},
                (f"deadman: {controller.line.link} ({priority})",),
                fault_targets=("deadman",),
            )
        )
    )
    tick_us = now_us()
    while True:
        next_tick_us = tick_us + TICK_US
        due_us = controller.contact.due_us()
        wake_us = next_tick_us if due_us is None else min(next_tick_us, due_us)
        watched: list[Any] = [channel]
        # A line that nobody has open reports a hang-up for ever: it is looked at once a tick instead.
        if controller.line.attached():
            watched.append(controller.line.master)
        ready, _, _ = select.select(watched, [], [], max(0, wake_us - now_us()) / 1e6)
        controller.step()
        if channel in ready and not _answer(controller, channel):
            return
        now = now_us()
        if now >= next_tick_us:
            late_us = now - next_tick_us
            controller.worst_tick_us = max(controller.worst_tick_us, late_us)
            controller.late_ticks += late_us >= TICK_US
            tick_us = now - late_us % TICK_US


def _answer(controller: Controller, channel: socket.socket) -> bool:
    """Carry out one request of the supervisor; False when the supervisor is gone."""
    datagram = channel.recv(MAX_DATAGRAM)
    if not datagram:
        return False
    request = msgspec.json.decode(datagram, type=Request)
    try:
        if request.verb == "fault":
            controller.set_fault(*request.args[1:3])
        answer = Answer({"deadman": controller.state()})
    except SimulationError as error:
        answer = Answer(error=str(error))
    channel.send(msgspec.json.encode(answer))
    return True
