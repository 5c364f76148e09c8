"""What the journal hands to log and state file, draft by draft: disks that answer when the test says so.

test_journal.py does the same on real files.
"""

import asyncio
from collections.abc import Callable
from importlib.metadata import version

import msgspec
import pytest

from contracts.event import ActionResult, Actor, Category, Severity
from edge.audit import Draft
from edge.audit.health import Health
from edge.interlock import restart
from edge.interlock.decision_record import Recorder, Start
from edge.interlock.journal import Journal
from edge.interlock.kernel import Step
from edge.interlock.record import Note
from edge.interlock.snapshot import AuditHealth, Clock
from edge.interlock.state import Durable, Mode
from edge.interlock.status import EventView
from edge.interlock.texts import describe
from tests.edge.eventually import eventually
from tests.edge.interlock.bench import GB, SITE, Bench
from tests.edge.interlock.changes import note

replace = msgspec.structs.replace
CLOCK = Clock(1_800_000_000_000, 5_000, "rtc", 70, 0)


class Log:
    """Takes drafts; `commit` says that they are durable."""

    def __init__(self, said: list[str]) -> None:
        self.said = said
        self.drafts: list[Draft] = []
        self.dones: list[Callable[[int], None] | None] = []
        self.state = Health(
            size=0, acked=0, oldest_unacked_t=0, writable=True, last_commit_us=0, queue=0, pending_since_us=0,
            rollback=False, overflowed=0, refused=0, log=1, boot=1, error="",
        )  # fmt: skip

    def append(self, draft: Draft, done: Callable[[int], None] | None = None) -> None:
        self.said.append(draft.type)
        self.drafts.append(draft)
        self.dones.append(done)

    def commit(self, first: int = 0) -> None:
        """Everything from the draft `first` on is on disk; its number is its seq."""
        for seq, done in enumerate(self.dones[first:], first):
            if done is not None:
                done(seq)

    def health(self) -> Health:
        return self.state

    def close(self) -> None:
        self.said.append("log closed")


class Store:
    """Takes states; `commit` says that they are durable."""

    def __init__(self, said: list[str]) -> None:
        self.said = said
        self.failed = ""
        self.saved: list[Durable] = []
        self.dones: list[Callable[[], None] | None] = []

    def save(self, durable: Durable, done: Callable[[], None] | None = None) -> None:
        self.saved.append(durable)
        self.dones.append(done)

    def commit(self) -> None:
        for done in self.dones:
            if done is not None:
                done()

    def close(self) -> None:
        self.said.append("store closed")


class Desk:
    """A journal between its log and its state file.

    `told` are the attempts that it acknowledged, `trouble` is what went wrong when a disk answered.
    """

    def __init__(self, saved: Durable | None = None, notes: tuple[Note, ...] = (), found: Durable | None = None) -> None:
        self.told: list[int] = []
        self.said: list[str] = []
        self.trouble: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: self.trouble.append(context))
        self.log, self.store = Log(self.said), Store(self.said)
        self.journal = Journal(self.log, self.store, lambda: CLOCK, saved, self.told.append)  # type: ignore[arg-type]
        self.start = Start(SITE, GB, found, first_start=False, boot_id="boot-2", now_us=77, clock=CLOCK)
        self.journal.begin(SITE, GB, self.start, notes)
        self.begun = len(self.log.drafts)

    async def heard(self) -> None:
        """Every answer of a disk up to now has come through."""
        self.journal.put_plain("a.mark", Category.SYSTEM, Severity.INFO, {})
        number = len(self.log.drafts) - 1
        self.log.commit(number)
        await eventually(lambda: number in [event.seq for event in self.journal.events])
        assert self.trouble == []

    @property
    def new(self) -> list[Draft]:
        """Drafts since the start."""
        return self.log.drafts[self.begun :]


def _t(m: int) -> int:
    """The wall clock at a moment."""
    return CLOCK.t + (m - CLOCK.at_us) // 1000


