"""The recorder with a clock in hand: what it records and when, its ring, and what it says of itself."""

import errno
import os
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.config import Video as Settings
from edge.interlock.evidence import Film
from edge.sockets import now_us
from edge.vision import recorder as recording
from edge.vision import ring
from edge.vision.camera import Frame
from edge.vision.recorder import MEASURE_S, SEGMENT_S, TAIL_S, Recorder
from edge.vision.segments import SegmentFolder
from tests.edge.eventually import eventually

SECOND = 1_000_000
WALL_S = 1_800_000_000
DAY_S = 86_400
MIB = 2**20
replace = msgspec.structs.replace


class Site:
    """A camera, two clocks and an interlock that says what is to be recorded."""

    def __init__(self, folder: Path, *, most_mib: int = 64, segment_s: float = SEGMENT_S, **settings: object) -> None:
        self.now = 1_000 * SECOND
        self.step = 0
        self.signed_s: int | None = None
        """When the bridge last signed what time it is; a moment ago, unless said."""
        self.picture = True
        self.grain = 0
        self.settings = Settings(str(folder), most_mib, **({"upload": "none"} | settings))
        self.segment_s = segment_s
        self.recorder = self.another()

    def made(self) -> Recorder:
        """After a restart: with the process its lock has gone."""
        self.recorder.store.leave()
        return self.another()

    def another(self) -> Recorder:
        return Recorder(
            self.settings, self.latest, clock_us=lambda: self.now, clock_ms=lambda: self.wall_ms, segment_s=self.segment_s
        )

    @property
    def true_s(self) -> int:
        return WALL_S + (self.now - 1_000 * SECOND) // SECOND

    @property
    def wall_s(self) -> int:
        """As the machine has it: somebody may have set it."""
        return self.true_s + self.step

    @property
    def wall_ms(self) -> int:
        return self.wall_s * 1000

    def latest(self) -> Frame | None:
        if not self.picture:
            return None
        # A picture every 200 ms, and no two alike.
        at_us = self.now - self.now % 200_000
        image = np.full((24, 32, 3), at_us // 200_000 % 200, np.uint8)
        if self.grain:
            image = np.random.default_rng(at_us).integers(0, 255, (self.grain, self.grain, 3), np.uint8)
        return Frame(image, at_us, at_us.to_bytes(16))

    def film(self, *, on: bool = True, permit: str = "HW-1", keep: bool = False, wall_s: int | None = None) -> None:
        wall_s = self.wall_s if wall_s is None else wall_s
        certain_s = min(wall_s, self.true_s)
        signed_s = certain_s if self.signed_s is None else min(certain_s, self.signed_s)
        self.recorder.film(Film(permit, on, keep, 31, wall_s, certain_s, signed_s))

    def run(self, seconds: float, *, on: bool | None = True, every_s: float = 0.1, **film: object) -> None:
        """Let time pass; the interlock speaks once a second, or is silent."""
        end, spoken = self.now + round(seconds * SECOND), 0
        while self.now < end:
            if on is not None and self.now - spoken >= SECOND:
                spoken = self.now
                self.film(on=on, **film)  # type: ignore[arg-type]
            self.recorder.turn()
            self.now += round(every_s * SECOND)

    @property
    def segments(self) -> list[object]:
        return SegmentFolder(Path(self.settings.folder)).listed()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "video")


def test_nothing_is_recorded_before_ignition_is_released(site: Site) -> None:
    assert site.recorder.word().health == "starting"
    site.run(5, on=None)
    site.run(5, on=False)
    assert (site.recorder.word().health, site.recorder.word().permit, site.segments) == ("ready", "", [])


