"""One running site with relay boards for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.firmware_sim.conftest import RunningSite

BOARDS = """\
gas_tcp: null
gas_rtu: null
inputs: null
badges: null
gnss: null
camera: null
relays:
  - {name: k1, kind: icpdas, unit_id: 7}
  - {name: k2, kind: waveshare, unit_id: 3, baud: 9600}
"""


@pytest.fixture(scope="package")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """An ICP DAS module k1 and a Waveshare board k2, each behind a pseudo-terminal, in a process of their own."""
    folder = tmp_path_factory.mktemp("boards")
    config = folder / "site.yaml"
    config.write_text(BOARDS)
    site = RunningSite(folder / "run", "--config", str(config)).wait_until_up()
    yield site
    assert site.end() == 0
