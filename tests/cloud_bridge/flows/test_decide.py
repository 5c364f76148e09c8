"""The engine's rules: pure functions, no database, a clock that is given."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cloud_bridge.flows.conftest import FACTS, FANG, NOW, SIGNED, ZHOU, event, person, read_file, window


@pytest.fixture(scope="module")
def rules(django_data):
    from cloud_bridge.flows.engine import decide

    return decide


@pytest.fixture(scope="module")
def refused(django_data):
    from cloud_bridge.flows.definition.errors import Refused

    return Refused


def opened(rules, flow, now=NOW, **changes):
    return rules.open_case(flow, event("open", form={**window(), **changes}), now).case


def pending(rules, flow, now=NOW, **changes):
    return rules.decide(flow, opened(rules, flow, now, **changes), event("submit"), now)


def approve(rules, flow, case, who, now=NOW, **facts):
    return rules.decide(flow, case, event("approve", person(*who), form=SIGNED, facts=facts), now)


def due(outcome):
    return {one.name: one.due - NOW for one in outcome.armed}


def test_an_application_waits_without_a_fuse_until_it_is_submitted(rules, flow):
    """PTW-13: the fuse's clock starts with the submission; a reservation may wait."""
    case = opened(rules, flow)
    assert case.state == "preparing"
    assert not any(name.startswith("fuse.") for name in due(rules.Outcome(case, "", "", (), rules.armed(flow, case))))
    hours = due(pending(rules, flow))
    assert (hours["fuse.remind"], hours["fuse.escalate"], hours["fuse.freeze"]) == tuple(timedelta(hours=h) for h in (2, 4, 8))


def test_two_people_of_two_offices_approve_in_turn(rules, flow, refused):
    """PTW-03, PTW-07, PTW-19: each step by somebody else of another office, none skipped."""
    first = approve(rules, flow, pending(rules, flow).case, FANG)
    assert (first.case.state, [done.step for done in first.case.done]) == ("pending_approval", ["site_unit"])
    for again, code in ((FANG, "other_in_each_step"), (("gu", ("approver",), "安全环保部"), "other_office_in_each_step")):
        with pytest.raises(refused) as caught:
            approve(rules, flow, first.case, again)
        assert caught.value.code == code
    assert approve(rules, flow, first.case, ZHOU).case.state == "approved"


@pytest.mark.parametrize(("who", "facts", "code"), [
    (("shen", ("applicant", "approver"), "生产一部"), {}, "not_on_permit"),
    (("guardian", ("approver",), "生产一部"), {}, "not_on_permit"),
    (("fang", ("applicant",), "安全环保部"), {}, "role"),
    (("fang", ("approver",), ""), {}, "other_office_in_each_step"),
    (FANG, {"content_sha256": "b" * 64}, "signs_content"),
    (FANG, {"barred": ["张伟"]}, "crew_free"),
    (FANG, {"barred": None}, "crew_free"),
    (FANG, {"on_site": False}, "holds:on_site"),
    (FANG, {"on_site": "yes"}, "holds:on_site"),
])  # fmt: skip
def test_an_approval_is_refused_with_what_to_do(rules, flow, refused, who, facts, code):
    """PTW-03, PTW-07, PTW-12, ANT-02: each of these alone; a fact that is not plainly true counts as false."""
    with pytest.raises(refused) as caught:
        approve(rules, flow, pending(rules, flow).case, who, **facts)
    assert caught.value.code == code
    assert all((caught.value.expected, caught.value.came, caught.value.todo))


def test_a_special_permit_needs_the_manager_too(rules, flow, refused):
    """PTW-22: the level decides how many steps there are and whose."""
    case = pending(rules, flow, level="special").case
    for who in (FANG, ZHOU):
        case = approve(rules, flow, case, who).case
    assert case.state == "pending_approval"
    with pytest.raises(refused) as caught:
        approve(rules, flow, case, ("third", ("approver",), "设备部"))
    assert caught.value.code == "role"
    assert approve(rules, flow, case, ("boss", ("line_manager",), "厂部")).case.state == "approved"


def test_the_fuse_counts_the_step_and_the_whole_whichever_is_first(rules, flow):
    """PTW-13, PTW-14, PTW-15: a second step that begins after 3 hours is escalated at 4 hours, not at 7."""
    after = approve(rules, flow, pending(rules, flow).case, FANG, NOW + timedelta(hours=1))
    assert due(after)["fuse.escalate"] == timedelta(hours=4)