def test_while_released_every_picture_is_recorded_under_the_permit(site: Site) -> None:
    """GB 30871-2022 5.2.11, ANT-11"""
    site.run(95)
    assert [(facts.about.permit, facts.frames) for facts in site.segments] == [("HW-1", 150)] * 3
    word = site.recorder.word()
    assert (word.health, word.permit, word.at_us) == ("recording", "HW-1", site.now)
    assert site.now - word.written_us <= 0.3 * SECOND
    first, second = site.segments[:2]
    assert 0 < second.first_us - first.last_us <= 0.3 * SECOND
    assert first.about.offset_ms == site.wall_ms - site.now // 1000


def test_fewer_pictures_a_second_where_that_is_configured(tmp_path: Path) -> None:
    site = Site(tmp_path / "video", per_s=2)
    site.run(30.5)
    (facts,) = site.segments
    assert 45 <= facts.frames <= 61


def test_it_goes_on_for_a_while_after_the_opening(site: Site) -> None:
    """What came of a trip is on the recording."""
    site.run(10)
    opened = site.now
    site.run(TAIL_S + 5, on=False)
    facts = site.segments[-1]
    assert facts.last_us - opened == pytest.approx(TAIL_S * SECOND, abs=1.5 * SECOND)
    assert site.recorder.word().health == "ready"


def test_a_silent_interlock_does_not_end_it_at_once(site: Site) -> None:
    site.run(10)
    site.run(TAIL_S - 2, on=None)
    assert site.recorder.word().health == "recording"
    site.run(5, on=None)
    assert site.recorder.word().health == "ready"


def test_the_tail_belongs_to_the_permit_that_was_released(site: Site) -> None:
    site.run(10)
    site.run(5, on=False, permit="HW-2")
    assert site.recorder.word().permit == "HW-1"
    site.run(5, permit="HW-2")
    assert [facts.about.permit for facts in site.segments] == ["HW-1"]
    assert (site.recorder.word().permit, site.recorder.word().health) == ("HW-2", "recording")
    assert site.recorder.word().written_us > site.now - SECOND


def test_no_permit_no_recording(site: Site) -> None:
    site.run(3, permit="")
    assert site.recorder.word().health == "ready"


def test_a_camera_without_a_picture_is_told(site: Site) -> None:
    site.run(10)
    written = site.recorder.word().written_us
    site.picture = False
    site.run(1)
    assert site.recorder.word().health == "recording"
    site.run(2)
    assert (site.recorder.word().health, site.recorder.word().written_us) == ("no_picture", written)
    site.picture = True
    site.run(1)
    assert site.recorder.word().health == "recording"


def test_a_picture_that_stands_still_is_recorded_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    still = site.latest()
    monkeypatch.setattr(site, "latest", lambda: still)
    site.recorder = Recorder(site.settings, lambda: still, clock_us=lambda: site.now, clock_ms=lambda: site.wall_ms)
    site.run(3)
    site.run(TAIL_S + 2, on=False)
    assert [facts.frames for facts in site.segments] == [1]


def test_each_segment_is_offered_until_the_log_has_it(site: Site) -> None:
    site.run(65)
    first, second = site.segments
    offered = site.recorder.offered()
    assert offered is not None
    assert (offered.commitment, offered.permit, offered.frames) == (first.commitment, "HW-1", first.frames)
    site.now += 1
    again = site.recorder.offered()
    assert again is not None
    assert (again.commitment, again.at_us) == (first.commitment, site.now), "a stamp of its own each time"
    site.recorder.logged(first.commitment)
    assert site.recorder.offered().commitment == second.commitment
    site.recorder.logged("0" * 64)
    site.run(1)
    assert [facts.logged for facts in site.segments] == [True, False]
    # After a restart the rest is offered, and nothing that the log has.
    site.recorder = site.made()
    site.run(1, on=False)
    assert site.recorder.offered().commitment == second.commitment
    site.recorder.logged(second.commitment)
    # What was being recorded when it was restarted is a segment, too.
    last = site.recorder.offered()
    assert last.first_us > second.last_us
    site.recorder.logged(last.commitment)
    assert site.recorder.offered() is None


