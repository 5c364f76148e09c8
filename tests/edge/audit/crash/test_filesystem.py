"""A real writer on a real file system that is cut under it: `make soak ARGS="fuse"` at small size (BOX-05, ANT-09)."""

from pathlib import Path
from random import Random

import pytest

from tests.edge.audit.crash.living import Life, missing_means, until_lost

CUTS = 5
CONTROL_CUTS = 20
"""At most: the first one mostly does."""


@pytest.fixture
def means() -> None:
    if not Path("/dev/fuse").exists():
        pytest.skip("this kernel has no FUSE")
    assert not missing_means()


@pytest.mark.usefixtures("means")
def test_a_log_lives_through_power_cuts(tmp_path: Path) -> None:
    """No acknowledged event is lost, each time the box starts on what is left, and goes on."""
    life = Life(tmp_path / "life", Random(3), readers=True)
    for number in range(CUTS):
        verdict = life.cut()
        assert not verdict.bad, (number, verdict)
    assert life.acknowledged > CUTS


@pytest.mark.usefixtures("means")
def test_on_a_disk_that_lies_about_its_syncs_events_are_lost(tmp_path: Path) -> None:
    """The control: the test above can fail."""
    _, lost = until_lost(tmp_path / "lives", Random(3), CONTROL_CUTS, liar="-wal")
    assert lost > 0
