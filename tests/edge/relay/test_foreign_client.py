"""`mbpoll` (Debian), a client that nobody here wrote, reads and writes the simulated relay boards."""

import re
import shutil
import subprocess
import time

import pytest

from firmware_sim.client import Site

pytestmark = pytest.mark.skipif(shutil.which("mbpoll") is None, reason="Debian's package mbpoll is not installed")


def mbpoll(place, *words, write=()):
    """One exchange, addresses counted from 0; gives what was printed."""
    command = [
        "mbpoll", "-m", "rtu", "-a", str(place["unit_id"]), "-b", str(place["baud"]), "-P", "none", "-0", "-1", "-o", "1",
        *words, place["device"], *write,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def values(printed):
    return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d+)", printed, re.MULTILINE)]


@pytest.fixture
def site(boards):
    with Site(boards.directory) as connection:
        for name in ("k1", "k2"):
            connection.fault(name, "none")
            connection.fault(name, "reboot")
        end = time.monotonic() + 10
        while any(connection.state()["relays"][name]["booting"] for name in ("k1", "k2")):
            assert time.monotonic() < end, "the boards never answer again"
        yield connection


def test_a_foreign_client_sets_up_the_icp_das_module_and_sees_it_time_out(boards, site):
    """findings/hardware 6: watchdog time, enable, time-out status, and outputs that refuse until it is cleared."""
    place = boards.facts["relays"]["k1"]
    mbpoll(place, "-t", "4", "-r", "488", write=("30",))
    assert values(mbpoll(place, "-t", "4", "-r", "488", "-c", "1")) == [30]
    mbpoll(place, "-t", "0", "-r", "269", write=("1",))
    mbpoll(place, "-t", "0", "-r", "260", write=("1",))
    mbpoll(place, "-t", "0", "-r", "0", write=("1",))
    assert values(mbpoll(place, "-t", "0", "-r", "0", "-c", "1")) == [1]
    mbpoll(place, "-t", "4", "-r", "488", write=("1",))
    while not site.state()["relays"]["k1"]["timed_out"]:
        pass
    assert values(mbpoll(place, "-t", "0", "-r", "269", "-c", "1")) == [1]
    assert values(mbpoll(place, "-t", "0", "-r", "0", "-c", "1")) == [0]
    mbpoll(place, "-t", "0", "-r", "0", write=("1",))
    assert values(mbpoll(place, "-t", "0", "-r", "0", "-c", "1")) == [0], "refused until the status is cleared"
    assert site.state()["relays"]["k1"]["refused"] >= 1
    mbpoll(place, "-t", "0", "-r", "260", write=("0",))


def test_a_foreign_client_switches_the_waveshare_board_and_reads_its_mirror_contact(boards, site):
    place = boards.facts["relays"]["k2"]
    assert values(mbpoll(place, "-t", "1", "-r", "0", "-c", "1")) == [1]
    mbpoll(place, "-t", "0", "-r", "0", write=("1",))
    assert values(mbpoll(place, "-t", "0", "-r", "0", "-c", "8")) == [1, 0, 0, 0, 0, 0, 0, 0]
    assert values(mbpoll(place, "-t", "1", "-r", "0", "-c", "1")) == [0]
    mbpoll(place, "-t", "0", "-r", "0", write=("0",))
    assert site.state()["relays"]["k2"]["coil"] is False
