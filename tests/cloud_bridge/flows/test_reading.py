"""A definition that cannot be used is refused with the file, the place, what was expected, what came and what to do."""

import re

import pytest

from tests.cloud_bridge.flows.conftest import WORKFLOWS


@pytest.fixture
def read(vocabulary, english):
    from cloud_bridge.flows.definition import reading

    return lambda text, local="": reading.read(text, "permit.yaml", vocabulary, local, "works3.yaml")


@pytest.fixture
def wrong(read):
    from cloud_bridge.flows.definition.errors import DefinitionError

    def found(text, local=""):
        with pytest.raises(DefinitionError) as caught:
            read(text, local)
        assert str(caught.value).startswith(caught.value.origin)
        for problem in caught.value.problems:
            assert problem.expected
            assert problem.came
            assert problem.todo
        return caught.value

    return found


def changed(text, old, new):
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


@pytest.mark.parametrize(("old", "new", "path", "says"), [
    ("guards: [applicant_only]\n    form: content", "guards: [aplicant_only]\n    form: content", "transitions.amend.guards[0]", "Did you mean applicant_only"),
    ("roles: [approver, line_manager, safety_officer, ehs_vice_president]", "roles: [boss]", "transitions.reject.roles[0]", "ehs_vice_president"),
    ("    to: rejected", "    to: rejectd", "transitions.reject.to", "Did you mean rejected"),
    ("effects: [{effect: revocation}]\n  expire:", "effects: [{effect: explode}]\n  expire:", "transitions.change.effects[0]", "one of: notify, revocation"),
    ("form: close_out", "form: closeout", "transitions.end_watch.form", "Did you mean close_out"),
    ("      by: level\n", "      by: place\n", "states.pending_approval.steps.by", "one of: level"),
    ("most: $submit_ahead", "most: $submit_befor", "transitions.submit.guards[7].with.most", "$submit_ahead"),
    ("with: {fact: jsa_confirmed}", "with: {fact: jsa}", "transitions.submit.guards[3].with.fact", "jsa_confirmed"),
    ("with: {clock: watch, least: $fire_watch}", "with: {clock: wach, least: $fire_watch}", "transitions.end_watch.guards[0].with.clock", "Did you mean watch"),
    ("with: {to: [applicant], text: {en: The permit is rejected", "with: {to: [nobody], text: {en: The permit is rejected", "transitions.reject.effects[0].with.to[0]", "next_approver"),
    ("fuse_remind: {value: 2 h,", "fuse_remind: {value: two hours,", "tunables.fuse_remind.value", "2 h, 30 min"),
    ("role: line_manager, title", "role: manager, title", "states.pending_approval.steps.chains.special[2].role", "Did you mean line_manager"),
    ("    while: [post_watch]\n    once_per: watch", "    while: [post_wach]\n    once_per: watch", "ladders.watch.while[0]", "Did you mean post_watch"),
    ("kind: choice", "kind: chioce", "fields.level.kind", "one of: text, number, flag, choice"),
    ("start: preparing", "start: nowhere", "start", "preparing"),
    ("freedom: 1}\n  pending", "freedom: 1, colour: red}\n  pending", "states.preparing.colour", "the unknown key colour"),
    ("opens: {validity: ends}", "opens: {validity: never}", "opens.validity", "one of: now, starts, ends"),
    ("starts: {watch: now}", "starts: {}", "ladders.watch.rungs", "never runs"),
])  # fmt: skip
def test_a_wrong_name_is_refused_with_its_place_and_the_choices(wrong, permit_text, old, new, path, says):
    text = changed(permit_text, old, new)
    error = wrong(text)
    assert path in {problem.path for problem in error.problems}, str(error)
    problem = next(problem for problem in error.problems if problem.path == path)
    begins = text[: text.index(new)].count("\n") + 1
    # A clock that nothing starts is told where it is counted, not where its start is missing.
    assert path == "ladders.watch.rungs" or begins <= problem.line <= begins + new.count("\n"), str(problem)
    assert says in str(problem)


