"""A disk whose fsync fails: nothing is acknowledged after it; the box trips or stays locked (BOX-05, ANT-09).

`make soak ARGS="fsync"` fails it at a hundred other moments.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.faults import Grounds
from tests.edge.audit import faulty_fsync


@pytest.mark.parametrize("error", faulty_fsync.ERRORS)
@pytest.mark.parametrize("when", ["30..31", "30+", "60+"])
def test_nothing_is_acknowledged_after_a_failed_fsync(tmp_path: Path, error: str, when: str) -> None:
    """The thirtieth of a thread fails, and the next as well (one may be of the WAL on its way into the database), or all."""
    assert faulty_fsync.under_a_writer(tmp_path, error, when) > 0


@pytest.mark.parametrize("error", faulty_fsync.ERRORS)
def test_a_log_that_cannot_be_made_durable_does_not_open(tmp_path: Path, error: str) -> None:
    faulty_fsync.from_the_first_on(tmp_path, error)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    with faulty_fsync.tested(tmp_path_factory.mktemp("fsync")) as found:
        yield found


@pytest.mark.alone
@pytest.mark.parametrize("error", faulty_fsync.ERRORS)
def test_a_released_box_trips_and_a_locked_one_stays_locked(place: Grounds, error: str) -> None:
    """The log is the first cause; nothing is counted as durable any more, nothing arms, and the next start is clean."""
    faulty_fsync.under_a_box(place, error)
