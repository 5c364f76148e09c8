"""What the interlock has to do with face templates: it says which permits stand, and writes down what vision tells."""

import asyncio

import pytest

from contracts.event import Category
from contracts.events.registry import check
from edge.interlock.evidence import (
    FaceKey,
    RemovalLogged,
    Standing,
    TemplateKept,
    TemplateLogged,
    TemplateRefused,
    TemplateRemoved,
    TemplateUsed,
)
from edge.interlock.refusals import Refusals
from edge.interlock.template_notes import (
    BURST,
    EVERY_US,
    REFUSED_BURST,
    TemplateNotes,
    TemplatesRemoved,
    TemplatesUsed,
    Told,
    standing,
)
from tests.edge.interlock.bench import WALL_S, Bench, permit, replace

KEY = "A" * 43
KEPT = TemplateKept(1, "zhang", "HW-1", 1_790_000_000, "dlib")


def test_permits_that_stand_are_told_with_their_people() -> None:
    """PTW-07: a template has a purpose only while a permit names its person."""
    bench = Bench().prepare(permit())
    assert standing(bench.durable, WALL_S) == (Standing("HW-1", ("performer", "guardian")),)


@pytest.mark.parametrize("over", ["finished", "void", "revoked"])
def test_a_permit_that_is_over_stands_no_longer(over: str) -> None:
    durable = Bench().prepare(permit()).durable
    assert standing(replace(durable, **{over: ("HW-1",)}), WALL_S) == ()
    assert standing(durable, durable.permits[0].exp) == ()


@pytest.mark.parametrize(
    ("item", "kind", "of_permit", "data"),
    [
        (KEPT, "template.kept", "HW-1", {"chan": "zhang", "engine": "dlib", "iat": 1_790_000_000}),
        (TemplateRemoved(1, "zhang", "HW-1", 5, "withdrawn"), "template.removed", "HW-1",
         {"chan": "zhang", "why": "withdrawn", "iat": 5}),
        (TemplateRefused(1, "zhang", "HW-1", 5, "template_older"), "template.refused", "HW-1",
         {"code": "template_older", "chan": "zhang", "iat": 5}),
        (TemplateRefused(1, "", "", 0, "template_forged"), "template.refused", "", {"code": "template_forged", "chan": ""}),
        (FaceKey(1, KEY), "template.key", "", {"key": KEY}),
        (TemplateUsed(1, "zhang", "HW-1", "d" * 64, "dlib"), "template.used", "HW-1",
         {"chan": "zhang", "digest": "d" * 64, "engine": "dlib"}),
    ],
    ids=lambda value: getattr(type(value), "__name__", ""),
)  # fmt: skip
def test_each_word_of_vision_is_one_record_that_fits_its_type(
    item: Told, kind: str, of_permit: str, data: dict[str, object]
) -> None:
    (note,) = TemplateNotes().of(item, 10**12)
    assert (note.type, note.permit, note.data, note.cat) == (kind, of_permit, data, Category.IDENTITY)
    assert check(note) == ""
    assert Refusals().thin((note,), 1) == (note,)


def test_the_key_is_recorded_once_and_again_when_it_is_another_one() -> None:
    notes = TemplateNotes()
    assert len(notes.of(FaceKey(1, KEY), 10**12)) == 1
    assert notes.of(FaceKey(2, KEY), 10**12 + EVERY_US) == ()
    assert len(notes.of(FaceKey(3, "B" * 43), 10**12 + 2 * EVERY_US)) == 1


def test_a_mad_vision_fills_no_log() -> None:
    """So many at once, then one a second; what was saved up comes back with time, up to that number again."""
    notes, now = TemplateNotes(), 10**12
    assert sum(len(notes.of(KEPT, now)) for _ in range(BURST + 50)) == BURST
    assert notes.of(KEPT, now + EVERY_US - 1) == ()
    assert len(notes.of(KEPT, now + EVERY_US)) == 1
    later = now + 10 * BURST * EVERY_US
    assert sum(len(notes.of(KEPT, later)) for _ in range(BURST + 50)) == BURST


