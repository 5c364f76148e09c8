"""The clock's worth, read from the real kernel and from a real-time clock's own file."""

import time
from pathlib import Path

import pytest

from edge.interlock.clock import BUILD_FLOOR_MS, ClockReader, worth


@pytest.mark.parametrize(
    ("synchronised", "rtc_s", "quality"),
    [
        (True, None, "sync"),
        (True, 0, "sync"),
        (False, 1000, "rtc"),
        (False, 1060, "rtc"),
        (False, 940, "rtc"),
        (False, 1061, "none"),
        (False, 939, "none"),
        (False, 0, "none"),
        (False, None, "none"),
    ],
)
def test_a_real_time_clock_is_worth_something_while_it_agrees(
    synchronised: bool, rtc_s: int | None, quality: str
) -> None:
    """BOX-02: an RTC with an empty battery begins at zero; one that was never set answers nothing."""
    assert worth(synchronised=synchronised, rtc_s=rtc_s, wall_s=1000, near_s=60) == quality


def _quality(rtc: str) -> str:
    return ClockReader(0, rtc, 60).read().quality


def test_the_rtc_is_read_from_its_file(tmp_path: Path) -> None:
    """Where the kernel's clock is not synchronised, the RTC decides; a synchronised one needs none."""
    file = tmp_path / "since_epoch"
    synchronised = _quality("") == "sync"
    file.write_text(f"{int(time.time())}\n")
    assert _quality(str(tmp_path)) == ("sync" if synchronised else "rtc")
    for bad in ("946684800\n", "", "tomorrow\n"):
        file.write_text(bad)
        assert _quality(str(tmp_path)) == ("sync" if synchronised else "none")
    assert _quality(str(tmp_path / "absent")) == ("sync" if synchronised else "none")


def test_the_floor_only_rises() -> None:
    reader = ClockReader(0, "", 60)
    assert reader.read().floor == BUILD_FLOOR_MS
    reader.raise_floor(BUILD_FLOOR_MS + 5)
    reader.raise_floor(0)
    assert reader.read().floor == BUILD_FLOOR_MS + 5
    seen = reader.read()
    assert abs(seen.t - time.time() * 1000) < 5_000
