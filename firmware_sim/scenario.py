"""Scenarios: timed `set`, `press` and `fault` lines in a YAML file, played against a running site."""

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec

from firmware_sim.client import Site
from firmware_sim.errors import SimulationError, one_of

SHIPPED = Path(__file__).with_name("scenarios")
VERBS = ("set", "press", "fault")


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line: `at_s` seconds after the start, `do` as typed after ``hotbox-sim``, and what to tell."""

    at_s: Annotated[float, msgspec.Meta(ge=0)]
    do: str
    zh: str = ""
    en: str = ""

    def words(self) -> list[str]:
        """Verb and arguments.

        Raises:
            SimulationError: the verb is not one that changes the site.
        """
        words = shlex.split(self.do)
        one_of(f"at {self.at_s} s", words[0] if words else "", VERBS)
        return words


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file: title in both languages and steps in order of time."""

    zh: str
    en: str
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1)]


def names() -> list[str]:
    """The scenarios that come with the site."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load(name: str) -> Scenario:
    """Read a shipped scenario by name or any file by path.

    Raises:
        SimulationError: neither exists, or the file says something that is not allowed.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else SHIPPED / f"{one_of('scenario', name, names())}.yaml"
    try:
        scenario = msgspec.yaml.decode(path.read_bytes(), type=Scenario)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise SimulationError(f"{path}: {error}") from error
    times = [step.at_s for step in scenario.steps]
    if times != sorted(times):
        raise SimulationError(f"{path}: steps must stand in order of at_s")
    for step in scenario.steps:
        step.words()
    return scenario


def play(
    scenario: Scenario,
    site: Site,
    tell: Callable[[Step], None],
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Play a scenario to its end; each step is told after the site has carried it out.

    Raises:
        SimulationError: the site refuses a step.
    """
    start = clock()
    for step in scenario.steps:
        wait(max(0.0, start + step.at_s - clock()))
        site.ask(*step.words())
        tell(step)
