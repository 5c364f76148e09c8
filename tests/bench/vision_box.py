"""A real vision process on a simulated camera, with the bench on the interlock's end of its socket."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
import psutil

from edge import config, sockets
from edge.interlock.evidence import (
    Evidence,
    Face,
    FaceRefused,
    Film,
    Logged,
    Segment,
    TemplateLogged,
    TemplateUsed,
    Video,
    Wanted,
    decode,
    encode_message,
)
from edge.vision.enrol import enrol
from faces import loading
from firmware_sim.client import Site
from tests.bench.plant import LateError
from tests.edge.presence.box import box

NICE = 5
"""What the vision process asks for itself; the baseline gets the same."""
_START_S = 30.0
_FILM_EVERY_S = 1.0


def enrolled_box(site: Site, people: tuple[str, ...]) -> config.BoxConfig:
    """A box that looks at the site's camera and knows these people from their stills."""
    boxed = box(site.directory)
    engine = loading.load()
    for person in people:
        enrol(boxed, person, [site.directory / "stills" / person / f"{number}.jpg" for number in range(1, 6)], engine)
    return boxed


def write(boxed: config.BoxConfig, path: Path) -> Path:
    """A configuration that the process starts with; its gas bus is never opened by vision."""
    whole = msgspec.structs.replace(
        boxed,
        baseline=config.SIMULATION,
        buses=(config.Bus("bus", "tcp", 100, 5, host="127.0.0.1"),),
        inputs=config.Inputs(bus="bus", unit_id=1),
        presence=msgspec.structs.replace(boxed.presence, quorum=("badge",), beacon=1009),
    )
    facts = msgspec.to_builtins(whole)
    facts["vision"]["video"] = {"folder": str(path.parent / "video"), "most_mib": 64, "upload": "none"}
    del facts["vision"]["engine"]  # the usual one, which a file does not name
    path.write_text(json.dumps(facts))
    return path


class Vision:
    """The process, started as the supervisor starts it; usable as a context manager.

    It records all the while, as it does while ignition is released: what it says is read by `hear` and `drain`, which
    answer as the interlock does.
    """

    def __init__(self, settings: Path, *, core: int | None = None) -> None:
        """Start it, on one core if it is named."""
        self._end, theirs = sockets.pair()
        self._filmed_s = float("-inf")
        self._first_us = self._written_us = 0
        number = theirs.fileno()
        command = [sys.executable, "-m", "edge.process", "vision", str(settings), f"vision={number}"]
        self.process = subprocess.Popen(command, pass_fds=(number,))
        theirs.close()
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.go_on()
        self.process.terminate()
        self.process.wait(_START_S)
        self._end.close()

    def want(self, *people: str, urgency: str = "arming", nonce: str = "bench") -> None:
        """Say whom to look for."""
        sockets.send(self._end, encode_message(Wanted(people, (), nonce, urgency)))

    def hear(self, until: Callable[[float, Evidence], bool], seconds: float) -> None:
        """Hand over each item with its arrival in µs until it is enough.

        Raises:
            LateError: it was not, in time.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._film()
            if select.select([self._end], [], [], min(left, _FILM_EVERY_S))[0] and until(sockets.now_us(), self._next()):
                return
        raise LateError(f"the vision process did not say what was waited for within {seconds:g} s")

    def drain(self) -> None:
        """Forget what has come so far."""
        self._film()
        while select.select([self._end], [], [], 0)[0]:
            self._next()

    def _film(self) -> None:
        """Once a second: ignition is released, record."""
        if time.monotonic() - self._filmed_s >= _FILM_EVERY_S:
            self._filmed_s = time.monotonic()
            film = Film("HW-1", on=True, keep=True, keep_d=31, wall_s=int(time.time()))
            sockets.send(self._end, encode_message(film))

    def _next(self) -> Evidence:
        """What it says next, answered if it wants an answer."""
        datagram = self._end.recv(sockets.MAX_DATAGRAM)
        if not datagram:
            raise LateError(f"the vision process ended with exit code {self.process.wait(_START_S)}")
        item = decode(datagram)
        match item:
            case TemplateUsed():
                sockets.send(self._end, encode_message(TemplateLogged(item.person, item.digest)))
            case Segment():
                sockets.send(self._end, encode_message(Logged(item.commitment)))
            case Video(written_us=written_us) if written_us:
                self._first_us, self._written_us = self._first_us or written_us, written_us
        return item

    def recorded_s(self) -> float:
        """From the first to the newest picture that it said is on the disk."""
        return (self._written_us - self._first_us) / 1e6

    def pause(self) -> None:
        """Stop it."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def cpu_s(self) -> float:
        """Processor time so far."""
        used = psutil.Process(self.process.pid).cpu_times()
        return float(used.user + used.system)

    def peak_mib(self) -> float:
        """Most resident memory so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def verdicts(vision: Vision, count: int, faces: int, told: Callable[[int], None]) -> list[float]:
    """Milliseconds from a frame's capture to the last verdict on its faces, for so many frames that show `faces` faces.

    Frames on which fewer verdicts came are left out: somebody was blinking, or not asked about again.
    """
    found: list[float] = []
    frame: dict[str, Any] = {"at_us": 0, "faces": 0}

    def take(arrived_us: float, item: Evidence) -> bool:
        if isinstance(item, Face | FaceRefused):
            if item.at_us != frame["at_us"]:
                frame.update(at_us=item.at_us, faces=0)
            frame["faces"] += 1
            if frame["faces"] == faces:
                found.append((arrived_us - item.at_us) / 1000)
                told(len(found))
        return len(found) >= count

    vision.hear(take, _START_S + 3.0 * count)
    return found
