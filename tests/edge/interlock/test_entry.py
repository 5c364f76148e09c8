"""Unauthorised entry: a door, a badge or a face that has no business here, while ignition is armed or released."""

import pytest

from contracts.event import Severity
from edge.interlock.evidence import Badge, BadgeRefused, FaceRefused, Source
from edge.interlock.kernel import Relay
from edge.interlock.snapshot import accept
from edge.interlock.state import Mode
from tests.edge.interlock.bench import GB, SECOND, Bench
from tests.edge.interlock.test_release import Change

ENTRIES: list[tuple[str, Change, str]] = [
    ("door", lambda b: b.pressed.add("door"), "door_open"),
    ("unknown badge", lambda b: b.unknown_badges.update({9001: b.now}), "badge_unknown"),
    ("badge that nothing names", lambda b: b.badges.update({9002: True}), "badge_unknown"),
    ("face", lambda b: setattr(b, "strangers", (FaceRefused(b.now, "guardian", 900),)), "stranger"),
]
_IDS = [row[0] for row in ENTRIES]


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in ENTRIES], ids=_IDS)
def test_an_entry_while_released_trips_at_once_and_rings(released: Bench, change: Change, code: str) -> None:
    """PTW-24: the evaluation that sees it opens, and one alarm of its own goes out live."""
    change(released)
    step = released.step()
    assert step.relay is Relay.OPEN
    assert released.first_out == code
    (note,) = [note for note in step.notes if note.type == "entry.unauthorised"]
    assert (note.sev, note.data["code"], note.data["released"]) == (Severity.ALARM, code, True)
    released.run(2)
    assert len(released.found("entry.unauthorised")) == 1, "told once"


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in ENTRIES], ids=_IDS)
def test_an_entry_while_armed_abandons_the_attempt_and_rings(ready: Bench, change: Change, code: str) -> None:
    ready.arm()
    change(ready)
    ready.step()
    assert ready.mode is not Mode.ARMED
    (note,) = ready.found("entry.unauthorised")
    assert (note.data["code"], note.data["released"]) == (code, False)


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in ENTRIES], ids=_IDS)
def test_nobody_is_rung_for_people_who_come_and_go_while_it_is_locked(ready: Bench, change: Change, code: str) -> None:
    change(ready)
    ready.run(1)
    assert code in ready.missing() or code == "stranger"
    assert not ready.found("entry.unauthorised")


def test_a_stale_or_forged_copy_is_no_proof_of_a_person(released: Bench) -> None:
    """A recording is neither believed for who it is nor for somebody being here."""
    snapshot = released.snapshot()
    for why in ("stale", "forged"):
        snapshot, refused = accept(snapshot, BadgeRefused(released.now, 9003, why), Source.PRESENCE, released.now)
        assert snapshot.unknown_badges == {}
        released.now += 1
    assert refused is None
    snapshot, _ = accept(snapshot, BadgeRefused(released.now, 9003, "unknown"), Source.PRESENCE, released.now)
    assert set(snapshot.unknown_badges) == {9003}


def test_the_crew_of_another_permit_on_this_box_and_the_roster_are_known(released: Bench) -> None:
    released.badges.update({1003: True, 1004: True})
    released.run(1)
    assert released.mode is Mode.RELEASED


def test_an_unknown_badge_is_gone_after_its_time(ready: Bench) -> None:
    ready.unknown_badges[9001] = ready.now
    ready.step()
    assert ready.missing() == {"badge_unknown"}
    ready.run(GB.unknown_badge_s.value + 0.1)
    assert ready.mode is Mode.PERMISSIVE_OK


def test_sightings_are_bounded(released: Bench) -> None:
    """A flood of invented numbers costs bounded memory."""
    snapshot = released.snapshot()
    for number in range(200):
        at = released.now - SECOND + number
        snapshot, _ = accept(snapshot, BadgeRefused(at, 20_000 + number, "unknown"), Source.PRESENCE, released.now)
    assert len(snapshot.unknown_badges) == 64
    assert isinstance(snapshot.badges[1001], Badge)
