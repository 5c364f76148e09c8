"""The receiver's port: goes away and comes back; what waited in a buffer is not new."""

import asyncio
import fcntl
import os
import sys
import termios
import time
import tty
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import serial

from edge import sockets
from edge.config import Gnss
from edge.interlock import rules
from edge.presence import gnss
from edge.presence.fence import Fence
from edge.presence.gnss import GnssReceiver
from edge.presence.places import Places
from firmware_sim.gnss import sentences
from tests.edge.eventually import eventually
from tests.edge.presence.box import FENCE

AT = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)


def places():
    return Places(Fence.of(FENCE), rules.load("gb30871-2022"))


class Port:
    """A pseudo-terminal under a stable name."""

    def __init__(self, link):
        self.link = link
        self.said = 0
        self.open()

    def open(self):
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.link.symlink_to(os.ttyname(self._slave))

    def say(self, count=1):
        """All of it lies there to be read when this returns: the kernel hands a terminal's bytes over a little later."""
        said = 0
        for _ in range(count):
            self.said += 1
            second = AT + timedelta(seconds=self.said)
            said += os.write(self.master, "".join(sentences(second, 31.0, 121.0, fix=True)).encode())
        while self._waiting() < said:
            time.sleep(0.001)

    def _waiting(self):
        return int.from_bytes(fcntl.ioctl(self._slave, termios.FIONREAD, bytes(4)), sys.byteorder)

    def close(self):
        self.link.unlink()
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
async def port(tmp_path):
    opened = Port(tmp_path / "gnss")
    yield opened
    opened.close()


@pytest.fixture
async def fixes(port, monkeypatch):
    monkeypatch.setattr(gnss, "RETRY_S", 0.05)
    monkeypatch.setattr(gnss, "SILENCE_S", 0.5)
    found = asyncio.Queue()
    work = asyncio.create_task(GnssReceiver(Gnss(str(port.link)), places(), found.put_nowait).run())
    yield found
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def next_fix(port, fixes):
    """Let the receiver talk until a fix comes."""
    async with asyncio.timeout(5):
        while fixes.empty():
            port.say()
            await asyncio.sleep(0.02)
    return fixes.get_nowait()


async def test_fix_is_stamped_when_it_arrives(port, fixes):
    before_us = sockets.now_us()
    assert before_us <= (await next_fix(port, fixes)).at_us <= sockets.now_us()


async def test_sentences_that_waited_in_the_buffer_are_not_new(port, fixes, monkeypatch):
    """BOX-01: a process that was stopped must not report where the box was then."""
    await next_fix(port, fixes)
    monkeypatch.setattr(gnss, "GAP_S", -1.0)  # every pause is too long
    port.say(20)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(fixes.get(), 0.3)
    monkeypatch.setattr(gnss, "GAP_S", 1.5)
    await next_fix(port, fixes)


async def test_only_the_newest_of_several_fixes_is_reported(port, fixes):
    await next_fix(port, fixes)
    with suppress(TimeoutError):
        while True:  # what it was told beside the first one
            await asyncio.wait_for(fixes.get(), 0.2)
    port.say(5)
    await asyncio.wait_for(fixes.get(), 2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(fixes.get(), 0.2)


async def test_port_that_goes_away_is_opened_again(port, fixes):
    await next_fix(port, fixes)
    port.close()
    await asyncio.sleep(0)
    port.open()
    await next_fix(port, fixes)


async def test_port_that_falls_silent_is_opened_again(port, fixes):
    await next_fix(port, fixes)
    # The adapter comes back as another device under the same name, while the old one stays open and mute.
    old = (port.master, port._slave)
    port.link.unlink()
    port.open()
    await next_fix(port, fixes)
    for descriptor in old:
        os.close(descriptor)


async def test_port_is_taken_alone(port, fixes):
    """A second reader would take half of the sentences away."""
    await next_fix(port, fixes)
    with pytest.raises(serial.SerialException, match="lock"):
        serial.Serial(str(port.link), 9600, timeout=0, exclusive=True)


async def test_a_rate_that_the_line_cannot_do_is_a_receiver_that_cannot_be_opened(port, caplog):
    """pyserial raises ValueError: the process runs on without a position."""
    work = asyncio.create_task(GnssReceiver(Gnss(str(port.link), baud=-1), places(), lambda _: None).run())
    await eventually(lambda: "cannot be opened" in caplog.text)
    assert not work.done()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
