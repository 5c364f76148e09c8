"""Bypass of a failed detector: two people, short, counted, loud; never for gas, never the last healthy head (INT-06)."""

import pytest

from edge.gas.reading import Quality
from edge.interlock.bypassing import problem
from edge.interlock.happenings import Bypassed, BypassEnded
from edge.interlock.state import Mode
from tests.edge.interlock.bench import GB, SECOND, Bench, replace

LONGEST_S = GB.bypass_max_s.value
ASKED = Bypassed("ch4-2", ("leader", "engineer"), "head is away for repair", "portable PGM-2 held by the guardian", 600)


def _bench() -> Bench:
    bench = Bench()
    bench.badges[1004] = True
    return bench.prepare()


def _fails(bench: Bench, name: str) -> None:
    bench.gas[name].quality = Quality.FAULT
    bench.step()


def _refused(bench: Bench, asked: Bypassed) -> str:
    """The field at which the bypass is refused; the kernel does not begin it either."""
    bench.step()
    assert bench.last is not None
    error = problem(bench.last.facts, asked)
    before = bench.durable.bypasses
    bench.step(asked)
    assert bench.durable.bypasses == before
    return error.field if error else ""


def test_a_failed_head_of_1oo2_stops_the_work_and_a_bypass_lets_it_go_on() -> None:
    bench = _bench()
    _fails(bench, "ch4-2")
    assert "gas_fault" in bench.missing()
    bench.step(ASKED)
    assert "gas_fault" not in bench.missing()
    bench.release()
    started = bench.found("bypass.started")[0]
    assert started.data["by"] == ["leader", "engineer"]
    assert started.data["measure"] == ASKED.measure
    assert started.cat.value == "bypass"


def test_gas_on_a_bypassed_head_still_trips() -> None:
    """Never for gas over its limit."""
    bench = _bench()
    bench.step(ASKED)
    bench.release()
    bench.gas["ch4-2"].value = 60.0
    bench.step()
    assert (bench.mode, bench.first_out) == (Mode.TRIPPED, "gas_high")


def test_over_range_on_a_bypassed_head_still_trips() -> None:
    bench = _bench()
    bench.step(ASKED)
    bench.release()
    bench.gas["ch4-2"].quality = Quality.OVER_RANGE
    bench.step()
    assert bench.first_out == "gas_over_range"


@pytest.mark.parametrize("quality", [Quality.FAULT, Quality.FROZEN])
def test_gas_that_a_broken_head_reads_is_gas(quality: Quality) -> None:
    """A fault bit beside 60 %LEL is no reason to leave the head out, nor to go on."""
    bench = _bench()
    bench.gas["ch4-2"].quality, bench.gas["ch4-2"].value = quality, 60.0
    assert _refused(bench, ASKED) == "channel"
    bench = _bench()
    _fails(bench, "ch4-2")
    bench.step(ASKED)
    bench.release()
    bench.gas["ch4-2"].quality, bench.gas["ch4-2"].value = quality, 60.0
    bench.step()
    assert (bench.mode, bench.first_out) == (Mode.TRIPPED, "gas_high")


def test_the_head_that_is_left_trips_alone() -> None:
    bench = _bench()
    _fails(bench, "ch4-2")
    bench.step(ASKED)
    bench.release()
    _fails(bench, "ch4-3")
    assert (bench.mode, bench.first_out) == (Mode.TRIPPED, "gas_fault")


def test_two_of_three_with_a_bypass_is_one_of_the_two_that_are_left() -> None:
    """2oo3 degrades to 1oo2, never to 2oo2."""
    bench = _bench()
    bench.step(replace(ASKED, channel="ch4-4"))
    bench.release()
    _fails(bench, "ch4-5")
    assert bench.mode is Mode.TRIPPED


def test_a_bypass_is_refused_without_two_different_entitled_people_who_are_here() -> None:
    bench = _bench()
    assert _refused(bench, replace(ASKED, by=("leader",))) == "by"
    assert _refused(bench, replace(ASKED, by=("leader", "leader"))) == "by"
    assert _refused(bench, replace(ASKED, by=("leader", "performer"))) == "by"
    assert _refused(bench, replace(ASKED, by=("leader", "nobody"))) == "by"
    bench.badges[1004] = False
    bench.step(ms=GB.badge_ttl_s.value * 1000)
    assert problem(bench.last.facts, ASKED) is None, "at the limit"
    bench.step(ms=1)
    assert _refused(bench, ASKED) == "by"


@pytest.mark.parametrize("field", ["reason", "measure"])
@pytest.mark.parametrize("text", ["", "ok", "          ", "too short"])
def test_a_bypass_says_why_and_what_watches_instead(field: str, text: str) -> None:
    assert _refused(_bench(), replace(ASKED, **{field: text})) == field


