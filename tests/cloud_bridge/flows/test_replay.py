"""A past case under another text: where it would have gone differently."""

from datetime import timedelta

import pytest

from tests.cloud_bridge.flows.conftest import FANG, NOW, SIGNED, event, person, window


@pytest.fixture(scope="module")
def past(flow):
    """Submitted, reminded at 2 h, approved by one at 3 h, frozen at 8 h."""
    from cloud_bridge.flows.definition.model import By
    from cloud_bridge.flows.engine.case import Event
    from cloud_bridge.flows.engine.decide import decide, expire, open_case
    from cloud_bridge.flows.engine.replay import Past

    rows = []

    def note(outcome, came, at, due=None):
        rows.append(Past(at, outcome.via, came, outcome.before, outcome.case.state, due))
        return outcome.case

    came = event("open", form=window(hours=12))
    case = note(open_case(flow, came, NOW), came, NOW)
    came = event("submit")
    case = note(decide(flow, case, came, NOW), came, NOW)
    for hours, rung in ((2, "fuse.remind"), (3, ""), (4, "fuse.escalate"), (8, "fuse.freeze")):
        at = NOW + timedelta(hours=hours, seconds=1)
        if rung:
            came = Event(rung, By.TIMER, person("clock", ()))
            case = note(expire(flow, case, rung, 1, at), came, at, NOW + timedelta(hours=hours))
        else:
            came = event("approve", person(*FANG), form=SIGNED)
            case = note(decide(flow, case, came, at), came, at)
    return tuple(rows)


@pytest.fixture
def play(vocabulary, permit_text, past):
    from cloud_bridge.flows.definition.reading import read
    from cloud_bridge.flows.engine.replay import replay

    def found(*changes):
        text = permit_text
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        lines = replay(read(text, "new.yaml", vocabulary), past, NOW + timedelta(hours=9))
        return {line.what: line for line in lines}

    return found


def test_the_same_text_goes_the_same_way(play, past):
    found = play()
    assert {line.kind.value for line in found.values()} == {"same"}
    assert list(found) == [row.via for row in past]


def test_a_shorter_fuse_freezes_earlier_and_refuses_what_came_after(play):
    found = play(("fuse_remind: {value: 2 h", "fuse_remind: {value: 1 h"), ("fuse_escalate: {value: 4 h", "fuse_escalate: {value: 2 h"), ("fuse_freeze: {value: 8 h", "fuse_freeze: {value: 150 min"))
    assert found["fuse.freeze"].kind.value == "other_time"
    assert (found["fuse.freeze"].at - NOW, found["fuse.freeze"].then_at - NOW) == (timedelta(minutes=150), timedelta(hours=8))
    assert found["approve"].kind.value == "refused"
    assert found["approve"].why
    assert found["submit"].kind.value == "same"


def test_a_guard_that_is_new_refuses_and_the_clock_does_not_run(play):
    found = play(("      - {guard: holds, with: {fact: complete}}", "      - {guard: holds, with: {fact: chain_sealed}}"))
    assert (found["submit"].kind.value, found["submit"].now) == ("refused", "preparing")
    assert found["fuse.freeze"].kind.value == "only_then"


def test_a_rung_that_is_new_comes_in_addition(play):
    found = play((
        "      escalate:\n", "      again: {title: {en: again, zh: 再次}, after: {total: 3 h}, marks: [twice]}\n      escalate:\n",
    ))  # fmt: skip
    assert found["fuse.again"].kind.value == "only_now"


def test_one_step_less_leads_elsewhere(play):
    chain = "        grade_2:\n          - {name: site_unit, role: approver, title: {en: site unit, zh: 所在单位}}\n          - {name: safety, role: approver, title: {en: safety department, zh: 安全管理部门}}\n"
    found = play((chain, "\n".join(chain.splitlines()[:2]) + "\n"))
    assert (found["approve"].kind.value, found["approve"].then, found["approve"].now) == ("other_state", "pending_approval", "approved")
    assert found["fuse.freeze"].kind.value == "only_then"
