"""A smaller flood of adverts, in every test run; the figures are the bench's."""

from pathlib import Path

from tests.bench import presence


def test_every_advert_of_a_flood_is_handled_and_every_badge_judged_in_time(tmp_path: Path) -> None:
    """PTW-04: half a second of 3,000 adverts a second; on a busy machine the bounds are the bench's, not this test's."""
    found = presence.run(tmp_path, 1_500, lambda *_: None)
    assert (found["adverts"], found["handled"], found["lost"]) == (1_500, 1_500, 0)
    assert found["badges_seen"] == presence.BADGES
    assert found["verdict_age_max_ms"] < 4_000
