"""The shift leader's check of the ticket before ignition: who may, when, for which permit and day, how it is lost."""

from collections.abc import Callable

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.event import Category
from contracts.permit import Level, Person, Revocations, Role
from edge.interlock import ticket, view
from edge.interlock.conditions.measures import measures
from edge.interlock.happenings import PermitAccepted, Revoked, Suspended, SuspendedHere, TicketChecked
from edge.interlock.site import SitePerson
from edge.interlock.state import MAX_PERMITS, Mode, TicketCheck, decode, encode
from tests.edge.interlock.bench import BOOT_US, GB, PERFORMER, ROSTER, SECOND, SITE, WALL_S, Bench, permit
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
DAY_S = 86_400
BEFORE_S = GB.check_in_s.value


@pytest.fixture
def held(bench: Bench) -> Bench:
    """A box with a permit and a gas test, whose ticket nobody has checked."""
    bench.step(PermitAccepted(permit()))
    bench.test_gas()
    return bench


Refused = Callable[..., ContractError]


@pytest.fixture
def refused(wording: Wording) -> Refused:
    """Why a check is refused, in the words that are written down; the kernel refuses it too."""

    def why(bench: Bench, number: str = "HW-1", by: str = "leader") -> ContractError:
        assert bench.last is not None
        facts = replace(bench.last.facts, now_us=bench.now)
        with pytest.raises(ContractError) as caught:
            ticket.judge(facts, TicketChecked(number, by))
        kept = bench.durable.ticket_checks
        bench.step(TicketChecked(number, by), ms=0)
        assert bench.durable.ticket_checks == kept
        assert not bench.found("permit.checked")
        wording.check(caught.value)
        return caught.value

    return why


# --- a check


def test_without_a_check_arming_is_refused_and_with_it_everything_is_met(held: Bench) -> None:
    """PTW-16, GB 30871-2022 A.1."""
    held.press("arm")
    assert held.refusal() == {"ticket_check_none"}
    held.check_ticket()
    held.step()
    assert held.mode is Mode.PERMISSIVE_OK


