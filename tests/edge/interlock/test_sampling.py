"""The age of a gas test counts from sampling, not from when it was typed in (GB 30871-2022 5.3.1 c, PTW-08)."""

import pytest

from contracts.errors import ContractError
from edge.interlock.conditions.facts import Facts
from edge.interlock.happenings import GasTested
from edge.interlock.sampling import Sampled, sampled
from edge.interlock.state import GasTest
from tests.edge.interlock.bench import GB, SECOND, Bench, replace
from tests.edge.interlock.wording import Wording

DAY_S = 86_400
NOW_US = 5_000 * SECOND


def _at(clock: str, *, error_ms: int = 0, offset_min: int = 480) -> Facts:
    """The ready box's facts when the site's clock shows that time, on 2026-09-16."""
    facts = Bench().prepare().step().facts
    hour, minute, second = map(int, clock.split(":"))
    wall_s = 1_789_516_800 + hour * 3600 + minute * 60 + second - offset_min * 60  # midnight of a Wednesday, in UTC
    return replace(
        facts, wall_s=wall_s, wall_us=wall_s * SECOND, now_us=NOW_US,
        site=replace(facts.site, utc_offset_min=offset_min),
        snapshot=replace(facts.snapshot, clock=replace(facts.snapshot.clock, error_ms=error_ms)),
    )  # fmt: skip


def _refused(f: Facts, said: str) -> ContractError:
    with pytest.raises(ContractError) as caught:
        sampled(f, said)
    assert caught.value.field == "sampled"
    return caught.value


def test_what_was_sampled_just_now_is_as_old_as_its_entry() -> None:
    f = _at("14:20:30")
    assert sampled(f, "now") == Sampled(NOW_US, f.wall_s)


@pytest.mark.parametrize(
    ("said", "age_s"),
    [("14:20", 30), ("14:20:30", 0), ("14:05", 930), ("13:50:30", 1800)],
)
def test_the_age_counts_from_the_beginning_of_the_minute(said: str, age_s: int) -> None:
    f = _at("14:20:30")
    assert sampled(f, said) == Sampled(NOW_US - age_s * SECOND, f.wall_s - age_s)


@pytest.mark.parametrize(("said", "ok"), [("13:50:31", True), ("13:50:30", True), ("13:50:29", False), ("13:50", False)])
def test_the_oldest_sample_is_as_old_as_the_pack_allows(said: str, ok: bool) -> None:
    """gas_test_age_s: one second less, the limit, one second more."""
    f = _at("14:20:30")
    if ok:
        sampled(f, said)
    else:
        _refused(f, said)


@pytest.mark.parametrize("past_us", [-1, 0, 1])
def test_the_limit_holds_to_the_microsecond(past_us: int) -> None:
    f = _at("14:20:30")
    f = replace(f, wall_us=f.wall_us + past_us, wall_s=(f.wall_us + past_us) // SECOND)
    if past_us <= 0:
        sampled(f, "13:50:30")
    else:
        _refused(f, "13:50:30")


def test_a_time_to_come_is_refused_with_what_would_do(wording: Wording) -> None:
    refused = _refused(_at("14:20:30"), "14:21")
    assert refused.came == "14:21"
    assert refused.expected == "a time from 13:50:30 to 14:20:30, at most 1800 s ago (GB 30871-2022 5.3.1 c)"
    wording.check(refused)


def test_a_clock_that_may_be_off_makes_the_sample_older(wording: Wording) -> None:
    f = _at("14:20:30", error_ms=1_001)
    assert sampled(f, "14:20:30") == Sampled(NOW_US - 2 * SECOND, f.wall_s)
    sampled(f, "13:50:32")
    refused = _refused(f, "13:50:31")
    assert "from 13:50:32 to 14:20:30" in refused.expected
    wording.check(refused)
    assert "from 14:20:30 to 14:20:30" in _refused(_at("14:20:30", error_ms=3_600_000), "14:20:30").expected


def test_a_sample_from_before_midnight_is_of_yesterday() -> None:
    """Young enough to be entered; that it is of another day the condition says (5.3.1 d)."""
    f = _at("00:10:00")
    assert sampled(f, "23:55") == Sampled(NOW_US - 900 * SECOND, f.wall_s - 900)
    assert "from 23:40:00 to 00:10:00" in _refused(f, "00:11").expected


@pytest.mark.parametrize("offset_min", [-300, 0, 330, 480])
def test_the_time_is_the_sites_own(offset_min: int) -> None:
    f = _at("14:20:30", offset_min=offset_min)
    assert sampled(f, "14:20").t == f.wall_s - 30


@pytest.mark.parametrize("said", ["", "14", "14:2", "1420", "24:00", "14:60", "14:20Z", "14:20+08:00", "14:20:30.5", "yesterday", "NOW", "9:05"])
def test_what_is_no_time_is_refused(said: str, wording: Wording) -> None:
    wording.check(_refused(_at("14:20:30"), said))


def test_a_test_ages_from_its_sampling_and_is_recorded_with_it() -> None:
    """Entered 20 minutes after sampling, it is good for 10 more; and the log says when the air was sampled."""
    bench = Bench().prepare()
    old = bench.step().durable.gas_test
    assert old is not None
    moment = sampled(replace(bench.step().facts, now_us=bench.now), "now")
    ago_us = 1200 * SECOND
    step = bench.step(GasTested(GasTest(moment.at_us - ago_us, moment.t - 1200, "leader", "PGM-1", old.points)))
    (note,) = [each for each in step.notes if each.type == "gas_test.recorded"]
    assert note.data["sampled"] == moment.t - 1200
    assert step.verdicts["gas_test"].age_us == pytest.approx(ago_us, abs=SECOND)
    bench.now = moment.at_us - ago_us + GB.gas_test_age_s.value * SECOND + 1
    assert [reason.code for reason in bench.step(ms=0).verdicts["gas_test"].reasons] == ["gas_test_old"]
