"""What vision is told to record, how segments come into the log, and what is said of a recorder that is not well."""

import asyncio
from contextlib import nullcontext
from typing import Any

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.event import Severity
from contracts.events import check
from contracts.permit import Level, Revocations
from edge.interlock.evidence import Film, Logged, Segment, Video
from edge.interlock.happenings import Revoked
from edge.interlock.outbox_watch import Said
from edge.interlock.record import Note
from edge.interlock.recording import (
    BACK_PERCENT,
    BURST,
    FASTER,
    PENDING_US,
    REMEMBERED,
    SPACING_US,
    Segments,
    VideoWatch,
    borne_out_s,
    film,
    judge,
    refuse_kept,
)
from tests.edge.interlock.bench import GB, SECOND, WALL_S, Bench, permit, replace
from tests.edge.interlock.memory import as_written

NOW = 1_000 * SECOND
WELL = Video(NOW, "ready", "", 0, 2 * GB.video_warn_s.value, 10, 512)
DAY_S = 86_400
PERMIT_AGE_S = 120
TTL_US = GB.video_ttl_s.value * SECOND


# --- what to record


@pytest.mark.rule("video_retention_d")
def test_vision_is_told_what_to_record(bench: Bench) -> None:
    """GB 30871-2022 5.2.11, B.3; ANT-11"""

    def told() -> Film:
        step = bench.step()
        return film(step.facts, step.verdicts)

    def times() -> tuple[int, int, int]:
        """The clock; what of it the permit's signed time bears out, as old as the permit was; what was signed."""
        now_s = bench.wall_ms // 1000
        return now_s, now_s - PERMIT_AGE_S, WALL_S - PERMIT_AGE_S

    assert told() == Film("", False, False, 31, WALL_S)
    bench.prepare(permit(level=Level.SPECIAL))
    assert told() == Film("HW-1", False, True, 31, *times())
    bench.release()
    assert told() == Film("HW-1", True, True, 31, *times())
    bench.clock_quality = "none"
    assert (told().wall_s, told().certain_s, told().signed_s) == (0, 0, 0), "it deletes nothing"
    assert told().on is False


