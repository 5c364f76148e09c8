"""A few rows of the fault matrix on the real box, and what makes the matrix trustworthy: whole, summed, able to fail."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge.config import SIMULATION
from edge.interlock import rules
from firmware_sim.camera import CameraFault
from firmware_sim.deadman.device import RelayFault
from firmware_sim.faults import CATALOGUE, Device
from firmware_sim.host import HostFault
from firmware_sim.modbus.faults import Fault
from tests.bench.plant import LateError
from tests.faults.lane import Lane, OtherError
from tests.faults.limits import Limit, Limits
from tests.faults.matrix import Result, Work, _measure, works
from tests.faults.page import page
from tests.faults.rig import lane
from tests.faults.rows import ROWS, Expect, Row

LEAST = 60
RUNS = 2
PLAYED = ("ch4-1 silent", "co-1 crc", "ch4-1 frozen", "ch4-1 fold_back 1200", "ch4-1 crc 80 ms", "inputs silent", "estop open",
          "deadman mute", "deadman reboot", "deadman stuck_open")  # fmt: skip
CHAINED = ("deadman weld", "k2 weld", "k2 reboot")
AFIELD = ("wind-1 drift 10", "portable-1 unheard", "ch4-far set 30", "ch4-far silent", "ch4-1 silent beside a clean ch4-far")


def _row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """One site and one box for all rows of this file."""
    with lane("bus", tmp_path_factory.mktemp("faults") / "bus", random.Random()) as started:
        yield started


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """The same with a second contact in series."""
    with lane("chain", tmp_path_factory.mktemp("faults") / "chain", random.Random()) as started:
        yield started


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """The same with process sensors, a portable, and a detector on MQTT behind the real link process."""
    with lane("plant", tmp_path_factory.mktemp("faults") / "plant", random.Random()) as started:
        yield started


@pytest.mark.slow
@pytest.mark.parametrize("state", ["RELEASED", "LOCKED"])
@pytest.mark.parametrize("name", CHAINED)
def test_a_welded_contact_has_one_behind_it_that_cuts_the_power(chain: Lane, name: str, state: str) -> None:
    """BOX-06: whichever of two contacts welds, the other one is seen to open in time."""
    assert _measure(chain, Work(_row(name), state), 1).problems == []


@pytest.mark.slow
@pytest.mark.parametrize("state", ["RELEASED", "LOCKED"])
@pytest.mark.parametrize("name", AFIELD)
def test_what_is_measured_elsewhere_may_trip_and_never_satisfies(plant: Lane, name: str, state: str) -> None:
    """BOX-04: sensors, a portable's radio, and a detector on MQTT, whose clean word lets nothing go on."""
    assert _measure(plant, Work(_row(name), state), 1).problems == []


@pytest.mark.slow
def test_late_is_unsafe_and_another_cause_is_not_the_rows(bus: Lane) -> None:
    """BOX-04: neither can pass for the row: time is judged before the cause, and a foreign cause is told apart."""

    def meanwhile(limits: Limits) -> Limit:
        bus.site.fault("o2-1", "silent")
        return limits.silence("gas-tcp")

    try:
        with pytest.raises(OtherError, match="opened by gas_stale o2-1") as other:
            bus.run(_row("arm closed")._replace(codes=("door_open",), released=Expect.OPENS, limit=meanwhile), released=True)
    finally:
        bus.site.fault("o2-1", "none")
    assert other.value.cause == "gas_stale o2-1"
    with pytest.raises(LateError, match="opened by estop_open") as wrong:
        bus.run(_row("estop open")._replace(codes=("mains_fail",)), released=True)
    assert not isinstance(wrong.value, OtherError), "nothing but a silence comes of a busy machine"
    row = _row("ch4-1 silent")
    with pytest.raises(LateError, match="opened by gas_stale ch4-1") as own:
        bus.run(row._replace(codes=("gas_high",)), released=True)
    assert not isinstance(own.value, OtherError), "the device's own silence is never another's"
    with pytest.raises(LateError, match=r"allowed 1 ms, opened by gas_stale ch4-1") as late:
        bus.run(row._replace(codes=("gas_high",), limit=lambda limits: limits.deadman()._replace(ms=1.0)), released=True)
    assert not isinstance(late.value, OtherError)


@pytest.mark.slow
@pytest.mark.parametrize("state", ["RELEASED", "LOCKED"])
@pytest.mark.parametrize("name", PLAYED)
def test_the_box_does_what_the_row_expects(bus: Lane, name: str, state: str) -> None:
    """BOX-01, BOX-04, BOX-06: open within the declared limit and named; or refused and named; or tolerated with a reason."""
    result = _measure(bus, Work(_row(name), state), RUNS)
    assert result.problems == []
    assert result.safe


@pytest.mark.slow
def test_a_box_that_would_not_open_is_found_unsafe(bus: Lane) -> None:
    """The control of the matrix: a fault that does nothing must not pass for one that opens, nor for one that is refused."""
    nothing = _row("ch4-1 silent")._replace(fault="none", limit=_at_once)
    for state in ("RELEASED", "LOCKED"):
        with pytest.raises(LateError):
            bus.run(nothing, state == "RELEASED")


