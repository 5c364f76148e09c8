"""The technician's gas bottles: opened while a detector's test asks for gas, closed when it asks for clean air."""

import datetime
import time
from collections.abc import Callable
from typing import Any

from firmware_sim.client import Site
from firmware_sim.demo.processes import DemoError

APPLIED = {"CH4": 50.0, "O2": 15.0, "CO": 100.0, "H2S": 25.0}
"""What the bottles hold, in the unit of the site's detectors."""
_LOOK_S = 0.05


def certificate() -> str:
    """The end of a certificate that was written a while ago: no date in a file stays true."""
    return (datetime.datetime.now(tz=datetime.UTC).date() + datetime.timedelta(days=90)).isoformat()


def open_and_close(site: Site, status: Callable[[], dict[str, Any]], over: Callable[[], bool], seconds: float) -> None:
    """Give every head the gas that its running test asks for, until `over`.

    Raises:
        DemoError: it was not over in time.
    """
    opened: dict[str, float] = {}
    end = time.monotonic() + seconds
    while True:
        ended = over()
        running = {channel["name"]: channel for channel in status()["channels"] if channel["test"]}
        for name, channel in running.items():
            if name not in opened and channel["test"]["phase"] != "clear":
                opened[name] = channel["test"]["baseline"]
                site.set(name, channel["test"]["applied"])
        for name in list(opened):
            if ended or name not in running or running[name]["test"]["phase"] == "clear":
                site.set(name, opened.pop(name))
        if ended:
            return
        if time.monotonic() > end:
            raise DemoError(f"expected bump tests within {seconds:.0f} s, still running: {', '.join(running)}")
        time.sleep(_LOOK_S)