@pytest.mark.parametrize("days", [1, 32, 400])
@pytest.mark.parametrize("bridge_too", [False, True])
def test_no_clock_that_is_set_forward_makes_a_recording_old(bench: Bench, days: int, bridge_too: bool) -> None:
    """GB 30871-2022 B.3: a believed one, and the bridge's, which the same forged time has reached."""
    bench.prepare(permit(level=Level.SPECIAL))
    bench.step()
    bench.wall_jump_ms = days * DAY_S * 1000
    if bridge_too:
        bench.step(Revoked(Revocations("bridge-1", "box-1", 9, bench.wall_ms // 1000, ())))
    step = bench.step()
    told, true_s = film(step.facts, step.verdicts), (bench.wall_ms - bench.wall_jump_ms) // 1000
    assert told.wall_s == true_s + days * DAY_S, "the control: it is believed"
    assert true_s - PERMIT_AGE_S <= told.certain_s <= true_s
    assert told.signed_s <= told.certain_s
    for ago_s, refused in ((31 * DAY_S - 60, True), (31 * DAY_S + PERMIT_AGE_S + 60, False)):
        until_s = true_s - ago_s + 31 * DAY_S
        with pytest.raises(ContractError, match="by signed time") if refused else nullcontext():
            refuse_kept(step.facts, step.verdicts, until_s)


def test_time_passes_by_the_machines_own_clock_between_two_signed_words(bench: Bench) -> None:
    bench.prepare(permit(level=Level.SPECIAL))
    bench.now += 40 * DAY_S * SECOND
    step = bench.step()
    assert borne_out_s(step.facts) == bench.wall_ms // 1000 - PERMIT_AGE_S
    told = film(step.facts, step.verdicts)
    assert (told.certain_s, told.signed_s) == (bench.wall_ms // 1000 - PERMIT_AGE_S, WALL_S - PERMIT_AGE_S)


def test_what_was_signed_before_this_boot_counts_with_the_boots_own_time(bench: Bench) -> None:
    """It was off for a while that nobody can tell: never more than what has passed."""
    bench.durable = replace(bench.durable, as_of=WALL_S - 5 * DAY_S, signed_ahead_s=None)
    step = bench.step()
    assert borne_out_s(step.facts) == WALL_S - 5 * DAY_S + bench.now // SECOND
    bench.durable = replace(bench.durable, as_of=0)
    assert borne_out_s(bench.step().facts) == 0


def test_only_time_that_was_signed_lets_a_person_erase_what_is_kept(bench: Bench) -> None:
    """GB 30871-2022 B.3"""
    step = bench.step()
    refuse_kept(step.facts, step.verdicts, 0)
    with pytest.raises(ContractError, match="no time by signed time"):
        refuse_kept(step.facts, step.verdicts, WALL_S - DAY_S)
    with pytest.raises(ContractError, match="its permit's level asks"):
        refuse_kept(step.facts, step.verdicts, WALL_S + DAY_S)
    bench.clock_quality = "none"
    step = bench.step()
    with pytest.raises(ContractError, match="a clock that is not believed"):
        refuse_kept(step.facts, step.verdicts, WALL_S - DAY_S)


def test_other_levels_are_recorded_too_but_give_way(bench: Bench) -> None:
    bench.prepare(permit(level=Level.GRADE_1)).release()
    assert bench.last is not None
    told = film(bench.last.facts, bench.last.verdicts)
    assert (told.on, told.keep) == (True, False)


# --- segments


class Desk:
    """Somebody who writes when told to, and hears what vision is told."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.written: list[Note] = []
        self.futures: list[asyncio.Future[int]] = []
        self.told: list[str] = []
        self.segments = Segments("boot-1", self.write, self.tell)

    def write(self, note: Note) -> asyncio.Future[int]:
        self.written.append(note)
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]

    def tell(self, message: Logged) -> None:
        self.told.append(message.commitment)

    def take(self, item: Segment, *, later_us: int = 0) -> str:
        self.bench.now += later_us
        step = self.bench.step(ms=0)
        return self.segments.take(item, step.facts)

    async def durable(self, number: int = 0) -> None:
        self.futures[number].set_result(7)
        await asyncio.sleep(0)


def segment(number: int = 1, **changes: Any) -> Segment:
    item = Segment(NOW, "HW-1", "boot-1", NOW - 31 * SECOND, NOW - SECOND, 5, 150, 3_000_000, f"{number:064x}")
    return msgspec.structs.replace(item, **changes)


@pytest.fixture
async def desk(ready: Bench) -> Desk:
    ready.now += 60 * SECOND
    return Desk(ready)


async def test_a_segment_is_in_the_log_before_vision_hears_that_it_is(desk: Desk) -> None:
    """ANT-11: its commitment, its permit, and the clock's offset as the interlock reads it."""
    assert desk.take(segment()) == ""
    (note,) = desk.written
    assert check(as_written(note)) == ""
    assert note.permit == "HW-1"
    clock = desk.bench.clock
    assert note.data == {
        "commitment": f"{1:064x}", "first_us": NOW - 31 * SECOND, "last_us": NOW - SECOND, "clock": "own",
        "offset_ms": clock.t - clock.at_us // 1000, "frames": 150, "bytes": 3_000_000, "keep": False, "keep_d": 31,
    }  # fmt: skip
    assert desk.told == []
    await desk.durable()
    assert desk.told == [f"{1:064x}"]


async def test_a_segment_from_before_a_restart_of_the_machine_keeps_its_own_clock(desk: Desk) -> None:
    desk.take(segment(boot="boot-0", last_us=NOW + 10**9))
    assert (desk.written[0].data["clock"], desk.written[0].data["offset_ms"]) == ("told", 5)


@pytest.mark.parametrize(("level", "keep"), [(Level.SPECIAL, True), (Level.GRADE_1, False)])
async def test_the_level_says_whether_it_is_kept(desk: Desk, level: Level, keep: bool) -> None:
    desk.bench.durable = replace(desk.bench.durable, permits=(permit(level=level),))
    desk.take(segment())
    assert desk.written[0].data["keep"] is keep


async def test_of_a_permit_that_nobody_remembers_it_is_kept(desk: Desk) -> None:
    desk.take(segment(permit="HW-0"))
    assert (desk.written[0].permit, desk.written[0].data["keep"]) == ("HW-0", True)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"first_us": NOW, "last_us": NOW - 1}, "it ends before it begins"),
        ({"last_us": NOW + 10**9}, "it ends in the future"),
    ],
)
async def test_times_that_cannot_be_are_refused(desk: Desk, changes: dict[str, int], why: str) -> None:
    assert desk.take(segment(**changes)) == why
    assert desk.written == []


