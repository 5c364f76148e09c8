"""The simulated dead-man controller as a process on its pseudo-terminal, with a real box process before it (BOX-04)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import serial

from firmware_sim.client import Site
from firmware_sim.deadman.deadman import DEAD_MAN_MS, framed, unframed
from firmware_sim.deadman.device import DROP_OUT_US, PULL_IN_US, Contact
from tests.edge.eventually import eventually
from tests.firmware_sim.conftest import ROOT, RunningSite
from tests.firmware_sim.host import Host


@pytest.fixture
def host(running: RunningSite, site: Site) -> Iterator[subprocess.Popen[str]]:
    """A box process that has closed the contact."""
    del site
    command = [sys.executable, "-m", "tests.firmware_sim.host", running.facts["deadman"]["device"]]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "C C":
                break
        yield process
        process.kill()


@pytest.fixture
def line(running: RunningSite, site: Site) -> Iterator[Host]:
    """The line in the test's own hand."""
    del site
    host = Host(running.facts["deadman"]["device"])
    yield host
    host.line.close()


def _closed(line: Host) -> Host:
    while not line.nonce:
        line.hear()
    line.say("H", "O")
    line.say("C", line.nonce)
    while line.contact != "C":
        line.say("H", "C")
        line.hear()
    return line


def _deadman(site: Site) -> dict[str, Any]:
    state: dict[str, Any] = site.state()["deadman"]
    return state


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
async def test_the_contact_opens_200_ms_after_the_box_stood_still(
    site: Site, host: subprocess.Popen[str], how: signal.Signals
) -> None:
    """By the controller's own stamps: last good heartbeat to open contact, 200 ms and one tick at most."""
    os.kill(host.pid, how)
    await eventually(lambda: _deadman(site)["contact"] == "O")
    state = _deadman(site)
    assert state["open_cause"] == "heartbeat_lost"
    assert state["hb_before_open_us"] == state["last_good_hb_us"]
    open_after_ms = (state["contact_open_us"] - state["last_good_hb_us"]) / 1000
    assert DEAD_MAN_MS < open_after_ms <= 200 + state["tick_ms"]


async def test_a_box_that_wakes_up_again_does_not_close_it(site: Site, host: subprocess.Popen[str]) -> None:
    os.kill(host.pid, signal.SIGSTOP)
    await eventually(lambda: _deadman(site)["contact"] == "O")
    asleep_us = _deadman(site)["last_good_hb_us"]
    os.kill(host.pid, signal.SIGCONT)
    await eventually(lambda: _deadman(site)["last_good_hb_us"] > asleep_us + 200_000)
    state = _deadman(site)
    assert (state["latch"], state["contact"], state["opens"]) == ("O", "O", 1)


async def test_after_a_reboot_it_is_open_and_has_counted_the_boot(site: Site, host: subprocess.Popen[str]) -> None:
    before = _deadman(site)
    site.fault("deadman", "reboot")
    await eventually(lambda: _deadman(site)["contact"] == "O")
    state = _deadman(site)
    assert state["boots"] == before["boots"] + 1
    assert state["open_cause"] == "power_up"
    assert state["cycles"] == before["cycles"]
    assert state["nonce"] != before["nonce"]
    assert host.poll() is None


async def test_a_welded_contact_stays_closed_when_the_coil_drops(site: Site, line: Host) -> None:
    _closed(line)
    site.fault("deadman", "weld")
    line.say("O")
    await eventually(lambda: _deadman(site)["latch"] == "O")
    while line.latch != "O":
        line.hear()
    for _ in range(3):
        line.hear()
        assert line.contact == "C"
    line.say("H", "O")
    line.say("C", line.nonce)
    await eventually(lambda: _deadman(site)["open_cause"] == "bad_close")
    site.fault("deadman", "none")
    await eventually(lambda: _deadman(site)["contact"] == "O")


async def test_a_stuck_contact_never_closes(site: Site, line: Host) -> None:
    site.fault("deadman", "stuck_open")
    while not line.nonce:
        line.hear()
    line.say("H", "O")
    line.say("C", line.nonce)
    while line.latch != "C":
        line.hear()
    for _ in range(3):
        line.say("H", "C")
        line.hear()
        assert line.contact == "O"
    assert _deadman(site)["contact_open_us"] == 0 or _deadman(site)["contact"] == "O"


async def test_a_mute_controller_still_listens(site: Site, line: Host) -> None:
    site.fault("deadman", "mute")
    line.line.timeout = 0.3
    line.line.reset_input_buffer()
    line.line.readline()
    assert line.line.readline() == b""
    seen_us = _deadman(site)["last_good_hb_us"]
    line.say("H", "O")
    await eventually(lambda: _deadman(site)["last_good_hb_us"] > seen_us)


async def test_nothing_waits_for_a_box_that_was_not_there(running: RunningSite, site: Site) -> None:
    """The first status that a box hears after opening the line is of now."""
    before = _deadman(site)["nonce"]
    site.fault("deadman", "reboot")
    with serial.Serial(running.facts["deadman"]["device"], 115200, timeout=1) as port:
        port.readline()
        words = unframed(port.readline().rstrip(b"\n"))
    assert words is not None
    assert words[5] == _deadman(site)["nonce"] != before


async def test_damaged_lines_are_counted(site: Site, line: Host) -> None:
    before = _deadman(site)["bad_lines"]
    line.line.write(framed("H 1 O").replace(b"H", b"h"))
    await eventually(lambda: _deadman(site)["bad_lines"] == before + 1)


@pytest.mark.alone
async def test_it_missed_no_tick(site: Site, line: Host) -> None:
    """A second of heartbeats at 1 ms distance costs it nothing."""
    before = _deadman(site)["late_ticks"]
    for _ in range(300):
        line.say("H", "O")
        line.hear()
    assert _deadman(site)["late_ticks"] <= before + 1


def test_the_contact_moves_after_drop_out_and_pull_in_time() -> None:
    contact = Contact()
    contact.drive(coil=True, at_us=0)
    contact.move(PULL_IN_US - 1)
    assert not contact.closed
    contact.move(PULL_IN_US)
    assert contact.closed
    contact.drive(coil=False, at_us=20_000)
    contact.move(20_000 + DROP_OUT_US - 1)
    assert contact.closed
    contact.move(20_000 + DROP_OUT_US)
    assert not contact.closed
    assert (contact.closed_us, contact.opened_us) == (PULL_IN_US, 20_000 + DROP_OUT_US)


def test_a_coil_that_changes_its_mind_in_time_moves_nothing() -> None:
    contact = Contact()
    contact.drive(coil=True, at_us=0)
    contact.drive(coil=False, at_us=3_000)
    contact.move(1_000_000)
    assert not contact.closed
    assert contact.closed_us == contact.opened_us == 0
