"""A box on the bench for every test."""

import pytest

from tests.edge.interlock.bench import Bench
from tests.edge.interlock.proofs import stuck, unproven
from tests.edge.interlock.wording import wording

__all__ = ["stuck", "unproven", "wording"]


@pytest.fixture
def bench() -> Bench:
    """Power is on, nothing is known yet."""
    return Bench()


@pytest.fixture
def ready(bench: Bench) -> Bench:
    """Permit, crew and gas test are there: PERMISSIVE_OK."""
    return bench.prepare()


@pytest.fixture
def released(ready: Bench) -> Bench:
    """Ignition is released and the contact confirmed."""
    return ready.release()