async def test_one_segment_of_a_single_picture_ends_when_it_begins(desk: Desk) -> None:
    assert desk.take(segment(first_us=NOW, last_us=NOW)) == ""
    assert len(desk.written) == 1


async def test_a_segment_that_is_offered_again_is_written_once(desk: Desk) -> None:
    for _ in range(3):
        desk.take(segment())
    assert len(desk.written) == 1
    await desk.durable()
    desk.take(segment(), later_us=SECOND)
    assert (len(desk.written), desk.told) == (1, [f"{1:064x}"] * 2), "it may not have heard the first time"


async def test_the_next_one_waits_for_the_one_before(desk: Desk) -> None:
    desk.take(segment(1))
    desk.take(segment(2), later_us=SECOND)
    assert len(desk.written) == 1
    await desk.durable()
    desk.take(segment(2), later_us=SECOND)
    assert [note.data["commitment"] for note in desk.written] == [f"{1:064x}", f"{2:064x}"]


async def test_a_recorder_gone_wrong_does_not_fill_the_log(desk: Desk) -> None:
    desk.take(segment(1))
    await desk.durable()
    desk.take(segment(2), later_us=SPACING_US - 1)
    assert len(desk.written) == 1
    desk.take(segment(2), later_us=1)
    assert len(desk.written) == 2


@pytest.mark.rule("video_segment_s")
async def test_only_so_many_segments_come_into_the_log_in_a_minute_and_more_is_told(desk: Desk) -> None:
    """ANT-11: a vision process that was taken over offers one after the other."""
    for number in range(BURST):
        assert desk.take(segment(number), later_us=SPACING_US) == ""
        await desk.durable(number)
    every_us = GB.video_segment_s.value * SECOND // FASTER
    left_us = every_us - (BURST - 1) * SPACING_US
    assert "more than 4 segments in 30 s" in desk.take(segment(BURST), later_us=left_us - 1)
    assert len(desk.written) == BURST
    assert desk.take(segment(BURST), later_us=1) == ""
    assert len(desk.written) == BURST + 1
    await desk.durable(BURST)
    assert "each is taken in its turn" in desk.take(segment(BURST + 1), later_us=every_us - 1)
    for number in range(BURST + 1, BURST + 9):
        assert desk.take(segment(number), later_us=every_us) == ""
        await desk.durable(number)
    desk.take(segment(0), later_us=0)
    assert desk.told[-1] == f"{0:064x}", "what the log has is no new one"


async def test_a_record_that_does_not_become_durable_is_written_again(desk: Desk) -> None:
    """Twice in the log is better than never."""
    desk.take(segment(1))
    desk.take(segment(1), later_us=PENDING_US - 1)
    assert len(desk.written) == 1
    desk.take(segment(1), later_us=1)
    assert len(desk.written) == 2
    await desk.durable(0)
    await desk.durable(1)
    assert desk.told == [f"{1:064x}"] * 2
    desk.take(segment(2), later_us=SECOND)
    assert len(desk.written) == 3


async def test_a_late_word_of_an_earlier_record_does_not_let_the_next_one_pass(desk: Desk) -> None:
    desk.take(segment(1))
    desk.take(segment(2), later_us=PENDING_US)
    await desk.durable(0)
    desk.take(segment(3), later_us=SECOND)
    assert [note.data["commitment"] for note in desk.written] == [f"{1:064x}", f"{2:064x}"]


async def test_a_record_that_failed_is_no_word_to_vision(desk: Desk) -> None:
    desk.take(segment(1))
    desk.futures[0].set_exception(OSError(28, "no space"))
    await asyncio.sleep(0)
    desk.take(segment(2), later_us=PENDING_US)
    desk.futures[1].cancel()
    await asyncio.sleep(0)
    assert desk.told == []


async def test_not_every_segment_is_remembered_for_ever(desk: Desk) -> None:
    for number in range(REMEMBERED + 1):
        desk.take(segment(number), later_us=GB.video_segment_s.value * SECOND)
        await desk.durable(number)
    written = len(desk.written)
    desk.take(segment(0), later_us=SECOND)
    assert len(desk.written) == written + 1
    desk.take(segment(REMEMBERED), later_us=0)
    assert len(desk.written) == written + 1


