"""Scenarios: what happens on a site and what the box must do, as a safety officer writes it down in a YAML file.

    title: {zh: 焊点处可燃气体升高, en: Gas at the weld}
    purpose: {zh: 超限即断，…, en: Over the limit it opens, …}
    requirements: [BOX-04]
    start: RELEASED                # how it begins: NOBODY, PERMISSIVE_OK or RELEASED
    steps:
      - {at: 1 s, set: ch4-1 18, zh: 甲烷升到 18 %LEL, en: methane rises to 18 %LEL}
      - expect: {mode: TRIPPED, first_out: gas_high ch4-1, relay: open, within: 1 s}

A step does one thing: `set`, `press`, `fault` and `badge` as typed after ``hotbox-sim``, `hotbox` as typed after
``hotbox``, or `expect`. Times are on the scenario's clock; a step without `at` follows the one before at once.
"""

import re
import shlex
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec

from firmware_sim.errors import SimulationError
from firmware_sim.faults import kinds_of

SHIPPED = Path(__file__).with_name("scenarios")
ACTIONS = ("set", "press", "fault", "badge", "hotbox")
MODES = ("LOCKED", "PERMISSIVE_OK", "ARMED", "RELEASED", "TRIPPED", "FAULT")
BUTTONS = ("arm", "stop", "finish", "reset")
WITHIN_S = 3.0
"""How long an expectation without `within` is waited for."""
_TIME = re.compile(r"(\d+(?:\.\d+)?) *(ms|s|min)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "min": 60.0}
_REQUIREMENT = re.compile(r"[A-Z]{3}-\d{2}")


class Start(StrEnum):
    """How a scenario begins; in each all devices are sound and the air is clean."""

    NOBODY = "NOBODY"
    PERMISSIVE_OK = "PERMISSIVE_OK"
    RELEASED = "RELEASED"


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same in both languages."""

    zh: Annotated[str, msgspec.Meta(min_length=1)]
    en: Annotated[str, msgspec.Meta(min_length=1)]


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be so, all of it at one moment, not later than `within` after the last thing that was done.

    Attributes:
        mode: the box's state.
        relay: ``open`` or ``closed``: the contact itself, by the dead-man controller's own stamps.
        first_out: code of the latched first cause, its subject, or both.
        missing: codes that keep the box from a release.
        well: codes that must not be among them.
        event: a type of event, written since the scenario began its last step.
        countdown: a countdown that must be running: grace, fire_watch ...
        exit: exit code of the `hotbox` command before.
        stays: for this long it must go on being so.
    """

    mode: str = ""
    relay: str = ""
    first_out: str = ""
    missing: tuple[str, ...] = ()
    well: tuple[str, ...] = ()
    event: str = ""
    countdown: str = ""
    exit: int | None = None
    within: str = ""
    stays: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code of a reason that is named."""
        return (*self.missing, *self.well, *self.first_out.split()[:1])


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that happens, or that is expected."""

    at: str = ""
    set: str = ""
    press: str = ""
    fault: str = ""
    badge: str = ""
    hotbox: str = ""
    expect: Expect | None = None
    zh: str = ""
    en: str = ""

    @property
    def action(self) -> str:
        """Which of `ACTIONS` this is, empty for an expectation."""
        return next((name for name in ACTIONS if getattr(self, name)), "")

    def words(self) -> tuple[str, ...]:
        """Verb and arguments as the site, or `hotbox`, takes them."""
        action = self.action
        words = tuple(shlex.split(getattr(self, action)))
        return ("set", "badge", *words) if action == "badge" else (action, *words)

    def told(self) -> str:
        """What it does, as it is typed or expected."""
        if self.expect is None:
            return f"{self.action} {getattr(self, self.action)}"
        fields = msgspec.to_builtins(self.expect)
        said = [f"{name} {_plain(value)}" for name, value in fields.items() if value not in ("", (), [], None)]
        return "expect " + ", ".join(said)


def _plain(value: Any) -> str:
    return " ".join(value) if isinstance(value, (list, tuple)) else str(value)


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file. `needs`: ``host`` for a scenario that sets the machine's clock or fills its disk."""

    title: Words
    purpose: Words
    requirements: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1)]
    start: Start = Start.RELEASED
    needs: tuple[str, ...] = ()


