"""The recording of the work, as the interlock deals with it.

What vision is to record, which segments the log has, and what is said of a recorder that is not well. It
stands beside the kernel, which judges the recorder's word itself (`conditions.filming`). Nothing of the pictures comes
here, only commitments to them.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from contracts.errors import ContractError
from contracts.event import ActionResult, Category, Severity
from edge.interlock.conditions import Facts, Verdict
from edge.interlock.conditions.box import offset_ms
from edge.interlock.conditions.filming import CROWDED, WELL, is_filmed
from edge.interlock.evidence import Film, Logged, Segment, Video
from edge.interlock.local_time import local_time
from edge.interlock.outbox_watch import Said
from edge.interlock.record import Note, reason_data
from edge.interlock.rules import Rules
from edge.interlock.state import Mode, Reason

WARNING, WELL_AGAIN = "video.warning", "video.well"
LOST, FULL, LOW = "video_lost", "video_room", "video_low"
BACK_PERCENT = 110
"""Room must come back to so much of the limit before a warning is over: it is an estimate, and wavers."""
SPACING_US = 100_000
"""Between two segments that are written down, at the least."""
FASTER, BURST = 4, 20
"""A recorder gone wrong must not fill the log: it takes so many segments in the time of one, as large pictures and a
change of permits may ask for, and so many at once, as wait after a restart."""
PENDING_US = 10_000_000
"""A record that is not durable by then may be asked for again: twice in the log is better than never."""
REMEMBERED = 256


def film(f: Facts, verdicts: dict[str, Verdict]) -> Film:
    """What vision is to record now."""
    wall_s = f.wall_s if verdicts["clock"].ok else 0
    certain_s = min(wall_s, borne_out_s(f))
    permit, keep_d = f.permit.jti if f.permit is not None else "", f.rules.video_retention_d.value
    on, signed_s = f.durable.mode is Mode.RELEASED, min(certain_s, f.durable.as_of)
    return Film(permit, on, is_filmed(f), keep_d, wall_s, certain_s, signed_s)


def borne_out_s(f: Facts) -> int:
    """The time that has come for certain, seconds since 1970; 0 while nothing signed has ever been heard.

    No clock that anybody can set is in it: the bridge's signed time as it was first heard in this boot, and
    CLOCK_BOOTTIME since. Until something is heard in this boot, what was signed before it, and the boot's own time.
    """
    durable = f.durable
    if not durable.as_of:
        return 0
    ahead_s = durable.as_of if durable.signed_ahead_s is None else durable.signed_ahead_s
    return ahead_s + f.now_us // 1_000_000


def refuse_kept(f: Facts, verdicts: dict[str, Verdict], until_s: int) -> None:
    """What must be kept until then is not erased before, by a clock that is believed and that signed time bears out.

    Raises:
        ContractError: it is to be kept still, or nobody knows.
    """
    if not until_s:
        return
    wanted = "a segment that need not be kept, or no longer"
    until = local_time(until_s)
    if not verdicts["clock"].ok:
        came = f"one that is kept until {until}, and a clock that is not believed"
        raise ContractError("commitment", wanted, came, "set the clock right: hotbox explain")
    if f.wall_s <= until_s:
        came = f"one that is kept until {until}"
        raise ContractError("commitment", wanted, came, "its permit's level asks for the recording")
    certain_s = borne_out_s(f)
    if certain_s <= until_s:
        came = f"one that is kept until {until}, and {local_time(certain_s) if certain_s else 'no time'} by signed time"
        raise ContractError("commitment", wanted, came, "let the box hear its bridge, or take a permit of today")


def judge(told: str, seen: Video | None, since_us: int, now_us: int, rules: Rules) -> tuple[str, tuple[Said, ...]]:
    """What is to be said of the recorder of a box that has one.

    Args:
        told: code of the warning that stands, "" for none.
        seen: the recorder's last word.
        since_us: since when it could have spoken.
        now_us: CLOCK_BOOTTIME.
        rules: `video_ttl_s` and `video_warn_s`.

    Returns:
        The code of the warning that stands then, and the events to write.
    """
    reason = _doubt(told, seen, since_us, now_us, rules)
    code, room_s = (reason.code if reason else ""), (seen.left_s if seen else 0)
    if code == told:
        return told, ()
    said: list[Said] = []
    if told:
        said.append(Said(WELL_AGAIN, Severity.INFO, {"was": told, "room_s": room_s}))
    if reason is not None:
        sev = Severity.ALARM if code == FULL else Severity.WARNING
        said.append(Said(WARNING, sev, {**reason_data(reason), "room_s": room_s}))
    return code, tuple(said)


def _doubt(told: str, seen: Video | None, since_us: int, now_us: int, rules: Rules) -> Reason | None:
    ttl, warn = rules.video_ttl_s, rules.video_warn_s
    age_us = now_us - (seen.at_us if seen is not None else since_us)
    if age_us > ttl.value * 1_000_000:
        return Reason(LOST, "silent", age_us // 1000, ttl.value * 1000, "s", ttl.clause)
    if seen is None or seen.health == "starting":
        return None
    if seen.health in CROWDED:
        return Reason(FULL, "", seen.left_s * 1000, warn.value * 1000, "s", warn.clause)
    if seen.health not in WELL:
        return Reason(LOST, seen.health, clause=ttl.clause)
    least = warn.value if told not in (LOW, FULL) else warn.value * BACK_PERCENT // 100
    if seen.left_s < least:
        return Reason(LOW, "", seen.left_s * 1000, warn.value * 1000, "s", warn.clause)
    return None


class VideoWatch:
    """Remembers which warning stands. A box without a recorder is asked nothing."""

    def __init__(self, rules: Rules, say: Callable[[Said], None], since_us: int, *, has_recorder: bool) -> None:
        """`say` writes an event."""
        self._rules, self._say, self._since_us, self._has_recorder = rules, say, since_us, has_recorder
        self._told = ""

    def look(self, seen: Video | None, now_us: int) -> None:
        """Silence is no event: this is called every second."""
        if not self._has_recorder:
            return
        self._told, said = judge(self._told, seen, self._since_us, now_us, self._rules)
        for each in said:
            self._say(each)


class Segments:
    """Segments on their way into the log, one at a time; whoever has heard that it is there offers the next."""

    def __init__(
        self, boot: str, write: Callable[[Note], "asyncio.Future[int]"], tell: Callable[[Logged], None]
    ) -> None:
        """`boot` is this start of the machine; `write` records durably, `tell` reaches vision."""
        self._wait_us = 0
        """How long it takes until as many may be written down at once as may be at all."""
        self._asked_us = 0
        self._boot, self._write, self._tell = boot, write, tell
        self._logged: deque[str] = deque(maxlen=REMEMBERED)
        self._pending, self._pending_us = "", 0

    def take(self, item: Segment, f: Facts) -> str:
        """Have it written down; why not, "" where it is, will be, or is to be offered again."""
        why = self._wrong(item, f.now_us)
        if why:
            return why
        if item.commitment in self._logged:
            self._tell(Logged(item.commitment))
            return ""
        waited_us = f.now_us - self._pending_us
        if waited_us < (PENDING_US if self._pending else SPACING_US):
            return ""
        why = self._too_many(f)
        if why:
            return why
        self._pending, self._pending_us = item.commitment, f.now_us
        self._write(self._note(item, f)).add_done_callback(lambda done: self._durable(item.commitment, done))
        return ""

    def _too_many(self, f: Facts) -> str:
        """Why another one is not written down yet: it may be offered again."""
        length_s = f.rules.video_segment_s.value
        every_us = length_s * 1_000_000 // FASTER
        self._wait_us = max(0, self._wait_us - max(0, f.now_us - self._asked_us))
        self._asked_us = f.now_us
        if self._wait_us > (BURST - 1) * every_us:
            return f"more than {FASTER} segments in {length_s} s, the length of one: each is taken in its turn"
        self._wait_us += every_us
        return ""

    def _wrong(self, item: Segment, now_us: int) -> str:
        if item.first_us > item.last_us:
            return "it ends before it begins"
        if item.boot == self._boot and item.last_us > now_us:
            return "it ends in the future"
        return ""

    def _note(self, item: Segment, f: Facts) -> Note:
        """Of a permit that is held here no more nobody can say what it asked for: then it is kept."""
        held = next((permit for permit in f.durable.permits if permit.jti == item.permit), None)
        own = item.boot == self._boot
        data = {
            "commitment": item.commitment, "first_us": item.first_us, "last_us": item.last_us,
            "offset_ms": offset_ms(f.snapshot.clock) if own else item.offset_ms, "clock": "own" if own else "told",
            "frames": item.frames, "bytes": item.bytes,
            "keep": held is None or f.rules.levels[held.level].camera, "keep_d": f.rules.video_retention_d.value,
        }  # fmt: skip
        return Note(
            "video.segment", Category.AUDIT, Severity.INFO, ActionResult.OK, ("box", ""), item.permit, 0, 0, False, data
        )  # fmt: skip

    def _durable(self, commitment: str, done: "asyncio.Future[int]") -> None:
        if done.cancelled() or done.exception() is not None:
            return
        self._logged.append(commitment)
        if self._pending == commitment:
            self._pending = ""
        self._tell(Logged(commitment))