# --- warnings


def _said(told: str, seen: Video | None, *, age_us: int = 0) -> tuple[str, list[tuple[str, Severity, dict[str, object]]]]:
    code, said = judge(told, seen, NOW, NOW + age_us, GB)
    return code, [(each.type, each.sev, each.data) for each in said]


def test_a_recorder_that_is_well_is_not_spoken_of() -> None:
    assert _said("", WELL) == ("", [])
    assert _said("", replace(WELL, health="recording"), age_us=TTL_US) == ("", [])
    assert _said("", replace(WELL, health="starting", left_s=0)) == ("", [])
    assert _said("", None, age_us=TTL_US) == ("", [])


@pytest.mark.parametrize(
    ("seen", "age_us", "code", "chan", "sev"),
    [
        (WELL, TTL_US + 1, "video_lost", "silent", Severity.WARNING),
        (None, TTL_US + 1, "video_lost", "silent", Severity.WARNING),
        (replace(WELL, health="failed"), 0, "video_lost", "failed", Severity.WARNING),
        (replace(WELL, health="no_picture"), 0, "video_lost", "no_picture", Severity.WARNING),
        (replace(WELL, health="full", left_s=0), 0, "video_room", "", Severity.ALARM),
    ],
)
def test_one_that_is_not_is_told_once(
    seen: Video | None, age_us: int, code: str, chan: str, sev: Severity
) -> None:
    told, ((kind, loud, data),) = _said("", seen, age_us=age_us)
    assert (told, kind, loud, data["code"], data["chan"]) == (code, "video.warning", sev, code, chan)
    assert data["room_s"] == (seen.left_s if seen else 0)
    assert _said(told, seen, age_us=age_us) == (code, [])


@pytest.mark.rule("video_warn_s")
@pytest.mark.parametrize(("left_s", "low"), [(-1, True), (0, False), (1, False)])
def test_little_room_is_told_long_before_there_is_none(left_s: int, low: bool) -> None:
    """Early enough for somebody to do something."""
    seen = replace(WELL, left_s=GB.video_warn_s.value + left_s)
    code, said = _said("", seen)
    assert (code, len(said)) == (("video_low", 1) if low else ("", 0))
    if low:
        limit = GB.video_warn_s
        assert said[0][2] == {
            "code": "video_low", "chan": "", "value_milli": seen.left_s * 1000, "limit_milli": limit.value * 1000, "unit": "s",
            "clause": limit.clause, "room_s": seen.left_s,
        }  # fmt: skip


@pytest.mark.parametrize("told", ["video_low", "video_room"])
def test_room_that_wavers_is_not_told_over_and_over(told: str) -> None:
    back = GB.video_warn_s.value * BACK_PERCENT // 100
    assert _said(told, replace(WELL, left_s=back - 1))[0] == "video_low"
    assert _said(told, replace(WELL, left_s=back)) == (
        "", [("video.well", Severity.INFO, {"was": told, "room_s": back})],
    )  # fmt: skip


def test_another_warning_ends_the_one_before() -> None:
    code, said = _said("video_lost", replace(WELL, health="full", left_s=0))
    assert (code, [kind for kind, *_ in said]) == ("video_room", ["video.well", "video.warning"])
    assert said[0][2] == {"was": "video_lost", "room_s": 0}


def test_the_watch_remembers_and_a_box_without_a_recorder_is_asked_nothing() -> None:
    said: list[Said] = []
    watch = VideoWatch(GB, said.append, NOW, has_recorder=True)
    for _ in range(3):
        watch.look(None, NOW + TTL_US + 1)
    watch.look(replace(WELL, at_us=NOW + TTL_US), NOW + TTL_US + 2)
    assert [each.type for each in said] == ["video.warning", "video.well"]
    silent = VideoWatch(GB, said.append, NOW, has_recorder=False)
    silent.look(None, NOW + 10 * TTL_US)
    assert len(said) == 2


def test_every_warning_fits_its_type() -> None:
    from contracts.event import ActionResult, Category

    for seen in (None, replace(WELL, health="full", left_s=0), replace(WELL, left_s=5)):
        _, said = judge("video_lost", seen, 0, NOW, GB)
        for each in said:
            note = Note(each.type, Category.SYSTEM, each.sev, ActionResult.OK, ("box", ""), "", 0, 0, False, each.data)
            assert check(as_written(note)) == ""