class Log:
    """A log that takes a record when it is told to."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.waiting: list[asyncio.Future[int]] = []
        self.written: list[object] = []
        self.told: list[TemplateLogged | RemovalLogged] = []
        self.notes = TemplateNotes()
        self.used = TemplatesUsed(self.notes, self._write, self.told.append)
        self.removed = TemplatesRemoved(self.notes, self._write, self.told.append)

    def _write(self, note: object) -> "asyncio.Future[int]":
        self.written.append(note)
        self.waiting.append(self.loop.create_future())
        return self.waiting[-1]

    def take(self) -> None:
        """Everything that waits is on the disk."""
        for each in self.waiting:
            each.set_result(1)
        self.waiting.clear()
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()


USED = TemplateUsed(1, "zhang", "", "d" * 64, "dlib")


def test_vision_hears_of_a_template_only_once_it_is_on_the_disk_and_it_is_written_once() -> None:
    """ANT-09, BOX-01"""
    log = Log()
    for _ in range(3):
        log.used.take(USED, 10**12)
    assert (len(log.written), log.told) == (1, [])
    log.take()
    assert log.told == [TemplateLogged("zhang", "d" * 64)]
    log.used.take(USED, 10**12)
    assert (len(log.written), len(log.told)) == (1, 2)
    gone = replace(USED, digest="", engine="")
    log.used.take(gone, 10**12)
    log.take()
    assert log.told[-1] == TemplateLogged("zhang", "")
    log.used.take(USED, 10**12)
    assert len(log.written) == 3, "that it came back is told again"
    log.loop.close()


def test_who_never_had_a_template_is_not_written_down() -> None:
    log = Log()
    log.used.take(replace(USED, digest=""), 10**12)
    assert not log.written
    log.loop.close()


FORGED = TemplateRefused(1, "", "", 0, "template_forged")
MINUTE = 60 * EVERY_US


@pytest.mark.parametrize("a_second", [0, 2, 10, 200])
def test_forged_statements_keep_no_crew_from_being_recognised(a_second: int) -> None:
    """ANT-09, BOX-01: 600 at once, then so many a second; whoever may send on the topic costs nobody a record."""
    log, now = Log(), 10**12
    for _ in range(600):
        log.notes.of(FORGED, now)
    for number in range(a_second * 3600):
        log.notes.of(FORGED, now + number * EVERY_US // a_second)
    now += 3600 * EVERY_US
    crew = [TemplateUsed(1, person, "HW-1", "d" * 64, "dlib") for person in ("zhang", "li")]
    for used in crew:
        log.used.take(used, now)
    log.removed.take(GONE, now)
    log.take()
    assert log.told == [*(TemplateLogged(used.person, used.digest) for used in crew), ANSWER]
    assert log.notes.of(KEPT, now)
    log.loop.close()


def test_what_a_flood_of_refusals_left_out_is_counted() -> None:
    """ANT-01: few records, and none of what was refused is lost from their number."""
    notes, now, told, written = TemplateNotes(), 10**12, 0, []
    for _ in range(20 * 60):
        for code in ("template_forged", "template_other_box", "template_older", "template_sealed", "template_engine"):
            for _ in range(3):
                written += notes.of(replace(FORGED, code=code), now)
                told += 1
        now += EVERY_US // 10
    assert len(written) <= 5 * (2 * 60 // 5)
    for _ in range(2):
        now += MINUTE
        for code in ("template_forged", "template_other_box", "template_older", "template_sealed", "template_engine"):
            written += notes.of(replace(FORGED, code=code), now)
            told += 1
    assert sum(1 + note.data.get("n", 0) for note in written) == told  # type: ignore[operator]
    assert all(check(note) == "" for note in written)


def test_a_vision_that_invents_codes_fills_no_log() -> None:
    notes, now = TemplateNotes(), 10**12
    codes = [f"{first}_{second}" for first in "abcdefghij" for second in "abcdefghij"]
    assert sum(len(notes.of(replace(FORGED, code=code), now)) for code in codes) == REFUSED_BURST
    (note,) = notes.of(replace(FORGED, code="z"), now + EVERY_US)
    assert note.data["n"] == 100 - REFUSED_BURST


GONE = TemplateRemoved(1, "zhang", "HW-1", 5, "permit_over")
ANSWER = RemovalLogged("zhang", "HW-1", 5, "permit_over")


def test_a_deletion_is_written_once_and_answered_when_it_is_on_the_disk() -> None:
    """ANT-01: vision tells it again until it hears that."""
    log = Log()
    for _ in range(3):
        log.removed.take(GONE, 10**12)
    assert (len(log.written), log.told) == (1, [])
    log.take()
    assert log.told == [ANSWER]
    log.removed.take(replace(GONE, at_us=9), 10**12)
    assert (len(log.written), log.told) == (1, [ANSWER, ANSWER])
    log.removed.kept(KEPT)
    log.removed.take(GONE, 10**12)
    assert len(log.written) == 2, "it had come again: that is another deletion"
    log.loop.close()


def test_a_deletion_that_the_log_did_not_take_is_not_answered() -> None:
    log = Log()
    log.removed.take(GONE, 10**12)
    log.waiting.pop().set_exception(OSError(28, "No space left on device"))
    log.take()
    assert log.told == []
    log.removed.take(GONE, 10**12)
    log.take()
    assert log.told == [ANSWER]
    for _ in range(BURST):
        log.notes.of(KEPT, 10**12)
    other = replace(GONE, person="li")
    log.removed.take(other, 10**12)
    log.take()
    assert len(log.told) == 1, "a mad vision gets no answer, and tells it again"
    log.removed.take(other, 10**12 + EVERY_US)
    log.take()
    assert len(log.told) == 2
    log.loop.close()
