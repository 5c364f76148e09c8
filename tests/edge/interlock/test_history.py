"""What is written of a quiet time: gas, contact and people of each minute; it decides nothing (ANT-10)."""

import itertools
import random
from typing import Any

import pytest

from contracts.event import ActionResult, Category, Severity
from contracts.events import REGISTRY
from edge.interlock.gas_history import CHANGED, MINUTE
from edge.interlock.gas_trace import ENDED, TRACE
from edge.interlock.history import INTERLOCK_MINUTE, History
from edge.interlock.record import Note
from edge.interlock.state import Mode
from edge.interlock.texts import UNTOLD
from tests.edge.interlock.bench import GB, SECOND, SITE, Bench, replace

MINUTE_US = GB.gas_summary_s.value * SECOND
LIMIT = GB.face_distance_milli.value


class Kept:
    """A bench whose history is kept: every reading is handed on, every step asked."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.history = bench, History(SITE, GB)
        self.notes: list[Note] = []
        self.look()

    def look(self, **changed: Any) -> "Kept":
        """Ask after the bench's last step, changed as given."""
        step = replace(self.bench.last, **changed)
        self.history.look(step, self.bench.now)
        self.notes += self.history.due(step, self.bench.now)
        return self

    def later(self, us: int, **changed: Any) -> "Kept":
        """Ask again after a while in which the box read everything as before."""
        self.bench.now += us
        snapshot = self.bench.last.given.snapshot
        for reading in snapshot.readings.values():
            self.history.take(replace(reading, at_us=self.bench.now))
        deadman = snapshot.deadman and replace(snapshot.deadman, at_us=self.bench.now)
        given = replace(self.bench.last.given, snapshot=replace(snapshot, deadman=deadman))
        return self.look(**{"given": given, **changed})

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [note.data for note in self.notes if note.type == kind]


def test_every_minute_of_a_release_tells_the_contact_and_who_was_verified_when(released: Bench) -> None:
    kept = Kept(released)
    assert [told["contact"] for told in kept.of(INTERLOCK_MINUTE)] == ["closed"]  # the first sight after the start
    kept.later(MINUTE_US - 1)
    assert len(kept.of(INTERLOCK_MINUTE)) == 1
    kept.later(1)
    *_, told = kept.of(INTERLOCK_MINUTE)
    assert (told["mode"], told["contact"]) == ("RELEASED", "closed")
    assert [row["id"] for row in told["people"]] == ["performer", "guardian"]
    snapshot, permit = released.last.given.snapshot, released.last.facts.permit
    for row, person in zip(told["people"], permit.people, strict=True):
        assert row["face_ms"] == (released.now - snapshot.faces[person.id].at_us) // 1000 >= 60_000
        assert row["badge_ms"] == (released.now - snapshot.badges[person.badge].at_us) // 1000 >= 60_000
        assert isinstance(row["face_ms"], int)
        assert isinstance(row["badge_ms"], int)
    note = kept.notes[-1]
    assert (note.cat, note.sev, note.res, note.actor, note.permit, note.attempt, note.token, note.snapshot) == (
        Category.INTERLOCK, Severity.INFO, ActionResult.OK, ("box", ""), "HW-1", 1, 0, False,
    )  # fmt: skip
    assert {other.cat for other in kept.notes if other.type.startswith("gas.")} == {Category.GAS}
    kept.later(MINUTE_US - 1)
    assert len(kept.of(INTERLOCK_MINUTE)) == 2
    kept.later(1)
    assert len(kept.of(INTERLOCK_MINUTE)) == 3


def test_a_box_that_is_not_released_tells_only_once_how_the_contact_was_found(ready: Bench) -> None:
    """After an unclean end the log says that the contact is open, as soon as that is seen."""
    kept = Kept(ready)
    for _ in range(3):
        kept.later(MINUTE_US)
    assert [told["contact"] for told in kept.of(INTERLOCK_MINUTE)] == ["open"]
    assert len(kept.of("gas.minute")) == 3