def test_all_problems_are_told_at_once(wrong, permit_text):
    text = changed(changed(permit_text, "    to: rejected", "    to: gone"), "form: close_out", "form: none")
    assert {problem.path for problem in wrong(text).problems} == {"transitions.reject.to", "transitions.end_watch.form"}


@pytest.mark.parametrize(("old", "new", "path", "says"), [
    # The clock lets a frozen permit go on by itself.
    ("    from: [pending_approval]\n    to: frozen\n    by: [timer]", "    from: [pending_approval]\n    to: approved\n    by: [timer]", "transitions.freeze.by", "from pending_approval (freedom 1) to approved (2)"),
    # The bridge resumes by itself.
    ("    from: [suspended]\n    to: ready\n    by: [box]\n    named: true", "    from: [suspended]\n    to: ready\n    by: [bridge]", "transitions.resume.by", "a person with a role"),
    # A box arms without saying who did it.
    ("    from: [ready]\n    to: active\n    by: [box]\n    named: true", "    from: [ready]\n    to: active\n    by: [box]", "transitions.arm.by", "named: true"),
    # An end is left.
    ("    reopens: true\n", "", "transitions.finish.from", "a state that is not an end"),
    # The bridge gives itself more time.
    ("    from: [approved]\n    to: issued\n    by: [bridge]", "    from: [approved]\n    to: issued\n    by: [bridge]\n    starts: {total: now}", "transitions.issue.starts", "more time"),
    # A guard keeps the clock from freezing.
    ("    by: [timer]\n    marks: [red, code_red]", "    by: [timer]\n    guards: [crew_free]\n    marks: [red, code_red]", "transitions.freeze", "keep the clock from tightening"),
])  # fmt: skip
def test_what_would_loosen_by_itself_is_refused(wrong, permit_text, old, new, path, says):
    """Weakening transitions need a person; tightening ones may be automatic."""
    problems = wrong(changed(permit_text, old, new)).problems
    assert any(problem.path == path and says in str(problem) for problem in problems), [str(p) for p in problems]


@pytest.mark.parametrize(("old", "new", "says"), [
    ("fuse_escalate: {value: 4 h,", "fuse_escalate: {value: 90 min,", "more than 2 h, as the rung before"),
    ("  archive:\n    title: {en: Archive, zh: 归档}\n    from: [closed]", "  archive:\n    title: {en: Archive, zh: 归档}\n    from: [ready]", "a way out, or `final: true`"),
    ("goes: freeze}", "goes: reject}", "a transition with `timer` in `by`"),
    ("        grade_2:\n          - {name", "        grade_1x:\n          - {name", "none for grade_2"),
    ("    from: [issued]\n    to: refused", "    event: accept\n    from: [issued]\n    to: refused", "one way for accept out of issued"),
])  # fmt: skip
def test_what_leads_nowhere_or_means_two_things_is_refused(wrong, permit_text, old, new, says):
    assert says in str(wrong(changed(permit_text, old, new)))


@pytest.mark.parametrize(("text", "says"), [
    ("", "keys with values"), ("[1]", "keys with values"), ("a: [", "YAML"), ("flow: x\nflow: y", "each key once"), ("flow: permit", "a value"),
])  # fmt: skip
def test_what_is_no_definition_at_all_is_refused(wrong, text, says):
    assert says in str(wrong(text))


def test_it_is_refused_in_chinese_too(vocabulary, permit_text):
    from django.utils import translation

    from cloud_bridge.flows.definition.errors import DefinitionError
    from cloud_bridge.flows.definition.reading import read

    with translation.override("zh-hans"), pytest.raises(DefinitionError) as caught:
        read(changed(permit_text, "    to: rejected", "    to: rejectd"), "permit.yaml", vocabulary)
    assert re.search(r"第 \d+ 行.*transitions\.reject\.to.*应为.*实际为.*rejectd", str(caught.value)), str(caught.value)


# --- the group's baseline and the base's own rules


def local(**rows):
    import yaml

    return yaml.safe_dump({"name": "works_3", "title": {"en": "w", "zh": "三"}, "tightens": "permit", **rows}, allow_unicode=True)