def seconds(text: str) -> float:
    """A duration such as ``500 ms``, ``2 s`` or ``1.5 min``, in seconds.

    Raises:
        ValueError: it is none.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected a time such as 500 ms, 2 s or 1.5 min, got {text!r}")
    return float(found[1]) * _UNITS_S[found[2]]


def names() -> list[str]:
    """The scenarios that come with the site."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load(name: str, codes: Collection[str] | None = None) -> Scenario:
    """Read a shipped scenario by name or any file by path; `codes` are the reasons that the box knows, None any.

    Raises:
        SimulationError: neither exists, or the file says something that is not allowed: what was expected, what came
            and where.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = SHIPPED / f"{name}.yaml"
        if name not in names():
            raise SimulationError(
                f"scenario: expected a file that ends with .yaml or one of {', '.join(names())}; got {name!r}"
            )
    try:
        scenario = msgspec.yaml.decode(path.read_bytes(), type=Scenario)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise SimulationError(f"{path}: {error}") from error
    for wrong in problems(scenario, codes):
        raise SimulationError(f"{path}: {wrong}")
    return scenario


def problems(scenario: Scenario, codes: Collection[str] | None = None) -> list[str]:
    """Everything in a scenario that cannot be played, in the order of its lines."""
    found = [
        f"requirements: expected ids such as BOX-04, got {each!r}"
        for each in scenario.requirements
        if not _REQUIREMENT.fullmatch(each)
    ]
    last_s = 0.0
    for number, step in enumerate(scenario.steps, 1):
        where = f"step {number}{f' (at {step.at})' if step.at else ''}"
        try:
            at_s = seconds(step.at) if step.at else last_s
            _check(step, codes)
        except ValueError as error:
            found.append(f"{where}: {error}")
            continue
        if at_s < last_s:
            found.append(f"{where}: expected a time not before {last_s:g} s; put the steps in order of `at`")
        last_s = at_s
    if all(step.expect is None for step in scenario.steps):
        found.append("steps: expected at least one `expect`; a scenario that asks for nothing proves nothing")
    return found


def _check(step: Step, codes: Collection[str] | None) -> None:
    done = [name for name in ACTIONS if getattr(step, name)]
    if len(done) + (step.expect is not None) != 1:
        came = ", ".join([*done, *(["expect"] if step.expect is not None else [])]) or "none"
        raise ValueError(f"expected one of {', '.join((*ACTIONS, 'expect'))}; got {came}; write one step for each")
    if bool(step.zh) != bool(step.en):
        raise ValueError("expected what it tells in both languages, zh and en; got one; add the other")
    if step.expect is not None:
        _check_expectation(step.expect)
        for code in step.expect.codes:
            if codes is not None and code not in codes:
                raise ValueError(f"expected a code that the box knows (hotbox explain --json shows them); got {code!r}")
        return
    words = shlex.split(getattr(step, step.action))
    if step.press and words[0] not in BUTTONS:
        raise ValueError(f"press: expected {', '.join(BUTTONS)}; got {words[0]!r}")
    if step.fault:
        known = kinds_of(words[0])
        kind = words[1] if len(words) > 1 else ""
        if kind not in ("none", *known):
            raise ValueError(f"fault {words[0]}: expected none, {', '.join(known)}; got {kind!r}")


def _check_expectation(expect: Expect) -> None:
    for name in ("within", "stays"):
        if getattr(expect, name):
            seconds(getattr(expect, name))
    if expect.mode and expect.mode not in MODES:
        raise ValueError(f"mode: expected {', '.join(MODES)}; got {expect.mode!r}")
    if expect.relay not in ("", "open", "closed"):
        raise ValueError(f"relay: expected open or closed; got {expect.relay!r}")
    asked = [expect.mode, expect.relay, expect.first_out, expect.missing, expect.well, expect.event, expect.countdown]
    if not any(asked) and expect.exit is None:
        raise ValueError("expect: expected something to look for, such as mode or relay; got nothing")
