"""`vision`: a frame to its verdict, what that holds of memory, and what a busy vision process does to a trip.

The real vision process, on one core, looks at the simulated camera (640x480, MJPEG over HTTP) for one person, then for
two; a plain script with the same models looks at the same camera on the same core. Then gas crosses its limit again and
again in front of a real interlock, in turns with vision stopped and with vision at full load: four faces in every
picture, as often as it may look. All the while it records what it sees, as it does while ignition is released.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firmware_sim.cast import CAST
from firmware_sim.client import Site
from tests.bench.figures import median, p99, percentile
from tests.bench.plant import LateError, Plant
from tests.bench.trip import POLL_MS, UNITS, Bench, Trial
from tests.bench.vision_box import Vision, enrolled_box, verdicts, write
from tests.edge.presence.box import simulated_site

TRIALS = 400
FRAMES = 200
CREW = ("performer", "guardian")
CROWD = 4
"""Most faces of a picture that vision looks at."""
_BLOCKS = 40
"""A vision process that was stopped for longer than its own watchdog allows ends as hung when it goes on."""
_HEAR_S = 0.1
_CHILD_S = 600.0

Told = Callable[[str, int, int], None]


def run(directory: Path, trials: int, told: Told, *, seed: int | None = None) -> dict[str, Any]:
    """The whole bench; metrics by name."""
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    frames = max(3, min(FRAMES, trials))
    place = directory / "site"
    place.mkdir()
    with simulated_site(place, "camera") as site:
        settings = write(enrolled_box(site, CREW), directory / "vision.yaml")
        figures = frame_figures(site, settings, frames, told)
        figures |= trip_figures(directory, site, settings, trials, random.Random(seed), told)
    return {**figures, "seed": seed}


def frame_figures(site: Site, settings: Path, frames: int, told: Told) -> dict[str, Any]:
    """Capture to verdict for one and for two faces, memory, and the plain script's."""
    core = max(os.sched_getaffinity(0))
    with Vision(settings, core=core) as vision:
        vision.want(*CREW)
        took = {}
        for count, what in ((1, "frames with one face"), (2, "frames with two faces")):
            site.set("camera", ",".join(CREW[:count]))
            vision.drain()
            verdicts(vision, 1, count, lambda _: None)  # models are loaded when they are first needed
            took[count] = verdicts(vision, frames, count, lambda done, what=what: told(what, done, frames))
        rss_mib, recorded_s = vision.peak_mib(), vision.recorded_s()
    site.set("camera", CREW[0])
    bare = _bare(site, frames, core)
    told("a plain script's frames", frames, frames)
    return {
        "frames": frames,
        "frame_median_ms": round(median(took[1]), 1), "frame_p95_ms": round(percentile(took[1], 0.95), 1),
        "two_faces_median_ms": round(median(took[2]), 1), "two_faces_p95_ms": round(percentile(took[2], 0.95), 1),
        "rss_mib": round(rss_mib, 1), "recorded_s": round(recorded_s, 1),
        "bare_frame_median_ms": round(median(bare["took_ms"]), 1),
        "bare_frame_p95_ms": round(percentile(bare["took_ms"], 0.95), 1), "bare_rss_mib": round(bare["peak_mib"], 1),
    }  # fmt: skip


def _bare(site: Site, frames: int, core: int) -> dict[str, Any]:
    url = json.loads((site.directory / "site.json").read_text())["camera"]["url"]
    words = [url, str(site.directory / "stills"), str(frames), str(core)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bare_faces", *words], capture_output=True, text=True, timeout=_CHILD_S, check=False
    )
    if done.returncode:
        raise LateError(f"the plain script ended with exit code {done.returncode}: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Load:
    """A vision process that can be kept as busy as it ever gets, or stopped."""

    def __init__(self, vision: Vision) -> None:
        self._vision = vision
        self.busy_s = self.cpu_s = 0.0

    @contextmanager
    def full(self) -> Iterator[None]:
        """Looking at four faces; it has looked at some when this begins."""
        self._vision.go_on()
        self._vision.want(*CREW)
        self._vision.drain()
        verdicts(self._vision, 1, 1, lambda _: None)
        enough = threading.Event()
        hearing = threading.Thread(target=self._hear, args=(enough,), daemon=True)
        began, before = time.monotonic(), self._vision.cpu_s()
        hearing.start()
        try:
            yield
        finally:
            enough.set()
            hearing.join()
        self.busy_s += time.monotonic() - began
        self.cpu_s += self._vision.cpu_s() - before

    def _hear(self, enough: threading.Event) -> None:
        """As the interlock does: verdicts that nobody takes would wait, and vision with them."""
        while not enough.wait(_HEAR_S):
            self._vision.drain()

    def none(self) -> None:
        """Stopped."""
        self._vision.pause()


def trip_figures(directory: Path, site: Site, settings: Path, trials: int, chance: random.Random, told: Told) -> dict[str, Any]:
    """Trips of one interlock, in turns beside a vision process at full load and beside one that is stopped."""
    site.set("camera", ",".join(list(CAST)[:CROWD]))
    quiet: list[Trial] = []
    loaded: list[Trial] = []
    spurious = 0
    every = tuple(range(1, UNITS + 1))
    blocks = max(1, min(_BLOCKS, trials // 10))
    with Plant(directory, UNITS) as plant, Vision(settings) as vision:
        bench, load = Bench(plant, directory, chance, told), Load(vision)
        with bench.box(POLL_MS) as (box, _):
            for block in range(blocks):
                count = trials * (block + 1) // blocks - trials * block // blocks
                load.none()
                spurious += bench.box_block(box, every, count, quiet, told="trips without vision", of=trials)
                with load.full():
                    spurious += bench.box_block(box, every, count, loaded, told="trips beside a busy vision", of=trials)
        priority = plant.priority
    return {
        **_figures("loaded", loaded), **_figures("quiet", quiet), "trials": len(loaded), "trials_quiet": len(quiet),
        "spurious_trips": spurious, "vision_cpu_pct": round(100 * load.cpu_s / load.busy_s, 1), "faces_at_once": min(CROWD, len(CAST)),
        "poll_ms": POLL_MS, "device_priority": priority,
    }  # fmt: skip


def _figures(name: str, trials: list[Trial]) -> dict[str, float]:
    decisions, trips = [one.decision for one in trials], [one.trip for one in trials]
    return {
        f"{name}_decision_median_ms": round(median(decisions), 3), f"{name}_decision_p99_ms": round(p99(decisions), 3),
        f"{name}_trip_median_ms": round(median(trips), 3), f"{name}_trip_p99_ms": round(p99(trips), 3),
        f"{name}_trip_max_ms": round(max(trips), 3),
    }  # fmt: skip
