"""Plays a scenario against a running site and box, and says of every step how it went."""

import shlex
import time
from collections.abc import Callable
from typing import Any

import msgspec

from firmware_sim.demo.box import reasons
from firmware_sim.demo.processes import DemoError
from firmware_sim.errors import SimulationError
from firmware_sim.play.crew import Crew
from firmware_sim.scenario import WITHIN_S, Expect, Scenario, Start, Step, seconds

_LOOK_S = 0.02
_LATE_S = 1.0
_CLOCK_MS = 2000
_WELL = {
    "estop": "closed", "stop": "closed", "door": "closed", "mains": "on", "battery": "ok", "enclosure": "ok",
    "flame": "none",
}  # fmt: skip


class Played(msgspec.Struct, frozen=True):
    """How a step went. `ms`: from the last thing that was done to the expectation, or to the contact's opening.

    `first_zh`, `first_en`: the box's words for the latched first cause, where one was expected.
    """

    at_s: float
    told: str
    zh: str
    en: str
    ok: bool
    expectation: bool
    came: str = ""
    ms: float | None = None
    first_zh: str = ""
    first_en: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """How a scenario went: `error` is set when it could not even begin, or not be played to its end.

    `plays`: how often it was played; more than once where it failed and was to be played again.
    """

    name: str
    zh: str
    en: str
    requirements: tuple[str, ...]
    ok: bool
    seconds: float
    steps: tuple[Played, ...]
    error: str = ""
    plays: int = 1

    @property
    def why(self) -> str:
        """What came instead, empty where all went well."""
        return self.error or next((step.came for step in self.steps if not step.ok), "")


