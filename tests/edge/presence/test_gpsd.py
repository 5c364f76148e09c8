"""Positions through a real gpsd that reads the simulated receiver, and what its lines may say."""

import asyncio
import json
import shutil
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import config, sockets
from edge.interlock.evidence import Device, Position
from edge.presence import process
from edge.presence.gpsd import SKY_US, Reports
from tests.edge.presence.box import CENTRE, FENCE, Interlock, box

SKY = {"class": "SKY", "hdop": 0.9, "satellites": [{"PRN": 1, "used": True}, {"PRN": 2, "used": False}, {"used": True}]}
TPV = {"class": "TPV", "mode": 3, "time": "2026-03-01T04:05:06.200Z", "lat": 31.23, "lon": 121.47}


def told(*reports, at_us=1000):
    by = Reports()
    return [by.feed(json.dumps(each).encode(), at_us) for each in reports][-1]


def test_position_and_sky_together_are_a_fix():
    """PTW-04"""
    fix = told(SKY, TPV)
    assert (fix.latitude, fix.longitude, fix.satellites, fix.hdop, fix.at_us) == (31.23, 121.47, 2, 0.9, 1000)
    assert fix.time_s == pytest.approx(4 * 3600 + 5 * 60 + 6.2)
    assert told(SKY | {"uSat": 7}, TPV).satellites == 7


@pytest.mark.parametrize(
    "change",
    [
        {"mode": 1}, {"mode": 0}, {"lat": None}, {"lon": None}, {"time": ""}, {"time": "yesterday"}, {"lat": 91.0}, {"lon": -181.0},
        {"lat": "31"}, {"class": 5},
    ],
    ids=str,
)  # fmt: skip
def test_a_position_that_gpsd_does_not_vouch_for_is_none(change):
    """PTW-04"""
    assert told(SKY, TPV | change) is None


@pytest.mark.parametrize("sky", [{}, {"hdop": None}, {"hdop": 0}, {"hdop": -1}, {"satellites": None}], ids=str)
def test_without_the_sky_nothing_says_how_good_it_is(sky):
    """PTW-04"""
    first = (SKY | sky,) if sky else ()
    assert told(*first, TPV) is None


@pytest.mark.parametrize(("us", "good"), [(SKY_US - 1, True), (SKY_US, True), (SKY_US + 1, False)])
def test_an_old_sky_says_nothing(us, good):
    by = Reports()
    by.feed(json.dumps(SKY).encode(), 0)
    assert (by.feed(json.dumps(TPV).encode(), us) is not None) is good


@pytest.mark.parametrize("status", range(-1, 11))
def test_a_position_that_is_reckoned_surveyed_or_simulated_proves_no_place(status):
    """PTW-04: the same kinds as in NMEA; a kind that nobody has described is none of them."""
    assert (told(SKY, TPV | {"status": status}) is not None) is (status in (0, 1, 2, 3, 4, 9))


@pytest.mark.parametrize(
    ("sky", "tpv", "good"),
    [("/dev/a", "/dev/a", True), ("/dev/a", "/dev/b", False), ("/dev/a", "", False), ("", "/dev/a", False), ("", "", True)],
)
def test_one_receivers_sky_does_not_vouch_for_anothers_position(sky, tpv, good):
    assert (told(SKY | {"device": sky}, TPV | {"device": tpv}) is not None) is good


def test_two_receivers_behind_one_gpsd_each_have_their_own_sky():
    by = Reports()
    for name, hdop in (("/dev/a", 0.9), ("/dev/b", 7.5)):
        by.feed(json.dumps(SKY | {"device": name, "hdop": hdop}).encode(), 0)
    fixes = [by.feed(json.dumps(TPV | {"device": name}).encode(), 1) for name in ("/dev/a", "/dev/b")]
    assert [fix.hdop for fix in fixes] == [0.9, 7.5]


def test_devices_without_end_cost_no_memory_and_the_newest_counts():
    by = Reports()
    for number in range(40):
        by.feed(json.dumps(SKY | {"device": "/dev/a"}).encode(), number)
        by.feed(json.dumps(SKY | {"device": f"/dev/{number}"}).encode(), number)
    kept = [n for n in range(40) if by.feed(json.dumps(TPV | {"device": f"/dev/{n}"}).encode(), 40) is not None]
    assert kept == list(range(25, 40))
    assert by.feed(json.dumps(TPV | {"device": "/dev/a"}).encode(), 40) is not None


def test_a_sky_in_parts_takes_nothing_back():
    assert told(SKY, {"class": "SKY"}, TPV) is not None


@given(st.binary(max_size=200))
def test_anything_else_is_no_position(line):
    by = Reports()
    by.feed(json.dumps(SKY).encode(), 0)
    assert by.feed(line, 1) is None


@pytest.fixture
async def gpsd(quiet_site, tmp_path):
    """Debian's gpsd on the simulated receiver's line."""
    program = shutil.which("gpsd") or "/usr/sbin/gpsd"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    device = (quiet_site.directory / "gnss").resolve()
    running = await asyncio.create_subprocess_exec(program, "-N", "-n", "-S", str(port), str(device))
    yield port
    running.terminate()
    await running.wait()


def place(item):
    return isinstance(item, Position)


def well(health):
    return lambda item: isinstance(item, Device) and item.device == "gnss" and item.health == health


async def test_the_box_reads_debians_gpsd(quiet_site, gpsd):
    """PTW-04, BOX-01: inside, carried away, and silent after the loss of the fix."""
    whole = box(quiet_site.directory)
    presence = config.Presence(FENCE, ("gnss",), badges=whole.presence.badges, gnss=config.Gnss(gpsd=f"127.0.0.1:{gpsd}"))
    ours, theirs = sockets.pair()
    interlock = Interlock(ours)
    work = asyncio.create_task(process.run(box(quiet_site.directory, presence=presence), theirs))
    try:
        found = await interlock.until(place)
        assert found.inside
        assert found.satellites >= 4
        await interlock.until(well("ok"))
        quiet_site.set("gnss", CENTRE[0] + 0.01, CENTRE[1])
        await interlock.until(lambda item: place(item) and not item.inside)
        quiet_site.set("gnss", "nofix")
        await interlock.until(lambda item: isinstance(item, Device) and item.device == "gnss" and item.health in ("void", "silent"))
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        ours.close()
