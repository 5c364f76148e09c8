"""A backlog drains over a slow line while alarms overtake it, and both sides hold the same in the end (BOX-05)."""

import random
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.audit.site import BOX
from tests.edge.link import backlog
from tests.edge.link.slow_line import HEADER_BYTES, SEGMENT_BYTES, SlowLine
from tests.scenarios import both_sides

LEAVES = 24_000
"""More than the line could carry until the last alarm, though it were full all the time."""
ALARMS = 50
SECONDS = 40.0
MOST_HOURS = 5.0
MOST_WAIT_S = 2.0
MOST_BYTES = 100


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose files have paths that a box's configuration takes, whatever the test and its run are called."""
    with tempfile.TemporaryDirectory(prefix="hotbox-") as folder:
        yield Path(folder)


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_alarms_reach_the_bridge_within_two_seconds_while_a_month_would_drain_in_five_hours(short: Path) -> None:
    """BOX-05: 256 kbit/s each way; the hours follow from what was measured, both by time and by bytes."""
    with backlog.rig(short / "rig", LEAVES, backlog.KBIT, lambda *_: None) as site:
        site.start_link(backlog.KBIT)
        found = site.drain(SECONDS, ALARMS, random.Random(7), lambda *_: None)
        figures = found.figures(backlog.KBIT)
        assert figures["alarms"] == ALARMS
        assert found.behind > 0, "the last alarm met an idle line"
        assert figures["alarm_p99_s"] <= MOST_WAIT_S, figures
        assert figures["drain_hours"] <= MOST_HOURS, figures
        assert figures["drain_hours_full_line"] <= MOST_HOURS, figures
        assert figures["wire_bytes_per_event"] <= MOST_BYTES, figures
        assert found.line_bytes <= (found.seconds + 2) * backlog.KBIT * 125, "the line carried more than it can"
        assert site.link_rss_mib() <= 64
        site.line.set_rate(0)
        site.start_link(0)
        site.until(site.is_drained, 60, "everything witnessed")
        assert both_sides.bridge_doubts(site.bridge_db, BOX) == []
        size = site.log.health().size
        assert size > LEAVES + ALARMS
        assert both_sides.differences(both_sides.box_leaves(site.station.path), both_sides.bridge_leaves(site.bridge_db, BOX)) == []
        assert both_sides.first_difference(site.station.path, site.bridge_db, BOX) == (size, "")
        assert both_sides.disorder(site.bridge_db, BOX) == []


def test_the_slow_line_is_as_slow_as_it_says_and_lets_pass_what_came() -> None:
    """The bound above means something: 40 KiB need 1.3 s at 256 kbit/s, and arrive whole."""
    sent = random.Random(1).randbytes(40 * 1024)
    took, got = _send(sent, 256)
    segments = -(-len(sent) // SEGMENT_BYTES)
    assert got == sent
    assert took >= (len(sent) + segments * HEADER_BYTES) / (256 * 125)
    took, got = _send(sent, 0)
    assert got == sent
    assert took < 1.0


def _send(data: bytes, kbit: int) -> tuple[float, bytes]:
    """Through the line to a socket here; seconds until all of it is there."""
    got = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server, SlowLine(server.getsockname()[1], kbit) as line:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", line.port)) as near:
            far, _ = server.accept()
            sender = threading.Thread(target=near.sendall, args=(data,))
            sender.start()
            with far:
                far.settimeout(20)
                while len(got) < len(data):
                    got += far.recv(65536)
            sender.join()
        took = time.monotonic() - began
        assert line.up.bytes >= len(data)
    return took, bytes(got)
