"""Enrolment pictures of the cast."""

from pathlib import Path

from firmware_sim.cast import CAST
from firmware_sim.stage import compose, jpeg

STILL_YAWS_DEG = (-8.0, -4.0, 0.0, 4.0, 8.0)


def write_stills(folder: Path) -> None:
    """Five of each person, ``folder/NAME/1.jpg`` to ``5.jpg``."""
    for name in CAST:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, yaw_deg in enumerate(STILL_YAWS_DEG, start=1):
            picture = jpeg(compose([(name, yaw_deg, False)]), grain=1000 + number)
            (folder / name / f"{number}.jpg").write_bytes(picture)