def test_each_threshold_is_told_once_for_each_permit(rules, flow):
    """PTW-13: the reminder that fired in the first step does not come again in the second."""
    case = pending(rules, flow).case
    reminded = rules.expire(flow, case, "fuse.remind", 1, NOW + timedelta(hours=2))
    assert (reminded.case.marks, [effect.name for effect in reminded.effects]) == (("red",), ["notify"])
    after = approve(rules, flow, reminded.case, FANG, NOW + timedelta(hours=3))
    assert "fuse.remind" not in due(after)
    assert rules.expire(flow, after.case, "fuse.remind", 1, NOW + timedelta(hours=9)) is None


@pytest.mark.parametrize(("ms", "fires"), [(-1, False), (0, True), (1, True)])
def test_a_rung_fires_at_its_moment_and_not_before(rules, flow, ms, fires):
    """PTW-13: 1:59:59.999 no, 2:00:00 yes."""
    now = NOW + timedelta(hours=2, milliseconds=ms)
    assert (rules.expire(flow, pending(rules, flow).case, "fuse.remind", 1, now) is not None) is fires


def test_a_frozen_permit_goes_on_only_by_a_report_of_somebody_who_was_not_late(rules, flow, refused):
    """PTW-15."""
    frozen = rules.expire(flow, pending(rules, flow).case, "fuse.freeze", 1, NOW + timedelta(hours=8)).case
    assert (frozen.state, frozen.marks) == ("frozen", ("red", "code_red"))
    later = NOW + timedelta(hours=9)
    with pytest.raises(refused):
        approve(rules, flow, frozen, FANG, later)
    report = {"cause": "审批人外出开会，未设置代理人，系统提醒短信未及时查看，班组亦未电话催办。", "measures": "设置代理人", "responsible": "方敏"}
    officer = person("an", ("safety_officer",), "安全环保部")
    for form, who, code in ((report, person("fang", ("safety_officer",)), "not_late_approver"), ({**report, "cause": "忙"}, officer, "form")):
        with pytest.raises(refused) as caught:
            rules.decide(flow, frozen, event("report_and_resume", who, form=form), later)
        assert caught.value.code == code
    again = rules.decide(flow, frozen, event("report_and_resume", officer, form=report), later)
    assert (again.case.state, again.case.marks, again.case.done) == ("pending_approval", (), ())
    assert due(again)["fuse.freeze"] == timedelta(hours=9 + 8)
    assert rules.decide(flow, frozen, event("report_and_cancel", officer, form=report), later).case.state == "cancelled"


def checked_in(rules, flow, minutes):
    case = approve(rules, flow, approve(rules, flow, pending(rules, flow).case, FANG).case, ZHOU).case
    case = rules.decide(flow, case, event("issue", by="bridge"), NOW).case
    case = rules.decide(flow, case, event("accept", by="box"), NOW).case
    now = NOW + timedelta(minutes=minutes)
    return case, lambda: rules.decide(flow, case, event("check_in", person("performer", ()), by="box"), now).case


def test_nobody_who_checks_in_in_time_voids_the_permit(rules, flow, refused):
    """PTW-27, ANT-03: 30 minutes, then it is void by itself."""
    case, check_in = checked_in(rules, flow, 30)
    assert check_in().state == "checked_in"
    with pytest.raises(refused):
        checked_in(rules, flow, 30.02)[1]()
    void = rules.expire(flow, case, "check_in.missed", 1, NOW + timedelta(minutes=30))
    assert (void.case.state, [effect.name for effect in void.effects]) == ("void", ["revocation", "notify"])
    assert void.armed == ()


@pytest.mark.parametrize("missing", [None, "briefed", "gas_tested", "guardian_on_post", "isolations_proven", "quiz_passed"])
def test_work_starts_only_when_all_is_there(rules, flow, refused, missing):
    """PTW-16: approval, briefing, gas test and guardian; each one missing alone is enough to refuse."""
    _case, check_in = checked_in(rules, flow, 5)
    facts = dict.fromkeys(("guardian_on_post", "briefed", "gas_tested", "measures_done", "isolations_proven", "ticket_checked", "quiz_passed"), True)
    facts.pop(missing, None)
    ask = event("prepare_site", person("guardian", ()), by="box", facts=facts)
    if missing is None:
        assert rules.decide(flow, check_in(), ask, NOW).case.state == "ready"
        return
    with pytest.raises(refused) as caught:
        rules.decide(flow, check_in(), ask, NOW)
    assert caught.value.code == f"holds:{missing}"


