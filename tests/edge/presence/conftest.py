"""One simulated radio and receiver for all tests of this folder."""

import asyncio

import pytest

from edge import sockets
from edge.presence import process
from tests.edge.presence.box import CENTRE, Interlock, box, simulated_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with simulated_site(tmp_path_factory.mktemp("site"), "badges", "gnss") as running:
        yield running


@pytest.fixture
def quiet_site(site):
    """Everybody away, a good fix in the middle, nothing broken."""
    for name in ("performer", "guardian", "leader"):
        site.set("badge", name, "away")
        site.set("badge", name, "battery", 100)
    site.set("gnss", *CENTRE)
    site.fault("gnss", "none")
    site.fault("badges", "none")
    return site


@pytest.fixture
async def presence(quiet_site):
    """The presence process's work in this loop, and the interlock's end of its socket."""
    ours, theirs = sockets.pair()
    work = asyncio.create_task(process.run(box(quiet_site.directory), theirs))
    try:
        yield Interlock(ours)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        ours.close()
