"""The bench's field devices in one tight process that stamps what it sees: detectors, buttons, relay coil, dead-man.

    python -m tests.bench.device DESCRIPTOR PARENT DIRECTORY UNITS

Everything speaks its real protocol: Modbus/TCP for the detectors, the button module and the bare loop's coil, and the
dead-man controller's own state machine on a pseudo-terminal. Both relays have the same model of a contact. One
epoll loop, no framework, real-time priority when allowed: what is stamped here is not delayed by what is measured.

Stamps of a trial, CLOCK_MONOTONIC in nanoseconds: `cross` value set, `reply` just before the first reply with that
value is written, `command` just after the relay command was received, `open` contact open. A pseudo-terminal hands bytes over by a
kernel worker of normal priority, which no real-time priority helps; after every trip of the dead-man the process times
one byte over a terminal pair of its own (`line`, nanoseconds), so that this share of a decision can be told.
"""

import gc
import os
import select
import signal
import socket
import struct
import sys
import tty
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns
from typing import Any

import msgspec

from firmware_sim.child import die_with_parent
from firmware_sim.clock import now_us
from firmware_sim.deadman.deadman import CLOCK, DeadMan
from firmware_sim.deadman.device import TICK_US, Contact
from firmware_sim.modbus import pdu
from firmware_sim.modbus.faults import signed
from firmware_sim.pty_line import PtyLine
from tests.bench.priority import prefer

INPUT_UNIT = 10
BUTTONS = ("arm", "stop", "finish", "reset", "estop")
CLEAN, ALARM = 0, 250
"""Counts of 0.1 %LEL."""
_WRITE_COIL = 5
_HEADER = struct.Struct(">HHHB")
_COUNTER_STEP_US = 50_000
_PRIORITY = 30


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the bench asks for. `relay` is deadman or coil, `after_us` delays a crossing."""

    do: str
    units: tuple[int, ...] = ()
    relay: str = ""
    button: str = ""
    after_us: int = 0
    on: bool = True


class Event(msgspec.Struct, frozen=True):
    """What happened: `tripped` with the stamps of a trial, `opened`, `closed` (dead-man), `clean`, `pressed`.

    `cause` is the dead-man controller's own word for its last opening.
    """

    kind: str
    cross: int = 0
    reply: int = 0
    command: int = 0
    open: int = 0
    line: int = 0
    cause: str = ""


class Head:
    """One detector head: value, status, live counter, and seven more registers."""

    def __init__(self, unit_id: int) -> None:
        self.unit_id = unit_id
        self.value = CLEAN
        self.silent = False

    def registers(self) -> Sequence[int]:
        counter = now_us() // _COUNTER_STEP_US & 0xFFFF
        return (signed(self.value), 0, counter, 397, 4711, self.unit_id, 1000, 2, 0x0104, 253)

    def discrete_inputs(self) -> Sequence[bool]:
        return ()


class Buttons:
    """The button module; a pressed button is let go once it was read for as long as a finger holds it."""

    HELD_NS = 300_000_000

    def __init__(self) -> None:
        self.pressed = ""
        self.was_read = ""
        self._since: int | None = None

    def registers(self) -> Sequence[int]:
        return ()

    def discrete_inputs(self) -> Sequence[bool]:
        closed = [name in ("stop", "estop") or name == self.pressed for name in BUTTONS]
        if self.pressed:
            self._since = self._since or monotonic_ns()
            if monotonic_ns() - self._since >= self.HELD_NS:
                self.was_read, self.pressed, self._since = self.pressed, "", None
        return (*closed, False, False, False)


class Relay:
    """A coil with its contact."""

    def __init__(self) -> None:
        self.contact = Contact()
        self.coil = False

    def drive(self, coil: bool) -> None:
        self.coil = coil
        self.contact.drive(coil, now_us())


class LineProbe:
    """A pseudo-terminal with nobody at it but this process."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)

    def time_ns(self) -> int:
        """From writing a byte at the host's end to seeing it at the device's, 0 when it took longer than 50 ms."""
        began = monotonic_ns()
        os.write(self._slave, b"\n")
        ready, _, _ = select.select([self._master], [], [], 0.05)
        took = monotonic_ns() - began
        if ready:
            os.read(self._master, 16)
        return took if ready else 0


