"""A fault between detector and box opens the contact in time: the bench's trials at small size, on real protocols."""

import random
from collections.abc import Iterator

import pytest

from tests.bench.faults import CASES, Case, Rig, rig

TRIALS = 3


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One site and one box for all faults; every trial begins released."""
    with rig(tmp_path_factory.mktemp("faults"), random.Random()) as started:
        yield started


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_contact_opens_in_time_when_a_detector_fails(site: Rig, case: Case) -> None:
    """BOX-01: silence is a fault: within 500 ms on TCP at a 100 ms poll, within the computed limit on RTU."""
    times = [site.time_to_open_ms(case) for _ in range(TRIALS)]
    assert max(times) <= site.limits[case.bus], f"{case.name}: {times}"
