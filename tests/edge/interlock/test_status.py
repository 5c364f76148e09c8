"""The status document: what the kiosk page, `hotbox status` and the bridge show, at moments that people see seldom."""

import pytest

from contracts.permit import Precondition
from edge.gas.reading import Quality
from edge.interlock import view
from edge.interlock.happenings import Bypassed, Confirmed, PermitAccepted, ProofAsked, ResetRequested
from edge.interlock.state import Mode
from edge.interlock.status import AuditView, PermitAnswerView, Status
from tests.edge.interlock.bench import Bench, permit, replace


def _status(bench: Bench) -> Status:
    assert bench.last is not None
    return view.build(
        bench.last.facts, bench.last.verdicts, boot=1, audit=AuditView(1, 0, 0, writable=True, age_ms=0), buses=(),
        events=(), loop_lag_ms=0.0, evaluations=1,
    )  # fmt: skip


def test_the_screens_token_is_handed_on_and_is_nothing_without_a_screen(bench: Bench) -> None:
    step = bench.step()
    assert _status(bench).place_token == ""
    assert _status(bench).permit_answer == PermitAnswerView("", "", "", "", 0)
    shown = view.build(
        step.facts, step.verdicts, boot=1, audit=AuditView(1, 0, 0, writable=True, age_ms=0), buses=(), events=(),
        loop_lag_ms=0.0, evaluations=1, place_token="a.b.c", permit_answer=PermitAnswerView("HW-1", "d.e.f"),
    )  # fmt: skip
    assert shown.place_token == "a.b.c"
    assert shown.permit_answer == PermitAnswerView("HW-1", "d.e.f")


def _countdowns(bench: Bench) -> dict[str, int]:
    return {countdown.what: countdown.left_ms for countdown in _status(bench).countdowns}


def test_before_anything_is_known_everything_is_shown_as_unknown(bench: Bench) -> None:
    """Unknown is no state of its own that looks like a good one."""
    step = bench.step()
    facts = replace(step.facts, snapshot=replace(step.facts.snapshot, deadman=None, inputs=None, readings={}))
    bench.last = replace(step, facts=facts)
    shown = _status(bench)
    assert (shown.relay.deadman, shown.relay.contact, shown.relay.status_age_ms) == ("unknown", "unknown", None)
    assert set(shown.inputs.values()) == {None}
    assert {channel.quality for channel in shown.channels} == {"never"}
    assert {channel.value for channel in shown.channels} == {None}
    assert (shown.people, shown.permit, shown.relay_proof) == ((), None, None)


def test_old_values_are_shown_as_stale_and_old_inputs_as_unknown(bench: Bench) -> None:
    """Silence is a fault, on the screen too."""
    bench.step()
    bench.gas["ch4-1"].silent_since = bench.inputs_silent_since = bench.now
    bench.run(1)
    shown = _status(bench)
    assert (shown.channels[0].quality, shown.channels[0].value) == (Quality.STALE.value, 0.0)
    assert set(shown.inputs.values()) == {None}
    bench.inputs_silent_since = None
    bench.step()
    assert _status(bench).inputs["stop"] is True


def test_an_attempt_counts_down(ready: Bench) -> None:
    """BOX-01."""
    ready.arm()
    assert 0 < _countdowns(ready)["attempt"] <= ready.rules.attempt_s.value * 1000
    ready.acknowledge()
    assert "attempt" not in _countdowns(ready)
    assert _countdowns(ready)["deadline"] > 0


def test_a_grace_counts_down_and_ends_with_the_return(released: Bench) -> None:
    """BOX-03: the countdown is loud while somebody is missing, and gone at the very evaluation that sees them."""
    released.badges[1002] = False
    released.run(released.rules.badge_ttl_s.value + 1)
    (grace,) = [countdown for countdown in _status(released).countdowns if countdown.what == "grace"]
    assert grace.condition == "guardian"
    assert grace.zh.endswith("秒后切断")
    released.badges[1002] = True
    released.step()
    (grace,) = [countdown for countdown in _status(released).countdowns if countdown.what == "grace"]
    assert grace.condition == "faces_again", "whoever was away is looked at anew"
    released.run(2)
    assert "grace" not in _countdowns(released)


