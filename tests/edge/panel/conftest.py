"""A bench that is ready, and one that is released."""

import pytest

from tests.edge.interlock.bench import Bench


@pytest.fixture
def ready():
    return Bench().prepare()


@pytest.fixture
def released():
    return Bench().prepare().release()