@pytest.mark.parametrize(
    ("latch", "contact", "age_us", "told"),
    [
        (False, False, 0, ["open"]), (True, False, 0, ["closed"]), (False, True, 0, ["closed"]),
        (False, False, GB.dead_man_ms.value * 1000, ["open"]), (False, False, GB.dead_man_ms.value * 1000 + 1, []),
    ],
)  # fmt: skip
def test_the_contact_is_what_a_fresh_status_says(ready: Bench, latch: bool, contact: bool, age_us: int, told: list[str]) -> None:
    snapshot = ready.last.given.snapshot
    status = replace(snapshot.deadman, latch_closed=latch, contact_closed=contact, at_us=ready.now - age_us)
    step = replace(ready.last, given=replace(ready.last.given, snapshot=replace(snapshot, deadman=status)))
    found = History(SITE, GB).due(step, ready.now)
    assert [note.data["contact"] for note in found if note.type == INTERLOCK_MINUTE] == told


def test_a_contact_that_is_first_seen_late_in_a_release_is_told_of_then(released: Bench) -> None:
    """A minute that does not know the contact is not the first sight of it."""
    seen = released.last.given
    unseen = replace(seen, snapshot=replace(seen.snapshot, deadman=None))
    kept = Kept(released)
    kept.history, kept.notes = History(SITE, GB), []
    kept.look(given=unseen).later(MINUTE_US, given=unseen)
    assert [told["contact"] for told in kept.of(INTERLOCK_MINUTE)] == ["unknown"]
    kept.later(SECOND)
    assert [told["contact"] for told in kept.of(INTERLOCK_MINUTE)] == ["unknown", "closed"]


def test_a_controller_that_was_never_heard_is_not_told_of(ready: Bench) -> None:
    snapshot = replace(ready.last.given.snapshot, deadman=None)
    step = replace(ready.last, given=replace(ready.last.given, snapshot=snapshot))
    assert [note for note in History(SITE, GB).due(step, ready.now) if note.type == INTERLOCK_MINUTE] == []


@pytest.mark.parametrize(("distance", "told"), [(-1, False), (0, True), (LIMIT, True), (LIMIT + 1, False)])
def test_only_a_face_within_the_packs_distance_counts_as_verified(released: Bench, distance: int, told: bool) -> None:
    snapshot = released.last.given.snapshot
    faces = {name: replace(face, distance_milli=distance) for name, face in snapshot.faces.items()}
    step = replace(released.last, given=replace(released.last.given, snapshot=replace(snapshot, faces=faces, badges={})))
    (note,) = (note for note in History(SITE, GB).due(step, released.now) if note.type == INTERLOCK_MINUTE)
    assert all(("face_ms" in row) is told for row in note.data["people"])
    assert not any("badge_ms" in row for row in note.data["people"])


class Watched:
    """A release in which faces are seen when a test says so; each re-check is due before the minute."""

    RECHECK_US, GRACE_US = 30 * SECOND, 15 * SECOND
    RULES = replace(GB, face_recheck_s=replace(GB.face_recheck_s, value=30), face_grace_s=replace(GB.face_grace_s, value=15))

    def __init__(self, bench: Bench) -> None:
        self.bench, self.history = bench, History(SITE, self.RULES)
        self.seen = {person.id: bench.now for person in bench.last.facts.permit.people}
        self.told: list[dict[str, int]] = []
        self.look()
        self.told.clear()  # the first sight of the contact

    def look(self, after_us: int = 0, *seen: str, distance: int = LIMIT) -> list[dict[str, int]]:
        """When each person was verified, of every minute told so far, after some were seen anew."""
        self.bench.now += after_us
        self.seen |= dict.fromkeys(seen, self.bench.now)
        given = self.bench.last.given
        faces = {
            name: replace(face, at_us=self.seen[name], distance_milli=distance if name in seen else 0)
            for name, face in given.snapshot.faces.items() if name in self.seen
        }  # fmt: skip
        proofs = {
            name: replace(proof, at_us=self.seen[name], distance_milli=distance if name in seen else 0)
            for name, proof in given.snapshot.proofs.items() if name in self.seen
        }  # fmt: skip
        snapshot = replace(given.snapshot, faces=faces, proofs=proofs)
        facts = replace(self.bench.last.facts, snapshot=snapshot)
        step = replace(self.bench.last, facts=facts, given=replace(given, snapshot=snapshot))
        self.history.look(step, self.bench.now)
        for note in self.history.due(step, self.bench.now):
            if note.type == INTERLOCK_MINUTE:
                self.told.append({
                    row["id"]: self.bench.now - row["face_ms"] * 1000 for row in note.data["people"] if "face_ms" in row
                })  # fmt: skip
        return self.told


