"""Groups vote; whatever is no sound reading is a vote to trip, so a group degrades towards the trip and never to 0."""

import itertools

import msgspec
import pytest

from contracts.gas import Unit
from edge.gas.reading import Quality
from edge.interlock import view
from edge.interlock.conditions.air import acting_vote, gas
from edge.interlock.conditions.facts import facts
from edge.interlock.proving import Result
from edge.interlock.site import Site
from edge.interlock.state import Mode
from tests.edge.interlock.bench import GB, ROSTER, STALE_US, Bench, group

replace = msgspec.structs.replace
STATES = ("clean", "gas", "over_range", "latched", "under_range", "fault", "frozen", "warm_up", "stale", "never", "unfit")
"""`unfit`: its last calibration failed."""
SOUND = ("clean", "gas", "over_range", "latched")
TRIPS_AT = {"1oo1": 1, "1oo2": 1, "2oo3": 2}
O2 = group("oxygen", "1oo1", "O2", Unit.VOL_PCT, "o2-1")


def _world(vote: str, states: tuple[str, ...]) -> Bench:
    names = [f"ch4-{number}" for number in range(1, len(states) + 1)]
    bench = Bench(Site("box-1", "gb30871-2022", (group("g", vote, "CH4", Unit.PCT_LEL, *names), O2), ROSTER, ("gnss",), True))
    bench.now += 10 * STALE_US
    for name, state in zip(names, states, strict=True):
        one = bench.gas[name]
        if state == "gas":
            one.value = 10.1
        elif state == "latched":
            bench.durable = replace(bench.durable, over_range=(*bench.durable.over_range, name))
        elif state == "stale":
            one.silent_since = bench.now - STALE_US - 1
        elif state == "unfit":
            record = bench.durable.detectors[name]
            failed = replace(record.bump, result=Result.FAILED, due_s=1)
            bench.durable.detectors[name] = replace(record, calibration=failed)
        elif state != "clean":
            one.quality = Quality(state)
    return bench


@pytest.mark.parametrize("vote", TRIPS_AT)
def test_the_whole_truth_table(vote: str) -> None:
    """BOX-01, findings/edge 3.7: every combination of every state of every detector, 11 + 121 + 1331 of them.

    Anything but a sound reading within the limit is one vote to trip: 2oo3 with one dead behaves as 1oo2.
    """
    for states in itertools.product(STATES, repeat=int(vote[-1])):
        bench = _world(vote, states)
        f = facts(bench.site, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)
        votes = sum(state != "clean" for state in states)
        assert gas(f).ok is (votes < TRIPS_AT[vote]), states
        dead = sum(state not in SOUND for state in states)
        shown = view._group(f, bench.site.groups[0])
        behaves = {"1oo1": ["1oo1"], "1oo2": ["1oo2"], "2oo3": ["2oo3", "1oo2"]}[vote]
        assert shown.acts_as == (behaves[dead] if dead < len(behaves) else "tripped"), states
        assert shown.degraded is (dead > 0)
        # What it behaves as is what it does: the sound ones trip it by that vote.
        gas_seen = sum(state in ("gas", "over_range", "latched") for state in states)
        assert gas(f).ok is not (shown.acts_as == "tripped" or gas_seen >= TRIPS_AT[shown.acts_as]), states


def test_less_than_one_sound_detector_never_votes_for_a_release() -> None:
    assert [acting_vote(vote, 0) for vote in TRIPS_AT] == ["tripped"] * 3
    assert acting_vote("1oo2", 1) == acting_vote("2oo3", 1) == "tripped"


def test_one_of_eight_detectors_may_be_dead_while_its_groups_vote_is_healthy() -> None:
    """A release needs every group's vote, not every detector."""
    bench = Bench().prepare()
    bench.gas["ch4-5"].quality = Quality.FAULT
    bench.release()
    assert bench.mode is Mode.RELEASED
    assert bench.last is not None
    shown = next(g for g in (view._group(bench.last.facts, g) for g in bench.site.groups) if g.name == "trio")
    assert (shown.healthy, shown.degraded, shown.acts_as) == (True, True, "1oo2")
    bench.gas["ch4-6"].value = 11.0
    bench.step()
    assert bench.mode is Mode.TRIPPED


# --- oxygen before a catalytic reading -------------------------------------------------------------------------------