def test_what_must_be_kept_goes_up_first_and_each_once(tmp_path: Path) -> None:
    site = Site(tmp_path / "video", upload="all")
    site.run(31)
    site.run(31, keep=True, permit="HW-2")
    site.run(TAIL_S + 2, on=False)
    loose, special = (next(f for f in site.segments if f.about.permit == permit) for permit in ("HW-1", "HW-2"))
    assert site.recorder.to_send() is None, "the log has none of them yet"
    for facts in site.segments:
        site.recorder.logged(facts.commitment)
    sent = []
    while (facts := site.recorder.to_send()) is not None:
        sent.append(facts.about.permit)
        site.recorder.sent(facts.commitment, "held")
    assert sent == ["HW-2"] * sent.count("HW-2") + ["HW-1"] * sent.count("HW-1")
    assert {"HW-1", "HW-2"} == set(sent)
    site.run(1, on=False)
    assert {facts.sent for facts in site.segments} == {"held"}
    assert site.recorder.find(loose.commitment).sent == site.recorder.find(special.commitment).sent == "held"


@pytest.mark.parametrize(("upload", "goes"), [("all", ["HW-1", "HW-2"]), ("kept", ["HW-2"]), ("none", [])])
def test_only_what_is_configured_goes_up(tmp_path: Path, upload: str, goes: list[str]) -> None:
    site = Site(tmp_path / "video", upload=upload)
    site.run(31)
    site.run(31, keep=True, permit="HW-2")
    site.run(TAIL_S + 2, on=False)
    for facts in site.segments:
        site.recorder.logged(facts.commitment)
    found = set()
    while (facts := site.recorder.to_send()) is not None:
        found.add(facts.about.permit)
        site.recorder.sent(facts.commitment, "refused")
    assert sorted(found) == goes


def test_one_that_the_bridge_put_off_lets_the_others_pass(tmp_path: Path) -> None:
    site = Site(tmp_path / "video", upload="all")
    site.run(95)
    site.run(TAIL_S + 2, on=False)
    for facts in site.segments:
        site.recorder.logged(facts.commitment)
    first = site.recorder.to_send()
    site.recorder.sent(first.commitment, "later")
    assert site.recorder.to_send().commitment != first.commitment
    site.now += round(recording.LATER_S * SECOND)
    assert site.recorder.to_send() == first


def test_one_that_cannot_be_read_is_not_offered_for_a_while_and_then_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path / "video", upload="all")
    site.run(31)
    site.run(TAIL_S + 2, on=False)
    for facts in site.segments:
        site.recorder.logged(facts.commitment)
    for facts in site.segments[1:]:
        site.recorder.sent(facts.commitment, "held")
    first = site.recorder.to_send()
    for _ in range(recording.UNREADABLE_TIMES):
        assert "check the disk" not in caplog.text
        site.recorder.unreadable(first.commitment)
        other = site.recorder.to_send()
        assert other is None or other.sent == "held", "no other waits"
        site.now += round(recording.LATER_S * SECOND)
        assert site.recorder.to_send() == first
    assert "check the disk" in caplog.text


def test_now_and_then_the_bridge_is_asked_for_what_it_has_each_in_turn(tmp_path: Path) -> None:
    """A bridge that was restored from an older backup says that it lacks some."""
    site = Site(tmp_path / "video", upload="all")
    site.run(65)
    site.run(TAIL_S + 2, on=False)
    for facts in site.segments:
        site.recorder.logged(facts.commitment)
        site.recorder.sent(facts.commitment, "held")
    number = len(site.segments)
    asked = []
    assert site.recorder.to_send() is None
    for _ in range(2 * number):
        assert site.recorder.to_send() is None
        site.now += round(recording.ASK_AGAIN_S * SECOND)
        asked.append(site.recorder.to_send().commitment)
    assert len(set(asked[:number])) == number
    assert asked[number:] == asked[:number]
    site.recorder.sent(asked[0], "")
    assert site.recorder.to_send().commitment == asked[0], "one that it lacks goes at once"


