"""The bench's side of the device process: orders go in, events come out."""

import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import msgspec

from tests.bench.device import Event, Order

_START_S = 10.0


class LateError(Exception):
    """Something did not happen in time."""


class Plant:
    """A running device process; usable as a context manager."""

    def __init__(self, directory: Path, units: int) -> None:
        """Start it; the pseudo-terminal's link is made in `directory`."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.bench.device"]
        arguments = [str(theirs.fileno()), str(os.getpid()), str(directory), str(units)]
        self._process = subprocess.Popen([*command, *arguments], pass_fds=(theirs.fileno(),))
        theirs.close()
        self._channel.settimeout(_START_S)
        places = msgspec.json.decode(self._channel.recv(4096))
        self.gas_port: int = places["gas"]
        self.inputs_port: int = places["inputs"]
        self.deadman: str = places["deadman"]
        self.priority: str = places["priority"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._channel.close()
        self._process.wait()

    def order(self, do: str, units: tuple[int, ...] = (), *, relay: str = "", button: str = "", after_us: int = 0,
              on: bool = True) -> None:  # fmt: skip
        """Give an order; returns at once."""
        self._channel.send(msgspec.json.encode(Order(do, units, relay, button, after_us, on)))

    def wait(self, kind: str, seconds: float) -> Event:
        """The next event of this kind; others are dropped.

        Raises:
            LateError: it did not come in time.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._channel], [], [], left)[0]:
                event = msgspec.json.decode(self._channel.recv(4096), type=Event)
                if event.kind == kind:
                    return event
        raise LateError(f"no {kind!r} within {seconds:g} s")

    def forget(self) -> None:
        """Drop the events that have come so far."""
        while select.select([self._channel], [], [], 0)[0]:
            self._channel.recv(4096)
