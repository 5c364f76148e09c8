"""The kernel's promises over a large part of its states; the whole search is `make prove`."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.level import why_raised
from edge.interlock import bypassing, kernel, liveness, proof_test, resetting, restart, ticket, watching
from edge.interlock.conditions import air, buttons, contacts, element, filming, level, permit, sensors, wind
from edge.interlock.conditions import box as conditions_box
from edge.interlock.state import Mode
from edge.interlock.turn import Turn, add_consequences
from tests.prove.explore import Found, ViolationError, explore
from tests.prove.invariants import INVARIANTS, restart_forgets_nothing
from tests.prove.sabotage import sabotaged

READMES = [Path(__file__).resolve().parents[2] / name for name in ("README.md", "README.zh-CN.md")]
TRANSITIONS = 60_000
SEED = 1
CHANGES = {
    (Mode.PERMISSIVE_OK, Mode.ARMED), (Mode.ARMED, Mode.RELEASED), (Mode.RELEASED, Mode.TRIPPED),
    (Mode.TRIPPED, Mode.PERMISSIVE_OK), (Mode.TRIPPED, Mode.FAULT), (Mode.FAULT, Mode.TRIPPED), (Mode.ARMED, Mode.LOCKED),
}  # fmt: skip
FAILED = {"gas", "stop", "estop", "deadman", "contact_closed", "clock", "permit", "place", "guardian", "audit_running", "level"}


def _complete(found: Found) -> bool:
    """The search was where it matters; else it would prove nothing."""
    return found.transitions >= TRANSITIONS and set(found.changes) >= CHANGES and set(found.failed_while_released) >= FAILED


def _explore() -> Found:
    """At least `TRANSITIONS`, at most five times as many when the search has not been everywhere yet."""
    found = Found()
    for found in explore(5 * TRANSITIONS, SEED):
        if _complete(found):
            break
    return found


@pytest.mark.timeout(300)
def test_no_promise_is_broken_in_fifty_thousand_transitions() -> None:
    """BOX-01, PTW-24, ANT-10: and the search went where it matters, or it would prove nothing."""
    found = _explore()
    assert _complete(found), (found.changes, found.failed_while_released)
    assert found.shapes > 3_000
    assert found.releases > 30
    assert found.held > 2_000
    assert {before for before, _ in found.changes} == set(Mode)
    for before in (Mode.LOCKED, Mode.PERMISSIVE_OK, Mode.TRIPPED, Mode.FAULT):
        assert (before, Mode.RELEASED) not in found.changes
    assert (Mode.FAULT, Mode.LOCKED) not in found.changes


SABOTAGE: tuple[tuple[Callable[..., Any], str, str, str], ...] = (
    (air.gas, "len(votes) >= needed", "False", "closed_means_clean_air"),
    (air.channel_reason, "value <= limit.high", "value <= 99.0", "closed_means_clean_air"),
    (air.channel_reason, "reading.quality is not _GOOD", "False", "closed_means_clean_air"),
    (air.group_votes, "or vote.code in GAS_ALARMS", "", "no_bypass_beats_gas"),
    (air.group_votes, "in bypassed or vote.code in GAS_ALARMS), 1", "in bypassed or vote.code in GAS_ALARMS), 2", "closed_means_clean_air|no_bypass_beats_gas"),
    (contacts.enclosure, "value <= row.value", "value <= 999", "closed_means_a_cool_box_in_calm_air"),
    (wind.wind, "blows < row.value", "True", "closed_means_a_cool_box_in_calm_air"),
    (wind.wind, "blows >= stop.value", "False", "closed_means_a_cool_box_in_calm_air"),
    (sensors.measured, "0 <= age_us <=", "0 <=", "closed_means_a_cool_box_in_calm_air"),
    (filming.video_running, "0 <= age_us <= ttl.value", "0 <= ttl.value", "closed_means_that_special_work_is_recorded"),
    (filming.video_running, "seen.permit == f.permit.jti", "True", "closed_means_that_special_work_is_recorded"),
    (liveness.end_release, "_void(turn, _everybody(turn))", "pass", "a_release_needs_faces_from_after_the_last_break"),
    (bypassing.problem, "f.durable.mode not in _QUIET", "False", "no_bypass_beats_gas"),
    (buttons.stop, "not read.stop", "False", "closed_means_hands_off_the_stop"),
    (buttons.inputs, "0 <= age_us <=", "0 <=", "closed_means_hands_off_the_stop"),
    (element.deadman, "0 <= age_us <=", "0 <=", "closed_means_the_final_element_agrees"),
    (Turn._end, "- self.snapshot.clock.error_ms * 1000", "+ 1_000_000", "closed_means_within_the_deadline"),
    (level.why_now, "return why_raised", "return () and why_raised", "closed_means_the_level_suffices|closed_means_within_the_deadline"),
    (level.why_now, "f.wall_us + offset_us(f)", "f.wall_us", "closed_means_the_level_suffices|closed_means_within_the_deadline"),
    (why_raised, "of_day >= calendar.night_from_h or", "", "closed_means_the_level_suffices"),
    (kernel._relay, "if after is not Mode.RELEASED", "if after is Mode.TRIPPED", "relay_follows_the_mode"),
    (permit.approval, "if age_s <= rule.value:", "if True:", "a_first_ignition_follows_its_approval"),
    (permit.ticket_check, "not rule.value", "True", "a_release_needs_its_ticket_checked_today"),
    (ticket._judge_person, "person == each.id or here[person] == each.badge", "False", "a_release_needs_its_ticket_checked_today"),
    (ticket._judge_person, "person == given.by", "False", "a_release_needs_its_ticket_checked_today"),
    (conditions_box.clock, "if f.durable.clock_back_ms:", "if False:", "a_clock_set_back_waits_for_a_person"),
    (kernel._move, "h.attempt == turn.d.attempt", "True", "a_release_needs_its_own_acknowledgement"),
    (kernel._move, "elif acknowledged:", "else:", "a_release_needs_its_own_acknowledgement"),
    (kernel._move, "        if missing:\n            turn.abandon(tuple(reason for _, verdict in missing for reason in verdict.reasons))\n        elif",
     "        if", "a_release_needs_every_release_condition"),
    (kernel.run, "turn.now - began < verdict.grace_us", "True", "closed_means_every_run_condition_passed"),
    (kernel._move, ">= turn.rules.attempt_s.value", ">= 2 * turn.rules.attempt_s.value", "an_attempt_ends_in_time"),
    (watching.edges, "if now and not was", "if now", "edge"),
    (resetting.reset, "if not here:", "if False:", "index out of range"),
    (resetting.clear_fault, "len(set(here)) < 2", "False", "a_fault_is_left_only_by_two_people"),
    (resetting.clear_fault, "or reasons:", ":", "a_fault_is_left_only_by_two_people"),
    (proof_test.begin, "turn.d.mode not in MODES", "False", "a_proof_test_runs_on_an_open_relay_only"),
    (proof_test.unproven, "getattr(read, name) is not True", "False", "a_pulse_needs_key_isolation_and_clean_air"),
    (kernel._relay, "if not pulse:", "if False:", "relay_follows_the_mode"),
    (add_consequences, "list(durable.consequences)", "[]", "first_out_is_never_overwritten"),
    (kernel._move, "turn.d.latched):\n        turn.d = replace", "False):\n        turn.d = replace", "first_out_is_never_overwritten"),
    (Turn.opened, "fire_watch=FireWatch(self.d.active, self.now, until),", "", "a_trip_latches_and_starts_the_watch"),
    (restart.recover, "found.mode in (Mode.ARMED, Mode.RELEASED)", "False", "came back as"),
)  # fmt: skip
"""A line of the kernel, what it is replaced by, and the promise that must then be found broken."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("function", "old", "new", "promise"), SABOTAGE, ids=lambda v: getattr(v, "__name__", None))
def test_the_search_finds_a_broken_kernel(function: Callable[..., Any], old: str, new: str, promise: str) -> None:
    """A negative control for each promise: without it the search could pass by accident."""
    with sabotaged(function, old, new), pytest.raises((ViolationError, AssertionError, IndexError)) as caught:
        _explore()
    assert re.search(promise, str(caught.value))


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_readme_lists_every_promise(readme: Path) -> None:
    text = re.sub(r"\s+", " ", readme.read_text(encoding="utf-8"))
    for promise in (*INVARIANTS, restart_forgets_nothing):
        assert f"`{promise.__name__}`" in text
