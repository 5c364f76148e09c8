"""Shadow mode: what a proposed pack would have changed, by row, on recorded decisions."""

import msgspec
import pytest

from contracts.event import Event
from contracts.gas import Unit
from contracts.permit import Level
from edge.interlock.decision_record import Given, read
from edge.interlock.rules import Limit, Rules
from edge.interlock.shadow import SEVERAL, Change, Finding, Run, Shadow, Skipped, judge_values, single_changes
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


def _recorded(bench: Bench, kind: str) -> tuple[Event, Given]:
    """The last decision of a kind and what it was made from."""
    assert bench.log is not None
    event = next(event for event in reversed(bench.log.events) if event.type == kind)
    given, _ = read(event.data["snapshot"], bench.log.parts.__getitem__)
    assert isinstance(given, Given)
    return event, given


def _gas(event: Event, *values: tuple[str, str, int], seq: int = 900) -> Event:
    """A gas record of channel, unit and thousandths, at the time and in the attempt of another event."""
    rows = [{"chan": chan, "unit": unit, "value_milli": milli} for chan, unit, milli in values]
    return replace(event, seq=seq, type="gas.record", data={"values": rows})


def test_a_finding_says_where_when_and_why_on_both_sides(released: Bench) -> None:
    """KPI-16: every cause of a trip is named; where nothing happens it reads "-"."""
    released.gas["ch4-1"].value = released.gas["ch4-2"].value = 12.5
    released.step()
    event, _ = _recorded(released, "interlock.tripped")
    found = _shadow(released, _methane(25.0))
    assert found.findings == (
        Finding(
            event.seq, event.t, "interlock.tripped", Change.FEWER_TRIPS, ("limits.CH4",),
            "gas_high ch4-1; gas_high ch4-2", "-",
        ),
    )  # fmt: skip
    assert found.counts() == {"more_trips": 0, "fewer_trips": 1, "more_refusals": 0, "fewer_refusals": 0}
    assert (found.pack, found.pack_sha256) == (GB.name, GB.sha256)


def test_a_refusal_that_only_the_proposal_makes_names_all_its_reasons(ready: Bench) -> None:
    ready.gas["ch4-1"].value = ready.gas["ch4-2"].value = 7.0
    ready.release()
    event, _ = _recorded(ready, "release.authorised")
    (finding,) = _shadow(ready, _methane(5.0)).findings
    assert finding == Finding(
        event.seq, event.t, "release.authorised", Change.MORE_REFUSALS, ("limits.CH4",),
        "-", "gas_high ch4-1; gas_high ch4-2; gas_test_after_trip",
    )  # fmt: skip


def test_a_reason_without_a_subject_is_its_code_alone(ready: Bench) -> None:
    ready.durable = replace(ready.durable, ignited=("HW-1",))
    ready.run(31 * 60, ms=1000)
    ready.press("arm")
    (finding,) = _shadow(ready, _with(gas_test_age_s=7200)).findings
    assert (finding.recorded, finding.proposed) == ("gas_test_old", "-")


def test_what_a_pack_is_called_is_no_row() -> None:
    """Name, words, hash and origin of a pack decide nothing that a row does not."""
    renamed = replace(GB, name="other", zh="别", en="other", sha256="00", site="tank farm", simulation=not GB.simulation)
    assert list(single_changes(GB, renamed)) == []


def test_recorded_values_give_a_finding_with_its_moment_and_every_channel(released: Bench) -> None:
    """Each group that trips is named, not only the last."""
    event, given = _recorded(released, "release.commanded")
    record = _gas(event, ("ch4-1", "%LEL", 7000), ("ch4-2", "%LEL", 8000))
    assert judge_values(record, given, _methane(5.0)) == Finding(
        900, event.t, "gas.record", Change.MORE_TRIPS, ("limits.CH4",), "-", "ch4-1 7 %LEL; ch4-2 8 %LEL"
    )


def test_recorded_values_that_trip_under_both_packs_are_no_finding(released: Bench) -> None:
    event, given = _recorded(released, "release.commanded")
    assert judge_values(_gas(event, ("ch4-1", "%LEL", 30_000)), given, _methane(5.0)) is None


@pytest.mark.parametrize(
    ("chan", "unit", "milli", "trips"),
    [
        ("ch4-1", "%LEL", 5000, False), ("ch4-1", "%LEL", 5001, True), ("ch4-1", "vol%", 5001, False),
        ("o2-1", "vol%", 20_000, False), ("o2-1", "vol%", 19_999, True),
        ("o2-1", "vol%", 22_000, False), ("o2-1", "vol%", 22_001, True),
    ],
)  # fmt: skip
def test_a_value_at_the_limit_passes_and_the_next_does_not(
    released: Bench, chan: str, unit: str, milli: int, trips: bool
) -> None:
    """In the limit's own unit: a value in another says nothing."""
    event, given = _recorded(released, "release.commanded")
    oxygen = Limit("O2", Unit.VOL_PCT, "test", low=20.0, high=22.0)
    stricter = _methane(5.0)
    stricter = replace(stricter, limits=(oxygen, *(limit for limit in stricter.limits if limit.gas != "O2")))
    assert (judge_values(_gas(event, (chan, unit, milli)), given, stricter) is not None) is trips


