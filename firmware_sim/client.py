"""Talk to a running simulated site: ``Site(directory).set("ch4-1", 12.5)``."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from firmware_sim.errors import SimulationError

SOCKET_NAME = "site.sock"
_TIMEOUT_S = 10.0


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for a socket that fits into the 107 bytes that a Unix socket address has, however deep `path` lies."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Site:
    """A connection to the site's control socket; usable as a context manager, one thread at a time."""

    def __init__(self, directory: Path) -> None:
        """Connect.

        Raises:
            SimulationError: no site runs in that directory.
        """
        self.directory = directory
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_TIMEOUT_S)
        try:
            with short_path(directory / SOCKET_NAME) as name:
                self._socket.connect(name)
        except OSError as error:
            self._socket.close()
            raise SimulationError(
                f"no simulated site answers in {directory}; start one with: hotbox-sim site --dir {directory}"
            ) from error
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def ask(self, verb: str, *args: object) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Raises:
            SimulationError: the site refused it, or is gone.
        """
        line = msgspec.json.encode({"do": verb, "args": [str(argument) for argument in args]})
        try:
            self._socket.sendall(line + b"\n")
            answer = self._lines.readline()
        except OSError as error:
            raise SimulationError(f"the simulated site in {self.directory} does not answer: {error}") from error
        if not answer:
            raise SimulationError(f"the simulated site in {self.directory} has ended")
        decoded = msgspec.json.decode(answer)
        if not decoded["ok"]:
            raise SimulationError(decoded["error"])
        result: dict[str, Any] = decoded["result"]
        return result

    def set(self, *args: object) -> dict[str, Any]:
        """Change the site: ``set("ch4-1", 12.5)``, ``set("badge", "performer", "here")``, ``set("gnss", "nofix")``."""
        return self.ask("set", *args)

    def press(self, button: str, *args: object, ms: int | None = None) -> dict[str, Any]:
        """Press arm, stop, finish or reset for some milliseconds, or ``press("nfc", TAG)``; returns at once."""
        return self.ask("press", button, *args, *(() if ms is None else (ms,)))

    def fault(self, target: str, kind: str, *args: object) -> dict[str, Any]:
        """Make or clear (`none`) a fault."""
        return self.ask("fault", target, kind, *args)

    def state(self) -> dict[str, Any]:
        """Everything, as the devices themselves tell it."""
        return self.ask("state")


def facts(directory: Path) -> dict[str, Any]:
    """The site's site.json: addresses of its devices.

    Raises:
        SimulationError: no site has come up in that directory.
    """
    try:
        found: dict[str, Any] = msgspec.json.decode((directory / "site.json").read_bytes())
    except OSError as error:
        raise SimulationError(
            f"{directory}/site.json is not there; start with: hotbox-sim site --dir {directory}"
        ) from error
    return found
