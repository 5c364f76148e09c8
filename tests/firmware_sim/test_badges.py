"""Badges as the real bleak hears them through the private org.bluez (BOX-01, BOX-03)."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.badges import COMPANY_ID, EPOCH_S, payload
from firmware_sim.client import Site
from firmware_sim.errors import SimulationError
from firmware_sim.radio import Badge, Where
from firmware_sim.settings import BadgeSettings
from tests.firmware_sim.conftest import ROOT, RunningSite

SCANNER = """
import asyncio, json, sys, time
from bleak import BleakScanner

def heard(device, advertisement):
    for company, data in advertisement.manufacturer_data.items():
        print(json.dumps([device.address, company, data.hex(), advertisement.rssi, time.time()]), flush=True)

async def main():
    async with BleakScanner(heard):
        print("[]", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class Scanner:
    """bleak in a process of its own, as it keeps one bus connection per process."""

    def __init__(self, address: str) -> None:
        environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": address}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCANNER], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self._lines = self.process.stdout
        assert json.loads(self._lines.readline()) == []

    async def next(self, badge: int | None = None) -> list[Any]:
        """The next advertisement, of one badge when it is given: address, company, data, RSSI, time."""
        async with asyncio.timeout(20):
            while True:
                line = await asyncio.to_thread(self._lines.readline)
                heard: list[Any] = json.loads(line)
                if badge is None or int(heard[2][2:10], 16) == badge:
                    return heard

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._lines.close()


@pytest.fixture
def scanner(running: RunningSite, site: Site) -> Any:
    del site
    scanner = Scanner(running.facts["dbus"]["address"])
    yield scanner
    scanner.close()


def _secret(running: RunningSite, badge: int) -> bytes:
    return bytes.fromhex(json.loads(Path(running.facts["badges"]).read_bytes())[str(badge)])


async def test_bleak_hears_the_rolling_payload(running: RunningSite, site: Site, scanner: Scanner) -> None:
    site.set("badge", "performer", "here")
    _, company, data, rssi, at_s = await scanner.next(1001)
    assert company == COMPANY_ID
    expected = {payload(_secret(running, 1001), 1001, at_s + late_s).hex() for late_s in (0, -1, -4)}
    assert data in expected
    assert len(data) == 2 * 16
    assert -80 < rssi < -35


async def test_rssi_is_noisy_and_a_far_badge_is_weak(site: Site, scanner: Scanner) -> None:
    site.set("badge", "performer", "here")
    near = [(await scanner.next(1001))[3] for _ in range(6)]
    assert len(set(near)) > 1
    site.set("badge", 1001, "weak")
    while (await scanner.next(1001))[3] >= -80:
        pass
    assert all([(await scanner.next(1001))[3] < -80 for _ in range(3)])


async def test_a_badge_that_left_is_not_heard(site: Site, scanner: Scanner) -> None:
    site.set("badge", "performer", "here")
    site.set("badge", "guardian", "here")
    await scanner.next(1002)
    site.set("badge", "guardian", "away")
    await scanner.next(1001)
    heard = [int((await scanner.next())[2][2:10], 16) for _ in range(5)]
    assert heard.count(1002) <= 1, "one may have been on its way"


async def test_a_deaf_radio_hears_nobody_and_recovers(site: Site, scanner: Scanner) -> None:
    site.set("badge", "performer", "here")
    await scanner.next()
    site.fault("badges", "deaf")
    adverts = site.state()["radio"]["adverts"]
    site.fault("badges", "none")
    await scanner.next()
    assert site.state()["radio"]["adverts"] > adverts


async def test_nothing_is_advertised_while_nobody_scans(site: Site) -> None:
    site.set("badge", "performer", "here")
    assert site.state()["radio"]["discovering"] is False


def test_a_cloned_badge_keeps_sending_what_it_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = bytes(32)
    badge = Badge(BadgeSettings("performer", 1001), secret)
    now_s = [1_800_000_000.0]
    monkeypatch.setattr("firmware_sim.radio.time.time", lambda: now_s[0])
    badge.move(Where.HERE)
    badge.move(Where.CLONED)
    copied = payload(secret, 1001, now_s[0])
    for _ in range(4):
        now_s[0] += EPOCH_S
        advert = badge.advert()
        assert advert is not None
        assert advert[0] == copied != payload(secret, 1001, now_s[0])
    badge.move(Where.HERE)
    genuine = badge.advert()
    assert genuine is not None
    assert genuine[0] == payload(secret, 1001, now_s[0])


def test_the_payload_changes_every_eight_seconds_and_names_the_badge() -> None:
    secret = bytes(range(32))
    first = payload(secret, 1001, 1_800_000_000)
    assert first[:5] == bytes((2, 0, 0, 0x03, 0xE9))
    assert first == payload(secret, 1001, 1_800_000_007.9)
    assert first != payload(secret, 1001, 1_800_000_008)
    assert first[8:] != payload(bytes(32), 1001, 1_800_000_000)[8:]


def test_the_secrets_are_private(running: RunningSite) -> None:
    path = Path(running.facts["badges"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(json.loads(path.read_bytes())) == ["1001", "1002", "1003", "1004"]


@pytest.mark.parametrize(
    ("words", "named"),
    [(("badge", "nobody", "here"), "performer"), (("badge", "performer", "near"), "cloned"), (("badge",), "expected")],
)
def test_a_wrong_word_is_answered_with_the_right_ones(site: Site, words: tuple[str, ...], named: str) -> None:
    with pytest.raises(SimulationError, match=named):
        site.set(*words)


@pytest.mark.parametrize(
    ("where", "said", "old_s"), [(Where.CLONED, {}, 0), (Where.REPLAY, {}, 60), (Where.REPLAY, {"old_s": 600}, 600)]
)
def test_a_replay_is_a_minute_old_unless_another_age_is_said(
    monkeypatch: pytest.MonkeyPatch, where: Where, said: dict[str, float], old_s: int
) -> None:
    """A copy of this moment is believed for some seconds more; a recording never is."""
    secret = bytes(range(32))
    badge = Badge(BadgeSettings("guardian", 1002), secret)
    monkeypatch.setattr("firmware_sim.radio.time.time", lambda: 1_800_000_000.0)
    badge.move(where, **said)
    advert = badge.advert()
    assert advert is not None
    assert advert[0] == payload(secret, 1002, 1_800_000_000.0 - old_s)