def _at_once(limits: Limits) -> Limit:
    """No time at all: what the test waits for does not come."""
    return limits.deadman()._replace(ms=-13_000.0)


def test_the_matrix_has_every_fault_of_the_issue_in_both_states() -> None:
    """INT-10."""
    assert len(works(ROWS)) >= LEAST
    names = [(work.row.name, work.state) for work in works(ROWS)]
    assert len(set(names)) == len(names)
    played = {(row.device, row.fault) for row in ROWS}
    assert {fault for device, fault in played if device == "co-1"} == {str(f) for f in Fault if f is not Fault.NONE} - {"drift", "unheard"}
    assert {fault for device, fault in played if device == "deadman"} == {str(f) for f in RelayFault if f is not RelayFault.NONE}
    assert {fault for device, fault in played if device == "camera"} == {str(f) for f in CameraFault if f is not CameraFault.NONE}
    assert {fault for device, fault in played if device == "host"} == {str(f) for f in HostFault if f is not HostFault.NONE}


@pytest.mark.parametrize("device", CATALOGUE, ids=lambda device: device.names.split()[0])
def test_every_fault_that_the_site_can_make_has_a_row(device: Device) -> None:
    """INT-10: what `hotbox-sim faults` lists; the relay boards of the lanes are called k1 and k2."""
    names = {"k1", "k2"} if device.names == "relay …" else set(device.names.split())
    for name in names & {"k1", "k2"} or {""}:
        played = {row.fault for row in ROWS if row.device == name or (not name and row.device in names)}
        assert played >= {each.kind for each in device.faults}


def test_a_device_that_a_lane_only_tells_of_names_how() -> None:
    assert {row.told for row in ROWS if row.device == "outputs"} == {"panel"}
    assert {row.told for row in ROWS if row.device == "nfc"} == {"device"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_what_is_tolerated_or_odd_says_why_in_both_languages(row: Row) -> None:
    if row.released is not Expect.OPENS or row.locked is not Expect.REFUSED:
        assert all(row.why)
    if Expect.OPENS in (row.released, row.locked) or row.locked is Expect.REFUSED:
        assert row.codes


def test_limits_are_summed_from_the_rule_pack(tmp_path: Path) -> None:
    """BOX-04: a tighter pack gives a tighter limit; nothing is typed in."""
    pack = rules.effective(SIMULATION, "")
    limits = Limits(None, pack)  # type: ignore[arg-type]
    assert limits.deadman().ms == pack.dead_man_ms.value + 50 + pack.settle_ms.value
    assert limits.badge().text == "badge_ttl 3000 + guardian_grace 4000 + decision 50 + relay 250"
    assert sum(value for _, value in limits.copy().terms) == limits.copy().ms


def test_the_page_names_what_is_unsafe() -> None:
    good = Result("ch4-1", "silent", "RELEASED", "opens", "", "", 640.0, "bus 340 + decision 50 + relay 250", 20, [300.0], "gas_stale ch4-1", 0, [])
    bad = Result("ch4-1", "silent", "LOCKED", "refused", "", "", 640.0, "bus 340", 20, [900.0], "", 0, ["900 ms, allowed 640 ms"])
    good.source = bad.source = "commit 1, clean"
    text = page([good, bad], "Machine: x")
    assert "**1 unsafe of 2.**" in text
    assert "Source: commit 1, clean" in text
    assert "| ch4-1 | silent | 断开 opens | 640 = bus 340 + decision 50 + relay 250 | 300 | gas_stale ch4-1 | ✔ safe |" in text
    assert "✘ **UNSAFE**: 900 ms, allowed 640 ms" in text
    assert not Result("ch4-1", "silent", "LOCKED", "refused", "", "").safe, "a row that was not run is not safe"


@pytest.mark.slow
def test_a_matrix_that_is_stopped_leaves_nothing_running(tmp_path: Path) -> None:
    """Boxes that outlive it would run beside the next measurement."""
    command = [sys.executable, "-u", "-m", "tests.faults", "--only", "ch4-1 exception", "--runs", "20"]
    kept = tmp_path / "kept.json"
    with subprocess.Popen([*command, "--json", str(kept)], env={**os.environ, "TMPDIR": str(tmp_path)}) as matrix:
        end = time.monotonic() + 60
        while time.monotonic() < end and len(_beneath(tmp_path)) < 3:
            assert matrix.poll() is None
            threading.Event().wait(0.1)
        assert len(_beneath(tmp_path)) >= 3
        matrix.terminate()
        assert matrix.wait(60) == 128 + signal.SIGTERM
    end = time.monotonic() + 10
    while _beneath(tmp_path) and time.monotonic() < end:
        threading.Event().wait(0.1)  # who ends by itself when its parent has gone needs a moment
    assert _beneath(tmp_path) == []
    assert [path for path in tmp_path.iterdir() if path != kept] == []


def _beneath(folder: Path) -> list[str]:
    """Command lines of the processes that were started on this folder, but for the matrix itself."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = process.read_text(encoding="utf-8", errors="replace").split("\0")
            if "tests.faults" not in words and any(word.startswith(str(folder)) for word in words):
                found.append(" ".join(words))
    return found