# --- the ring -----------------------------------------------------------------------------------------------------


def on_disk(folder: Path) -> int:
    """What the files really take, by the file system's own count."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


@pytest.mark.timeout(400)
@pytest.mark.parametrize("special", [False, True])
def test_over_a_simulated_week_the_ring_never_exceeds_its_bound(
    tmp_path: Path, special: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight hours a day, on a ring that is far too small for that. Other work gives way, special work does not.

    Each day it is killed in the middle of a segment, and the machine's clock jumps by years while nobody believes it.
    """
    monkeypatch.setattr(recording, "MAX_SEGMENT_BYTES", 200_000)
    site = Site(tmp_path / "video", most_mib=16, segment_s=600)
    site.grain = 48
    most = worst = 0
    began, healths = site.now, set()
    for day in range(7):
        shift = site.now
        site.run(100, every_s=15, keep=special)
        site.recorder = site.made()
        site.step = (-400 if day % 2 else 400) * DAY_S
        site.run(900, every_s=15, keep=special, wall_s=0)
        site.recorder = site.made()
        site.run(100, every_s=15, keep=special, wall_s=0)
        site.step = 0
        while site.now < shift + 8 * 3600 * SECOND:
            site.run(600, every_s=15, keep=special)
            worst = max(worst, on_disk(tmp_path))
            most = max(most, site.recorder.word().used_mib)
            healths.add(site.recorder.word().health)
        site.now = shift + DAY_S * SECOND
        site.run(2, on=False)
    assert site.now - began >= 7 * DAY_S * SECOND
    assert worst <= 16 * MIB
    assert most <= 16
    assert worst > 12 * MIB, "it was full"
    assert ("full" in healths) is special
    oldest = site.segments[0].first_us
    assert (oldest < began + DAY_S * SECOND) is special, "what must be kept is there from the beginning"


def test_a_ring_full_of_what_must_be_kept_says_so_and_records_again_once_it_is_old(tmp_path: Path) -> None:
    site = Site(tmp_path / "video", most_mib=16, segment_s=60)
    site.grain = 256
    site.run(3600, every_s=1, keep=True)
    word = site.recorder.word()
    assert (word.health, word.left_s) == ("full", 0)
    kept = [facts.commitment for facts in site.segments]
    site.run(TAIL_S + MEASURE_S + 2, on=False)
    assert (site.recorder.word().health, site.recorder.word().left_s) == ("full", 0)
    site.now += 30 * DAY_S * SECOND
    site.run(600, every_s=1, keep=True)
    assert [facts.commitment for facts in site.segments] == kept
    site.now += 2 * DAY_S * SECOND
    site.run(MEASURE_S + 2, on=False)
    assert site.recorder.word().health == "ready"
    assert site.segments == []


def test_with_a_clock_that_is_not_believed_nothing_is_deleted(site: Site) -> None:
    site.run(31)
    site.run(TAIL_S + 2, on=False)
    number = len(site.segments)
    site.step = 400 * DAY_S
    site.run(MEASURE_S + 2, on=False, wall_s=0)
    assert len(site.segments) == number
    site.run(MEASURE_S + 2, on=False)
    assert site.segments == []


