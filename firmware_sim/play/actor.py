"""The drawn people do what the box's screen asks of their faces: reads the page as a person does, and acts.

``python -m firmware_sim.play.actor SITE-DIRECTORY KIOSK-URL`` runs until it is ended. It knows nothing of the box but
what the page shows, one arrow at a time.
"""

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import msgspec

from firmware_sim.client import Site
from firmware_sim.errors import SimulationError
from firmware_sim.people.acting import EASE_S, TURN_DEG

AGAIN_S = 0.5
HOLD_S = 4.0
"""Whoever has turned stays so until the screen asks for something else, and no longer than an arrow stands."""
BACK_S = EASE_S + 0.25
"""From a turn back to rest, and long enough there to be seen."""
FURTHER_S, FURTHER_DEG = 1.2, 7.0
"""Somebody whose turn does not count by then turns a little further."""
BLINK_S = 1.0
LOOK_S = 10.0
_SILENT_S = 5.0
"""The page speaks at least once a second."""

Act = Callable[[str, str, float, float], None]
"""Person, action (left, right, blink, still), seconds, degrees."""
Clock = Callable[[], float]
Wait = Callable[[float], None]


class Actor:
    """Everybody before the camera, and what each was last asked to do."""

    def __init__(self, act: Act, clock: Clock = time.monotonic, wait: Wait = time.sleep) -> None:
        """Tell `act` what a person does; `clock` and `wait` are in seconds."""
        self._act, self._clock, self._wait = act, clock, wait
        self._answered: tuple[str, int, str] = ("", 0, "")
        self._side = ""
        self._further_s = float("inf")

    def read(self, picture: dict[str, Any]) -> None:
        """Do what the page shows, once each time that it shows something new."""
        asked = picture.get("prompt")
        if asked is None or asked["result"] != "open":
            self._answered = ("", 0, "")
            return
        person, action = asked["person"], asked["action"]
        shown = (person, asked["done"], action)
        if shown != self._answered:
            self._answered, self._further_s = shown, float("inf")
            self._do(person, action)
        elif self._clock() >= self._further_s:
            self._further_s = float("inf")
            self._act(person, action, HOLD_S, TURN_DEG + FURTHER_DEG)

    def _do(self, person: str, action: str) -> None:
        match action:
            case "look":
                self._side = ""
                self._act(person, "still", LOOK_S, 0.0)
            case "left" | "right":
                if action == self._side:
                    # A head that is still turned that way comes back first.
                    self._act(person, "still", LOOK_S, 0.0)
                    self._wait(BACK_S)
                self._side = action
                self._act(person, action, HOLD_S, TURN_DEG)
                self._further_s = self._clock() + FURTHER_S
            case "blink":
                self._act(person, "blink", BLINK_S, 0.0)


def pictures(url: str) -> Iterator[dict[str, Any]]:
    """What the page shows, again and again; ends with the page."""
    with httpx.stream("GET", f"{url}/live", timeout=_SILENT_S) as answer:
        for line in answer.raise_for_status().iter_lines():
            if line.startswith("data: "):
                yield msgspec.json.decode(line.removeprefix("data: "))


def _acting(site: Site) -> Act:
    def act(person: str, action: str, seconds: float, degrees: float) -> None:
        # Whoever is asked need not stand before the camera.
        with contextlib.suppress(SimulationError):
            site.set("camera", "act", person, action, seconds, *([degrees] if degrees else []))

    return act


def main() -> None:
    """Read and act until SIGTERM or Ctrl-C."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit

    signal.signal(signal.SIGTERM, end)
    directory, url = Path(sys.argv[1]), sys.argv[2].rstrip("/")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            # The box starts anew now and then, and its page with it.
            with contextlib.suppress(httpx.HTTPError, SimulationError), Site(directory) as site:
                actor = Actor(_acting(site))
                for picture in pictures(url):
                    actor.read(picture)
            time.sleep(AGAIN_S)


if __name__ == "__main__":
    main()