def test_a_box_that_loosens_names_who_acted_there(rules, flow, refused):
    """Weakening needs a person; the edge alone may only tighten."""
    case = msgspec.structs.replace(checked_in(rules, flow, 5)[1](), state="ready")
    nobody = person("", ())
    with pytest.raises(refused) as caught:
        rules.decide(flow, case, event("arm", nobody, by="box"), NOW)
    assert caught.value.code == "person"
    active = rules.decide(flow, case, event("arm", person("performer", ()), by="box"), NOW).case
    suspended = rules.decide(flow, active, event("suspend", nobody, by="box"), NOW)
    assert (suspended.case.state, suspended.case.marks) == ("suspended", ("code_red",))
    assert suspended.effects[0].params["to"] == ["ehs_vice_president"]


def test_a_fire_watch_is_not_ended_early(rules, flow, refused):
    """GB 30871-2022 5.2.14; PTW-06: without media it is refused, too."""
    case = msgspec.structs.replace(checked_in(rules, flow, 5)[1](), state="active")
    watch = rules.decide(flow, case, event("finish", by="box"), NOW).case
    guardian, form = person("guardian", ("guardian",)), {"media": ["clip-1"], "no_embers": True}
    for minutes, given_form, code in ((59.9, form, "clock_ran"), (60, {**form, "media": []}, "form"), (60, {**form, "no_embers": False}, "form")):
        with pytest.raises(refused) as caught:
            rules.decide(flow, watch, event("end_watch", guardian, form=given_form), NOW + timedelta(minutes=minutes))
        assert caught.value.code == code
    done = rules.decide(flow, watch, event("end_watch", guardian, form=form), NOW + timedelta(minutes=60)).case
    assert done.state == "pending_acceptance"
    with pytest.raises(refused):
        rules.decide(flow, done, event("accept_work", person("performer", ("approver",))), NOW)
    assert rules.decide(flow, done, event("accept_work", person("an", ("safety_officer",))), NOW).case.state == "closed"


def test_an_unknown_event_is_refused(rules, flow, refused):
    with pytest.raises(refused) as caught:
        rules.decide(flow, opened(rules, flow), event("bribe"), NOW)
    assert caught.value.code == "event"
    with pytest.raises(refused) as caught:
        rules.decide(flow, opened(rules, flow), event("freeze", by="timer"), NOW)
    assert caught.value.code == "state"


def test_a_clock_that_is_put_back_gives_no_more_time_than_there_was(rules, flow):
    """The fuse that would begin in the future begins now; a moment that people wrote down stays."""
    ahead = NOW + timedelta(hours=30)
    case = pending(rules, flow, ahead, ends=(NOW + timedelta(hours=50)).isoformat(), starts=ahead.isoformat()).case
    corrected = rules.corrected(flow, case, NOW)
    assert due(corrected)["fuse.freeze"] == timedelta(hours=8)
    assert due(corrected)["validity.over"] == timedelta(hours=50)
    assert rules.corrected(flow, corrected.case, NOW) is None


# --- what must hold whatever happens


@pytest.fixture(scope="module")
def hazard(vocabulary):
    from cloud_bridge.flows.definition.reading import read
    from cloud_bridge.flows.definition.texts import Text
    from cloud_bridge.flows.vocabulary import Vocabulary

    roles = {name: Text(name, name) for name in ("team_leader", "safety_officer", "manager", "worker")}
    return read(read_file("hazard.yaml"), "hazard.yaml", Vocabulary(roles))


def hazard_event(name, who="an", roles=("safety_officer",), by="person", **form):
    return event(name, person(who, roles), by=by, form=form)


