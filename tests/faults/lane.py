"""A lane's runs: one simulated site and one real box on it, released and locked again and again, with faults in between.

How site and box are started stands in `tests.faults.rig`.
"""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from firmware_sim.client import Site
from tests.bench.box import Box
from tests.bench.faults import CLEAN, RTU_POLL_MS
from tests.bench.plant import LateError
from tests.faults.limits import Limits
from tests.faults.panel import panel_reaches
from tests.faults.rows import CLOCK_LOOK_MS, Expect, Row

_RELEASE_S = 60.0
CALM = {"box-temp": 31.0, "wind-1": 2.0}
"""What the process sensors show while all is well."""
BUSY = ("gas_stale", "sensor_stale", "inputs_stale", "deadman_silent", "series_silent", "loop_gap")
"""What a machine that is busy with other work makes late."""
_NAMELESS = {"deadman": "deadman_silent", "k1": "deadman_silent", "inputs": "inputs_stale"}
"""Devices of which a box has one, whose silence therefore has no subject."""
_WATCH_S = 1.0
_LOOK_S = 0.01
_PRESS_MS = 200
_ARM_MS = 300
_REFUSED_S = 0.6
_SLACK_S = 15.0


class DisturbedError(LateError):
    """Before the fault the box was not in the state that the row begins with: the run says nothing about the row."""


class OtherError(LateError):
    """After the fault, and in time, a silence that the fault does not reach opened the contact: safe, but not the row's."""

    def __init__(self, said: str, cause: str) -> None:
        """`cause` is code and subject of what it was."""
        super().__init__(said)
        self.cause = cause


class Measured(NamedTuple):
    """One run: milliseconds where there is a time, and what named the fault."""

    ms: float | None
    named: str