@pytest.mark.rule("catalytic_o2_vol_pct")
@pytest.mark.parametrize(("oxygen", "believed"), [(9.999999, False), (10.0, True), (10.000001, True)])
def test_a_bead_is_believed_from_ten_percent_oxygen_upwards(oxygen: float, believed: bool) -> None:
    """catalytic_o2_vol_pct (IEC 60079-29-2): limit - eps, limit, limit + eps."""
    bench = _world("1oo1", ("clean",))
    bench.gas["o2-1"].value = oxygen
    f = facts(bench.site, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)
    reasons = gas(f).reasons
    assert reasons[0].code == "gas_low"
    follows = [reason for reason in reasons if reason.code == "gas_no_oxygen"]
    assert [r.subject for r in follows] == ([] if believed else ["ch4-1"])
    if not believed:
        assert (follows[0].limit_milli, follows[0].unit) == (10_000, "vol%")
        assert follows[0].clause == GB.catalytic_o2_vol_pct.clause


def test_without_a_sound_oxygen_reading_every_clean_bead_is_doubted_and_the_oxygen_is_first_out() -> None:
    bench = Bench().prepare().release()
    bench.gas["o2-1"].quality = Quality.FAULT
    bench.step()
    assert (bench.first_out, bench.durable.first_out.subject) == ("gas_fault", "o2-1")  # type: ignore[union-attr]
    assert "gas_no_oxygen" in bench.consequences
    assert {note.data["chan"] for note in bench.found("gas.fault")} == {"o2-1"}


def test_a_bead_that_reads_gas_is_believed_without_oxygen() -> None:
    bench = _world("1oo1", ("gas",))
    bench.gas["o2-1"].quality = Quality.FAULT
    f = facts(bench.site, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)
    assert {r.code for r in gas(f).reasons} == {"gas_high", "gas_fault"}


def test_infrared_needs_no_oxygen() -> None:
    bench = _world("1oo1", ("clean",))
    infrared = replace(bench.site.groups[0].channels[0], catalytic=False)
    bench.site = replace(bench.site, groups=(replace(bench.site.groups[0], channels=(infrared,)), O2))
    bench.gas["o2-1"].quality = Quality.FAULT
    f = facts(bench.site, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)
    assert {r.code for r in gas(f).reasons} == {"gas_fault"}


def test_one_sound_oxygen_detector_vouches_for_all_beads() -> None:
    bench = Bench(Site("box-1", "gb30871-2022", (
        group("g", "1oo1", "CH4", Unit.PCT_LEL, "ch4-1"), group("trio", "2oo3", "O2", Unit.VOL_PCT, "o2-1", "o2-2", "o2-3"),
    ), ROSTER, ("gnss",), True))  # fmt: skip
    bench.gas["o2-1"].quality = Quality.FAULT
    f = facts(bench.site, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)
    assert gas(f).ok


def test_an_oxygen_detector_over_its_range_can_be_reset_although_beads_depend_on_it() -> None:
    bench = Bench().prepare().release()
    bench.gas["o2-1"].quality = Quality.OVER_RANGE
    bench.step()
    bench.gas["o2-1"].quality = Quality.GOOD
    bench.test_gas()
    bench.press("reset")
    assert bench.found("interlock.reset")


# --- the record of all values ----------------------------------------------------------------------------------------


@pytest.mark.rule("gas_record_s")
def test_while_released_every_value_is_recorded_at_once_and_every_two_hours() -> None:
    """gas_record_s (GB 30871-2022 6.5, 2 h): limit - 1 us, limit, limit + 1 us."""
    bench = Bench().prepare()
    bench.step()
    assert not bench.found("gas.record")
    bench.release()
    (first,) = bench.found("gas.record")
    assert first.data["clause"] == "GB 30871-2022 6.5"
    assert {row["chan"] for row in first.data["values"]} == {c.name for c in bench.site.channels}
    (oxygen,) = (row for row in first.data["values"] if row["chan"] == "o2-1")
    assert oxygen == {
        "chan": "o2-1", "gas": "O2", "unit": "vol%", "q": "good", "value_milli": 20_900, "limit_low_milli": 19_500,
        "limit_high_milli": 23_500, "limit_clause": GB.limit("O2", Unit.VOL_PCT).clause,
    }  # fmt: skip
    began = bench.volatile.recorded_us
    for past_us, count in ((-1, 1), (0, 2), (1, 2)):
        bench.durable = replace(bench.durable, deadline_us=began + 10**11)
        bench.now = began + GB.gas_record_s.value * 1_000_000 + past_us
        bench.step(ms=0)
        assert len(bench.found("gas.record")) == count
    bench.volatile = replace(bench.volatile, recorded_us=began)
    bench.step(ms=0)
    assert len(bench.found("gas.record")) == 3, "looked at a microsecond late, it is recorded at once"
    bench.press("stop")
    assert bench.volatile.recorded_us == 0