@pytest.mark.parametrize(
    ("upload", "sent", "unsigned", "signed"),
    [("none", "", True, False), ("kept", "", True, True), ("kept", "refused", True, False), ("kept", "held", False, False)],
)
def test_a_believed_clock_that_is_set_forward_deletes_nothing_that_must_be_kept(
    tmp_path: Path, upload: str, sent: str, unsigned: bool, signed: bool
) -> None:
    """GB 30871-2022 B.3: forged NTP, a wrong RTC, `date -s`; through a restart, and while there is no room, too.

    `unsigned`, `signed`: whether it is still there when its month has passed, before and after somebody has signed that.
    """
    site = Site(tmp_path / "video", upload=upload)
    site.run(65, keep=True)
    site.run(TAIL_S + 2, on=False, keep=True)
    kept = [facts.commitment for facts in site.segments]
    for commitment in kept if sent else ():
        site.recorder.logged(commitment)
        site.recorder.sent(commitment, sent)
    site.step = 400 * DAY_S
    site.run(2 * MEASURE_S, on=False, keep=True)
    site.recorder = site.made()
    site.run(2 * MEASURE_S, on=False, keep=True)
    site.run(40, keep=True, permit="HW-2")
    assert [facts.commitment for facts in site.segments][: len(kept)] == kept
    # The month passes, and no signed word of it comes.
    site.step, site.signed_s = 0, site.true_s
    site.now += 32 * DAY_S * SECOND
    site.run(MEASURE_S + 2, on=False)

    def left() -> list[str]:
        return [facts.commitment for facts in site.segments if facts.commitment in kept]

    assert left() == (kept if unsigned else []), "the only copy waits for a signature"
    site.signed_s = None
    site.run(MEASURE_S + 2, on=False)
    assert left() == (kept if signed else []), "what is to go to the bridge waits until it is there"
    for commitment in kept:
        site.recorder.sent(commitment, "held")
    site.run(MEASURE_S + 2, on=False)
    assert left() == []


def test_what_a_slow_clock_dated_is_dated_anew_before_it_is_aged(site: Site) -> None:
    """GB 30871-2022 B.3: a believed clock that was forty days behind, and is set right."""
    site.step = -40 * DAY_S
    site.run(65, keep=True)
    site.run(TAIL_S + 2, on=False, keep=True)
    number = len(site.segments)
    site.step = 0
    site.run(MEASURE_S + 2, on=False)
    assert len(site.segments) == number
    assert all(abs(facts.held.ended_s - site.true_s) < 200 for facts in site.segments)
    site.recorder = site.made()
    site.now += 30 * DAY_S * SECOND
    site.run(MEASURE_S + 2, on=False)
    assert len(site.segments) == number
    site.now += 2 * DAY_S * SECOND
    site.run(MEASURE_S + 2, on=False)
    assert site.segments == []


def test_a_clock_that_jumped_while_nobody_believed_it_costs_no_recording(site: Site) -> None:
    """ANT-11: the tail of a trip by the clock is told by the interlock's clock, once it has one again."""
    site.run(40, keep=True)
    site.step = -40 * DAY_S
    site.run(TAIL_S + 2, on=False, keep=True, wall_s=0)
    number = len(site.segments)
    assert sorted(facts.held.dated for facts in site.segments) == [False, True, True]
    site.step = 0
    site.run(2 * MEASURE_S + 2, on=False, keep=True)
    assert len(site.segments) == number
    tail = site.segments[-1]
    assert (tail.about.believed, tail.held.dated) == (False, True)
    assert tail.held.ended_s == pytest.approx(WALL_S + (tail.last_us - 1_000 * SECOND) / SECOND, abs=2)
    site.now += 32 * DAY_S * SECOND
    site.run(2 * MEASURE_S + 2, on=False, keep=True)
    assert site.segments == [], "and it goes when its time is over"


def test_a_clock_of_our_own_that_the_interlock_does_not_share_dates_nothing(site: Site) -> None:
    """The interlock corrects the time by its own means: the recording follows it, to the millisecond where both agree."""
    site.film()
    believed = site.wall_s
    site.step = -40 * DAY_S
    site.recorder.film(Film("HW-1", True, True, 31, believed))
    site.run(31, on=None)
    site.recorder._finish()
    facts = site.segments[0]
    assert facts.about.believed
    assert facts.ended_s == pytest.approx(believed + 30, abs=2)