class Player:
    """One run of one scenario."""

    def __init__(self, crew: Crew, tell: Callable[[Played], None]) -> None:
        """`crew` stands on a running site, at a running box."""
        self._crew, self._tell = crew, tell
        self._site, self._box = crew.site, crew.box
        self._done_us = 0
        self._done_s = time.monotonic()
        self._mark = -1
        self._exit: int | None = None

    def play(self, name: str, scenario: Scenario) -> Outcome:
        """Bring the site to the scenario's start, play it, mend everything; a failed expectation ends it."""
        began = time.monotonic()
        played: list[Played] = []
        problems: list[str] = []
        try:
            self._begin(scenario.start)
            clock = time.monotonic()
            self._mark = self._box.mark()
            for step in scenario.steps:
                played.append(self._step(step, clock))
                self._tell(played[-1])
                if not played[-1].ok:
                    break
        except (DemoError, SimulationError) as problem:
            problems.append(str(problem))
        # What cannot be mended is this scenario's own failure; it keeps no other from being played.
        try:
            mend(self._crew)
        except (DemoError, SimulationError) as problem:
            problems.append(f"mending: {problem}")
        error = "; ".join(problems)
        ok = not error and len(played) == len(scenario.steps) and all(step.ok for step in played)
        return Outcome(
            name, scenario.title.zh, scenario.title.en, scenario.requirements, ok, round(time.monotonic() - began, 1),
            tuple(played), error,
        )  # fmt: skip

    def _begin(self, start: Start) -> None:
        if start is Start.RELEASED:
            self._crew.release()
            return
        if self._box.status["state"] == "RELEASED":
            # Work stops in good order.
            self._site.press("stop")
            self._box.state("TRIPPED")
        self._crew.make_ready()
        if start is Start.NOBODY:
            self._crew.go()
            self._box.wait("nobody here", lambda status: "badge_absent" in reasons(status))

    def _step(self, step: Step, clock: float) -> Played:
        if step.at:
            time.sleep(max(0.0, clock + seconds(step.at) - time.monotonic()))
        at_s = round(time.monotonic() - clock, 1)
        if step.expect is not None:
            ok, came, ms = self._expect(step.expect)
            first = self._box.status["first_out"] if step.expect.first_out else None
            zh, en = (_named(first, "zh"), _named(first, "en")) if first else ("", "")
            return Played(
                at_s, step.told(), step.zh, step.en, ok, expectation=True, came=came, ms=ms, first_zh=zh, first_en=en
            )
        self._mark = self._box.mark()
        self._done_s = time.monotonic()
        if step.action == "hotbox":
            self._done_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
            self._exit, text = self._box.code(*shlex.split(step.hotbox))
            said = f"exit code {self._exit}: {text.strip().splitlines()[0] if text.strip() else ''}"
            return Played(at_s, step.told(), step.zh, step.en, ok=True, expectation=False, came=said)
        self._done_us = int(self._site.ask(*step.words())["asked_us"])
        return Played(at_s, step.told(), step.zh, step.en, ok=True, expectation=False)

    def _expect(self, expect: Expect) -> tuple[bool, str, float | None]:
        """Whether it came in time; what was there instead; the milliseconds that it took."""
        within_s = seconds(expect.within) if expect.within else WITHIN_S
        while True:
            lacking, ms = self._lacking(expect)
            elapsed_s = time.monotonic() - self._done_s
            if not lacking:
                break
            # What the status says comes up to half a second after it was so.
            if elapsed_s > within_s + _LATE_S:
                return False, f"{'; '.join(lacking)} ({self._box.brief()})", None
            time.sleep(_LOOK_S)
        if ms is not None and ms > within_s * 1000:
            return False, f"the contact opened after {ms:.0f} ms", ms
        return self._stays(expect, ms)

    def _stays(self, expect: Expect, ms: float | None) -> tuple[bool, str, float | None]:
        if not expect.stays:
            return True, "", ms
        end = time.monotonic() + seconds(expect.stays)
        while time.monotonic() < end:
            lacking, _ = self._lacking(expect)
            if lacking:
                return False, f"it did not stay: {'; '.join(lacking)} ({self._box.brief()})", ms
            time.sleep(5 * _LOOK_S)
        return True, "", ms

    def _lacking(self, expect: Expect) -> tuple[list[str], float | None]:
        """What is not as expected, and the contact's milliseconds where it was asked for."""
        status = self._box.status
        lacking = []
        if expect.mode and status["state"] != expect.mode:
            lacking.append(f"mode {status['state']}")
        first = status["first_out"] or {"code": "none", "subject": ""}
        if expect.first_out and not set(expect.first_out.split()) <= {first["code"], first["subject"]}:
            lacking.append(f"first-out {first['code']} {first['subject']}".strip())
        codes = reasons(status)
        lacking += [f"{code} is not missing" for code in expect.missing if code not in codes]
        lacking += [f"{code} is missing" for code in expect.well if code in codes]
        if expect.event and not self._box.happened(expect.event, self._mark):
            lacking.append(f"no event {expect.event}")
        if expect.countdown and not any(each["what"] == expect.countdown for each in status["countdowns"]):
            lacking.append(f"no countdown {expect.countdown}")
        if expect.exit is not None and self._exit != expect.exit:
            lacking.append(f"exit code {self._exit}")
        ms = None
        if expect.relay:
            ms = self._contact(expect.relay, lacking)
        return lacking, ms

    def _contact(self, wanted: str, lacking: list[str]) -> float | None:
        state: dict[str, Any] = self._crew.deadman()
        is_open = state["contact"] == "O"
        if is_open is not (wanted == "open"):
            lacking.append(f"contact {'open' if is_open else 'closed'}")
        if is_open and state["contact_open_us"] >= self._done_us:
            return float(state["contact_open_us"] - self._done_us) / 1000
        return None


def _named(reason: dict[str, Any], language: str) -> str:
    """What a reason says in a language, with its value and its limit."""
    value = " ".join(word for word in (reason["value"], reason["unit"]) if reason["value"] and word)
    limit = f" ({reason['limit']})" if value and reason["limit"] else ""
    return " ".join(word for word in (reason[language], value + limit) if word)


def mend(crew: Crew) -> None:
    """Repair every device and let clean air in; the box has seen its clock right when this returns."""
    site = crew.site
    state = site.state()
    air = {"O2": 20.9}
    for name, head in (*state["gas"].items(), *state["sensors"].items()):
        site.fault(name, "none")
        if name in state["gas"]:
            site.set(name, air.get(head["gas"], 0))
    for name, value in (("temp-1", 24), ("box-temp", 31), ("wind-1", 2), ("hum-1", 55), ("vib-1", 1.8)):
        if name in state["sensors"]:
            site.set(name, value)
    contacts = [name for name in state["inputs"] if name != "fault"]
    for target in ("inputs", *contacts, "deadman", "gnss", "badges", "camera"):
        site.fault(target, "none")
    for name, well in _WELL.items():
        site.set(name, well)
    site.set("gnss", "here")
    for name in ("safety", "visitor"):
        site.set("badge", name, "away")
    if "host" in state:
        site.fault("host", "none")
        # Until its next look the box believes the old time: a key that is turned meanwhile would accept that one.
        crew.box.wait("the right time", lambda status: abs(status["t"] - time.time() * 1000) < _CLOCK_MS)