def test_a_check_is_remembered_and_recorded_with_person_permit_and_day(held: Bench) -> None:
    """ANT-10: who, which ticket, which day, and everything that it was decided from."""
    held.check_ticket()
    assert held.durable.ticket_checks == {"HW-1": TicketCheck("leader", held.wall_ms // 1000, 0)}
    (note,) = held.found("permit.checked")
    assert (note.cat, note.actor, note.permit, note.snapshot) == (Category.PERMIT, ("person", "leader"), "HW-1", True)
    assert note.data == {"person": "leader", "day": 0, "clause": GB.ticket_check.clause}


def test_the_newest_check_counts(held: Bench) -> None:
    held.check_ticket()
    held.run(2)
    held.check_ticket()
    assert held.durable.ticket_checks["HW-1"].t == held.wall_ms // 1000


def test_a_check_survives_the_state_file_a_restart_and_a_reboot(held: Bench) -> None:
    held.check_ticket()
    kept = held.durable.ticket_checks
    assert decode(encode(held.durable)).ticket_checks == kept
    held.restart()
    held.restart(boot_id="boot-2")
    assert held.durable.ticket_checks == kept
    held.step()
    assert "ticket_check" not in held.failing()


# --- who may


@pytest.mark.parametrize("person", ["engineer", "guardian", "nobody", ""])
def test_only_a_person_of_the_roster_with_the_right_checks(held: Bench, person: str, refused: Refused) -> None:
    held.badges |= {1004: True}
    held.step()
    error = refused(held, by=person)
    assert (error.field, error.came) == ("person", repr(person) if person else "nothing")
    assert "right ticket_check" in error.expected
    assert error.hint == "here and entitled: leader, performer"


@pytest.mark.parametrize(("gone_ms", "here"), [(19_999, True), (20_000, True), (20_001, False)])
def test_the_shift_leaders_badge_is_here_now(held: Bench, gone_ms: int, here: bool, refused: Refused) -> None:
    held.badges[1003] = held.badges[1001] = False
    held.now = held.badge_seen[1003] + gone_ms * 1000
    held.step(ms=0)
    if here:
        held.step(TicketChecked("HW-1", "leader"), ms=0)
        assert held.durable.ticket_checks
    else:
        assert refused(held).hint == "here and entitled: nobody"


@pytest.mark.parametrize("alias", [False, True])
def test_nobody_of_the_crew_checks_their_own_ticket(alias: bool, refused: Refused) -> None:
    """A check is a second pair of eyes: neither the performer, nor under another name with the same badge."""
    name = "zhang-leader" if alias else "performer"
    people = (ROSTER[0], SitePerson(name, "张作业", 1001, ("ticket_check",)))
    bench = Bench(replace(SITE, roster=people))
    bench.step()
    bench.step(PermitAccepted(permit()))
    error = refused(bench, by=name)
    assert (error.field, error.expected, error.came) == ("person", "somebody who does not work on this permit", name)
    assert "another shift leader" in error.hint


def test_a_crew_member_named_with_another_badge_checks_no_ticket_either(held: Bench, refused: Refused) -> None:
    crew = (PERFORMER, Person("leader", "赵班长", Role.GUARDIAN, 1777), *permit().people[1:])
    held.step(Revoked(Revocations("b", "box-1", 1, WALL_S, ("HW-1",))), PermitAccepted(permit("HW-2", people=crew)))
    held.step()
    assert refused(held, "HW-2").expected == "somebody who does not work on this permit"


def test_an_approver_checks_no_ticket_that_they_approved(held: Bench, refused: Refused) -> None:
    held.badges[1006] = True
    held.step()
    error = refused(held, by="boss")
    assert (error.field, error.expected, error.came) == ("person", "somebody who did not approve this permit", "boss")
    assert "another shift leader" in error.hint


def test_the_performer_of_one_permit_may_check_anothers(bench: Bench) -> None:
    other = (Person("wu", "吴作业", Role.PERFORMER, 1011), *permit().people[1:])
    bench.step(PermitAccepted(permit(people=other)))
    bench.check_ticket(by="performer")
    assert bench.durable.ticket_checks["HW-1"].person == "performer"


# --- which permit


def test_a_box_without_a_permit_checks_none(bench: Bench, refused: Refused) -> None:
    bench.step()
    error = refused(bench, "")
    assert (error.field, error.expected, error.came) == ("permit", "a permit on this box", "nothing")


def test_only_the_current_permit_is_checked(held: Bench, refused: Refused) -> None:
    held.step(PermitAccepted(permit("HW-2")))
    error = refused(held, "HW-2")
    assert (error.field, error.expected, error.came) == ("permit", "HW-1", "'HW-2'")
    assert "hotbox permit show" in error.hint


def _revoke(bench: Bench) -> None:
    bench.step(Revoked(Revocations("b", "box-1", 1, WALL_S, ("HW-1",))))


def _void(bench: Bench) -> None:
    bench.step(Suspended("HW-1", "x", void=True))


def _finish(bench: Bench) -> None:
    bench.durable = replace(bench.durable, finished=("HW-1",))


def _end(bench: Bench) -> None:
    bench.now = BOOT_US + 4 * 3600 * SECOND


def _lose(bench: Bench) -> None:
    bench.durable = replace(bench.durable, lost_s=WALL_S)


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (_revoke, "revoked"), (_void, "void"), (_finish, "finished"), (_end, "expired"), (_lose, "revocation"),
    ],
)  # fmt: skip
def test_a_permit_that_is_over_is_not_checked(held: Bench, over: Callable[[Bench], None], said: str, refused: Refused) -> None:
    over(held)
    held.step(ms=0)
    error = refused(held)
    assert (error.field, error.expected) == ("permit", "a permit under which work may begin")
    assert said in error.came
    assert error.hint


