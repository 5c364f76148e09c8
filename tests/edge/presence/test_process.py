"""Badges over a real D-Bus and NMEA over a real pseudo-terminal become evidence, or do not."""

import asyncio
import itertools
import json
import time

import pytest

from contracts.errors import ContractError
from edge import config, sockets
from edge.interlock.evidence import Badge, BadgeRefused, Device, Position
from edge.presence import ble, process
from edge.presence.badges import identifier
from edge.presence.issuing import issue, withdraw
from edge.presence.nearness import Limits
from edge.presence.sieve import Sieve
from firmware_sim.bluez import Bluez
from firmware_sim.bus_daemon import BusDaemon
from tests.edge.presence.box import CENTRE, FENCE, HALF, Interlock, box

AT_ONCE = Limits(-75, -85, 0, 2_000_000)


def badge_of(number):
    return lambda item: isinstance(item, Badge) and item.badge == number


def radio(*healths):
    return lambda item: isinstance(item, Device) and item.device == "radio" and item.health in healths


def receiver(health):
    return lambda item: isinstance(item, Device) and item.device == "gnss" and item.health == health


def fix(item):
    return isinstance(item, Position)


async def test_badge_that_arrives_is_seen_and_one_that_leaves_falls_silent(quiet_site, presence):
    """PTW-04, BOX-03"""
    quiet_site.set("badge", "performer", "here")
    before_us = sockets.now_us()
    seen = await presence.until(badge_of(1001))
    assert before_us - 1_000_000 < seen.at_us <= sockets.now_us()
    assert -75 < seen.rssi_dbm < -40
    quiet_site.set("badge", "guardian", "here")
    await presence.until(badge_of(1002))
    quiet_site.set("badge", "guardian", "away")
    away_us = sockets.now_us()
    later = await presence.listen(0.7)
    assert any(badge_of(1001)(item) for item in later)
    assert not [item for item in later if badge_of(1002)(item) and item.at_us > away_us + 300_000]
    stamps = [item.at_us for item in presence.seen if badge_of(1001)(item)]
    assert stamps == sorted(set(stamps))


async def test_badge_that_is_too_weak_is_not_here_and_said_to_be_weak(quiet_site, presence):
    """PTW-04"""
    quiet_site.set("badge", "performer", "weak")
    assert (await presence.until(lambda item: isinstance(item, BadgeRefused))).why == "weak"
    later = await presence.listen(0.7)
    assert not [item for item in later if isinstance(item, Badge)]


@pytest.mark.parametrize(
    ("where", "why"), [("replay", "stale"), ("forged", "forged"), ("outdated", "outdated"), ("doubled", "cloned")]
)
async def test_every_false_badge_is_refused_with_its_own_reason(quiet_site, presence, where, why):
    """PTW-04, ANT-01"""
    quiet_site.fault("performer", where)
    refused = await presence.until(lambda item: isinstance(item, BadgeRefused))
    assert (refused.badge, refused.why) == (1001, why)
    later = await presence.listen(0.9)
    assert not [item for item in later if isinstance(item, Badge)]


async def test_a_badge_says_how_full_its_battery_is(quiet_site, presence):
    """PTW-04"""
    quiet_site.set("badge", "performer", "battery", 12)
    quiet_site.set("badge", "performer", "here")
    assert (await presence.until(badge_of(1001))).battery == 12


async def test_a_withdrawn_badge_is_not_believed_any_more_without_a_restart(quiet_site, tmp_path):
    """PTW-04"""
    file = tmp_path / "secrets.json"
    file.write_bytes((quiet_site.directory / "badges.json").read_bytes())
    file.chmod(0o600)
    whole = box(quiet_site.directory)
    rules = config.BadgeRules(str(file), -75, -85, "", whole.presence.badges.dbus_address)
    ours, theirs = sockets.pair()
    interlock = Interlock(ours)
    work = asyncio.create_task(process.run(box(quiet_site.directory, presence=config.Presence(FENCE, ("badge",), badges=rules)), theirs))
    try:
        quiet_site.set("badge", "performer", "here")
        await interlock.until(badge_of(1001))
        withdraw(file, 1001)
        refused = await interlock.until(lambda item: isinstance(item, BadgeRefused))
        assert (refused.badge, refused.why) == (1001, "unknown")
        assert not [item for item in await interlock.listen(0.7) if isinstance(item, Badge)]
        file.chmod(0o644)
        issue(tmp_path / "other.json", 1001)
        file.unlink()
        await interlock.listen(1.2)
        file.write_bytes((quiet_site.directory / "badges.json").read_bytes())
        file.chmod(0o600)
        await interlock.until(badge_of(1001))
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        ours.close()