def _draft(of: Note, m: int, data: dict[str, object]) -> Draft:
    """The draft that a note must become."""
    return Draft(
        cat=of.cat, type=of.type, sev=of.sev, src="interlock", actor=Actor(*of.actor), res=of.res, permit=of.permit,
        corr=str(of.attempt) if of.attempt else "", data=data, t=_t(m), m=m, tq="rtc", te=70,
    )  # fmt: skip


def _recorder() -> Recorder:
    """One that has seen the same start."""
    made = Recorder()
    made.wrote(SITE, 0)
    made.wrote(GB, 0)
    return made


def _last(bench: Bench) -> Step:
    assert bench.last is not None
    return bench.last


async def test_a_start_writes_site_and_rules_in_full_and_then_its_own_notes(released: Bench) -> None:
    """KPI-16: what decisions refer to by hash stands in front of them."""
    start = Start(SITE, GB, released.durable, first_start=False, boot_id="boot-2", now_us=77, clock=CLOCK)
    notes = restart.again(start)[1]
    assert [each.snapshot for each in notes] == [True, *[False] * (len(notes) - 1)]
    desk = Desk(notes=notes, found=released.durable)
    m = desk.log.drafts[0].m
    write = Recorder()
    own = {
        "site.loaded": {"baseline": SITE.baseline, "software": version("hotbox"), **write.wrote(SITE, m).data()},
        "rules.loaded": {"name": GB.name, "pack_sha256": GB.sha256, **write.wrote(GB, m).data()},
    }
    rows, parts = write.start(desk.start)
    expected = [_draft(note(kind, Category.CONFIG, permit=""), m, data) for kind, data in own.items()]
    expected += [_draft(note("record.part", Category.AUDIT, permit=""), m, part.data()) for part in parts]
    expected.append(_draft(notes[0], m, {**notes[0].data, "snapshot": rows}))
    expected += [_draft(each, m, each.data) for each in notes[1:]]
    assert parts, "the permits of the state that was found"
    assert desk.log.drafts == expected


async def test_a_decision_is_written_as_of_its_moment_with_what_it_was_made_from(ready: Bench) -> None:
    """KPI-16: parts first, then the event with its record, its attempt and the clock of that moment."""
    ready.arm()
    step = _last(ready)
    (authorised,) = step.notes
    assert (authorised.attempt, authorised.token, authorised.snapshot) == (1, 1, True)
    plain = note("mode.changed", attempt=1)
    desk = Desk()
    desk.journal.decided(replace(step, notes=(authorised, plain)))
    m = step.facts.now_us
    rows, parts = _recorder().step(step.given, step.verdicts)
    assert [part.kind for part in parts] == ["PermitClaims"]
    assert desk.new == [
        _draft(note("record.part", Category.AUDIT, permit=""), m, parts[0].data()),
        _draft(authorised, m, {**authorised.data, "snapshot": rows}),
        _draft(plain, m, {}),
    ]


async def test_a_note_that_carries_a_part_keeps_its_own_data_beside_it(ready: Bench) -> None:
    carrying = note("permit.accepted", part=GB, jti="HW-1")
    desk = Desk()
    desk.journal.decided(replace(ready.step(), notes=(carrying,)))
    (draft,) = desk.new
    assert draft.data == {"jti": "HW-1", **Recorder().wrote(GB, 0).data()}
    assert carrying.data == {"jti": "HW-1"}


async def test_a_note_of_the_box_itself_is_plain() -> None:
    desk = Desk()
    desk.journal.put_plain("control.refused", Category.IDENTITY, Severity.WARNING, {"n": 3})
    (draft,) = desk.new
    assert draft == Draft(
        cat=Category.IDENTITY, type="control.refused", sev=Severity.WARNING, src="interlock", actor=Actor("box", ""),
        res=ActionResult.OK, permit="", corr="", data={"n": 3}, t=_t(draft.m), m=draft.m, tq="rtc", te=70,
    )  # fmt: skip


async def test_a_note_that_no_step_decided_has_no_record() -> None:
    desk = Desk()
    desk.journal.put(note("interlock.tripped", snapshot=True, code="gas_high"))
    assert [draft.data for draft in desk.new] == [{"code": "gas_high"}]