def test_a_value_without_a_unit_is_a_record_that_says_nothing(released: Bench) -> None:
    event, given = _recorded(released, "release.commanded")
    run = Run(_methane(5.0))
    run.decision(event, given)
    run.other(replace(event, type="gas.alarm", data={"chan": "ch4-1", "value_milli": 7000}))
    assert (run.result().gas_records, run.result().findings) == (1, ())


def test_gas_is_judged_while_released_only(released: Bench) -> None:
    """Before any decision nothing is known about the site; before a release nothing can trip."""
    authorised, before = _recorded(released, "release.authorised")
    commanded, given = _recorded(released, "release.commanded")
    record = _gas(commanded, ("ch4-1", "%LEL", 7000))
    run = Run(_methane(5.0))
    run.other(record)
    assert run.result().gas_records == 0
    run.decision(authorised, before)
    run.other(record)
    assert (run.result().gas_records, run.result().findings) == (1, ())
    run.decision(commanded, given)
    run.other(record)
    assert (run.result().gas_records, len(run.result().findings)) == (2, 1)


@pytest.mark.parametrize(
    "kind", ["interlock.tripped", "interlock.fault", "work.finished", "system.boot", "relay.opened"]
)
def test_gas_after_a_release_has_ended_is_counted_and_not_judged(released: Bench, kind: str) -> None:
    event, given = _recorded(released, "release.commanded")
    run = Run(_methane(5.0))
    run.decision(event, given)
    run.other(replace(event, type="fire_watch.started", data={}))
    run.other(replace(event, type=kind, data={}))
    run.other(_gas(event, ("ch4-1", "%LEL", 7000)))
    assert (run.result().gas_records, run.result().findings) == (1, ())


def test_a_release_goes_on_whatever_else_is_logged(released: Bench) -> None:
    event, given = _recorded(released, "release.commanded")
    run = Run(_methane(5.0))
    run.decision(event, given)
    run.other(replace(event, type="relay.closed", data={}))
    run.other(_gas(event, ("ch4-1", "%LEL", 7000)))
    assert len(run.result().findings) == 1


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("gas.alarm", {}),
        ("gas.alarm", {"chan": "ch4-1", "value_milli": None}),
        ("sensor.high", {"chan": "ch4-1", "unit": "%LEL", "value_milli": 7000}),
    ],
)
def test_only_gas_events_with_a_value_are_gas_records(released: Bench, kind: str, data: dict[str, object]) -> None:
    event, given = _recorded(released, "release.commanded")
    run = Run(_methane(5.0))
    run.decision(event, given)
    run.other(replace(event, type=kind, data=data))
    assert (run.result().gas_records, run.result().findings) == (0, ())


def test_the_stretch_reaches_from_the_first_to_the_last_event_of_any_sort(released: Bench) -> None:
    event, given = _recorded(released, "release.commanded")
    run = Run(GB)
    run.other(replace(event, t=100, type="system.boot", data={}))
    run.decision(replace(event, t=200), given)
    run.skip(replace(event, t=300, seq=7), "damaged")
    assert run.result() == Shadow(GB.name, GB.sha256, 100, 300, 1, 0, (), (Skipped(7, "damaged"),), ())
    run.other(replace(event, t=400, type="system.stop", data={}))
    assert run.result().last_t == 400
    first = Run(GB)
    first.skip(replace(event, t=50), "damaged")
    first.decision(event, given)
    assert first.result().first_t == 50


def test_each_release_counts_for_itself(ready: Bench) -> None:
    """What followed in a release that never was is moot; the next attempt, or that of the next boot, is another."""
    ready.gas["ch4-1"].value = 7.0
    ready.release()
    event, given = _recorded(ready, "release.authorised")
    run = Run(_methane(5.0))
    for seq, (boot, corr) in enumerate([(1, "1"), (1, "1"), (1, "2"), (2, "1"), (2, "1")]):
        run.decision(replace(event, seq=seq, boot=boot, corr=corr), given)
    assert [finding.seq for finding in run.result().findings] == [0, 2, 3]


def test_decisions_that_belong_to_no_attempt_count_each(ready: Bench) -> None:
    ready.gas["ch4-1"].value = 7.0
    ready.release()
    event, given = _recorded(ready, "release.authorised")
    run = Run(_methane(5.0))
    for seq in (1, 2):
        run.decision(replace(event, seq=seq, corr=""), given)
    assert [finding.seq for finding in run.result().findings] == [1, 2]


@pytest.mark.parametrize("kind", ["interlock.arm_refused", "interlock.reset_refused"])
def test_a_refusal_outside_a_release_is_never_moot_and_makes_nothing_moot(ready: Bench, kind: str) -> None:
    ready.gas["ch4-1"].value = 7.0
    ready.release()
    event, given = _recorded(ready, "release.authorised")
    run = Run(_methane(5.0))
    for seq, each in enumerate([kind, kind, "release.authorised", "release.authorised", kind]):
        run.decision(replace(event, seq=seq, type=each), given)
    assert [finding.seq for finding in run.result().findings] == [0, 1, 2, 4]


def test_a_decision_that_the_proposal_cannot_judge_is_named_by_its_number(released: Bench) -> None:
    event, given = _recorded(released, "release.commanded")
    run = Run(replace(GB, limits=tuple(limit for limit in GB.limits if limit.gas != "CO")))
    run.decision(event, given)
    (skipped,) = run.result().skipped
    assert skipped.seq == event.seq
    assert "limit" in skipped.why
