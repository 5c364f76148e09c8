"""One engine, and drawn people: they prove the plumbing, never accuracy."""

import numpy as np
import pytest

from faces import loading
from firmware_sim.camera import compose

STILL_YAWS_DEG = (-8.0, -4.0, 0.0, 4.0, 8.0)


@pytest.fixture(scope="session")
def engine():
    return loading.load()


@pytest.fixture(scope="session")
def drawn():
    """A picture of drawn people: drawn(("performer", 0, False), ...), name, degrees of yaw, eyes shut."""

    def draw(*people, grain=0):
        noise = np.random.default_rng(grain).normal(0, 2, (480, 640, 3))
        return np.clip(compose(people) * 255 + noise, 0, 255).astype(np.uint8)

    return draw


@pytest.fixture(scope="session")
def stills(drawn):
    """Pictures of one person as they are enrolled: stills("performer", 3)."""
    return lambda person, count=5: [
        drawn((person, yaw, False), grain=number) for number, yaw in enumerate(STILL_YAWS_DEG[:count])
    ]
