"""The recorder: while ignition is released, the camera's pictures go into segments of the ring, in a thread of its own.

Whatever the disk does holds up nothing but this thread; what it says of itself (`Video`) tells how old the newest
picture on the disk is, and on 特级 that trips. A segment is offered to the interlock until the log has it.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from contracts.errors import ContractError
from contracts.video import MAX_SEGMENT_BYTES
from edge.config import Video as Settings
from edge.interlock.clock import boot_id
from edge.interlock.evidence import OFF, READY, RECORDING, Film, Segment, Video
from edge.sockets import now_us
from edge.vision import ring
from edge.vision.segments import FACTS_BYTES, About, Facts, SegmentFolder, Writing

if TYPE_CHECKING:
    from edge.vision.camera import Frame
    from faces.engine import Image

SEGMENT_S = 30.0
"""Where no pack says otherwise (`video_segment_s`): each is a record in the log."""
TAIL_S = 30.0
"""It goes on for so long after ignition was opened, or the interlock fell silent: what came of it is on it."""
SYNC_S = 5.0
MEASURE_S = 10.0
RESCAN_S = 600.0
"""While nothing is recorded it looks so often at what is there: somebody may have erased something."""
POLL_S, REST_S, RETRY_S = 0.1, 0.5, 1.0
NO_PICTURE_S = 2.0
AGAIN_S = 5.0
"""A thread that something unforeseen ended is started again, so often at most."""
HUNG_S = 10.0
"""A turn that takes longer hangs on the disk, or clears away so much that nothing can be recorded meanwhile."""
FIRST_PICTURE_BYTES = 30_000
"""Of 640 x 480 at quality 70, until there are segments to learn from."""
LEARN_FROM = 20
LATER_S = 600.0
CLOCKS_APART_MS = 2000
"""The interlock says its clock in whole seconds, once in a second: what lies closer is the same clock, and finer."""
UNREADABLE_TIMES = 3
"""Then it is told as an error of the disk."""
ASK_AGAIN_S = 60.0
"""While nothing waits, the bridge is asked so often for one that it should have: a message of 300 bytes."""
STARTING, FULL, FAILED, NO_PICTURE = "starting", "full", "failed", "no_picture"
_MIB = 2**20

log = logging.getLogger(__name__)
replace = msgspec.structs.replace


def wall_ms() -> int:
    """The system's wall clock, ms since 1970."""
    return time.time_ns() // 1_000_000