@pytest.mark.rule("bypass_max_s")
@pytest.mark.parametrize(("seconds", "field"), [(0, "minutes"), (1, ""), (LONGEST_S, ""), (LONGEST_S + 1, "minutes")])
def test_a_bypass_lasts_a_shift_at_most(seconds: int, field: str) -> None:
    """bypass_max_s: ABB Triguard manual, a maintenance override lasts at most a shift."""
    bench = _bench()
    bench.step()
    assert bench.last is not None
    error = problem(bench.last.facts, replace(ASKED, seconds=seconds))
    assert (error.field if error else "") == field


@pytest.mark.rule("bypass_max_count")
def test_bypasses_are_counted() -> None:
    """bypass_max_count: IEC 61511-1, limited in number."""
    bench = _bench()
    bench.step(ASKED)
    assert GB.bypass_max_count.value == 1
    assert _refused(bench, replace(ASKED, channel="ch4-5")) == "channel"
    assert _refused(bench, ASKED) == "channel", "the same one again does not renew it"


def test_the_only_head_of_a_group_is_never_bypassed() -> None:
    assert _refused(_bench(), replace(ASKED, channel="ch4-1")) == "channel"


def test_the_last_healthy_head_is_never_bypassed() -> None:
    bench = _bench()
    _fails(bench, "ch4-3")
    assert _refused(bench, ASKED) == "channel"


def test_a_head_that_sees_gas_is_never_bypassed() -> None:
    bench = _bench()
    bench.gas["ch4-2"].value = 60.0
    assert _refused(bench, ASKED) == "channel"


def test_an_unknown_channel_is_refused() -> None:
    assert _refused(_bench(), replace(ASKED, channel="ch9")) == "channel"


def test_a_bypass_never_begins_while_armed_or_released() -> None:
    """Never while released without a trip first."""
    bench = _bench()
    bench.arm()
    assert _refused(bench, ASKED) == "state"
    bench = _bench().release()
    assert _refused(bench, ASKED) == "state"
    bench.press("stop")
    bench.step(ASKED)
    assert [bypass.channel for bypass in bench.durable.bypasses] == ["ch4-2"], "after the trip"


def test_a_bypass_ends_by_itself_and_the_failed_head_votes_again() -> None:
    """Auto-removed: at the end, not one microsecond later; with a warning before."""
    bench = _bench()
    _fails(bench, "ch4-2")
    bench.step(ASKED)
    until = bench.durable.bypasses[0].until_us
    bench.release()
    assert bench.last is not None
    bench.now = until - 20_000 - 1
    assert bench.step().durable.mode is Mode.RELEASED
    bench.now = until - 20_000
    bench.step()
    assert (bench.mode, bench.first_out) == (Mode.TRIPPED, "gas_fault")
    assert not bench.durable.bypasses
    assert bench.found("bypass.ended")[0].data["why"] == "its time is over"


@pytest.mark.rule("bypass_warning_s")
def test_the_end_is_announced_once() -> None:
    """bypass_warning_s: a warning before the removal."""
    bench = _bench()
    bench.step(replace(ASKED, seconds=3600))
    warning_us = bench.durable.bypasses[0].until_us - GB.bypass_warning_s.value * SECOND
    bench.now = warning_us - 20_000 - 1
    bench.step()
    assert not bench.found("bypass.ending")
    bench.now = warning_us - 20_000
    bench.step()
    bench.step()
    assert len(bench.found("bypass.ending")) == 1
    assert bench.found("bypass.ending")[0].data["seconds"] == GB.bypass_warning_s.value


def test_the_kernel_wakes_up_at_the_end_of_a_bypass() -> None:
    bench = _bench()
    bench.step(replace(ASKED, seconds=1))
    bench.now = bench.durable.bypasses[0].until_us - 120_000
    assert bench.step(ms=20).next_us == bench.durable.bypasses[0].until_us


def test_anybody_may_take_a_bypass_back() -> None:
    bench = _bench()
    _fails(bench, "ch4-2")
    bench.step(ASKED)
    bench.step(BypassEnded("ch4-2", "performer"))
    assert "gas_fault" in bench.missing()
    bench.step(BypassEnded("ch4-2", "performer"))
    assert len(bench.found("bypass.ended")) == 1


def test_a_restart_keeps_a_bypass_and_a_reboot_ends_it() -> None:
    """How much of it is left cannot be known after a reboot: unknown is "no"."""
    bench = _bench()
    bench.step(ASKED)
    bench.restart()
    assert [bypass.channel for bypass in bench.durable.bypasses] == ["ch4-2"]
    bench.restart(boot_id="boot-2")
    assert not bench.durable.bypasses
    assert bench.found("bypass.ended")[0].data["why"] == "the box was started anew"
