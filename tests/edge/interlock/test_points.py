"""A precondition that the tag of its point confirms: read at the box, just after the card of somebody whose badge is here.

PTW-11 (measures and points done before work), PTW-27 (how a person is known to have been at the reader).
"""

import pytest

from contracts.errors import ContractError
from contracts.event import Category
from contracts.permit import Precondition
from edge.interlock import entering
from edge.interlock.conditions.measures import measures
from edge.interlock.conditions.people import known_here
from edge.interlock.conditions.preconditions import preconditions
from edge.interlock.evidence import Device, Tap
from edge.interlock.happenings import PermitAccepted, Withdrawn
from edge.interlock.kernel import Relay
from edge.interlock.snapshot import Snapshot
from edge.interlock.state import Confirmation, Mode, Opening, Reason
from tests.edge.interlock.bench import GB, SECOND, WALL_S, Bench, permit, replace
from tests.edge.interlock.wording import Wording

SEEN = Precondition("v-101", "阀 V-101 已关 V-101 closed", tag="v-101")
BLIND = Precondition("blind", "盲板 B-7 blind B-7", "isolation", tag="b-7")
SWEPT = Precondition("swept", "已清扫 swept")
RULE = GB.precondition_ttl_s
TTL_US = RULE.value * SECOND
SUBJECT = "阀 V-101 已关 V-101 closed [v-101]"


class Point(Bench):
    """A bench with a tag reader and a permit that asks for a point to be seen."""

    def __init__(self, *wanted: Precondition, end_s: int = 4 * 3600) -> None:
        super().__init__()
        self.taps: dict[str, Tap] = {}
        self.step()
        self.claims = permit(preconditions=wanted, end_s=end_s)
        self.step(PermitAccepted(self.claims))
        self.test_gas()
        self.check_ticket()
        self.step()

    def snapshot(self) -> Snapshot:
        return replace(super().snapshot(), taps=dict(self.taps))

    def tap(self, what: str, name: str, *, ago_us: int = 0) -> None:
        self.taps[f"{what} {name}"] = Tap(self.now - ago_us, what, name)

    def see(self, point: str = "v-101", person: str = "guardian") -> None:
        """Somebody's card, then the point's tag, and the evaluations that follow."""
        self.step()
        self.tap("person", person, ago_us=SECOND)
        self.tap("point", point)
        self.step(ms=0)
        self.step(ms=0)

    def missing(self) -> list[Reason]:
        return list(self.step(ms=0).verdicts["preconditions"].reasons)


@pytest.fixture
def point() -> Point:
    return Point(SEEN)


def _at(point: Point, proof: Confirmation | None, **facts: object) -> list[Reason]:
    """Why the permit's precondition does not hold with this proof of it."""
    f = point.step(ms=0).facts
    proofs = {} if proof is None else {f"HW-1/{point.claims.preconditions[0].id}": proof}
    return list(preconditions(replace(f, durable=replace(f.durable, preconditions=proofs), **facts)).reasons)


def test_work_is_refused_until_the_tag_was_read_and_goes_on_after_it(point: Point) -> None:
    """PTW-11"""
    assert point.missing() == [Reason("tag_unread", SUBJECT, None, None, "", RULE.clause)]
    point.press("arm")
    assert point.mode is Mode.LOCKED
    point.see()
    assert point.missing() == []
    point.release()
    assert point.mode is Mode.RELEASED


def test_who_was_there_is_written_down_and_remembered(point: Point) -> None:
    """PTW-11: what a log has to tell afterwards is who and when."""
    point.see()
    (note,) = [note for note in point.notes if note.type == "permit.precondition"]
    assert (note.cat, note.actor, note.permit) == (Category.PERMIT, ("person", "guardian"), "HW-1")
    assert note.data == {"id": "v-101", "tag": "v-101"}
    assert point.durable.preconditions == {"HW-1/v-101": Confirmation("guardian", point.now)}


def test_the_moment_is_that_of_the_reading(point: Point) -> None:
    """BOX-08: evidence ages from its capture."""
    point.tap("person", "guardian", ago_us=9)
    point.tap("point", "v-101", ago_us=7)
    assert point.step(ms=0).durable.preconditions == {"HW-1/v-101": Confirmation("guardian", point.now - 7)}