async def test_the_radio_is_reported_deaf_and_well_again(quiet_site, presence, monkeypatch):
    """PTW-04: that nobody is heard and that nobody is here are two things."""
    monkeypatch.setattr(ble, "DEAF_S", 0.8)
    monkeypatch.setattr(ble, "RETRY_S", 0.1)
    quiet_site.set("badge", "performer", "here")
    well = await presence.until(radio("ok"))
    assert well.count >= 0
    quiet_site.fault("badges", "deaf")
    await presence.until(radio("deaf"))
    quiet_site.fault("badges", "none")
    again = await presence.until(radio("ok"))
    assert again.count > well.count


@pytest.mark.parametrize("fault", ["stalled", "restart"])
async def test_a_scan_that_ends_silently_is_started_again_by_itself(quiet_site, presence, monkeypatch, fault):
    """PTW-04"""
    monkeypatch.setattr(ble, "DEAF_S", 0.8)
    monkeypatch.setattr(ble, "RETRY_S", 0.1)
    quiet_site.set("badge", "performer", "here")
    await presence.until(badge_of(1001))
    await asyncio.to_thread(quiet_site.fault, "badges", fault)  # the bus comes back within the call
    await presence.until(radio("deaf", "absent"))
    presence.drain()
    await presence.until(badge_of(1001))


async def test_badge_of_another_site_is_refused(quiet_site):
    """PTW-04, ANT-01: without its secret it is unknown, with another secret forged."""
    own = json.loads((quiet_site.directory / "badges.json").read_text())
    wrong = quiet_site.directory / "wrong.json"
    wrong.write_text(json.dumps({"1001": own["1002"]}))
    wrong.chmod(0o600)
    whole = box(quiet_site.directory)
    rules = config.BadgeRules(str(wrong), -75, -85, "", whole.presence.badges.dbus_address)
    ours, theirs = sockets.pair()
    interlock = Interlock(ours)
    boxed = box(quiet_site.directory, presence=config.Presence(FENCE, ("badge",), badges=rules))
    work = asyncio.create_task(process.run(boxed, theirs))
    try:
        quiet_site.set("badge", "performer", "here")
        quiet_site.set("badge", "guardian", "here")
        refused = [await interlock.until(lambda item, n=number: isinstance(item, BadgeRefused) and item.badge == n) for number in (1001, 1002)]
        assert [(type(item), item.why) for item in refused] == [(BadgeRefused, "forged"), (BadgeRefused, "unknown")]
        later = await interlock.listen(0.8)
        assert not [item for item in later if isinstance(item, Badge)]
        assert len([item for item in later if isinstance(item, BadgeRefused)]) <= 4
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        ours.close()


async def test_recorded_badge_is_stale(quiet_site, presence, monkeypatch):
    """PTW-04, ANT-01: the box's clock goes on 24 s after the recording."""
    quiet_site.set("badge", "performer", "cloned")
    await presence.until(badge_of(1001))
    real = time.time
    monkeypatch.setattr(ble.time, "time", lambda: real() + 24)
    refused = await presence.until(lambda item: isinstance(item, BadgeRefused))
    assert (refused.badge, refused.why) == (1001, "stale")
    later = await presence.listen(0.7)
    assert not [item for item in later if isinstance(item, Badge)]


async def test_deaf_scanner_is_started_again(quiet_site, monkeypatch):
    monkeypatch.setattr(ble, "DEAF_S", 0.8)
    monkeypatch.setattr(ble, "RETRY_S", 0.1)
    whole = box(quiet_site.directory)
    heard = asyncio.Queue()
    scanner = ble.BadgeScanner(whole.presence.badges, Sieve(_secrets(quiet_site), AT_ONCE), heard.put_nowait)
    work = asyncio.create_task(scanner.run())
    try:
        quiet_site.set("badge", "performer", "here")
        await asyncio.wait_for(heard.get(), 5)
        quiet_site.fault("badges", "deaf")
        async with asyncio.timeout(8):
            while scanner.restarts < 2:  # noqa: ASYNC110 - the scanner tells nobody
                await asyncio.sleep(0.02)
        quiet_site.fault("badges", "none")
        while not heard.empty():
            heard.get_nowait()
        assert (await asyncio.wait_for(heard.get(), 5)).badge == 1001
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert await _scan_ended(quiet_site)