@pytest.mark.parametrize(("early_s", "error_ms", "ok"), [
    (BEFORE_S - 1, 0, True), (BEFORE_S, 0, True), (BEFORE_S + 1, 0, False), (BEFORE_S, 1, False), (BEFORE_S - 1, 1, True),
])  # fmt: skip
def test_a_ticket_is_checked_from_check_in_time_on(bench: Bench, early_s: int, error_ms: int, ok: bool, refused: Refused) -> None:
    """Not for tomorrow's work; a clock that may be off counts against it."""
    bench.step(ms=0)
    bench.clock_error_ms = error_ms
    bench.step(PermitAccepted(permit(start_s=early_s)), ms=0)
    if ok:
        bench.step(TicketChecked("HW-1", "leader"), ms=0)
        assert bench.durable.ticket_checks["HW-1"].day == 0
        return
    error = refused(bench)
    assert (error.field, error.expected) == ("permit", f"at the earliest {BEFORE_S} s before the planned start")
    assert error.came == f"{BEFORE_S + 1} s before it"


@pytest.mark.parametrize(("left_ms", "ok"), [(1, True), (0, False), (-1, False)])
def test_a_ticket_is_checked_up_to_its_end(held: Bench, left_ms: int, ok: bool) -> None:
    held.now = BOOT_US + 4 * 3600 * SECOND - left_ms * 1000
    held.step(TicketChecked("HW-1", "leader"), ms=0)
    assert bool(held.durable.ticket_checks) is ok


# --- how it is lost


def test_a_new_permit_inherits_no_check(held: Bench) -> None:
    held.check_ticket()
    held.step(PermitAccepted(permit("HW-2", start_s=-30)))
    held.durable = replace(held.durable, finished=("HW-1",))
    held.run(1)  # the crew proves itself for the new permit
    assert held.failing() == {"ticket_check"}
    held.check_ticket()
    assert held.durable.ticket_checks.keys() == {"HW-1", "HW-2"}
    held.step()
    assert held.mode is Mode.PERMISSIVE_OK


def test_the_check_of_a_forgotten_permit_is_forgotten(held: Bench) -> None:
    held.check_ticket()
    held.durable = replace(held.durable, finished=("HW-1",))
    for number in range(MAX_PERMITS - 1):
        held.step(PermitAccepted(permit(f"HX-{number}")))
    assert "HW-1" in held.durable.ticket_checks, "it is still held"
    held.step(PermitAccepted(permit("HX-LAST")))
    assert held.durable.ticket_checks == {}


def test_a_second_day_needs_a_second_check(bench: Bench) -> None:
    """PTW-16, PTW-27: every day of a permit is a new start."""
    bench.prepare(permit(start_s=0, end_s=3 * DAY_S, level=Level.GRADE_2))
    bench.now = BOOT_US + DAY_S * SECOND
    bench.step()
    (reason,) = bench.last.verdicts["ticket_check"].reasons  # type: ignore[union-attr]
    assert (reason.code, reason.subject, reason.clause) == ("ticket_check_day", "HW-1", GB.ticket_check.clause)
    bench.check_ticket()
    assert bench.durable.ticket_checks["HW-1"].day == 1
    bench.step()
    assert "ticket_check" not in bench.failing()


@pytest.mark.parametrize(
    "happening",
    [
        Suspended("HW-1", "wind", void=False), Suspended("", "storm", void=False), Suspended("HW-1", "x", void=True),
        SuspendedHere("guardian", relief=True, present=True),
    ],
)  # fmt: skip
def test_whoever_suspends_takes_the_ticket_back(released: Bench, happening: Suspended | SuspendedHere) -> None:
    """GB 30871-2022 4.10: a ticket that was taken back is checked again before the next ignition."""
    released.step(happening)
    assert released.mode is Mode.TRIPPED
    assert released.durable.ticket_checks == {}
    assert "ticket_check_none" in released.missing()


