"""Shadow mode: what a proposed pack would have changed, by row, on recorded decisions."""

import msgspec

from contracts.gas import Unit
from contracts.permit import Level
from edge.interlock.decision_record import read
from edge.interlock.rules import Limit, Rules
from edge.interlock.shadow import SEVERAL, Change, Run, Shadow, single_changes
from tests.edge.interlock.bench import GB, Bench

replace = msgspec.structs.replace


def _with(**values: int) -> Rules:
    """The pack with other numbers."""
    return replace(GB, **{name: replace(getattr(GB, name), value=value) for name, value in values.items()})


def _methane(high: float) -> Rules:
    """The pack with another limit for methane, in %LEL."""
    own = Limit("CH4", Unit.PCT_LEL, "test", high=high)
    return replace(GB, limits=(own, *(limit for limit in GB.limits if limit.gas != "CH4")))


def _shadow(bench: Bench, proposed: Rules) -> Shadow:
    run = Run(proposed)
    assert bench.log is not None
    for event in bench.log.events:
        if "snapshot" in event.data and "part_of" not in event.data:
            given, _ = read(event.data["snapshot"], bench.log.parts.__getitem__)
            run.decision(event, given)
        else:
            run.other(event)
    return run.result()


def test_the_same_pack_changes_nothing(released: Bench) -> None:
    released.gas["ch4-1"].value = 12.5
    released.step()
    found = _shadow(released, GB)
    assert found.findings == ()
    assert found.decisions >= 4
    assert set(found.counts().values()) == {0}


def test_a_higher_limit_would_have_tripped_less(released: Bench) -> None:
    """INT-20: a rule is tried on the past before it counts."""
    released.gas["ch4-1"].value = 12.5
    released.step()
    (finding,) = _shadow(released, _methane(25.0)).findings
    assert (finding.change, finding.type, finding.rows) == (
        Change.FEWER_TRIPS, "interlock.tripped", ("limits.CH4",),
    )  # fmt: skip
    assert "gas_high ch4-1" in finding.recorded


def test_a_lower_limit_would_have_tripped_on_a_value_that_a_decision_recorded(ready: Bench) -> None:
    """7 %LEL stood in the record of the contact's closing."""
    ready.gas["ch4-1"].value = 7.0
    ready.release()
    (finding,) = _shadow(ready, _methane(5.0)).findings
    assert (finding.change, finding.type) == (Change.MORE_REFUSALS, "release.authorised")
    ready.gas["ch4-1"].value = 4.0
    ready.press("stop")
    assert len(_shadow(ready, _methane(5.0)).findings) == 1, "what followed in a release that never was is moot"


def test_a_shorter_age_of_the_gas_test_would_have_refused(ready: Bench) -> None:
    ready.run(120, ms=500)
    ready.release()
    found = _shadow(ready, _with(gas_test_age_s=60))
    (finding,) = found.findings
    assert (finding.change, finding.type, finding.rows) == (
        Change.MORE_REFUSALS, "release.authorised", ("gas_test_age_s",),
    )  # fmt: skip
    assert found.by_row() == {"gas_test_age_s": {"more_refusals": [finding.seq]}}


def test_a_longer_age_would_have_refused_less(ready: Bench) -> None:
    ready.durable = replace(ready.durable, ignited=("HW-1",))
    ready.run(31 * 60, ms=1000)
    ready.press("arm")
    (finding,) = _shadow(ready, _with(gas_test_age_s=7200)).findings
    assert finding.change is Change.FEWER_REFUSALS
    assert "gas_test_old" in finding.recorded


def test_two_rows_that_only_together_change_a_decision_are_named_so(ready: Bench) -> None:
    ready.looking.clear()
    ready.durable = replace(ready.durable, ignited=("HW-1",))
    ready.run(31 * 60, ms=1000)
    ready.press("arm")
    assert ready.refusal() == {"gas_test_old", "face_old"}
    assert _shadow(ready, _with(gas_test_age_s=7200)).findings == ()
    (finding,) = _shadow(ready, _with(gas_test_age_s=7200, face_ttl_s=7200)).findings
    assert finding.rows == (SEVERAL,)


def test_a_gas_record_while_released_counts_for_a_stricter_limit(released: Bench) -> None:
    """Two of three must agree before a group trips: one value alone is no trip."""
    released.gas["ch4-4"].value = 30.0
    released.run(0.2)
    assert released.found("gas.alarm")
    assert _shadow(released, _methane(5.0)).findings == ()


def test_recorded_values_that_only_the_proposal_finds_too_high_would_have_tripped(released: Bench) -> None:
    run = Run(_methane(5.0))
    assert released.log is not None
    for event in released.log.events:
        if "snapshot" in event.data and "part_of" not in event.data:
            run.decision(event, read(event.data["snapshot"], released.log.parts.__getitem__)[0])
    last = released.log.events[-1]
    values = [{"chan": "ch4-1", "unit": "%LEL", "value_milli": 7000}, {"chan": "co-1", "value_milli": None}]
    run.other(replace(last, seq=900, type="gas.record", data={"values": values}))
    run.other(replace(last, seq=901, type="gas.record", data={"values": values}))
    found = run.result()
    (finding,) = found.findings
    assert (finding.seq, finding.change, finding.rows) == (900, Change.MORE_TRIPS, ("limits.CH4",))
    assert finding.proposed == "ch4-1 7 %LEL"
    assert found.gas_records == 2


def test_a_proposal_without_a_limit_for_a_gas_is_said_and_not_guessed(released: Bench) -> None:
    released.gas["ch4-1"].value = 12.5
    released.step()
    without = replace(GB, limits=tuple(limit for limit in GB.limits if limit.gas != "CO"))
    found = _shadow(released, without)
    assert found.findings == ()
    assert len(found.skipped) >= found.decisions
    assert "limit" in found.skipped[0].why


def test_a_level_and_a_gas_are_rows_of_their_own() -> None:
    """A table of limits or levels is not one row: the one that changes is named."""
    grade_1 = replace(GB.levels[Level.GRADE_1], camera=True)
    proposed = replace(_methane(5.0), levels={**GB.levels, Level.GRADE_1: grade_1}, sha256="other")
    changes = dict(single_changes(GB, proposed))
    assert set(changes) == {"limits.CH4", "levels.grade_1"}
    assert changes["levels.grade_1"].levels[Level.GRADE_1].camera
    assert changes["levels.grade_1"].limits == GB.limits


def test_what_could_not_be_read_and_which_site_rules_held_are_told(released: Bench) -> None:
    run = Run(GB)
    assert released.log is not None
    event = next(event for event in released.log.events if event.type == "relay.closed")
    given = read(event.data["snapshot"], released.log.parts.__getitem__)[0]
    run.skip(event, "damaged")
    run.decision(event, replace(given, rules=replace(GB, site="tank farm")))
    run.other(replace(event, type="interlock.tripped"))
    found = run.result()
    assert [skipped.why for skipped in found.skipped] == ["damaged"]
    assert found.site_rules == ("tank farm",)
    assert found.first_t == found.last_t == event.t