async def test_scanner_comes_back_after_the_bus_was_restarted(tmp_path, monkeypatch):
    """PTW-04"""
    monkeypatch.setattr(ble, "DEAF_S", 0.5)
    monkeypatch.setattr(ble, "RETRY_S", 0.1)
    secret = bytes(32)
    heard = asyncio.Queue()
    work = None
    try:
        for _ in range(2):
            daemon = BusDaemon(tmp_path)
            address = await daemon.start()
            bluez = Bluez(address)
            try:
                await bluez.start()
                if work is None:
                    rules = config.BadgeRules("", -75, -85, "", address.partition(",")[0])
                    scanner = ble.BadgeScanner(rules, Sieve({1001: secret}, AT_ONCE), heard.put_nowait)
                    work = asyncio.create_task(scanner.run())
                async with asyncio.timeout(8):
                    while heard.empty():
                        bluez.advertise("C0:5A:00:00:00:01", identifier(1001, secret, time.time()), -60)
                        await asyncio.sleep(0.05)
            finally:
                bluez.stop()
                await daemon.stop()
            while not heard.empty():
                heard.get_nowait()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_scanner_waits_for_a_bus_that_is_not_there(quiet_site, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(ble, "RETRY_S", 0.05)
    scanner = ble.BadgeScanner(config.BadgeRules("", -75, -85, "", f"unix:path={tmp_path}/none"), Sieve({}, AT_ONCE), print)
    work = asyncio.create_task(scanner.run())
    try:
        async with asyncio.timeout(5):
            while scanner.restarts < 3:  # noqa: ASYNC110 - the scanner tells nobody
                await asyncio.sleep(0.02)
        assert not work.done()
        assert len([record for record in caplog.records if record.name == "edge.presence.ble"]) == 1
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def _secrets(site):
    return {int(k): bytes.fromhex(v) for k, v in json.loads((site.directory / "badges.json").read_text()).items()}


async def _scan_ended(site):
    for _ in range(100):
        if not site.state()["radio"]["discovering"]:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_position_is_reported_at_the_receivers_rate_with_its_quality(presence):
    """PTW-04, BOX-01"""
    await presence.until(fix)
    first = len(presence.seen)
    for _ in range(4):
        await presence.until(fix)
    seen = [item for item in presence.seen[first:] if fix(item)]
    assert all(item.inside and item.fix_quality == 1 and item.satellites == 11 and item.hdop_centi == 90 for item in seen)
    assert all(-56 < item.edge_m < -40 for item in seen)
    gaps = [b.at_us - a.at_us for a, b in itertools.pairwise(seen)]
    assert 150_000 < sorted(gaps)[len(gaps) // 2] < 250_000
    assert 0 <= sockets.now_us() - seen[-1].at_us < 500_000


async def test_receiver_that_is_carried_away_is_outside(quiet_site, presence):
    """PTW-04, BOX-01"""
    quiet_site.set("gnss", CENTRE[0] + 3 * HALF, CENTRE[1])
    outside = await presence.until(lambda item: fix(item) and not item.inside)
    assert outside.edge_m == pytest.approx(111, abs=2)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("fault", "gnss", "no_checksum"), "checksum"), (("fault", "gnss", "bad_checksum"), "checksum"),
        (("set", "gnss", "nofix"), "void"), (("fault", "gnss", "void"), "void"), (("fault", "gnss", "silent"), "silent"),
        (("fault", "gnss", "frozen"), "frozen"),
    ],
)  # fmt: skip
async def test_position_that_nothing_vouches_for_is_not_reported(quiet_site, presence, words, why):
    """PTW-04, BOX-01: without checksum or fix, silent, frozen: no evidence, and a reason."""
    await presence.until(receiver("ok"))
    quiet_site.ask(*words)
    await presence.listen(0.3)
    later = await presence.listen(0.5)
    assert not [item for item in later if fix(item)]
    await presence.until(receiver(why))
    quiet_site.fault("gnss", "none")
    quiet_site.set("gnss", *CENTRE)
    await presence.until(fix)
    await presence.until(receiver("ok"))


async def test_a_position_that_leaps_is_not_believed_until_it_stays(quiet_site, presence):
    """PTW-04"""
    await presence.until(receiver("ok"))
    quiet_site.fault("gnss", "jump")
    await presence.until(receiver("jump"))
    assert not [item for item in await presence.listen(2.1) if fix(item)]
    quiet_site.fault("gnss", "none")
    await presence.until(fix)
    await presence.until(receiver("ok"))


async def test_a_poor_position_is_reported_as_it_is(quiet_site, presence):
    """PTW-04: what is good enough stands in the rules."""
    quiet_site.fault("gnss", "poor")
    poor = await presence.until(lambda item: fix(item) and item.satellites == 3)
    assert poor.hdop_centi == 1200


async def test_bad_fence_and_open_secrets_end_the_process_at_start(quiet_site, tmp_path):
    whole = box(quiet_site.directory)
    crossed = config.Presence((FENCE[0], FENCE[2], FENCE[1], FENCE[3]), ("badge",), badges=whole.presence.badges)
    with pytest.raises(ContractError, match=r"presence\.fence"):
        await process.run(box(quiet_site.directory, presence=crossed), None)
    (tmp_path / "open.json").write_text("{}")
    (tmp_path / "open.json").chmod(0o644)
    leaky = config.Presence(FENCE, ("badge",), badges=config.BadgeRules(str(tmp_path / "open.json")))
    with pytest.raises(ContractError, match="0600"):
        await process.run(box(quiet_site.directory, presence=leaky), None)


async def test_process_ends_when_the_supervisor_is_gone(quiet_site):
    ours, theirs = sockets.pair()
    work = asyncio.create_task(process.run(box(quiet_site.directory), theirs))
    await Interlock(ours).until(fix)
    ours.close()
    await asyncio.wait_for(work, 5)