class Device:
    """Sockets, terminals and the trial in progress."""

    def __init__(self, channel: socket.socket, directory: Path, units: int) -> None:
        self._channel = channel
        self._heads = {unit_id: Head(unit_id) for unit_id in range(1, units + 1)}
        self._buttons = Buttons()
        self._line = PtyLine(directory / "deadman")
        self._line.open()
        self._machine = DeadMan(_clock_ms(), 1, 0, _random32())
        self._relays = {"deadman": Relay(), "coil": Relay()}
        self._tick_us = now_us()
        self._cross: tuple[int, Order] | None = None
        self._trial: Order | None = None
        self._owed: set[int] = set()
        """Units whose return to clean air, or whose alarm, has not been read yet."""
        self._stamps = {"cross": 0, "reply": 0, "command": 0}
        self._clearing = False
        self._epoll = select.epoll()
        self._servers = {server.fileno(): server for server in (_listen(), _listen())}
        self._connections: dict[int, tuple[socket.socket, bytearray]] = {}
        for descriptor in (*self._servers, channel.fileno()):
            self._epoll.register(descriptor, select.EPOLLIN)
        self._watching_line = False
        self._probe = LineProbe()

    def places(self) -> dict[str, Any]:
        """Where everything is."""
        gas, inputs = (server.getsockname()[1] for server in self._servers.values())
        return {"gas": gas, "inputs": inputs, "deadman": str(self._line.link)}

    def close(self) -> None:
        self._line.close()

    def run(self) -> None:
        """Until the bench hangs up."""
        while True:
            self._watch_line()
            for descriptor, events in self._epoll.poll(max(0.0, (self._due_us() - now_us()) / 1e6)):
                if descriptor in self._connections:
                    self._serve(descriptor)
                elif descriptor == self._channel.fileno():
                    datagram = self._hear()
                    if not datagram:
                        return
                    self._obey(msgspec.json.decode(datagram, type=Order))
                elif descriptor in self._servers:
                    self._accept(self._servers[descriptor])
                elif events & select.EPOLLIN:
                    self._deadman(self._line.read())
            if self._cross is not None and now_us() >= self._cross[0]:
                self._begin(self._cross[1])
            self._move()
            if now_us() >= self._tick_us + TICK_US:
                self._tick_us += (now_us() - self._tick_us) // TICK_US * TICK_US
                self._deadman(self._line.read() if self._watching_line else b"")

    def _due_us(self) -> int:
        due = self._tick_us + TICK_US
        for relay in self._relays.values():
            due = min(due, relay.contact.due_us() or due)
        return due if self._cross is None else min(due, self._cross[0])

    # --- the bench's orders

    def _hear(self) -> bytes:
        try:
            return self._channel.recv(4096)
        except ConnectionError:  # it went without reading everything
            return b""

    def _obey(self, order: Order) -> None:
        match order.do:
            case "cross":
                self._cross = now_us() + order.after_us, order
            case "clear":
                self._owed = {unit for unit, head in self._heads.items() if head.value != CLEAN}
                self._clearing, self._trial = True, None
                for unit in self._owed:
                    self._heads[unit].value = CLEAN
                if not self._owed:
                    self._tell(Event("clean"))
            case "press":
                self._buttons.pressed = order.button
            case "expose":
                for unit in order.units:
                    self._heads[unit].value = ALARM if order.on else CLEAN
            case "silence":
                for unit in order.units:
                    self._heads[unit].silent = order.on
            case "energise":
                self._relays["coil"].drive(True)

    def _begin(self, order: Order) -> None:
        self._cross, self._trial = None, order
        self._owed, self._clearing = set(order.units), False
        for unit in order.units:
            self._heads[unit].value = ALARM
        self._stamps = {"cross": monotonic_ns(), "reply": 0, "command": 0}

    def _tell(self, event: Event) -> None:
        with suppress(ConnectionError):  # `run` notices that the bench is gone
            self._channel.send(msgspec.json.encode(event))

    # --- relays

    def _commanded(self, relay: str, at_ns: int) -> None:
        if self._trial is not None and self._trial.relay == relay and not self._stamps["command"]:
            self._stamps["command"] = at_ns

    def _move(self) -> None:
        for name, relay in self._relays.items():
            was = relay.contact.closed
            relay.contact.move(now_us())
            if relay.contact.closed == was:
                continue
            opened = monotonic_ns()
            if self._trial is not None and self._trial.relay == name and not relay.contact.closed:
                self._trial = None
                line = self._probe.time_ns() if name == "deadman" else 0
                self._tell(Event("tripped", open=opened, line=line, cause=self._machine.cause, **self._stamps))
            elif name == "deadman":
                self._tell(Event("closed" if relay.contact.closed else "opened"))
            if name == "deadman":
                self._deadman(b"")

    def _watch_line(self) -> None:
        attached = self._line.attached()
        if attached is not self._watching_line:
            self._watching_line = attached
            if attached:
                self._epoll.register(self._line.master, select.EPOLLIN)
            else:
                self._epoll.unregister(self._line.master)

    def _deadman(self, received: bytes) -> None:
        at_ns = monotonic_ns()
        relay = self._relays["deadman"]
        answer = self._machine.step(_clock_ms(), received, relay.contact.closed, _random32())
        if relay.coil and not self._machine.coil:
            self._commanded("deadman", at_ns)
        if self._machine.coil is not relay.coil:
            relay.drive(self._machine.coil)
        if answer:
            self._line.write(answer)

    # --- Modbus/TCP

    def _accept(self, server: socket.socket) -> None:
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._connections[connection.fileno()] = connection, bytearray()
        self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _drop(self, descriptor: int) -> None:
        self._epoll.unregister(descriptor)
        self._connections.pop(descriptor)[0].close()

    def _serve(self, descriptor: int) -> None:
        connection, pending = self._connections[descriptor]
        try:
            data = connection.recv(4096)
        except OSError:
            data = b""
        at_ns = monotonic_ns()
        if not data:
            self._drop(descriptor)
            return
        pending += data
        while len(pending) > _HEADER.size:
            transaction, _, length, unit_id = _HEADER.unpack_from(pending)
            if len(pending) < 6 + length:
                return
            request = bytes(pending[_HEADER.size : 6 + length])
            del pending[: 6 + length]
            answer = self._answer(unit_id, request, at_ns)
            if answer is not None:
                frame = _HEADER.pack(transaction, 0, 1 + len(answer), unit_id) + answer
                self._note_reply(unit_id)
                try:
                    connection.send(frame)
                except OSError:  # the reader gave this connection up
                    self._drop(descriptor)
                    return
                self._note_read()

    def _answer(self, unit_id: int, request: bytes, at_ns: int) -> bytes | None:
        if request[0] == _WRITE_COIL:
            if not request[3]:
                self._commanded("coil", at_ns)
            self._relays["coil"].drive(request[3] != 0)
            return request
        unit = self._buttons if unit_id == INPUT_UNIT else self._heads[unit_id]
        return None if isinstance(unit, Head) and unit.silent else pdu.answer(unit, request)

    def _note_reply(self, unit_id: int) -> None:
        """Before the write: what the write itself takes counts against the reader, in both loops alike."""
        if unit_id not in self._owed:
            return
        self._owed.discard(unit_id)
        if not self._owed and not self._clearing:
            self._stamps["reply"] = monotonic_ns()

    def _note_read(self) -> None:
        if self._clearing and not self._owed:
            self._clearing = False
            self._tell(Event("clean"))
        if self._buttons.was_read:
            self._buttons.was_read = ""
            self._tell(Event("pressed"))


def _listen() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    return server


def _clock_ms() -> int:
    return now_us() // 1000 % CLOCK


def _random32() -> int:
    return int.from_bytes(os.urandom(4), "big")


def main() -> None:
    """Serve until the bench hangs up or is gone."""
    descriptor, parent, directory, units = sys.argv[1:]
    die_with_parent(int(parent))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = socket.socket(fileno=int(descriptor))
    device = Device(channel, Path(directory), int(units))
    channel.send(msgspec.json.encode({**device.places(), "priority": prefer(_PRIORITY)}))
    gc.collect()
    gc.freeze()
    try:
        device.run()
    finally:
        device.close()


if __name__ == "__main__":
    main()
