"""A card held to the reader makes a check-in whole where the site asks for it; a point's tag says who was there."""

import pytest

from contracts.event import Category
from edge.interlock.conditions.tags import at_point, tapped, untapped
from edge.interlock.evidence import Tap
from edge.interlock.snapshot import Snapshot
from edge.interlock.state import Reason
from tests.edge.interlock.bench import GB, GUARDIAN, PERFORMER, RELIEF, SECOND, Bench, permit, replace

TTL_US, PAIR_US = GB.tap_ttl_s.value * SECOND, GB.tap_pair_s.value * SECOND


class Reader(Bench):
    """A bench with a tag reader."""

    def __init__(self, bench: Bench) -> None:
        self.__dict__ = dict(bench.__dict__)
        self.taps: dict[str, Tap] = {}
        self.site = replace(self.site, tap_check_in=True)

    def snapshot(self) -> Snapshot:
        return replace(super().snapshot(), taps=dict(self.taps))

    def tap(self, what: str, name: str, *, ago_us: int = 0) -> Tap:
        self.taps[f"{what} {name}"] = item = Tap(self.now - ago_us, what, name)
        return item

    def check_in(self) -> str:
        """Evaluate without anybody having checked in; gives why it is not done."""
        self.durable = replace(self.durable, checked_in={})
        return next((r.code for r in self.step().verdicts["check_in"].reasons), "")


@pytest.fixture
def reader(ready: Bench) -> Reader:
    return Reader(ready)


def test_the_crew_checks_in_once_a_performer_and_a_guardian_have_tapped(reader: Reader) -> None:
    """PTW-27"""
    assert reader.check_in() == "check_in_tap"
    assert reader.step(ms=0).verdicts["check_in"].reasons[0].subject == PERFORMER.name
    reader.tap("person", "performer")
    assert reader.check_in() == "check_in_tap"
    reason = reader.step(ms=0).verdicts["check_in"].reasons[0]
    assert reason.subject == GUARDIAN.name
    assert reason == replace(reason, limit_milli=GB.check_in_s.value * 1000, unit="s", clause=GB.check_in_s.clause)
    reader.tap("person", "guardian")
    assert reader.check_in() == ""
    reader.taps.clear()
    assert reader.step().verdicts["check_in"].ok, "once a day is enough"


def test_of_two_guardians_one_card_is_enough_and_both_are_named_while_none_was_read(reader: Reader) -> None:
    """PTW-27"""
    claims = permit()
    two = replace(claims, people=(*claims.people, RELIEF))
    reader.tap("person", "performer")
    facts = reader.step(ms=0).facts
    assert untapped(facts, two) == f"{GUARDIAN.name} / {RELIEF.name}"
    reader.tap("person", "guardian")
    assert untapped(reader.step(ms=0).facts, two) == ""


def test_a_card_counts_from_the_moment_that_it_is_read(reader: Reader) -> None:
    """PTW-27"""
    reader.tap("person", "performer")
    assert tapped(reader.step(ms=0).facts, "performer")


def test_a_site_that_does_not_ask_for_cards_needs_none(reader: Reader) -> None:
    """PTW-27"""
    reader.site = replace(reader.site, tap_check_in=False)
    assert reader.check_in() == ""


def test_a_card_without_its_owners_badge_is_nothing(reader: Reader) -> None:
    """PTW-27: cards are copied; badge and face stand beside it."""
    reader.tap("person", "performer")
    reader.tap("person", "guardian")
    reader.badges[1002] = False
    del reader.badge_seen[1002]
    assert reader.check_in() == "check_in_tap"
    assert reader.step(ms=0).verdicts["check_in"].reasons[0].subject == GUARDIAN.name


def test_cards_do_not_stand_for_faces(reader: Reader) -> None:
    """PTW-27"""
    reader.tap("person", "performer")
    reader.tap("person", "guardian")
    reader.looking.clear()
    reader.faces.clear()
    assert reader.check_in() == "check_in_none"


@pytest.mark.rule("tap_ttl_s")
@pytest.mark.parametrize(("more_us", "counts"), [(-1, True), (0, True), (1, False)])
def test_a_card_counts_for_its_time(reader: Reader, more_us: int, counts: bool) -> None:
    """PTW-27"""
    assert GB.tap_ttl_s.clause == "policy BOX-03: as long as a face"
    reader.tap("person", "performer", ago_us=TTL_US + more_us)
    facts = reader.step(ms=0).facts
    assert tapped(facts, "performer") is counts
    assert not tapped(facts, "guardian")


def test_a_card_from_the_future_is_none(reader: Reader) -> None:
    reader.tap("person", "performer", ago_us=-1)
    assert not tapped(reader.step(ms=0).facts, "performer")


@pytest.mark.rule("tap_pair_s")
@pytest.mark.parametrize(("before_us", "who"), [(0, "guardian"), (PAIR_US, "guardian"), (PAIR_US + 1, ""), (-1, "")])
def test_a_points_tag_belongs_to_the_card_just_before_it(reader: Reader, before_us: int, who: str) -> None:
    """PTW-11"""
    assert GB.tap_pair_s.clause == "policy PTW-11: who reads a point's tag has just shown the card"
    point = reader.tap("point", "blind-12")
    reader.tap("person", "guardian", ago_us=before_us)
    assert at_point(reader.step(ms=0).facts, point) == who


def test_of_several_cards_the_last_before_the_point_counts(reader: Reader) -> None:
    """PTW-11"""
    point = reader.tap("point", "blind-12", ago_us=5)
    for who, ago_us in (("performer", 10), ("guardian", 7), ("leader", 20), ("engineer", 1)):
        reader.tap("person", who, ago_us=ago_us)
    reader.tap("point", "blind-13", ago_us=6)
    assert at_point(reader.step(ms=0).facts, point) == "guardian"


def test_every_tag_is_noted_once_in_order_with_who_was_there(reader: Reader) -> None:
    """PTW-11"""
    reader.tap("person", "guardian", ago_us=30)
    reader.tap("point", "blind-12", ago_us=20)
    reader.tap("unknown", "0B0B0B0B", ago_us=10)
    reader.step()
    reader.step()
    reader.tap("point", "blind-12")
    reader.step()
    notes = [note for note in reader.notes if note.type == "tag.read"]
    assert {note.cat for note in notes} == {Category.IDENTITY}
    assert [(note.actor, note.data["what"], note.data["name"], note.data["person"]) for note in notes] == [
        (("person", "guardian"), "person", "guardian", "guardian"),
        (("person", "guardian"), "point", "blind-12", "guardian"),
        (("box", ""), "unknown", "0B0B0B0B", ""),
        (("person", "guardian"), "point", "blind-12", "guardian"),
    ]


def test_a_late_crew_is_late_with_or_without_cards(reader: Reader) -> None:
    """PTW-27"""
    reader.wall_jump_ms = (GB.check_in_s.value + 3600) * 1000
    reason = reader.step(ms=0).verdicts["check_in"].reasons
    assert reason == () or isinstance(reason[0], Reason)