class Recorder:
    """Owns the folder and its thread. Everything public may be called from any other one, and waits for no disk."""

    def __init__(
        self,
        settings: Settings,
        latest: Callable[[], "Frame | None"],
        *,
        clock_us: Callable[[], int] = now_us,
        clock_ms: Callable[[], int] = wall_ms,
        segment_s: float = SEGMENT_S,
    ) -> None:
        """Record what `latest` gives, in segments of `segment_s`; the clocks are CLOCK_BOOTTIME and the wall's."""
        self.store = SegmentFolder(Path(settings.folder))
        self._settings, self._latest = settings, latest
        self._clock_us, self._clock_ms, self._segment_us = clock_us, clock_ms, round(segment_s * 1e6)
        self._cap = min(MAX_SEGMENT_BYTES, settings.most_mib * _MIB // 4)
        self._need = ring.on_disk(self._cap, FACTS_BYTES)
        self._boot = boot_id()
        self._lock = threading.Lock()
        self._held: dict[str, Facts] = {}
        self._marked: set[str] = set()
        self._put_off: dict[str, int] = {}
        self._aside_bytes = ring.on_disk(1)
        """What the lock takes, and damaged segments that were put aside."""
        self._unreadable: dict[str, int] = {}
        """How often the disk did not give a segment."""
        self._asked: dict[str, int] = {}
        self._asked_again_us: int | None = None
        """When the bridge was last asked for one that it has."""
        self._film: Film | None = None
        self._film_us = self._until_us = 0
        self._word = Video(0, STARTING, "", 0, 0, 0, settings.most_mib)
        self._writing: Writing | None = None
        self._scanned_us: int | None = None
        self._measured_us: int | None = None
        self._began_us: int | None = None
        """Since when something is to be recorded."""
        self._synced_us = self._full_us = 0
        self._turned_us: int | None = None
        """When the thread last began a turn."""
        self._spacing_us = round(0.9e6 / settings.per_s)
        self._stopping = threading.Event()
        self._started_us = 0
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    # --- asked by the process

    def start(self) -> None:
        """Begin."""
        self._started_us = self._clock_us()
        self._thread.start()

    def tend(self) -> None:
        """Start the thread again where something unforeseen ended it. One that hangs on the disk is waited for.

        Until its first turn has succeeded the recorder has failed, and its lock is kept.
        """
        ended = self._started_us and not self._thread.is_alive() and not self._stopping.is_set()
        if not ended or self._clock_us() - self._started_us < AGAIN_S * 1e6:
            return
        log.error("the recorder's thread has ended; starting it again")
        self._fail()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.start()

    def stop(self) -> None:
        """Finish what is being recorded; a disk that hangs is waited for a moment only."""
        self._stopping.set()
        self._thread.join(3.0)

    def film(self, film: Film) -> None:
        """What the interlock wants recorded."""
        with self._lock:
            now = self._film_us = self._clock_us()
            # The word that it is over may name the next permit already: the tail still belongs to the one before.
            if film.on or self._film is None or now >= self._until_us:
                self._film = film
            else:
                times = {"wall_s": film.wall_s, "certain_s": film.certain_s, "signed_s": film.signed_s}
                self._film = replace(self._film, **times)
            if film.on:
                self._until_us = now + round(TAIL_S * 1e6)

    def logged(self, commitment: str) -> None:
        """The log has a segment."""
        self._mark(commitment, logged=True)

    def sent(self, commitment: str, state: str) -> None:
        """The bridge has a segment (``held``), wants it never again (``refused``) or another time (``later``).

        ``""``: it wants one again that it had.
        """
        if state == "later":
            with self._lock:
                self._put_off[commitment] = self._clock_us() + round(LATER_S * 1e6)
        else:
            self._mark(commitment, sent=state)

    def unreadable(self, commitment: str) -> None:
        """The disk does not give a segment: for a while it is not offered to the bridge at all."""
        with self._lock:
            times = self._unreadable.get(commitment, 0) + 1
            self._unreadable[commitment] = times
            self._put_off[commitment] = self._clock_us() + round(LATER_S * 1e6)
        if times >= UNREADABLE_TIMES:
            log.error("segment %s could not be read %d times: it stays at the box; check the disk", commitment, times)

    def gone(self, commitment: str) -> None:
        """A segment is not on the disk any more."""
        with self._lock:
            self._held.pop(commitment, None)

    def word(self) -> Video:
        """How the recorder is, now. What the thread said last counts only while it goes on."""
        with self._lock:
            word = replace(self._word, at_us=self._clock_us())
        hangs = word.health in (READY, RECORDING) and self._hangs(word.at_us)
        return replace(word, health=FAILED) if hangs else word

    def _hangs(self, now: int) -> bool:
        """The thread began and has ended, or does not come back from the disk."""
        return self._turned_us is not None and (
            not self._thread.is_alive() or now - self._turned_us > HUNG_S * 1e6
        )

    def offered(self) -> Segment | None:
        """The oldest segment that the log does not have."""
        with self._lock:
            facts = next((facts for facts in self._held.values() if not facts.logged), None)
        if facts is None:
            return None
        about = facts.about
        return Segment(
            self._clock_us(), about.permit, about.boot, facts.first_us, facts.last_us, about.offset_ms, facts.frames,
            facts.bytes, facts.commitment,
        )  # fmt: skip

    def to_send(self) -> Facts | None:
        """The segment that goes to the bridge next: what must be kept first, and the oldest first.

        One that the bridge put off lets the others pass.
        """
        now = self._clock_us()
        with self._lock:
            self._put_off = {each: until for each, until in self._put_off.items() if until > now}
            off = self._put_off
            going = [
                facts for facts in self._held.values()
                if facts.logged and self._goes_up(facts)
                and not (facts.commitment in off and facts.commitment in self._unreadable)
            ]  # fmt: skip
        waiting = [facts for facts in going if not facts.sent]
        if not waiting:
            return self._to_ask_again(going, now)
        return min(waiting, key=lambda each: (each.commitment in off, not each.about.keep, each.ended_s))

    def _goes_up(self, facts: Facts) -> bool:
        upload = self._settings.upload
        return upload == "all" or (upload == "kept" and facts.about.keep)

    def _to_ask_again(self, sent: list[Facts], now: int) -> Facts | None:
        """One of those that the bridge has, or refused: now and then, in turn. It may have been restored since.

        The bridge answers an ask for one that it has with a word; what it lacks, it gets again.
        """
        if self._asked_again_us is None:
            self._asked_again_us = now
        if now - self._asked_again_us < ASK_AGAIN_S * 1e6:
            return None
        self._asked_again_us = now
        asked, self._asked = self._asked, {}
        self._asked = {each.commitment: asked[each.commitment] for each in sent if each.commitment in asked}
        chosen = min(sent, key=lambda each: (self._asked.get(each.commitment, 0), each.ended_s), default=None)
        if chosen is not None:
            self._asked[chosen.commitment] = now
        return chosen

    def find(self, commitment: str) -> Facts | None:
        """A segment's facts."""
        with self._lock:
            return self._held.get(commitment)

    def _mark(self, commitment: str, **news: object) -> None:
        with self._lock:
            facts = self._held.get(commitment)
            if facts is not None and replace(facts, **news) != facts:
                self._held[commitment] = replace(facts, **news)
                self._marked.add(commitment)

    # --- the thread

    def _run(self) -> None:
        pause_s = POLL_S
        while not self._stopping.wait(pause_s):
            self._turned_us = self._clock_us()
            try:
                self.turn()
            except (OSError, ContractError) as error:
                if self._word.health != FAILED:
                    log.warning("the recorder cannot write: %s", error)
                self._fail()
                pause_s = RETRY_S
            else:
                pause_s = REST_S if self._began_us is None else POLL_S
        try:
            self._finish()
        except OSError as error:
            log.warning("the last segment is finished at the next start: %s", error)
        self.store.leave()

    def turn(self) -> None:
        """One look: what is wanted, and the newest picture.

        Raises:
            OSError: the disk does not let us.
            ContractError: a picture cannot be encoded.
        """
        now = self._clock_us()
        self.store.hold()
        with self._lock:
            film, until_us = self._film, self._until_us
        self._write_marks()
        if film is None or not film.permit or now >= until_us:
            self._rest(film, now)
            return
        writing = self._writing
        if writing is not None and (
            writing.about.permit != film.permit or now - writing.first_us >= self._segment_us
        ):
            self._finish()
        if self._began_us is None or self._word.permit != film.permit:
            self._began_us, self._full_us = now, 0
        if self._word.permit != film.permit:
            self._say(permit=film.permit, written_us=0)
        self._take(film, now)

    def _rest(self, film: Film | None, now: int) -> None:
        """Nothing is to be recorded: see to the ring now and then."""
        self._finish()
        self._began_us = None
        if self._scanned_us is None or now - self._scanned_us >= RESCAN_S * 1e6:
            self._rescan(now)
        if self._is_due(now):
            moment = _now(film)
            self._date(moment, now)
            for facts in [facts for facts in self._all() if self._in_ring(facts).is_over(moment)]:
                self._remove(facts)
            self._measure(film, now)
        self._say(health=READY if self._word.left_s else FULL)

    def _take(self, film: Film, now: int) -> None:
        """The newest picture, if there is a new one, into the segment."""
        frame, written_us = self._latest(), self._word.written_us
        if frame is None or frame.at_us - written_us < self._spacing_us:
            if now - max(written_us, self._began_us or 0) >= NO_PICTURE_S * 1e6:
                self._say(health=NO_PICTURE)
            return
        if now < self._full_us:
            return
        jpeg = encode(frame.image, self._settings.quality)
        if self._writing is not None and self._writing.finished_bytes + len(jpeg) + ring.BLOCK_BYTES > self._cap:
            self._finish()
        if self._writing is None:
            if not self._make_room(film, now):
                self._full_us = now + round(MEASURE_S * 1e6)
                self._say(health=FULL, left_s=0)
                return
            height, width = frame.image.shape[:2]
            self._writing = self.store.begin(self._about(film, now), int(width), int(height))
            self._synced_us = now
        self._writing.add(jpeg, frame.at_us)
        if self._is_due(now):
            self._measure(film, now)
        self._say(health=RECORDING, written_us=frame.at_us)
        if now - self._synced_us >= SYNC_S * 1e6:
            self._synced_us = now
            self._writing.sync()

    def _about(self, film: Film, now: int) -> About:
        """By the clock that the interlock believes; where it believes none nobody knows how old this will be."""
        with self._lock:
            believed_ms = film.wall_s * 1000 - self._film_us // 1000
        offset_ms = self._clock_ms() - now // 1000
        if film.wall_s and abs(offset_ms - believed_ms) > CLOCKS_APART_MS:
            offset_ms = believed_ms
        return About(film.permit, self._boot, offset_ms, film.keep, film.keep_d, believed=film.wall_s > 0)

    def _date(self, moment: ring.Now, now: int) -> None:
        """A clock is believed: say by it when segments ended that nobody could date.

        Of this start of the machine that is known; one from an earlier start has ended by now. What must be kept is
        dated by the time that is certain, as it is aged by it: also where the clock of its own time was behind that.
        """
        for facts in self._all():
            own, keep = facts.about.boot == self._boot, facts.about.keep
            now_s, known_s = moment.certain if keep else moment.believed, facts.dated_s or facts.ended_s
            ended_s = now_s - ((now - facts.last_us) // 1_000_000 if own else 0)
            undated = not facts.about.believed and not facts.dated_s
            was_behind = keep and own and ended_s - known_s > CLOCKS_APART_MS // 1000
            if now_s and (undated or was_behind):
                self._mark(facts.commitment, dated_s=ended_s)

    def _finish(self) -> None:
        """The segment is whole: from now on it is offered."""
        writing, self._writing = self._writing, None
        facts = self.store.finish(writing) if writing is not None else None
        if facts is not None:
            with self._lock:
                self._held[facts.commitment] = facts
            self._measured_us = None

    def _fail(self) -> None:
        """The disk failed: what was being written is finished once it works again, or at the next start."""
        writing, self._writing = self._writing, None
        self._scanned_us = self._measured_us = None
        self._say(health=FAILED)
        if writing is not None:
            try:
                writing.close()
            except OSError as error:
                log.warning("%s: %s", writing.path, error)

    def _rescan(self, now: int) -> None:
        """What is on the disk now."""
        found, aside = self.store.scan(), self.store.aside()
        with self._lock:
            self._held, self._marked = found, set()
        self._aside_bytes = ring.on_disk(1) + sum(each.bytes for each in aside)
        self._scanned_us, self._measured_us = now, None

    def _write_marks(self) -> None:
        with self._lock:
            marked, self._marked = self._marked, set()
            fresh = [facts for commitment in marked if (facts := self._held.get(commitment)) is not None]
        for facts in fresh:
            self.store.replace(facts)

    def _make_room(self, film: Film, now: int) -> bool:
        """Whether a whole segment fits, after what may go has gone."""
        if self._scanned_us is None:
            self._rescan(now)
        made = ring.plan([self._in_ring(facts) for facts in self._all()], self._bound(), self._need, _now(film))
        for each in made.remove:
            facts = self.find(each.commitment)
            if facts is not None:
                self._remove(facts)
        self._measure(film, now)
        return made.fits

    def _in_ring(self, facts: Facts) -> ring.Held:
        return replace(facts.held, owed=self._goes_up(facts) and not facts.sent)

    def _remove(self, facts: Facts) -> None:
        """For good, its salt first."""
        self.store.erase(facts)
        self.gone(facts.commitment)

    def _bound(self) -> int:
        """How large the ring may be now, without what was put aside."""
        self.store.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.statvfs(self.store.root)
        free, whole = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        bound = ring.bound(self._settings.most_mib * _MIB, self._used(), free, whole)
        return max(0, bound - self._aside_bytes)

    def _all(self) -> list[Facts]:
        with self._lock:
            return list(self._held.values())

    def _used(self) -> int:
        return self._aside_bytes + sum(facts.held.bytes for facts in self._all())

    def _is_due(self, now: int) -> bool:
        return self._measured_us is None or now - self._measured_us >= MEASURE_S * 1e6

    def _measure(self, film: Film | None, now: int) -> None:
        """For how long there is room."""
        self._measured_us = now
        room = ring.room([self._in_ring(facts) for facts in self._all()], self._bound(), _now(film))
        left_s = int(max(0, room - self._need) / self._bytes_per_s())
        self._say(left_s=left_s, used_mib=-(-self._used() // _MIB))

    def _bytes_per_s(self) -> float:
        """What a second takes, by the newest segments; by the settings before there are any."""
        some = [(facts.held.bytes, facts.last_us - facts.first_us) for facts in self._all()[-LEARN_FROM:]]
        lasted_us = sum(us for _, us in some)
        if lasted_us < self._segment_us:
            return self._settings.per_s * FIRST_PICTURE_BYTES
        return sum(size for size, _ in some) * 1e6 / lasted_us

    def _say(self, **news: object) -> None:
        with self._lock:
            self._word = replace(self._word, **news)


def _now(film: Film | None) -> ring.Now:
    """The times that the interlock has told."""
    return ring.Now(film.wall_s, film.certain_s, film.signed_s) if film is not None else ring.Now()


def off() -> Video:
    """The word of a box without a recorder."""
    return Video(now_us(), OFF, "", 0, 0, 0, 0)


def encode(image: "Image", quality: int) -> bytes:
    """A picture as JPEG.

    Raises:
        ContractError: it cannot be encoded.
    """
    import cv2

    done, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ContractError("picture", "one that can be encoded", f"{image.shape}")
    return jpeg.tobytes()
