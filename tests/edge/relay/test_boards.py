"""The simulated relay boards: every listed fault is made and mended by one verb, and no other."""

import pytest

from firmware_sim.client import Site
from firmware_sim.errors import SimulationError
from firmware_sim.faults import CATALOGUE

LISTED = next(device for device in CATALOGUE if device.names == "relay …")


@pytest.mark.parametrize("name", ["k1", "k2"])
def test_the_running_boards_make_and_mend_every_fault(boards, name):
    with Site(boards.directory) as site:
        for each in LISTED.faults:
            state = site.fault(name, each.kind)["relays"][name]
            assert state["fault"] == each.kind or each.kind == "reboot"
            assert site.fault(name, "none")["relays"][name]["fault"] == "none"
        with pytest.raises(SimulationError, match="allowed: none"):
            site.fault(name, "nonsense")