def test_a_bypass_is_shown_with_what_the_group_still_makes_of_itself(bench: Bench) -> None:
    """A head is left out, loudly; the rest acts as less than it was."""
    bench.badges[1004] = True
    bench.prepare()
    assert {group.name: group.acts_as for group in _status(bench).groups}["pair"] == "1oo2"
    bench.gas["ch4-2"].quality, bench.gas["ch4-2"].value = Quality.FAULT, None
    bench.step()
    bench.step(Bypassed("ch4-2", ("leader", "engineer"), "head is away for repair", "portable PGM-2 held by the guardian", 600))
    shown = _status(bench)
    group = next(group for group in shown.groups if group.name == "pair")
    assert (group.acts_as, group.degraded) == ("1oo1", True)
    assert [(bypass.channel, bypass.by) for bypass in shown.bypasses] == [("ch4-2", ("leader", "engineer"))]
    assert 0 < _countdowns(bench)["bypass"] <= 600_000
    bench.gas["ch4-3"].quality, bench.gas["ch4-3"].value = Quality.FAULT, None
    bench.step()
    assert next(group for group in _status(bench).groups if group.name == "pair").acts_as == "tripped"


def test_after_the_reset_the_watch_goes_on_and_is_said(released: Bench) -> None:
    """LOCKED needs both the reset and the end of the watch."""
    released.gas["ch4-1"].value = 40.0
    released.step()
    released.gas["ch4-1"].value = 0.0
    released.step()
    assert released.mode is Mode.TRIPPED
    assert _status(released).state_en != "reset, fire watch running"
    released.step(ResetRequested(1000, ()))
    assert _countdowns(released)["reset_window"] > 0
    released.press("reset")
    assert released.durable.reset_done, released.refusal()
    shown = _status(released)
    assert (shown.state, shown.state_zh, shown.state_en) == ("TRIPPED", "已复位，看火中", "reset, fire watch running")
    assert _countdowns(released)["fire_watch"] > 0


def test_a_proof_test_is_shown_step_by_step_and_its_result_afterwards(bench: Bench) -> None:
    bench.badges[1004] = True
    bench.step()
    assert _status(bench).relay_proof is None
    bench.step(ProofAsked(1000, ("leader", "engineer"), isolated=True))
    running = _status(bench).relay_proof
    assert running is not None
    assert (running.running != "", running.ok, running.by) == (True, False, ("leader", "engineer"))
    bench.prove()
    ended = _status(bench).relay_proof
    assert ended is not None
    assert (ended.running, ended.ok) == ("", True)
    assert [step.name for step in ended.steps] == ["contact", "drill", "open", "steady"]


def test_a_precondition_is_shown_with_the_point_whose_tag_confirms_it(bench: Bench) -> None:
    """PTW-11."""
    wanted = (Precondition("seen", "V-101 seen", tag="v-101"), Precondition("swept", "swept"))
    bench.step(PermitAccepted(permit(preconditions=wanted)))
    seen, swept = _status(bench).permit.preconditions
    assert (seen.tag, swept.tag) == ("v-101", "")
    assert (seen.ok, seen.by, seen.sensor) == (False, "", "")


@pytest.mark.parametrize("kind", ["confirm", "temperature"])
def test_a_precondition_is_shown_with_by_whom_it_was_entered(bench: Bench, kind: str) -> None:
    """PTW-11."""
    limit = 60_000 if kind == "temperature" else None
    bench.step(PermitAccepted(permit(preconditions=(Precondition("cooled", "vessel cooled", kind, limit),))))
    (open_,) = _status(bench).permit.preconditions
    assert (open_.ok, open_.by, open_.value) == (False, "", "")
    bench.step(Confirmed("HW-1", "cooled", "guardian", 38_500 if limit else None, "0" * 64 if limit else ""))
    (done,) = _status(bench).permit.preconditions
    assert (done.ok, done.by, done.value) == (True, "guardian", "38.5" if limit else "")