def test_what_no_clock_dated_before_a_restart_counts_from_when_one_is_believed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.step = -400 * DAY_S
    site.run(31, keep=True, wall_s=0)
    site.run(TAIL_S + 2, on=False, keep=True, wall_s=0)
    number = len(site.segments)
    monkeypatch.setattr(recording, "boot_id", lambda: "another start of the machine")
    site.recorder, site.step = site.made(), 0
    site.run(MEASURE_S + 2, on=False, wall_s=0)
    assert not any(facts.held.dated for facts in site.segments)
    site.run(MEASURE_S + 2, on=False)
    site.run(1, on=False)
    assert [facts.held.ended_s for facts in site.segments] == [pytest.approx(site.wall_s, abs=MEASURE_S + 4)] * number
    site.now += 30 * DAY_S * SECOND
    site.run(MEASURE_S + 2, on=False)
    assert len(site.segments) == number
    site.now += 2 * DAY_S * SECOND
    site.run(MEASURE_S + 2, on=False)
    assert site.segments == []


def test_damaged_recordings_count_for_the_ring(tmp_path: Path) -> None:
    site = Site(tmp_path / "video", most_mib=16)
    site.run(65)
    before = site.recorder.word().left_s
    place = tmp_path / "video" / "permit-HW-0"
    place.mkdir()
    (place / f"{'a' * 64}.avi").write_bytes(bytes(8 * MIB))
    site.recorder = site.made()
    site.run(MEASURE_S + 2)
    assert site.recorder.word().used_mib >= 8
    assert site.recorder.word().left_s < 0.5 * before
    assert (place / f"{'a' * 64}.avi.damaged").stat().st_size == 8 * MIB


def test_room_is_reckoned_by_what_pictures_took(tmp_path: Path) -> None:
    site = Site(tmp_path / "video", most_mib=64, segment_s=10)
    site.run(1, on=False)
    by_settings = site.recorder.word().left_s
    # A ring of 64 MiB less the room of one segment, at 5 pictures of 30 kB a second.
    assert by_settings == pytest.approx((64 * MIB - 8 * MIB) / 150_000, rel=0.02)
    site.run(60)
    assert site.recorder.word().left_s > 2 * by_settings, "these are small ones"


def test_a_filesystem_that_others_filled_is_full(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run(1, on=False)
    monkeypatch.setattr(ring, "bound", lambda *_: 0)
    site.run(MEASURE_S + 1, on=False)
    assert site.recorder.word().health == "full"
    site.run(3)
    assert (site.recorder.word().health, site.segments) == ("full", [])


def test_a_large_segment_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_SEGMENT_BYTES", 100_000)
    site = Site(tmp_path / "video")
    site.grain = 64
    site.run(60)
    assert len(site.segments) > 3
    assert max(facts.bytes for facts in site.segments) <= 100_000


def test_somebody_may_erase_while_it_records(site: Site) -> None:
    site.run(65)
    first, _ = site.segments
    site.recorder.store.erase(first)
    site.run(30)
    site.run(TAIL_S + 2, on=False)
    assert first.commitment not in [facts.commitment for facts in site.segments]
    site.now += round(recording.RESCAN_S * SECOND)
    site.run(1, on=False)
    assert site.recorder.find(first.commitment) is None


# --- the disk -----------------------------------------------------------------------------------------------------


def test_a_disk_that_fails_is_told_and_what_was_recorded_is_found_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run(10)

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(recording.Writing, "add", broken)
        with pytest.raises(OSError, match="Input/output"):
            site.run(1)
        site.recorder._fail()
        assert site.recorder.word().health == "failed"
        written = site.recorder.word().written_us
    site.run(5)
    assert site.recorder.word().health == "recording"
    assert site.recorder.word().written_us > written
    assert [facts.frames for facts in site.segments] == [50]


async def test_a_second_recorder_on_one_folder_has_failed_and_the_first_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """ANT-11: two of them would overfill the disk and take each other's recordings for rubbish."""
    first, second = (Recorder(Settings(str(tmp_path / "video"), 64), lambda: None) for _ in range(2))
    first.start()
    await eventually(lambda: first.word().health == "ready")
    second.start()
    await eventually(lambda: second.word().health == "failed")
    assert f"process {os.getpid()} records into it already" in caplog.text
    assert first.word().health == "ready"
    first.stop()
    await eventually(lambda: second.word().health == "ready")
    second.stop()


async def test_the_thread_survives_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "video").write_text("a file where the folder should be")
    made = Recorder(Settings(str(tmp_path / "video"), 64), lambda: None)
    made.start()
    try:
        await eventually(lambda: made.word().health == "failed")
        (tmp_path / "video").unlink()
        await eventually(lambda: made.word().health == "ready")
    finally:
        made.stop()