def test_the_example_of_local_rules_tightens_the_baseline(read, permit_text):
    """INT-06."""
    base = read(permit_text)
    found = read(permit_text, (WORKFLOWS / "permit.local.example.yaml").read_text(encoding="utf-8"))
    assert found.definition.ladders["fuse"].rungs["remind"].after == {"step": "1 h", "total": "1 h"}
    assert base.definition.ladders["fuse"].rungs["remind"].after == {"step": "2 h", "total": "2 h"}
    steps = found.definition.states["pending_approval"].steps.chains
    assert [len(steps[level]) for level in ("special", "grade_1", "grade_2")] == [3, 3, 2]
    assert "meter" in found.definition.forms["close_out"].fields
    assert found.sha256 != base.sha256
    again = read(permit_text, (WORKFLOWS / "permit.local.example.yaml").read_text(encoding="utf-8"))
    assert again.sha256 == found.sha256, "merging is deterministic"


@pytest.mark.parametrize(("rows", "path", "both"), [
    ({"tunables": {"fuse_remind": {"value": "3 h"}}}, "tunables.fuse_remind.value", ("3 h", "at most 2 h", "PTW-13")),
    ({"tunables": {"check_in": {"value": "-1 min"}}}, "tunables.check_in.value", ("-1 min", "zero or more")),
    ({"tunables": {"fire_watch": {"value": "59 min"}}}, "tunables.fire_watch.value", ("59 min", "at least 60 min")),
    ({"tunables": {"late_recipients": {"value": ["safety_officer", "applicant"]}}}, "tunables.late_recipients.value", ("safety_officer, applicant", "all of ehs_vice_president, applicant")),
    ({"tunables": {"media_count": {"value": 0}}}, "tunables.media_count.value", ("0", "at least 1")),
    ({"tunables": {"media_count": {"value": "many"}}}, "tunables.media_count.value", ("many", "a value such as 1")),
    ({"tunables": {"lunch": {"value": "1 h"}}}, "tunables.lunch", ("lunch", "fuse_remind")),
    ({"guards": {"revoke": ["crew_free"]}}, "guards.revoke", ("Revoke", "does not tighten")),
    ({"guards": {"suspend": ["crew_free"]}}, "guards.suspend", ("Suspend", "nothing may stand in its way")),
    ({"steps": {"pending_approval": {"grade_9": []}}}, "steps.pending_approval.grade_9", ("grade_9", "grade_1")),
    ({"steps": {"active": {"all": []}}}, "steps.active", ("active", "pending_approval")),
    ({"fields": {"reason": {"stamp": {"kind": "text", "title": {"en": "s", "zh": "s"}}}}}, "fields.reason", ("Reject", "does not tighten")),
    ({"fields": {"close_out": {"media": {"kind": "files", "title": {"en": "s", "zh": "s"}, "required": False}}}}, "fields.close_out.media", ("media", "does not have")),
    ({"states": {}}, "states", ("the unknown key states", "tunables")),
])  # fmt: skip
def test_a_weaker_local_value_is_refused_with_both_values(wrong, permit_text, rows, path, both):
    """INT-06: local may only tighten, and never where it would stand in the way of something that tightens."""
    error = wrong(permit_text, local(**rows))
    assert error.origin == "works3.yaml"
    said = next(str(problem) for problem in error.problems if problem.path == path)
    for text in both:
        assert text in said


def test_local_rules_of_another_flow_are_refused(wrong, permit_text):
    assert "hazard" in str(wrong(permit_text, local().replace("tightens: permit", "tightens: hazard")))


def test_a_local_value_that_breaks_the_order_of_a_ladder_is_refused(wrong, permit_text):
    assert "as the rung before" in str(wrong(permit_text, local(tunables={"fuse_freeze": {"value": "3 h"}})))


def test_an_equal_or_stricter_value_is_taken(read, permit_text):
    found = read(permit_text, local(tunables={"fuse_remind": {"value": "120 min"}, "media_count": {"value": 3}}))
    assert found.definition.forms["close_out"].fields["media"].least == 3


def test_a_local_guard_holds_beside_those_of_the_baseline(read, permit_text):
    found = read(permit_text, local(guards={"approve": [{"guard": "holds", "with": {"fact": "jsa_confirmed"}}]}))
    assert len(found.definition.transitions["approve"].guards) == 8
