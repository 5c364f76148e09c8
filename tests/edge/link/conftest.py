from collections.abc import Iterator
from pathlib import Path

import iotcore
import pytest

from tests.edge.audit.site import Station
from tests.edge.link.site import Box, start_broker


@pytest.fixture
def broker() -> Iterator[iotcore.Broker]:
    started = start_broker()
    yield started
    started.stop()


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path)


@pytest.fixture
def box(station: Station, broker: iotcore.Broker) -> Iterator[Box]:
    log = station.open(queue_events=20_000, checkpoint_s=0.3)
    made = Box(station, log, broker.port)
    yield made
    log.close()
    made.socket.close()
    made.link_socket.close()