def test_only_the_suspended_permit_loses_its_check(held: Bench) -> None:
    held.check_ticket()
    held.step(Suspended("HW-9", "wind", void=False))
    assert "HW-1" in held.durable.ticket_checks
    held.durable = replace(held.durable, ticket_checks={**held.durable.ticket_checks, "HW-9": TicketCheck("leader", 0, 0)})
    held.step(Suspended("HW-9", "wind", void=False))
    assert held.durable.ticket_checks.keys() == {"HW-1"}


def test_a_suspension_without_a_permit_takes_nothing_back(bench: Bench) -> None:
    bench.step(SuspendedHere("guardian", relief=False, present=True))
    assert bench.durable.ticket_checks == {}


def test_a_missed_day_takes_the_ticket_back(bench: Bench) -> None:
    """PTW-27: the permit is suspended when nobody checked in in time."""
    bench.prepare(permit(start_s=0, end_s=3 * DAY_S, level=Level.GRADE_2))
    bench.looking.clear()
    bench.now = BOOT_US + DAY_S * SECOND
    bench.step()
    bench.check_ticket()
    assert bench.durable.ticket_checks["HW-1"].day == 1
    bench.now += (BEFORE_S + 1) * SECOND
    bench.step()
    assert bench.first_out == "check_in_missed"
    assert bench.durable.ticket_checks == {}


def test_a_trip_leaves_the_ticket_with_its_crew(released: Bench) -> None:
    """Workflows "Permit": after a trip it is a reset and a new arm, not a new ticket."""
    released.press("stop")
    released.press("reset")
    released.release()
    assert len(released.found("permit.checked")) == 1


def test_while_released_the_check_is_not_looked_at_again(released: Bench) -> None:
    """A release condition: losing it does not trip."""
    released.durable = replace(released.durable, ticket_checks={})
    released.step()
    assert released.mode is Mode.RELEASED


# --- what is shown


def test_explain_shows_who_checked_on_which_day(held: Bench) -> None:
    def said() -> list[tuple[str, str, str]]:
        assert held.last is not None
        return [(m.zh, m.en, m.clause) for m in measures("ticket_check", held.last.facts)]

    clause = GB.ticket_check.clause
    held.step()
    assert said() == [("第 1 天未验票", "not checked on day 1", clause)]
    held.check_ticket()
    held.step()
    assert said() == [("由 leader 在第 1 天验票，今天是第 1 天", "checked by leader on day 1; today is day 1", clause)]
    held.rules = replace(GB, ticket_check=replace(GB.ticket_check, value=False))
    held.step()
    assert said()[0] == ("规则不要求", "not asked for", clause)
    held.durable = replace(held.durable, permits=())
    held.step()
    assert said() == []
    assert "ticket_check" not in held.failing()


@pytest.mark.parametrize(("person", "name"), [("leader", "赵班长"), ("gone", "gone")])
def test_the_status_shows_the_check(bench: Bench, person: str, name: str) -> None:
    """Somebody who has left the roster since is shown by id."""
    bench.prepare(permit(start_s=0, end_s=3 * DAY_S, level=Level.GRADE_2))
    check = TicketCheck(person, WALL_S, 0)
    for day, ok in ((0, True), (1, False)):
        bench.durable = replace(bench.durable, ticket_checks={"HW-1": check})
        bench.now = BOOT_US + day * DAY_S * SECOND
        bench.step()
        assert bench.last is not None
        shown = view._permit(bench.last.facts)
        assert shown is not None
        assert shown.checked == view.TicketCheckView(person, name, WALL_S, 1, ok)
    bench.durable = replace(bench.durable, ticket_checks={})
    shown = view._permit(bench.step().facts)
    assert shown is not None
    assert shown.checked is None
