"""The bench of vision works: real frames, real trips, a plain script beside it. Figures are for `make bench`."""

from pathlib import Path

from tests.bench import vision


def test_frames_become_verdicts_and_trips_happen_beside_a_busy_vision(tmp_path: Path) -> None:
    """BOX-01: what is measured is a person who is verified, and gas that opens the relay while faces are looked at."""
    found = vision.run(tmp_path, 5, lambda *_: None, seed=1)
    assert found["frames"] == 5
    assert 0 < found["frame_median_ms"] <= found["frame_p95_ms"] < 2_000
    assert found["bare_frame_median_ms"] > 0
    assert 50 < found["rss_mib"] < 300
    assert found["trials"] + found["trials_quiet"] + found["spurious_trips"] == 10
    assert found["vision_cpu_pct"] > 0
    assert found["recorded_s"] > 0, "it records while it is measured"