def test_a_verification_is_told_once_the_last_one_told_is_due_again(released: Bench) -> None:
    """Else seconds of a release would have nobody verified in the log, between two minutes (ANT-10)."""
    watched = Watched(released)
    begun = released.now
    assert watched.look(Watched.RECHECK_US - SECOND, "performer", "guardian") == []
    assert watched.look(SECOND - 1) == []
    assert watched.look(1) == [dict.fromkeys(("performer", "guardian"), begun + Watched.RECHECK_US - SECOND)]
    assert len(watched.look(1, "guardian")) == 1
    assert len(watched.look(Watched.RECHECK_US - SECOND - 2)) == 1
    assert len(watched.look(1)) == 2


def test_one_verification_that_comes_late_is_told_at_once_and_alone(released: Bench) -> None:
    watched = Watched(released)
    begun = released.now
    assert watched.look(Watched.RECHECK_US + Watched.GRACE_US - 4000) == []
    assert watched.look(1000, "guardian") == [{"performer": begun, "guardian": released.now}]
    assert len(watched.look(1000)) == 1
    assert len(watched.look(1000, "performer", distance=LIMIT + 1)) == 1
    assert watched.look(1000, "performer")[1:] == [{"performer": released.now, "guardian": released.now - 3000}]


def test_a_history_that_is_asked_before_its_first_look_knows_of_nobody_yet(released: Bench) -> None:
    (note,) = (note for note in History(SITE, GB).due(released.last, 1) if note.type == INTERLOCK_MINUTE)
    assert [row["id"] for row in note.data["people"]] == ["performer", "guardian"]


def test_who_was_not_verified_at_the_release_is_told_of_at_once(released: Bench) -> None:
    watched = Watched(released)
    watched.history, watched.seen = History(SITE, Watched.RULES), {"performer": released.now}
    watched.look()
    watched.told.clear()
    assert watched.look(SECOND) == []
    assert watched.look(1000, "guardian") == [{"performer": released.now - SECOND - 1000, "guardian": released.now}]
    assert len(watched.look(1, "guardian")) == 1


@pytest.mark.parametrize("seed", range(8))
def test_whenever_people_are_verified_in_time_the_log_shows_no_longer_pause(released: Bench, seed: int) -> None:
    """For any order of verifications that trips nothing, those told lie no further apart than re-check and grace."""
    watched, chance = Watched(released), random.Random(seed)
    last = {name: [at] for name, at in watched.seen.items()}
    for _ in range(4000):
        due = [name for name, at in watched.seen.items() if released.now - at > Watched.RECHECK_US + Watched.GRACE_US - 2 * SECOND]
        seen = {*due, *(name for name in watched.seen if chance.random() < 0.02)}
        watched.look(chance.randrange(1, SECOND), *seen)
    for told in watched.told:
        for name, at in told.items():
            last[name].append(at)
    for name, moments in last.items():
        moments.append(watched.seen[name])
        assert max(late - early for early, late in itertools.pairwise(moments)) <= Watched.RECHECK_US + Watched.GRACE_US
        assert len(moments) > 50


def test_without_a_permit_there_are_no_people_to_tell_of(ready: Bench) -> None:
    step = replace(ready.last, facts=replace(ready.last.facts, permit=None))
    (note,) = (note for note in History(SITE, GB).due(step, ready.now) if note.type == INTERLOCK_MINUTE)
    assert (note.data["people"], note.permit) == ([], "")


