"""The permit's rules: pure functions, no database."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.permit import Level

NOW = datetime(2030, 1, 1, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def rules(django_data):
    from cloud_bridge.permits import workflow

    return workflow


@pytest.fixture
def facts(rules):
    return rules.Facts(
        state=rules.State.PENDING_APPROVAL,
        applicant="shen",
        crew=frozenset({"performer", "guardian"}),
        content_sha256="a" * 64,
        signatures=(),
        starts=NOW,
        ends=NOW + timedelta(hours=4),
    )


def approver(rules, name="fang", office="安全环保部", may=True):
    return rules.Approver(name, office, may)


def refused(rules, facts, who, shown="a" * 64, now=NOW):
    with pytest.raises(rules.Refused) as caught:
        rules.approve(facts, who, shown, now)
    assert caught.value.expected
    assert caught.value.came
    assert caught.value.todo
    return caught.value


def test_two_different_approvers_of_two_offices_approve(rules, facts):
    """PTW-03, PTW-07."""
    assert rules.approve(facts, approver(rules), "a" * 64, NOW) is rules.State.PENDING_APPROVAL
    signed = replace(facts, signatures=(rules.Signature("fang", "安全环保部", "a" * 64),))
    assert rules.approve(signed, approver(rules, "zhou", "生产部"), "a" * 64, NOW) is rules.State.APPROVED


def test_the_same_person_does_not_count_twice(rules, facts):
    signed = replace(facts, signatures=(rules.Signature("fang", "安全环保部", "a" * 64),))
    refused(rules, signed, approver(rules, "fang", "生产部"))


def test_two_approvers_of_one_office_do_not_approve(rules, facts):
    signed = replace(facts, signatures=(rules.Signature("fang", "安全环保部", "a" * 64),))
    refused(rules, signed, approver(rules, "gu"))


def test_nobody_approves_the_own_application(rules, facts):
    """PTW-07: approver == performer or applicant → refused."""
    refused(rules, facts, approver(rules, "shen", "生产一部"))


def test_nobody_of_the_crew_approves(rules, facts):
    refused(rules, facts, approver(rules, "guardian", "生产一部"))


def test_an_approver_needs_role_and_office(rules, facts):
    refused(rules, facts, approver(rules, may=False))
    refused(rules, facts, approver(rules, office=""))


def test_content_that_changed_since_it_was_shown_is_not_signed(rules, facts):
    refused(rules, facts, approver(rules), shown="b" * 64)


def test_a_change_of_content_takes_earlier_signatures_away(rules, facts):
    """PTW-03."""
    signed = replace(facts, signatures=(rules.Signature("fang", "安全环保部", "b" * 64),))
    assert rules.approve(signed, approver(rules, "zhou", "生产部"), "a" * 64, NOW) is rules.State.PENDING_APPROVAL
    both = (rules.Signature("fang", "安全环保部", "b" * 64), rules.Signature("zhou", "生产部", "a" * 64))
    with pytest.raises(rules.Refused):
        rules.issue(replace(facts, state=rules.State.APPROVED, signatures=both))


def test_a_permit_whose_window_is_over_is_not_approved(rules, facts):
    refused(rules, facts, approver(rules), now=NOW + timedelta(hours=5))


def test_only_the_listed_transitions_exist(rules, facts):
    """Unknown event = refused (workflows, rules common to all)."""
    for state, event in itertools.product(rules.State, rules.Event):
        if state in rules.ALLOWED[event]:
            rules.check_allowed(state, event)
        else:
            with pytest.raises(rules.Refused):
                rules.check_allowed(state, event)


def test_nothing_leads_out_of_the_closed_states(rules):
    for state in (rules.State.REJECTED, rules.State.REVOKED, rules.State.FINISHED):
        assert not any(state in sources for sources in rules.ALLOWED.values())


def test_an_expired_permit_can_only_turn_out_to_have_been_finished(rules):
    """The log of a box that was off-line comes after the bridge's clock has ended the permit."""
    assert [event for event, sources in rules.ALLOWED.items() if rules.State.EXPIRED in sources] == [rules.Event.FINISH]
    assert rules.move(rules.State.EXPIRED, rules.Event.FINISH) is rules.State.FINISHED


@pytest.mark.parametrize(("level", "hours"), [(Level.SPECIAL, 8), (Level.GRADE_1, 8), (Level.GRADE_2, 72)])
def test_the_window_is_limited_by_level(rules, level, hours):
    """GB 30871-2022 5.1.5."""
    rules.check_window(level, NOW, NOW + timedelta(hours=hours), NOW)
    with pytest.raises(rules.Refused, match=r"5\.1\.5"):
        rules.check_window(level, NOW, NOW + timedelta(hours=hours, seconds=1), NOW)


@pytest.mark.parametrize(
    ("starts", "ends"),
    [(NOW, NOW), (NOW + timedelta(hours=2), NOW), (NOW - timedelta(hours=1), NOW + timedelta(hours=1))],
)
def test_upside_down_and_backdated_windows_are_refused(rules, starts, ends):
    """PTW-21: work first, paper later must be impossible."""
    with pytest.raises(rules.Refused):
        rules.check_window(Level.GRADE_2, starts, ends, NOW)
