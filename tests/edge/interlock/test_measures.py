"""What each condition looks at is shown, passing or not, and agrees with its verdict."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.permit import Precondition
from edge.interlock import kernel, view
from edge.interlock.conditions import CONDITIONS
from edge.interlock.conditions.box import offset_ms
from edge.interlock.conditions.measures import SHOWN, Measure, measures
from edge.interlock.evidence import FaceRefused
from edge.interlock.happenings import PermitAccepted
from edge.interlock.snapshot import Snapshot
from edge.interlock.state import GasPoint, ProofTest, Reconfirmation
from tests.edge.interlock.bench import GB, SITE, Bench, permit, replace
from tests.edge.interlock.test_properties import STARTS, _snapshots

DECIDED_BY_NUMBERS = (
    "inputs", "deadman", "loop", "audit", "audit_running", "place", "clock", "lease", "permit", "deadline",
)  # fmt: skip
"""Conditions that pass only while every number that they show is inside its limits."""


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_every_condition_shows_what_it_looks_at_and_what_to_do(condition: object, released: Bench) -> None:
    assert released.last is not None
    (shown,) = [v for v in view.explain(released.last.facts, released.last.verdicts) if v.condition == condition.name]
    assert shown.keep_zh
    assert shown.keep_en
    if condition.name not in ("stranger", "preconditions"):
        assert shown.shown


def test_a_passing_detector_shows_value_limit_unit_age_and_clause(released: Bench) -> None:
    released.run(0.2)
    assert released.last is not None
    (gas,) = [v for v in view.explain(released.last.facts, released.last.verdicts) if v.condition == "gas"]
    assert gas.ok
    first = gas.shown[0]
    assert (first.subject, first.value, first.unit, first.limit) == ("ch4-1", "0", "%LEL", "≤ 10")
    assert first.age_ms == 0
    assert "GB 30871-2022" in first.clause
    assert next(m for m in gas.shown if m.subject == "o2-1").limit == "19.5–23.5"


def test_the_guardians_badge_is_shown_with_its_age_and_time_to_live(released: Bench) -> None:
    released.badges[1002] = False
    released.run(1)
    assert released.last is not None
    (shown,) = [v for v in view.explain(released.last.facts, released.last.verdicts) if v.condition == "guardian"]
    (badge,) = shown.shown
    assert (badge.subject, badge.value, badge.limit, badge.inside) == ("李监护", "1", "≤ 20", True)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(_snapshots)
def test_a_condition_passes_only_while_its_numbers_are_inside(snapshot: Snapshot) -> None:
    bench = Bench().prepare(permit())
    step = kernel.step(SITE, GB, bench.durable, bench.volatile, snapshot, bench.now, (PermitAccepted(permit("HW-2")),))
    for name, verdict in step.verdicts.items():
        found = measures(name, step.facts)
        if verdict.ok and name in DECIDED_BY_NUMBERS and step.facts.snapshot == snapshot:
            assert all(measure.inside is not False or measure.value is None for measure in found), (name, found)
    view.explain(step.facts, step.verdicts)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(STARTS)), _snapshots, st.booleans())
def test_whatever_is_known_or_not_can_be_shown(where: str, snapshot: Snapshot, bare: bool) -> None:
    """A box that has seen nothing is explained like any other."""
    bench = STARTS[where]
    site = replace(bench.site, contacts=(), quorum=("badge",)) if bare else bench.site
    step = kernel.step(site, GB, bench.durable, bench.volatile, snapshot, bench.now, ())
    for shown in view.explain(step.facts, step.verdicts):
        assert all(measure.zh and measure.en for measure in shown.shown)


def test_what_a_permit_asks_for_is_shown_before_and_after_its_proof(bench: Bench) -> None:
    wanted = (
        Precondition("drained", "drained"),
        Precondition("cooled", "cooled", "temperature", 60_000),
    )
    bench.step(PermitAccepted(permit(preconditions=wanted)))
    assert bench.last is not None
    shown = measures("preconditions", bench.last.facts)
    assert [(m.subject, m.value, m.inside) for m in shown] == [("drained", None, None), ("cooled", None, False)]
    bench.strangers = (FaceRefused(bench.now, "", 700), FaceRefused(bench.now - 10**12, "", 700))
    (stranger,) = measures("stranger", bench.step(ms=0).facts)
    assert (stranger.value, stranger.inside) == (0.7, False)


def test_a_site_with_gnss_alone_a_failed_proof_test_and_a_gas_that_is_not_watched_are_shown(ready: Bench) -> None:
    assert ready.last is not None
    test = ready.durable.gas_test
    assert test is not None
    odd = replace(test, points=(GasPoint("up", "H2", "%LEL", 1.0), *test.points[:1]))
    durable = replace(
        ready.durable, as_of=0, gas_test=odd, proof_test=ProofTest(ready.now, 0, ("a", "b"), ok=False, steps=())
    )
    facts = replace(ready.last.facts, site=replace(SITE, quorum=("gnss",)), durable=durable)
    assert next(m.en for m in measures("place", facts)) == "position fix"
    assert [m.en for m in measures("gas_test", facts)] == ["gas test", "CH4 up"]
    assert "behind signed time" not in [m.en for m in measures("clock", facts)]
    assert any("failed" in m.en for name in SHOWN for m in measures(name, facts))


@pytest.mark.parametrize(("need", "heard", "held"), [(1, True, 2), (1, False, 1), (2, False, 1)])
def test_a_site_that_asks_for_some_proofs_of_place_shows_how_many_hold(
    ready: Bench, need: int, heard: bool, held: int
) -> None:
    """PTW-04"""
    assert ready.last is not None
    shot = ready.last.facts.snapshot
    badges = shot.badges if heard else {}
    site = replace(ready.site, quorum=("gnss", "badge"), quorum_need=need)
    facts = replace(ready.last.facts, site=site, snapshot=replace(shot, badges=badges))
    first = next(iter(measures("place", facts)))
    assert first == Measure("成立的位置证明", "proofs of place that hold", value=held, low=need, clause="PTW-04")
    assert first.inside == (held >= need)


def test_bounds_are_judged_as_the_conditions_judge_them() -> None:
    assert Measure("", "", value=10.0, high=10.0).inside is True
    assert Measure("", "", value=10.0, high=10.0, below=True).inside is False
    assert Measure("", "", value=19.4, low=19.5, high=23.5).inside is False
    assert Measure("", "", value=float("nan"), high=10.0).inside is False
    assert Measure("", "", value=None, high=10.0).inside is False
    assert Measure("", "", value=1.0).inside is None


def test_a_condition_without_measures_is_still_explained() -> None:
    assert measures("weather", Bench().step().facts) == ()
    assert set(SHOWN) <= {condition.name for condition in CONDITIONS}


def _shown(bench: Bench, condition: str) -> dict[str, Measure]:
    assert bench.last is not None
    return {measure.en: measure for measure in measures(condition, bench.last.facts)}


def test_the_clock_shows_what_it_is_held_against_as_far_as_that_is_known(bench: Bench) -> None:
    """BOX-02: before a bridge has signed anything, its time is nothing to be behind of."""
    bench.step()
    assert "behind signed time" not in _shown(bench, "clock")
    assert "off the bridge's signed time" not in _shown(bench, "clock")
    bench.last = replace(bench.last, facts=replace(bench.last.facts, durable=replace(bench.durable, clock_offset_ms=None)))
    assert "step" not in _shown(bench, "clock")
    bench.durable = replace(bench.durable, as_of=bench.wall_ms // 1000 - 30, signed_offset_ms=offset_ms(bench.clock) + 2_000)
    bench.step()
    assert _shown(bench, "clock")["behind signed time"].value == 0
    assert _shown(bench, "clock")["off the bridge's signed time"].value == 2.0


def test_a_closing_command_shows_how_long_ago_it_was_until_the_contact_confirms_it(ready: Bench) -> None:
    """BOX-04."""
    ready.stuck = True
    ready.arm()
    ready.acknowledge()
    ready.step()
    assert _shown(ready, "contact_closed")["since the closing command"].value == 20
    ready.stuck, ready.contact = False, True
    ready.step()
    assert "since the closing command" not in _shown(ready, "contact_closed")


def test_the_approvals_age_counts_until_the_first_ignition(ready: Bench) -> None:
    """PTW-08."""
    assert _shown(ready, "approval")["since the last approval"].inside
    ready.durable = replace(ready.durable, reconfirmed=Reconfirmation("HW-1", "guardian", ready.now))
    ready.step()
    assert _shown(ready, "approval")["re-confirmed by the guardian"].inside
    ready.release()
    assert set(_shown(ready, "approval")) == {"first ignition was in time"}


def test_a_check_in_shows_the_planned_start_until_it_is_made(bench: Bench) -> None:
    """PTW-27."""
    bench.looking.clear()
    bench.step(PermitAccepted(permit()))
    assert "since the planned start of day 1" in _shown(bench, "check_in")
    bench.looking |= {"performer", "guardian"}
    bench.step()
    bench.step()
    assert set(_shown(bench, "check_in")) == {"checked in on day 1"}
