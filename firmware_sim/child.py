"""A device process: its side of the talk with the site's supervisor.

Each device class runs in a process of its own, as real devices do. Supervisor and child exchange JSON datagrams over an
inherited socket pair: the child says once what it offers, then answers one request after the other.
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from firmware_sim.errors import SimulationError
from firmware_sim.settings import SiteSettings

MAX_DATAGRAM = 1 << 17
_PR_SET_PDEATHSIG = 1


class Offer(msgspec.Struct, frozen=True):
    """What a device process offers once it is up.

    Attributes:
        site: its part of site.json.
        lines: what to print about it.
        set_targets, press_targets, fault_targets: names that it answers to.
    """

    site: dict[str, Any]
    lines: tuple[str, ...]
    set_targets: tuple[str, ...] = ()
    press_targets: tuple[str, ...] = ()
    fault_targets: tuple[str, ...] = ()


class Request(msgspec.Struct, frozen=True):
    """One request: `verb` is set, press, fault or state."""

    verb: str
    args: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """Its answer: what came of it, or an error for a person to read."""

    result: dict[str, Any] = {}
    error: str = ""


class Device(Protocol):
    """What a device process runs."""

    async def start(self) -> Offer:
        """Come up and say what is offered."""

    async def handle(self, request: Request) -> dict[str, Any]:
        """Carry out one request.

        Raises:
            SimulationError: the request is not understood.
        """

    async def stop(self) -> None:
        """Close everything."""


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when its parent ends, however it does."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def end(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a child that may have ended just now.

    `Process.terminate` would reap such a child itself, and asyncio's watcher then warns that it has lost one.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


class Arguments(msgspec.Struct, frozen=True):
    """What the supervisor hands to a device process on its command line."""

    descriptor: int
    parent: int
    directory: Path
    settings: SiteSettings


def arguments(argv: list[str]) -> Arguments:
    """Read the command line of a device process: descriptor, parent's pid, directory, settings as JSON."""
    descriptor, parent, directory, settings = argv
    return Arguments(int(descriptor), int(parent), Path(directory), msgspec.json.decode(settings, type=SiteSettings))


def main(make: Callable[[Path, SiteSettings], Device]) -> None:
    """Run one device until the supervisor closes its end or SIGTERM arrives."""
    given = arguments(sys.argv[1:])
    die_with_parent(given.parent)
    # Ctrl-C goes to the whole terminal; the supervisor ends its children itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(PermissionError):
        # A device answers in its own time, whatever else this machine is doing.
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    try:
        asyncio.run(_serve(make(given.directory, given.settings), socket.socket(fileno=given.descriptor)))
    except SimulationError as error:
        print(f"hotbox-sim: {error}", file=sys.stderr)
        sys.exit(2)


async def _serve(device: Device, channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    channel.setblocking(False)
    serving = asyncio.create_task(_answer_requests(device, channel))
    loop.add_signal_handler(signal.SIGTERM, serving.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await serving
    finally:
        await device.stop()


async def _answer_requests(device: Device, channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(channel, msgspec.json.encode(await device.start()))
    while datagram := await loop.sock_recv(channel, MAX_DATAGRAM):
        request = msgspec.json.decode(datagram, type=Request)
        try:
            answer = Answer(await device.handle(request))
        except SimulationError as error:
            answer = Answer(error=str(error))
        await loop.sock_sendall(channel, msgspec.json.encode(answer))