def test_reviews_go_on_at_the_same_time_and_the_last_one_moves_the_case(rules, hazard, refused):
    case = rules.open_case(hazard, hazard_event("open", grade="major"), NOW).case
    case = rules.decide(hazard, case, hazard_event("grade"), NOW).case
    until = (NOW + timedelta(hours=24)).isoformat()
    for who, role in (("boss", "manager"), ("wang", "team_leader")):
        case = rules.decide(hazard, case, hazard_event("confirm", who, (role,), until=until), NOW).case
        assert case.state == "review"
    with pytest.raises(refused):
        rules.decide(hazard, case, hazard_event("confirm", "other", ("manager",), until=until), NOW)
    last = rules.decide(hazard, case, hazard_event("confirm", until=until), NOW)
    assert last.case.state == "rectifying"
    assert due(last) == {"due.remind": timedelta(hours=18), "due.supervise": timedelta(hours=24)}


def test_an_end_comes_back_to_life_only_where_the_definition_says_so(rules, hazard):
    case = rules.open_case(hazard, hazard_event("open", grade="general"), NOW).case
    closed = msgspec.structs.replace(case, state="closed", done=())
    again = rules.decide(hazard, closed, hazard_event("reopen", by="bridge"), NOW).case
    assert (again.state, again.marks, again.done) == ("review", ("red",), ())


DEED = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 30_000)),
    st.tuples(
        st.sampled_from((
            "submit", "amend", "approve", "reject", "report_and_resume", "issue", "accept", "refuse", "check_in",
            "prepare_site", "arm", "suspend", "resume", "change", "finish", "end_watch", "accept_work", "archive", "cancel", "revoke", "expire",
        )),
        st.sampled_from(("person", "box", "bridge")),
        st.sampled_from((("shen", ("applicant",), "生产一部"), FANG, ZHOU, ("an", ("safety_officer",), "安全环保部"), ("performer", (), ""), ("", (), ""))),
        st.booleans(),
    ),
)  # fmt: skip
TRUE = dict.fromkeys((
    "guardian_on_post", "briefed", "gas_tested", "measures_done", "isolations_proven", "ticket_checked", "quiz_passed",
    "cause_cleared", "reset_on_site", "gas_fresh", "same_day", "later_day", "in_check_in_time", "chain_sealed",
), True)  # fmt: skip
FORMS = {
    "approve": SIGNED, "reject": {"reason": "不行"}, "cancel": {"reason": "不做了"}, "amend": window(hours=20),
    "report_and_resume": {"cause": "因" * 40, "measures": "措施", "responsible": "方敏"},
    "end_watch": {"media": ["clip-1"], "no_embers": True},
}  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(DEED, max_size=30))
def test_whatever_happens_nothing_loosens_by_itself_and_nothing_fires_twice(rules, flow, refused, deeds):
    """Random days of a permit: timers and machines never give more freedom, each rung once a lap, rev by rev."""
    now, fired = NOW, set()
    here = rules.open_case(flow, event("open", form=window(hours=20)), now)
    freedom = {name: state.freedom for name, state in flow.definition.states.items()}
    for deed in deeds:
        before = here.case
        if deed[0] == "wait":
            now += timedelta(seconds=deed[1])
            while here.armed and here.armed[0].due <= now:
                rung = here.armed[0]
                assert (rung.name, rung.lap) not in fired
                fired.add((rung.name, rung.lap))
                after = rules.expire(flow, here.case, rung.name, rung.lap, now)
                assert freedom[after.case.state] <= freedom[here.case.state]
                assert after.case.rev == here.case.rev + 1
                # Fired again, by a worker that came too late: nothing.
                assert rules.expire(flow, after.case, rung.name, rung.lap, now) is None
                here = after
            continue
        name, by, who, holds = deed
        try:
            here = rules.decide(flow, before, event(name, person(*who), by, FORMS.get(name), TRUE if holds else {}), now)
        except refused:
            continue
        assert here.case.rev == before.rev + 1
        if freedom[here.case.state] > freedom[before.state]:
            assert by == "person" or (by == "box" and who[0]), f"{name} by {by} loosened"
        waiting = [rung.name for rung in here.armed]
        assert len(waiting) == len(set(waiting))


def test_the_facts_of_this_file_are_those_that_the_flow_knows(flow):
    assert set(TRUE) <= set(flow.vocabulary.facts)
    assert {name for name, value in FACTS.items() if value is True} <= set(flow.vocabulary.facts)