@pytest.mark.parametrize("end", ["hangs", "dies"])
async def test_a_thread_that_does_not_come_back_from_the_disk_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """ANT-11: else a release on 特级 would count on a recorder that writes nothing."""
    ahead_s, inside, go_on = 0.0, threading.Event(), threading.Event()
    made = Recorder(
        Settings(str(tmp_path / "video"), 64), lambda: None, clock_us=lambda: now_us() + round(ahead_s * SECOND)
    )
    made.start()
    await eventually(lambda: made.word().health == "ready")

    def stuck() -> None:
        inside.set()
        if end == "dies":
            raise RuntimeError("something that nobody thought of")
        go_on.wait(30)

    with monkeypatch.context() as patch:
        patch.setattr(threading, "excepthook", lambda _: None)
        patch.setattr(made, "turn", stuck)
        await eventually(inside.is_set)
        if end == "hangs":
            assert made.word().health == "ready", "a moment is no hang"
            ahead_s = recording.HUNG_S + 1
        await eventually(lambda: made.word().health == "failed")
        go_on.set()
    if end == "hangs":
        ahead_s = 0.0
        await eventually(lambda: made.word().health == "ready")
    made.stop()


async def test_a_thread_that_died_is_started_again_and_records_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """ANT-11: what nobody thought of costs seconds, and not the recording until somebody looks."""
    ahead_s, frames = 0.0, iter(range(1_000_000))

    def latest() -> Frame:
        return Frame(np.full((24, 32, 3), next(frames) % 200, np.uint8), now_us(), b"")

    made = Recorder(
        Settings(str(tmp_path / "video"), 64), latest, clock_us=lambda: now_us() + round(ahead_s * SECOND)
    )
    made.tend()
    made.film(Film("HW-1", True, True, 31, WALL_S))
    made.start()
    await eventually(lambda: made.word().health == "recording")

    def broken() -> None:
        raise RuntimeError("something that nobody thought of")

    with monkeypatch.context() as patch:
        patch.setattr(threading, "excepthook", lambda _: None)
        patch.setattr(made, "turn", broken)
        await eventually(lambda: made.word().health == "failed")
        made.tend()
        assert made.word().health == "failed", "not in a loop without a pause"
    ahead_s = recording.AGAIN_S + 1
    made.tend()
    assert "starting it again" in caplog.text
    await eventually(lambda: made.word().health == "recording")
    made.stop()
    made.tend()
    assert made.word().health == "failed", "one that was told to end is not started"
    assert len(made.store.listed()) == 2, "what it had begun is a segment, too"


async def test_the_thread_finishes_its_segment_when_it_is_told_to_end(tmp_path: Path) -> None:
    frames = iter(range(1_000_000))

    def latest() -> Frame:
        return Frame(np.full((24, 32, 3), next(frames) % 200, np.uint8), now_us(), b"")

    made = Recorder(Settings(str(tmp_path / "video"), 64), latest)
    made.film(Film("HW-1", True, True, 31, WALL_S))
    made.start()
    await eventually(lambda: made.word().health == "recording")
    made.stop()
    (facts,) = made.store.listed()
    assert facts.frames >= 1
    assert made.offered().commitment == facts.commitment
