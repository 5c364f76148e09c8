"""One box for the tests that only look, one that is released and then trips on gas."""

from collections.abc import Iterator

import pytest

from tests.edge.cli.box import Box, make


@pytest.fixture(scope="package")
def box() -> Iterator[Box]:
    """A locked box without a permit, and nobody there."""
    yield from make()


@pytest.fixture(scope="package")
def tripped() -> Iterator[Box]:
    """A box that was released and then saw 25 %LEL of methane on ch4-1."""
    for box in make():
        box.release()
        assert box.site is not None
        box.site.set("ch4-1", 25)
        box.wait_for(lambda s: s["state"] == "TRIPPED" and s["relay"]["contact"] == "open", "tripped on gas")
        yield box
