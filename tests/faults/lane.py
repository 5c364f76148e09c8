"""A lane: one simulated site and one real box on it, released and locked again and again, with faults in between.

What a fault's path does not touch is played over the box's inherited sockets, as in the benches: a `people` lane runs
the real presence process, a `camera` lane the real vision, a `panel` lane the real panel process, a `host` lane a machine
whose clock and disk can be broken. An `icpdas` lane has the ICP DAS module k1 for its relay, a `chain` lane the
dead-man controller with the Waveshare board k2 in series.
"""

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from contracts import jws
from contracts.permit import Level
from edge.config import load
from edge.interlock import rules
from edge.interlock.evidence import Source
from firmware_sim import host
from firmware_sim.child import die_with_parent
from firmware_sim.client import Site, facts, short_path
from firmware_sim.demo.bottles import APPLIED
from firmware_sim.demo.boxfile import EXAMPLE
from firmware_sim.errors import SimulationError
from tests.bench.box import Box, write_config
from tests.bench.faults import CLEAN, RTU_POLL_MS, TCP_POLL_MS
from tests.bench.plant import LateError
from tests.faults.limits import Limits
from tests.faults.rows import Expect, Row

KINDS = ("bus", "icpdas", "chain", "panel", "people", "camera", "host")
REAL = {"people": (Source.PRESENCE,), "camera": (Source.VISION,)}
_NOBODY = ("badges", "gnss", "camera")
_LEFT_OUT = {"people": ("camera",), "camera": ("badges", "gnss")}
_ADDED: dict[str, dict[str, Any]] = {
    "host": {"host": {}},
    "icpdas": {"relays": [{"name": "k1", "kind": "icpdas", "baud": 115_200}]},
    "chain": {"relays": [{"name": "k2", "kind": "waveshare"}]},
}
_START_S = 30.0
_BUMP_S = 60.0
_RELEASE_S = 60.0
_WATCH_S = 1.0
_LOOK_S = 0.01
_PRESS_MS = 200
_ARM_MS = 300
_REFUSED_S = 0.6
_SLACK_S = 15.0


class DisturbedError(LateError):
    """Something else opened the contact first, as a machine that was busy with other work makes a bus late."""


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

    def run(self, row: Row, released: bool) -> Measured:
        """One run of a row in one state; the site is mended behind it.

        Raises:
            DisturbedError: it opened for another reason; that is safe, but says nothing about the row.
            LateError: the box did not do what the row expects; says what it did.
        """
        self._settle(row, released)
        try:
            return self._released(row) if released else self._locked(row)
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
        began = int(self.site.fault(row.device, *words)["asked_us"])
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
        limit_s = row.limit(self.limits).ms / 1000
        if row.released is Expect.FAULT:
            status = self._until(lambda s: s["state"] == "FAULT", limit_s, f"{row.name}: no FAULT")
            return Measured((status["since_us"] - began) / 1000, self._named(row, [status["first_out"], *status["consequences"]]))
        opened = self._opened(row, began, limit_s)
        status = self._until(lambda s: s["state"] == "TRIPPED" and s["first_out"], 3, f"{row.name}: no trip is shown")
        first = status["first_out"]
        if not self._among(row, [first]):
            named = f"{first['code']} {first['subject']}".strip()
            raise DisturbedError(f"{row.name}: expected {' or '.join(row.codes)}, opened by {named}")
        return Measured((opened - self._counts_from(row, began)) / 1000, self._named(row, [status["first_out"]]))

    def _counts_from(self, row: Row, began: int) -> int:
        """When a fault is one: a drifting head's when it passes its limit."""
        if row.fault != "drift":
            return began
        channel = next(c for c in self.limits.config.channels if c.name == row.device)
        limit = self._limit(row.device)
        clean = CLEAN[channel.gas]
        return began + round((limit - clean) / float(row.value) * 1e6)

    def _limit(self, name: str) -> float:
        shown = next(c for c in self.box.ask("status")["result"]["channels"] if c["name"] == name)
        return float(shown["limit_low"] if CLEAN[shown["gas"]] else shown["limit_high"])

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
            return not _panel_reaches(self.limits.config.panel_socket)
        devices = self.box.ask("status")["result"]["devices"]
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
                # What is only told has no reason of its own that could open anything.
                mine = not (row.codes or row.told) or (first is not None and self._among(row, [first]))
                raise (LateError if mine else DisturbedError)(f"{row.name}: it opened: {self.box.why_not()}")
            threading.Event().wait(0.1)
        return Measured(None, "")

    def _locked(self, row: Row) -> Measured:
        before = self._contact()
        began = self._break(row)
        limit_s = row.limit(self.limits).ms / 1000
        match row.locked:
            case Expect.REFUSED:
                status = self._until(lambda s: self._among(row, _missing(s)) and s["state"] != "PERMISSIVE_OK", limit_s, f"{row.name}: not named")
                measured = Measured((self._seen_us - self._counts_from(row, began)) / 1000, self._named(row, _missing(status)))
                self._press("arm")
                self._not_closed(row, before)
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

    def _not_closed(self, row: Row, before: dict[str, Any]) -> None:
        end = time.monotonic() + _REFUSED_S
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
            came = ", ".join(f"{r['code']} {r['subject']}".strip() for r in reasons if r)
            raise LateError(f"{row.name}: expected {' or '.join(row.codes)} {' '.join(row.subjects)}, got {came or 'nothing'}")
        return f"{found[0]['code']} {found[0]['subject']}".strip()

    def _mend(self, row: Row) -> None:
        self.site.fault(row.device, "none")
        if row.fault == "disk_full":
            self.box = self._restart()


