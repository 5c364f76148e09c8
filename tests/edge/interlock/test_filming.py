"""Special work is recorded from beginning to end, or it does not begin, or it ends (GB 30871-2022 5.2.11)."""

import pytest

from contracts.permit import Level
from edge.interlock.conditions.facts import Verdict
from edge.interlock.evidence import Video
from edge.interlock.state import Mode, Reason
from tests.edge.interlock.bench import GB, SECOND, Bench, permit, replace
from tests.edge.interlock.changes import turn

TTL = GB.video_ttl_s
TTL_US = TTL.value * SECOND
LONG = 100_000
SPECIAL = permit(level=Level.SPECIAL)


def _no(code: str, subject: str = "", age_ms: int | None = None) -> Verdict:
    return Verdict((Reason(code, subject, age_ms, TTL.value * 1000, "s", TTL.clause),))


def _ready() -> Bench:
    return Bench().prepare(SPECIAL)


@pytest.mark.parametrize(
    ("health", "age_us", "verdict"),
    [
        ("ready", 0, Verdict((), 0)), ("recording", TTL_US, Verdict((), TTL_US)),
        ("ready", TTL_US + 1, _no("video_lost", "silent", TTL.value * 1000)), ("ready", -1, _no("video_lost", "silent", -1)),
        ("failed", 0, _no("video_lost", "failed")), ("starting", 0, _no("video_lost", "starting")),
        ("no_picture", 0, _no("video_lost", "no_picture")), ("off", 0, _no("video_off")), ("full", 0, Verdict((), 0)),
        (None, 0, _no("video_lost", "silent")),
    ],
)  # fmt: skip
def test_before_special_work_the_recorder_must_be_ready(health: str | None, age_us: int, verdict: Verdict) -> None:
    made = turn(_ready())
    said = None if health is None else Video(made.now - age_us, health, "", 0, LONG, 1, 2)
    made.snapshot = replace(made.snapshot, video=said)
    made.judge()
    assert made.verdicts["video"] == verdict
    made.d = replace(made.d, permits=(permit(level=Level.GRADE_1),))
    made.judge()
    assert made.verdicts["video"] == Verdict(), "of other work nobody asks for it"
    made.d = replace(made.d, permits=())
    made.judge()
    assert made.verdicts["video"] == Verdict()


def test_without_room_to_the_permits_end_special_work_does_not_begin() -> None:
    """ANT-11: its end must not be missing because the card is full."""
    bench = _ready()
    left_s = SPECIAL.exp - bench.wall_ms // 1000
    bench.video, bench.video_left_s = "full", left_s - 1
    refused = bench.step(ms=0).verdicts["video"]
    room = GB.video_room_s
    assert refused.reasons == (Reason("video_room", "", (left_s - 1) * 1000, left_s * 1000, "s", room.clause),)
    bench.press("arm")
    assert bench.mode is not Mode.ARMED
    bench.video, bench.video_left_s = "ready", left_s
    bench.step()
    bench.press("arm")
    assert bench.mode is Mode.ARMED


def test_room_is_asked_for_at_most_as_long_as_the_pack_says() -> None:
    """A permit that ends in a week, where such a one existed, would not need a week's room."""
    made = turn(_ready())
    made.d = replace(made.d, permits=(replace(SPECIAL, exp=SPECIAL.exp + 86_400),))
    said = Video(made.now, "ready", "", 0, GB.video_room_s.value, 1, 2)
    made.snapshot = replace(made.snapshot, video=said)
    made.judge()
    assert made.verdicts["video"].ok
    made.snapshot = replace(made.snapshot, video=replace(said, left_s=GB.video_room_s.value - 1))
    made.judge()
    assert not made.verdicts["video"].ok


def test_after_the_permits_end_no_room_is_asked_for() -> None:
    made = turn(_ready())
    made.d = replace(made.d, permits=(replace(SPECIAL, exp=SPECIAL.nbf + 1),))
    made.snapshot = replace(made.snapshot, video=Video(made.now, "ready", "", 0, 0, 1, 2))
    made.judge()
    assert made.verdicts["video"].ok


@pytest.mark.parametrize("level", list(Level))
def test_only_special_work_ends_when_nothing_is_recorded_any_more(bench: Bench, level: Level) -> None:
    """GB 30871-2022 5.2.11: and that is the first-out."""
    bench.prepare(permit(level=level)).release()
    bench.video = "failed"
    bench.video_written = bench.now
    bench.run(TTL.value, ms=1000)
    assert bench.mode is Mode.RELEASED
    bench.run(1)
    assert bench.first_out == ("video_lost" if level is Level.SPECIAL else "")


@pytest.mark.parametrize("silent", [True, False])
def test_a_recorder_that_says_nothing_and_one_that_writes_nothing_trip_alike(bench: Bench, silent: bool) -> None:
    bench.prepare(SPECIAL).release()
    bench.run(TTL.value + 5, ms=500)
    if silent:
        bench.video_silent_since = bench.now
    else:
        bench.video_written = bench.now
    bench.run(TTL.value + 0.1, ms=50)
    assert bench.durable.first_out is not None
    assert bench.first_out == "video_lost"
    assert bench.durable.first_out.subject == ("silent" if silent else "recording")


def test_a_recording_of_another_permit_is_none(bench: Bench) -> None:
    """ANT-11: it would be found under the wrong number."""
    bench.prepare(SPECIAL).release()
    made = turn(bench)
    made.d = replace(made.d, released_us=made.now - TTL_US - 1)
    made.snapshot = replace(made.snapshot, video=Video(made.now, "recording", "HW-2", made.now, LONG, 1, 2))
    made.judge()
    assert made.verdicts["video_running"] == _no("video_lost", "recording", TTL.value * 1000)


def test_the_release_itself_gives_the_recorder_its_time(bench: Bench) -> None:
    bench.prepare(SPECIAL)
    bench.video_written = 0
    bench.release()
    bench.run(TTL.value - 1, ms=500)
    assert bench.mode is Mode.RELEASED
    bench.run(2, ms=500)
    assert bench.first_out == "video_lost"


def test_a_picture_from_the_future_is_none(bench: Bench) -> None:
    bench.prepare(SPECIAL).release()
    bench.video_written = bench.now + 3600 * SECOND
    bench.step()
    assert bench.first_out == "video_lost"


def test_nothing_is_asked_of_the_recorder_while_nothing_is_released() -> None:
    bench = _ready()
    bench.video_written = 0
    assert bench.step().verdicts["video_running"] == Verdict()