def test_the_end_of_a_release_tells_the_gas_of_its_last_part(released: Bench) -> None:
    kept = Kept(released).later(7 * SECOND)
    assert kept.of("gas.minute") == []
    opened = replace(released.last.durable, mode=Mode.TRIPPED)
    kept.later(SECOND, durable=opened)
    (told,) = kept.of("gas.minute")
    assert told["ms"] == 8_000
    assert {row["n"] for row in told["rows"]} == {2}
    kept.later(SECOND, durable=opened)
    assert len(kept.of("gas.minute")) == 1


def test_the_minute_of_a_release_begins_with_it(ready: Bench) -> None:
    kept = Kept(ready).later(MINUTE_US // 2)
    released = replace(ready.last.durable, mode=Mode.RELEASED)
    kept.later(SECOND, durable=released)
    kept.later(MINUTE_US - 1, durable=released)
    assert len(kept.of(INTERLOCK_MINUTE)) == 1
    kept.later(1, durable=released)
    assert len(kept.of(INTERLOCK_MINUTE)) == 2


def test_an_alarm_has_its_readings_written_in_pieces_a_turn_each(ready: Bench) -> None:
    kept = Kept(ready)
    for _ in range(600):
        kept.later(100_000)
    assert kept.of("gas.trace") == []
    alarmed = replace(ready.last.volatile, alarms=("ch4-1",))
    kept.later(100_000, volatile=alarmed)
    assert len(kept.of("gas.trace")) == 1
    before = len(kept.notes)
    kept.look()  # the same moment again: not before the next turn
    assert len(kept.notes) == before
    alarm_us = ready.now
    for _ in range(1300):
        kept.later(50_000)
    (end,) = kept.of("gas.trace_ended")
    assert (end["dropped"], end["points"]) == (0, sum(len(piece["points"]) for piece in kept.of("gas.trace")))
    around_us = GB.gas_trace_s.value * SECOND
    assert (end["from_m"], end["to_m"]) == (alarm_us - around_us, alarm_us + around_us)


@pytest.mark.parametrize(("after_us", "pieces"), [(39_999, 1), (40_000, 2)])
def test_two_pieces_of_a_trace_lie_forty_milliseconds_apart(ready: Bench, after_us: int, pieces: int) -> None:
    """Nineteen detectors full of readings must not hold the log up at the moment of an alarm."""
    kept = Kept(ready)
    for _ in range(600):
        kept.later(100_000)
    kept.look(volatile=replace(ready.last.volatile, alarms=("ch4-1",)))
    ready.now += after_us
    kept.look()
    assert len(kept.of("gas.trace")) == pieces


def test_an_alarm_that_is_over_with_the_next_reading_has_its_trace_too(ready: Bench) -> None:
    """The turn that trips writes nothing, and a spike of one sample is gone in the one after it."""
    kept = Kept(ready)
    for _ in range(20):
        kept.later(100_000)
    alarmed = replace(ready.last, volatile=replace(ready.last.volatile, alarms=("ch4-1",)))
    kept.history.look(alarmed, ready.now)  # nothing is asked for in this turn
    assert kept.of("gas.trace") == []
    for _ in range(1300):
        kept.later(50_000)
    (end,) = kept.of("gas.trace_ended")
    assert end["points"] >= 20


def test_looking_at_a_step_without_an_alarm_writes_nothing(ready: Bench) -> None:
    kept = Kept(ready)
    for _ in range(20):
        kept.later(100_000)
    assert kept.of("gas.trace") == kept.of("gas.trace_ended") == []


def test_what_is_told_of_a_quiet_time_has_its_type_and_its_words() -> None:
    assert {CHANGED, MINUTE, TRACE, ENDED, INTERLOCK_MINUTE, "video.segment"} == UNTOLD
    assert all(kind in REGISTRY for kind in UNTOLD)