async def test_what_is_held_back_is_written_by_the_next_note_or_in_time(ready: Bench) -> None:
    """BOX-04: the opening first; the record a moment later, in its order."""
    desk = Desk()
    first, second = (replace(ready.step(), notes=(note(kind),)) for kind in ("a.one", "a.two"))
    desk.journal.hold(3600)
    desk.journal.decided(first)
    desk.journal.decided(second)
    assert desk.new == []
    desk.journal.put_plain("a.three", Category.SYSTEM, Severity.INFO, {})
    assert [draft.type for draft in desk.new] == ["a.one", "a.two", "a.three"]
    desk.journal.decided(first)
    assert [draft.type for draft in desk.new[3:]] == ["a.one"], "held once, not for ever"
    desk.journal.hold(0)
    desk.journal.decided(second)
    assert len(desk.new) == 4
    await eventually(lambda: len(desk.new) == 5)


async def test_what_is_durable_is_shown_in_two_languages_and_parts_are_not(released: Bench) -> None:
    released.gas["ch4-1"].value = 30.0
    step = released.step()
    desk = Desk()
    desk.journal.decided(step)
    desk.log.commit(desk.begun)
    kinds = [draft.type for draft in desk.new]
    assert "record.part" in kinds
    shown = len(step.notes)
    await eventually(lambda: len(desk.journal.events) == shown)
    seq, tripped = next((at, each) for at, each in enumerate(desk.log.drafts) if each.type == "interlock.tripped")
    (view,) = [event for event in desk.journal.events if event.type == "interlock.tripped"]
    (trip,) = [each for each in step.notes if each.type == "interlock.tripped"]
    assert view == EventView(seq, tripped.t, "interlock.tripped", "alarm", *describe("interlock.tripped", trip.data))
    assert view.zh != view.en


async def test_the_last_thirty_events_are_kept() -> None:
    desk = Desk()
    for number in range(31):
        desk.journal.put_plain(f"event.{number}", Category.SYSTEM, Severity.INFO, {})
    desk.log.commit(desk.begun)
    await eventually(lambda: desk.journal.events and desk.journal.events[-1].type == "event.30")
    assert [event.type for event in desk.journal.events] == [f"event.{number}" for number in range(1, 31)]


async def test_a_state_is_saved_when_it_is_another(ready: Bench) -> None:
    """The state file's disk is not worn by evaluations that change nothing."""
    step = replace(ready.step(), notes=())
    desk = Desk(saved=step.durable)
    desk.journal.decided(step)
    assert desk.store.saved == []
    other = replace(step, durable=replace(step.durable, since_us=1))
    for _ in range(2):
        desk.journal.decided(other)
    assert desk.store.saved == [other.durable]
    assert desk.store.dones == [None]


@pytest.mark.parametrize("log_first", [True, False])
async def test_an_attempt_waits_for_both_disks(ready: Bench, log_first: bool) -> None:
    """BOX-01: durably authorised, then closed; the second of the two acknowledges, once."""
    ready.arm()
    step = _last(ready)
    desk = Desk()
    desk.journal.decided(replace(step, notes=(note("a.one"), *step.notes)))
    desk.journal.put_plain("a.two", Category.SYSTEM, Severity.INFO, {})
    commits: list[Callable[[], None]] = [lambda: desk.log.commit(desk.begun), desk.store.commit]
    first, second = commits if log_first else reversed(commits)
    assert desk.store.saved == [step.durable]
    first()
    await desk.heard()
    assert desk.told == []
    second()
    await desk.heard()
    assert desk.told == [1]
    desk.store.commit()
    await desk.heard()
    assert desk.told == [1]


@pytest.mark.parametrize(("mode", "token"), [(Mode.ARMED, 0), (Mode.LOCKED, 1)])
async def test_a_state_that_begins_no_attempt_is_saved_without_asking(ready: Bench, mode: Mode, token: int) -> None:
    """An attempt that was abandoned at once, and one that merely goes on, wait for nothing."""
    step = ready.step()
    desk = Desk()
    desk.journal.decided(replace(step, durable=replace(step.durable, mode=mode), notes=(note("a.one", token=token),)))
    assert desk.store.dones == [None]
    desk.log.commit(desk.begun)
    await desk.heard()
    assert desk.told == []