@pytest.mark.parametrize("person", ["performer", "leader"])
def test_anybody_of_permit_or_roster_who_is_here_may_have_been_there(point: Point, person: str) -> None:
    point.badges[1003] = True
    point.step()
    point.see(person=person)
    assert point.durable.preconditions["HW-1/v-101"].person == person
    assert point.missing() == []


def test_a_tag_without_a_card_before_it_confirms_nothing(point: Point) -> None:
    point.tap("point", "v-101")
    point.step(ms=0)
    point.tap("person", "guardian")
    assert [reason.code for reason in point.missing()] == ["tag_unread"]
    assert point.durable.preconditions == {}


@pytest.mark.parametrize("person", ["stranger", "leader"])
def test_a_card_without_its_owners_badge_confirms_nothing(point: Point, person: str) -> None:
    """PTW-27: a card can be copied; its owner's badge must be here."""
    point.badges.pop(1003, None)
    point.badge_seen.pop(1003, None)
    point.see(person=person)
    assert point.durable.preconditions == {}
    assert [note.data["person"] for note in point.notes if note.type == "tag.read"] == [person, person]


def test_a_card_that_is_read_is_no_point_of_its_name() -> None:
    point = Point(replace(SEEN, tag="guardian"))
    point.tap("person", "guardian")
    point.step(ms=0)
    assert point.durable.preconditions == {}


def test_the_tag_of_another_point_confirms_nothing(point: Point) -> None:
    point.see("v-102")
    assert point.durable.preconditions == {}


def test_a_nameless_point_confirms_nothing_that_a_person_must_say() -> None:
    """A precondition without a tag is a person's word."""
    point = Point(SWEPT)
    point.see("")
    assert point.durable.preconditions == {}
    assert [reason.code for reason in point.missing()] == ["precondition"]


def test_one_tag_confirms_all_that_is_seen_there_and_nothing_else() -> None:
    point = Point(SEEN, SWEPT, replace(SEEN, id="lamp"), BLIND)
    point.see()
    assert set(point.durable.preconditions) == {"HW-1/v-101", "HW-1/lamp"}
    point.see("b-7")
    assert set(point.durable.preconditions) == {"HW-1/v-101", "HW-1/lamp", "HW-1/blind"}


def test_without_a_permit_a_tag_confirms_nothing() -> None:
    point = Point(SEEN)
    point.durable = replace(point.durable, permits=())
    point.see()
    assert point.durable.preconditions == {}


def test_a_tag_read_before_the_permit_came_does_not_count_for_it(point: Point) -> None:
    point.durable = replace(point.durable, permits=())
    point.see()
    point.step(PermitAccepted(point.claims), ms=0)
    assert [reason.code for reason in point.missing()] == ["tag_unread"]