class Lane:
    """A running site and box."""

    def __init__(self, kind: str, site: Site, box: Box, limits: Limits, chance: random.Random, restart: Callable[[], Box]) -> None:
        """`restart` ends the box and gives a new one on the same machine."""
        self._kind, self.site, self.box, self.limits = kind, site, box, limits
        self._chance, self._restart = chance, restart

    def run(self, row: Row, released: bool, *, whole: bool = True) -> Measured:
        """One run of a row in one state; the site is mended behind it.

        After a refused release the contact is watched; with `whole` for as long as a release may take.

        Raises:
            DisturbedError: it was not so far before the fault.
            OtherError: it opened in time, for a reason that the fault does not reach.
            LateError: the box did not do what the row expects; says what it did.
        """
        self._settle(row, released)
        try:
            return self._released(row) if released else self._locked(row, whole)
        finally:
            self._mend(row)

    def _settle(self, row: Row, released: bool) -> None:
        """Ready, and still so a moment later: what was mended just now, as a scanner, may take its time to hear again."""
        end = time.monotonic() + _RELEASE_S
        while True:
            self._make_ready(released)
            threading.Event().wait(self._chance.uniform(0.2, 0.2 + RTU_POLL_MS / 1000))
            if self.box.ask("status")["result"]["state"] == ("RELEASED" if released else "PERMISSIVE_OK"):
                return
            if time.monotonic() > end:
                raise DisturbedError(f"{row.name}: before the fault: {self.box.why_not()}")

    def _make_ready(self, released: bool) -> None:
        state = self.box.ask("status")["result"]["state"]
        if state == "FAULT":
            self.box.clear_fault(self._press, _RELEASE_S)
        if released:
            self.box.release(self._press, _RELEASE_S)
            return
        if state == "RELEASED":
            self._press("stop")
            self._until(lambda s: s["state"] == "TRIPPED", _RELEASE_S, "the stop button")
        self.box.make_ready(self._press, _RELEASE_S)

    def _press(self, button: str) -> None:
        self.site.press(button, _PRESS_MS if button != "arm" else _ARM_MS)

    def _break(self, row: Row) -> int:
        """Make the fault; gives the moment before anything changed."""
        words = [row.fault, row.value] if row.value else [row.fault]
        made = self.site.set(row.device, row.value) if row.fault == "set" else self.site.fault(row.device, *words)
        began = int(made["asked_us"])
        if row.blip_ms:
            threading.Event().wait(row.blip_ms / 1000)
            self.site.fault(row.device, "none")
        if row.then == "stop":
            began = int(self.site.press("stop", _PRESS_MS)["asked_us"])
        if row.then == "record":
            began = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
            with suppress(LateError):
                self.box.test_gas()
        return began

    def _released(self, row: Row) -> Measured:
        began = self._break(row)
        if row.released is Expect.GOES_ON:
            return self._goes_on(row)
        limit_ms = row.limit(self.limits).ms
        if row.released in (Expect.FAULT, Expect.CUT):
            return self._fault(row, began, limit_ms / 1000)
        opened = self._opened(row, began, limit_ms / 1000)
        ms = (opened - self._counts_from(row, began)) / 1000
        status = self._until(lambda s: s["state"] == "TRIPPED" and s["first_out"], 3, f"{row.name}: no trip is shown")
        first = status["first_out"]
        if ms > limit_ms:
            # Late is unsafe, whatever opened it in the end.
            raise LateError(f"{row.name}: {ms:.0f} ms, allowed {limit_ms:.0f} ms, opened by {_words(first)}")
        if self._among(row, [first]):
            return Measured(ms, _words(first))
        if first["code"] in row.codes and first["subject"] in row.neighbours:
            return Measured(ms, self._behind(row, first, began, limit_ms))
        said = f"{row.name}: expected {' or '.join(row.codes)} {' '.join(row.subjects)}, opened by {_words(first)}"
        raise OtherError(said, _words(first)) if _elsewhere(row, first) else LateError(said)

    def _behind(self, row: Row, first: dict[str, Any], began: int, limit_ms: float) -> str:
        """A fault on a shared line was seen on its neighbour first: both are named, the device itself in time, too."""
        what = f"{row.name}: opened by {_words(first)}, and the device itself is not named"
        status = self._until(lambda s: self._among(row, _everything(s)), limit_ms / 1000, what)
        ms = (self._seen_us - began) / 1000
        if ms > limit_ms:
            raise LateError(f"{what} for {ms:.0f} ms, allowed {limit_ms:.0f} ms")
        return f"{_words(first)}, {self._named(row, _everything(status))}"

    def _fault(self, row: Row, began: int, limit_s: float) -> Measured:
        """Found welded at the opening: FAULT in time; then either the other contact has cut the power, or nothing has."""
        status = self._until(lambda s: s["state"] == "FAULT", limit_s, f"{row.name}: no FAULT")
        named = self._named(row, [status["first_out"], *status["consequences"]])
        fault_us = int(status["since_us"])
        if row.released is Expect.CUT:
            return Measured((max(fault_us, self._other_opened(row, began)) - began) / 1000, named)
        if self._contact()["contact"] != "C":
            raise LateError(f"{row.name}: the contact opened, although it is welded and nothing stands in series")
        return Measured((fault_us - began) / 1000, named)

    def _other_opened(self, row: Row, began: int) -> int:
        """When the contact in series with a welded one opened; the welded one must still be closed, or it proves nothing."""
        end = time.monotonic() + _SLACK_S
        while time.monotonic() < end:
            state = self.site.state()
            contacts = {"deadman": state["deadman"], **state.get("relays", {})}
            other, welded = contacts[row.other], contacts[row.device]
            if not _closed(welded):
                raise LateError(f"{row.name}: the contact opened, although it is welded")
            if not _closed(other) and int(other["contact_open_us"]) > began:
                return int(other["contact_open_us"])
            threading.Event().wait(_LOOK_S)
        raise LateError(f"{row.name}: the contact of {row.other} did not open within {_SLACK_S:.0f} s")

    def _counts_from(self, row: Row, began: int) -> int:
        """When a fault is one: a drifting head's when it passes its limit."""
        if row.fault != "drift":
            return began
        clean, limit = self._range(row.device)
        return began + round((limit - clean) / float(row.value) * 1e6)

    def _range(self, name: str) -> tuple[float, float]:
        """What a head or sensor shows while all is well, and the limit towards which it drifts."""
        config, status = self.limits.config, self.box.ask("status")["result"]
        if name in (config.enclosure, config.wind):
            return CALM[name], self.limits.sensor(name)
        shown = next(c for c in status["channels"] if c["name"] == name)
        clean = CLEAN[shown["gas"]]
        return clean, float(shown["limit_low"] if clean else shown["limit_high"])

    def _contact(self) -> dict[str, Any]:
        """The primary relay's own stamps."""
        state = self.site.state()
        if self._kind != "icpdas":
            return dict(state["deadman"])
        board = state["relays"]["k1"]
        closed = "C" if board["contact_closed"] else "O"
        # It latches: whether a command could close it again shows at the next release, not here.
        return {**board, "contact": closed, "latch": closed}

    def _told(self, row: Row) -> bool:
        """Whether what is tolerated is shown."""
        if row.told == "panel":
            return not panel_reaches(self.limits.config.panel_socket)
        status = self.box.ask("status")["result"]
        if row.told == "age":
            (said,) = (each for each in status["remotes"] if each["name"] == row.device)
            return said["age_ms"] is None or said["age_ms"] > self.limits.next_word_ms
        devices = status["devices"]
        return any(each["name"] == row.device and each["code"] in row.codes for each in devices)

    def _until_told(self, row: Row) -> None:
        if row.told:
            self._until(lambda _: self._told(row), row.limit(self.limits).ms / 1000, f"{row.name}: it is not shown")

    def _goes_on(self, row: Row) -> Measured:
        self._until_told(row)
        # Longer than the box would take if it did not tolerate it.
        end = time.monotonic() + row.limit(self.limits).ms / 1000 + _WATCH_S
        while time.monotonic() < end:
            status = self.box.ask("status")["result"]
            if status["state"] != "RELEASED":
                first = status["first_out"]
                why = f"{row.name}: it opened: {self.box.why_not()}"
                # What is only told has no reason of its own that could open anything.
                if not (row.codes or row.told) or first is None or self._among(row, [first]) or not _elsewhere(row, first):
                    raise LateError(why)
                raise OtherError(why, _words(first))
            threading.Event().wait(0.1)
        return Measured(None, "")

    def _locked(self, row: Row, whole: bool) -> Measured:
        before = self._contact()
        began = self._break(row)
        limit_s = row.limit(self.limits).ms / 1000
        match row.locked:
            case Expect.REFUSED:
                status = self._until(lambda s: self._among(row, _missing(s)) and s["state"] != "PERMISSIVE_OK", limit_s, f"{row.name}: not named")
                measured = Measured((self._seen_us - self._counts_from(row, began)) / 1000, self._named(row, _missing(status)))
                self._press("arm")
                self._not_closed(row, before, self._attempt_s() if whole else _REFUSED_S)
                return measured
            case Expect.FAILS:
                return self._fails(row, began)
        self._until_told(row)
        self.box.release(self._press, _RELEASE_S)
        return Measured(None, "")

    def _fails(self, row: Row, began: int) -> Measured:
        self._press("arm")
        limit_s = row.limit(self.limits).ms / 1000 + self.limits.rules.attempt_s.value
        status = self._until(lambda s: s["state"] in ("TRIPPED", "FAULT") or self._among(row, _missing(s)), limit_s, f"{row.name}: the release did not fail")
        held = [reason for reason in (status["first_out"], *status["consequences"]) if reason]
        named = self._named(row, held or _missing(status))
        end = time.monotonic() + _SLACK_S
        while (state := self._contact())["contact"] != "O" or state["latch"] != "O":
            if time.monotonic() > end:
                raise LateError(f"{row.name}: the contact is closed")
            threading.Event().wait(_LOOK_S)
        closed, opened = state["contact_closed_us"], state["contact_open_us"]
        return Measured((opened - closed) / 1000 if began < closed < opened else 0.0, named)

    def _attempt_s(self) -> float:
        """From the press on, the longest that a release may take to come about."""
        return (_ARM_MS + self.limits.rules.debounce_ms.value + self.limits.attempt().ms) / 1000

    def _not_closed(self, row: Row, before: dict[str, Any], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = self._contact()
            if now["contact"] != "O" or now["contact_closed_us"] != before["contact_closed_us"]:
                raise LateError(f"{row.name}: the contact closed")
            threading.Event().wait(0.05)

    def _opened(self, row: Row, began: int, limit_s: float) -> int:
        end = time.monotonic() + limit_s + _SLACK_S
        while time.monotonic() < end:
            state = self._contact()
            if state["contact"] == "O" and state["latch"] == "O":
                if state["contact_open_us"] < began:
                    raise DisturbedError(f"{row.name}: it was open before the fault: {self.box.why_not()}")
                return int(state["contact_open_us"])
            threading.Event().wait(_LOOK_S)
        raise LateError(f"{row.name}: the contact did not open within {limit_s + _SLACK_S:.1f} s")

    def _until(self, good: Callable[[dict[str, Any]], Any], limit_s: float, what: str) -> dict[str, Any]:
        end = time.monotonic() + limit_s + _SLACK_S
        while time.monotonic() < end:
            status: dict[str, Any] = self.box.ask("status")["result"]
            if good(status):
                self._seen_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
                return status
            threading.Event().wait(_LOOK_S)
        raise LateError(f"{what} within {limit_s + _SLACK_S:.1f} s: {self.box.why_not()}")

    def _among(self, row: Row, reasons: list[dict[str, Any]]) -> bool:
        return any(reason["code"] in row.codes and (not row.subjects or reason["subject"] in row.subjects) for reason in reasons)

    def _named(self, row: Row, reasons: list[dict[str, Any]]) -> str:
        found = [r for r in reasons if r and self._among(row, [r])]
        if not found:
            came = ", ".join(_words(r) for r in reasons if r)
            raise LateError(f"{row.name}: expected {' or '.join(row.codes)} {' '.join(row.subjects)}, got {came or 'nothing'}")
        return _words(found[0])

    def _mend(self, row: Row) -> None:
        if row.fault == "set":
            self.site.set(row.device, CALM.get(row.device, 0.0))
        else:
            self.site.fault(row.device, "none")
        if row.fault == "disk_full":
            self.box = self._restart()
        if row.fault == "clock_step":
            # A step that is taken back and made again between two looks at the clock is none.
            right = f"{row.name}: the box does not see that the clock is right again"
            self._until(lambda s: abs(s["t"] / 1000 - time.time()) < 1, CLOCK_LOOK_MS / 1000, right)


def _missing(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [reason for verdict in status["verdicts"] if verdict["release"] for reason in verdict["reasons"]]


def _everything(status: dict[str, Any]) -> list[dict[str, Any]]:
    reasons = [reason for verdict in status["verdicts"] for reason in verdict["reasons"]]
    return [status["first_out"], *status["consequences"], *reasons]


def _elsewhere(row: Row, first: dict[str, Any]) -> bool:
    """Something that the fault does not reach was late, as on a busy machine: another's silence, and nothing else."""
    own = first["subject"] in (row.device, *row.subjects) or first["code"] == _NAMELESS.get(row.device)
    return first["code"] in BUSY and not own


def _words(reason: dict[str, Any]) -> str:
    return f"{reason['code']} {reason['subject']}".strip()


def _closed(contact: dict[str, Any]) -> bool:
    """By a contact's own word: the dead-man controller's, or a board's."""
    return bool(contact["contact_closed"]) if "contact_closed" in contact else contact["contact"] != "O"