@pytest.mark.parametrize(
    ("writable", "failed", "refused", "well"),
    [(True, "", 0, True), (False, "", 0, False), (True, "full", 0, False), (True, "", 1, False), (False, "full", 1, False)],
)
async def test_the_log_is_well_only_when_nothing_is_lost(writable: bool, failed: str, refused: int, well: bool) -> None:
    """A disk that fails, a state file that fails, a draft that was refused: each alone is enough."""
    desk = Desk()
    desk.store.failed = failed
    desk.log.state = replace(desk.log.state, writable=writable, refused=refused)
    assert desk.journal.health(1) == AuditHealth(well, 0, False)


async def test_a_log_that_waits_for_its_witness_is_told() -> None:
    desk = Desk()
    desk.log.state = replace(desk.log.state, epoch_pending=True)
    assert desk.journal.health(1) == AuditHealth(True, 0, False, epoch_pending=True)


async def test_a_log_that_is_nearly_full_is_told_and_one_that_only_warns_is_not() -> None:
    desk = Desk()
    for full, told in (("", False), ("warn", False), ("stop", True)):
        desk.log.state = replace(desk.log.state, full=full)
        assert desk.journal.health(1) == AuditHealth(True, 0, False, full=told)


async def test_what_is_deleted_is_forgotten_once(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """KPI-16: parts that may have gone with old leaves are written again."""
    desk, forgot = Desk(), []
    monkeypatch.setattr(Recorder, "forget", lambda _recorder: forgot.append(len(forgot)))
    for pruned, times in ((0, 0), (256, 1), (256, 1), (512, 2)):
        desk.log.state = replace(desk.log.state, pruned=pruned)
        desk.journal.health(1)
        assert len(forgot) == times


@pytest.mark.parametrize("lost", ["overflowed", "refused"])
async def test_what_the_log_did_not_take_is_forgotten_once(ready: Bench, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    """KPI-16: a part that was handed over and dropped is in no leaf; it is written again with the next decision."""
    desk, forgot = Desk(), []
    monkeypatch.setattr(Recorder, "forget", lambda _recorder: forgot.append(len(forgot)))
    for number, times in ((0, 0), (1, 1), (1, 1), (7, 2)):
        desk.log.state = replace(desk.log.state, **{lost: number})
        desk.journal.health(1)
        assert len(forgot) == times


async def test_old_leaves_may_go_only_while_nobody_works_and_the_clock_is_right(ready: Bench) -> None:
    """ANT-09: how old a leaf is only a clock that can be believed tells."""
    desk = Desk()
    for mode, quality, may in (
        (Mode.LOCKED, "sync", True),
        (Mode.PERMISSIVE_OK, "sync", True),
        (Mode.TRIPPED, "sync", True),
        (Mode.FAULT, "sync", True),
        (Mode.ARMED, "sync", False),
        (Mode.RELEASED, "sync", False),
        (Mode.LOCKED, "none", False),
    ):
        ready.clock_quality = quality
        ready.step()
        step = _last(ready)
        desk.journal.decided(replace(step, durable=replace(step.durable, mode=mode)))
        assert desk.log.resting is may, (mode, quality)


async def test_the_oldest_event_that_waits_is_told_in_whole_milliseconds() -> None:
    desk = Desk()
    desk.log.state = replace(desk.log.state, pending_since_us=1_000, rollback=True)
    age_ms = desk.journal.health(1_000 + 1_999_999).age_ms
    assert (age_ms, type(age_ms)) == (1999, int)
    assert desk.journal.health(1_000).rollback is True


async def test_the_last_note_is_written_before_both_files_are_closed() -> None:
    """Nobody is left to hear that it is durable."""
    desk = Desk()
    desk.journal.close()
    assert desk.said[-3:] == ["system.stop", "store closed", "log closed"]
    (draft,) = desk.new
    assert (draft.cat, draft.sev, draft.data) == (Category.SYSTEM, Severity.INFO, {})
    assert desk.log.dones[-1] is None
    assert all(done is not None for done in desk.log.dones[:-1])