@pytest.mark.rule("precondition_ttl_s")
@pytest.mark.parametrize(("age_us", "ok"), [(-1, False), (0, True), (TTL_US - 1, True), (TTL_US, True), (TTL_US + 1, False)])
def test_a_reading_counts_for_its_time_and_not_before_it_was_made(point: Point, age_us: int, ok: bool) -> None:
    """PTW-11: what is stale has to be seen again."""
    found = _at(point, Confirmation("guardian", point.now - age_us))
    assert found == ([] if ok else [Reason("tag_old", SUBJECT, age_us // 1000, RULE.value * 1000, "s", RULE.clause)])


def test_what_is_stale_is_read_again(point: Point) -> None:
    point.durable = replace(
        point.durable, preconditions={"HW-1/v-101": Confirmation("guardian", point.now - TTL_US - 1)}
    )
    assert [reason.code for reason in point.missing()] == ["tag_old"]
    point.see()
    assert point.missing() == []


def test_work_that_goes_on_is_not_stopped_by_the_age_of_a_reading(point: Point) -> None:
    """It is asked for before work, as a temperature measured by hand is."""
    point.see()
    point.release()
    old = Confirmation("guardian", point.now - TTL_US - SECOND)
    point.durable = replace(point.durable, preconditions={"HW-1/v-101": old})
    assert point.step().relay is Relay.HOLD


def test_what_is_taken_back_needs_a_new_reading(point: Point) -> None:
    """PTW-11, GB 30871-2022 4.17: the reading that stands in the box's memory is not taken up again."""
    point.see()
    point.step(Withdrawn("HW-1", "v-101", "guardian"))
    assert [reason.code for reason in point.missing()] == ["tag_unread"]
    point.see()
    assert point.missing() == []


def test_an_isolation_whose_tag_was_read_is_still_an_isolation() -> None:
    """GB 30871-2022 5.2.2: seen each day, and after a break that is too long."""
    blind = Point(BLIND, end_s=10**6)
    subject = f"{BLIND.text} [b-7]"
    assert _at(blind, None) == [Reason("tag_unread", subject, None, None, "", RULE.clause)]
    fresh = Confirmation("guardian", blind.now - TTL_US)
    noon = WALL_S - WALL_S % 86400 + 4 * 3600
    assert _at(blind, fresh, wall_s=noon, wall_us=noon * SECOND) == []
    midnight = WALL_S - WALL_S % 86400 + 60
    site = replace(blind.site, utc_offset_min=0)
    night = _at(blind, fresh, wall_s=midnight, wall_us=midnight * SECOND, site=site)
    assert [reason.code for reason in night] == ["isolation_day"]
    blind.rules = replace(GB, precondition_ttl_s=replace(RULE, value=10 * RULE.value))
    blind.durable = replace(blind.durable, opening=Opening("HW-1", blind.now - 3 * TTL_US, by_gas=False))
    late = _at(blind, Confirmation("guardian", blind.now - 4 * TTL_US), wall_s=noon, wall_us=noon * SECOND)
    assert [reason.code for reason in late] == ["isolation_break"]


@pytest.mark.parametrize(("health", "code"), [("ok", "tag_unread"), ("silent", "nfc_silent"), ("absent", "nfc_absent")])
def test_a_reader_that_is_broken_is_named_as_the_cause(point: Point, health: str, code: str) -> None:
    point.devices = {"nfc": Device(point.now, "nfc", health, 0)}
    assert [reason.code for reason in point.missing()] == [code]


@pytest.mark.parametrize("wanted", [SEEN, BLIND])
def test_a_persons_word_does_not_stand_for_the_tag(wanted: Precondition, wording: Wording) -> None:
    """PTW-11: the permit asked for the point to be seen."""
    f = Point(wanted).step(ms=0).facts
    with pytest.raises(ContractError) as caught:
        entering.confirm(f, "HW-1", wanted.id, "guardian", None, "", kept=lambda _name: True)
    wording.check(caught.value)


def test_it_is_shown_how_old_a_reading_is_and_how_old_it_may_be(point: Point) -> None:
    (before,) = measures("preconditions", point.step(ms=0).facts)
    assert (before.zh, before.en) == ("未确认", "not confirmed")
    assert (before.subject, before.value, before.at_us) == (SUBJECT, None, None)
    point.see()
    (after,) = measures("preconditions", point.step(ms=2000).facts)
    assert (after.zh, after.en) == ("已由 guardian 确认", "confirmed by guardian")
    assert (after.subject, after.value, after.low, after.high) == (SUBJECT, 2.0, None, RULE.value)
    assert (after.unit, after.clause, after.at_us) == ("s", RULE.clause, point.now - 2 * SECOND)


@pytest.mark.parametrize(("age_us", "here"), [(-1, False), (0, True), (GB.badge_ttl_s.value * SECOND, True), (GB.badge_ttl_s.value * SECOND + 1, False)])
def test_a_badge_counts_for_its_time_and_not_from_the_future(point: Point, age_us: int, here: bool) -> None:
    """BOX-03"""
    f = point.step(ms=0).facts
    badge = replace(f.snapshot.badges[1002], at_us=f.now_us - age_us)
    found = known_here(replace(f, snapshot=replace(f.snapshot, badges={1002: badge})))
    assert found == ({"guardian"} if here else set())