def _missing(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [reason for verdict in status["verdicts"] if verdict["release"] for reason in verdict["reasons"]]


def _parts(site: dict[str, Any]) -> dict[str, Any]:
    buses: list[dict[str, Any]] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["buses"]
    given = {
        "gas-tcp": {**site["gas_tcp"], "poll_ms": TCP_POLL_MS},
        "gas-rtu": {**site["gas_rtu"], "poll_ms": RTU_POLL_MS},
        "inputs": site["inputs"],
    }
    return {"buses": [{**bus, **given[bus["name"]]} for bus in buses if bus["name"] in given]}


def _configure(kind: str, path: Path, site: dict[str, Any]) -> None:
    """Put in what the lane's real processes need."""
    config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if kind == "people":
        config["presence"]["badges"].update(secrets=site["badges"], dbus_address=site["dbus"]["address"])
        config["presence"]["gnss"]["device"] = site["gnss"]["device"]
        tags = path.with_name("tags.json")
        tags.write_bytes(msgspec.json.encode({site["nfc"]["tags"]["guardian"]: {"person": "guardian"}}))
        config["presence"]["nfc"] = {"device": site["nfc"]["device"], "tags": str(tags)}
    if kind == "camera":
        config["vision"]["camera"] = site["camera"]["url"]
    if kind == "host":
        config["data"] = site["host"]["disk"] + "/data"
    if kind == "panel":
        config["panel"] = {**yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["panel"], **site["outputs"]}
    if kind == "icpdas":
        config["relay"] = _board(site, "k1")
    if kind == "chain":
        config["relay"]["series"] = [{"name": "k2", "feedback": 0, **_board(site, "k2")}]
    path.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _board(site: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(site["relays"][name])


def _panel_reaches(path: Path) -> bool:
    """Whether the panel process says that it reaches its lamps."""
    with socket.socket(socket.AF_UNIX) as asked, short_path(path) as name:
        asked.settimeout(_START_S)
        asked.connect(name)
        asked.sendall(b'{"op": "show"}\n')
        with asked.makefile("rb") as lines:
            return bool(msgspec.json.decode(lines.readline())["result"]["output_ok"])


def _enrol(path: Path, site: dict[str, Any]) -> None:
    for name in ("performer", "guardian"):
        stills = sorted((Path(site["stills"]) / name).glob("*.jpg"))
        words = [word for still in stills for word in ("--still", str(still))]
        command = [sys.executable, "-c", "from edge.cli import main; main()", "-c", str(path), "enrol", name, *words]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def _people_arrive(kind: str, site: Site) -> None:
    if kind == "people":
        for name in ("performer", "guardian", "leader", "safety"):
            site.set("badge", name, "here")
    if kind == "camera":
        site.set("camera", "performer,guardian")


@contextmanager
def lane(kind: str, directory: Path, chance: random.Random) -> Iterator[Lane]:
    """Start a site and a box of a kind; both end with the context."""
    directory.mkdir(parents=True)
    place, settings = directory / "site", directory / "site.yaml"
    left_out: dict[str, Any] = dict.fromkeys(_LEFT_OUT.get(kind, _NOBODY))
    settings.write_text(yaml.safe_dump({**left_out, **_ADDED.get(kind, {})}), encoding="utf-8")
    parent = os.getpid()
    command = [sys.executable, "-c", "from firmware_sim.cli import main; main()", "site", "--dir", str(place)]
    with (directory / "site.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--config", str(settings)], stdout=log, stderr=log, preexec_fn=lambda: die_with_parent(parent)
        )
    boxes: list[Box] = []
    beside: list[subprocess.Popen[bytes]] = []
    try:
        _wait_for_site(place, process)
        found = facts(place)
        key = jws.generate_key()
        path = write_config(directory / "box", key, _parts(found), found["deadman"]["device"])
        _configure(kind, path, found)
        python: tuple[str, ...] = (sys.executable,)
        if kind == "camera":
            _enrol(path, found)
        if kind == "host":
            python = (*host.command(found["host"]), str(host.interpreter(found["host"], directory / "python")))

        def start() -> Box:
            for old in boxes:
                old.__exit__()
            level = Level.SPECIAL if kind == "camera" else Level.GRADE_1
            log = directory / "interlock.log"
            boxes[:] = [Box(path, key, log=log, real=REAL.get(kind, ()), level=level, command=python)]
            return boxes[0]

        config = load(path)
        limits = Limits(config, rules.effective(config.baseline, config.site_rules))
        with Site(place) as site:
            _people_arrive(kind, site)
            box = start()
            gases = {channel.name: channel.gas for channel in config.channels}

            def expose(name: str, on: bool) -> None:
                site.set(name, APPLIED[gases[name]] if on else CLEAN[gases[name]])

            box.bump_test(APPLIED, expose, _BUMP_S)
            if kind == "panel":
                beside.append(_start_panel(path, directory))
                _wait_for_lamps(config.panel_socket)
            yield Lane(kind, site, box, limits, chance, start)
    finally:
        for other in beside:
            other.terminate()
            other.wait()
        for box in boxes:
            box.__exit__()
        process.terminate()
        process.wait()


def _start_panel(path: Path, directory: Path) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    with (directory / "panel.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "edge.process", "panel", str(path)], stderr=log,
            preexec_fn=lambda: die_with_parent(parent),
        )  # fmt: skip


def _wait_for_lamps(path: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        with suppress(OSError):
            if _panel_reaches(path):
                return
        threading.Event().wait(0.05)
    raise LateError("the panel did not reach its lamps")


def _wait_for_site(place: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_S
    while not (place / "site.json").exists():
        if time.monotonic() > end or process.poll() is not None:
            raise SimulationError(f"the simulated site did not come up (exit code {process.poll()})")
        threading.Event().wait(0.05)
