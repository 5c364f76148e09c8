"""Bypass of a failed detector: two people, short, counted, loud; never for gas, never the last healthy head (INT-06)."""

from collections.abc import Callable

import pytest

from contracts.event import Category, Severity
from edge.gas.reading import Quality
from edge.interlock.bypassing import problem, run_out
from edge.interlock.conditions.air import votes_to_trip
from edge.interlock.happenings import Bypassed, BypassEnded
from edge.interlock.state import Bypass, Mode
from tests.edge.interlock.bench import GB, SECOND, Bench, replace
from tests.edge.interlock.changes import changed, note, turn

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


AGAIN_S = GB.bypass_again_s.value


@pytest.mark.rule("bypass_again_s")
@pytest.mark.parametrize(("early_s", "allowed"), [(1, False), (0, True), (-1, True)])
@pytest.mark.parametrize("how", ["ran out", "taken back", "started anew"])
def test_one_shift_stays_one_shift(how: str, early_s: int, allowed: bool) -> None:
    """bypass_again_s: the same head is bypassed again only after it was in service for so long; another one may be."""
    bench = _bench()
    bench.now += 20_000
    bench.step(ASKED)
    assert len(bench.durable.bypasses) == 1
    if how == "taken back":
        bench.now += 60 * SECOND
        bench.step(BypassEnded("ch4-2", "leader"), ms=0)
    elif how == "started anew":
        bench.restart(boot_id="boot-2")
        bench.now += ASKED.seconds * SECOND
    else:
        bench.now += ASKED.seconds * SECOND
    bench.step(ms=0)
    assert not bench.durable.bypasses
    assert problem(bench.last.facts, replace(ASKED, channel="ch4-3")) is None
    bench.now += (AGAIN_S - early_s) * SECOND
    bench.step(ms=0)
    error = problem(bench.last.facts, ASKED)
    assert (error is None) == allowed
    bench.step(ASKED, ms=0)
    assert (len(bench.durable.bypasses) == 1) == allowed
    if error is not None:
        assert (error.field, error.came, error.hint) == ("channel", f"ch4-2: {(AGAIN_S - 1) // 60} minutes ago", "repair or replace it")
        assert error.expected == f"a channel whose last bypass ended at least {AGAIN_S // 60} minutes ago ({GB.bypass_again_s.clause})"


@pytest.mark.parametrize(("value", "code"), [(10.0, ""), (10.001, "gas_high"), (60.0, "gas_high"), (None, "")])
def test_gas_that_a_bypassed_head_reads_in_warm_up_is_gas(value: float | None, code: str) -> None:
    """Only a value is needed: it trips, and whoever asks for the bypass then is refused; unbypassed it is warm-up."""
    bench = _bench()
    bench.step(ASKED)
    bench.release()
    bench.gas["ch4-2"].quality, bench.gas["ch4-2"].value = Quality.WARM_UP, value
    bench.step()
    assert (bench.first_out, bench.mode is Mode.TRIPPED) == (code, bool(code))
    bench = _bench()
    bench.gas["ch4-2"].quality, bench.gas["ch4-2"].value = Quality.WARM_UP, value
    bench.step()
    assert "gas_warm_up" in bench.missing()
    assert _refused(bench, ASKED) == "channel" if code else problem(bench.last.facts, ASKED) is None


def test_a_value_in_warm_up_counts_for_the_bypassed_head_alone_while_its_bypass_lasts() -> None:
    bench = _bench()
    bench.step(ASKED)
    bench.gas["ch4-5"].quality, bench.gas["ch4-5"].value = Quality.WARM_UP, 60.0
    bench.gas["ch4-2"].quality, bench.gas["ch4-2"].value = Quality.WARM_UP, 60.0
    f = bench.step().facts
    assert {name: reason.code for name, reason in votes_to_trip(f).items()} == {"ch4-2": "gas_high", "ch4-5": "gas_warm_up"}
    over = tuple(replace(bypass, until_us=f.now_us) for bypass in f.durable.bypasses)
    late = replace(f, durable=replace(f.durable, bypasses=over))
    assert votes_to_trip(late)["ch4-2"].code == "gas_warm_up"


@pytest.mark.rule("bypass_max_count")
@pytest.mark.parametrize(("most", "refused"), [(0, "channel"), (1, ""), (2, "")], ids=["one less", "at", "one more"])
def test_as_many_bypasses_begin_as_the_pack_allows(most: int, refused: str) -> None:
    """bypass_max_count: the first begins where the pack allows one or more, and none where it allows none."""
    bench = _bench()
    bench.rules = replace(GB, bypass_max_count=replace(GB.bypass_max_count, value=most))
    error = problem(bench.step().facts, ASKED)
    assert (error.field if error else "") == refused


@pytest.mark.rule("bypass_warning_s")
@pytest.mark.parametrize(("past_us", "warned"), [(-1, 0), (0, 1), (1, 1)], ids=["before", "at", "after"])
def test_the_warning_begins_to_the_microsecond(past_us: int, warned: int) -> None:
    """bypass_warning_s: limit - 1 us, limit, limit + 1 us before the end."""
    bench = _bench()
    bench.step(replace(ASKED, seconds=3600))
    bench.now = bench.durable.bypasses[0].until_us - GB.bypass_warning_s.value * SECOND + past_us
    bench.step(ms=0)
    assert len(bench.found("bypass.ending")) == warned


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


# --- whole


def test_two_bypasses_asked_for_at_once_are_still_counted_and_leave_a_head() -> None:
    """Both were allowed when they were asked for: the second is judged again after the first."""
    bench = _bench()
    bench.step(ASKED, replace(ASKED, channel="ch4-3"))
    assert [bypass.channel for bypass in bench.durable.bypasses] == ["ch4-2"]
    bench = _bench()
    bench.rules = replace(GB, bypass_max_count=replace(GB.bypass_max_count, value=9))
    bench.step(ASKED, replace(ASKED, channel="ch4-3"), replace(ASKED, channel="ch4-4"), replace(ASKED, channel="ch4-4"))
    assert [bypass.channel for bypass in bench.durable.bypasses] == ["ch4-2", "ch4-4"]


def test_a_bypassed_head_is_not_the_healthy_one_that_is_left() -> None:
    """Its failure would not vote: both of a pair could die unseen."""
    bench = _bench()
    bench.rules = replace(GB, bypass_max_count=replace(GB.bypass_max_count, value=9))
    bench.step(replace(ASKED, channel="ch4-4"))
    assert problem(turn(bench).f, replace(ASKED, channel="ch4-5")) is None, "the third one is left"
    bench.step(replace(ASKED, channel="ch4-5"))
    assert _refused(bench, replace(ASKED, channel="ch4-6")) == "channel"


def test_a_bypass_is_kept_and_written_whole() -> None:
    """IEC 61511-1 16: who, why, what watches instead, how long."""
    bench = _bench()
    other = Bypass("ch4-5", ("a", "b"), "r", "m", 0, bench.now + 10_000 * SECOND)
    bench.rules = replace(GB, bypass_max_count=replace(GB.bypass_max_count, value=2))
    bench.durable = replace(bench.durable, bypasses=(other,))
    before = bench.durable
    step = bench.step(ASKED)
    begun = Bypass("ch4-2", ("leader", "engineer"), ASKED.reason, ASKED.measure, bench.now, bench.now + 600 * SECOND)
    assert changed(before, bench.durable)["bypasses"] == (other, begun)
    assert [n for n in step.notes if n.cat is Category.BYPASS] == [
        note(
            "bypass.started", Category.BYPASS, Severity.WARNING, actor=("person", "leader"), snapshot=True, chan="ch4-2",
            by=["leader", "engineer"], reason=ASKED.reason, measure=ASKED.measure, seconds=600,
            clause=GB.bypass_max_s.clause,
        ),
        note("bypass.ending", Category.BYPASS, Severity.WARNING, chan="ch4-2", seconds=600),
    ]  # fmt: skip


def test_taking_one_back_ends_that_one_only() -> None:
    bench = _bench()
    two = tuple(Bypass(name, ("a", "b"), "r", "m", 0, bench.now + 10_000 * SECOND) for name in ("ch4-2", "ch4-5"))
    bench.durable = replace(bench.durable, bypasses=two)
    step = bench.step(BypassEnded("ch4-2", "performer"))
    assert bench.durable.bypasses == two[1:]
    ended = note("bypass.ended", Category.BYPASS, actor=("person", "performer"), chan="ch4-2", why="taken back")
    assert [n for n in step.notes if n.cat is Category.BYPASS] == [ended]


WARNING_US = GB.bypass_warning_s.value * SECOND


@pytest.mark.parametrize(
    ("since_us", "left_us", "ended", "warned"),
    [
        (0, WARNING_US + 1, False, False), (0, WARNING_US, False, True), (0, 1, False, True), (0, 5 * SECOND - 1, False, True), (0, 0, True, False),
        (0, -1, True, False), (1, 5, True, False),
    ],
)  # fmt: skip
def test_the_end_is_warned_about_and_kept_to_the_microsecond(
    since_us: int, left_us: int, ended: bool, warned: bool
) -> None:
    """A bypass that has not begun, as after a clock that nobody trusts, is over."""
    bench = _bench()
    bypass = Bypass("ch4-2", ("a", "b"), "r", "m", bench.now + since_us, bench.now + left_us)
    kept = Bypass("ch4-5", ("a", "b"), "r", "m", 0, bench.now + 2 * WARNING_US)
    made = turn(bench, bypasses=(bypass, kept))
    run_out(made)
    assert made.d.bypasses == ((kept,) if ended else (bypass, kept))
    assert made.v.bypass_warned == (("ch4-2",) if warned else ())
    over = note("bypass.ended", Category.BYPASS, Severity.WARNING, chan="ch4-2", why="its time is over")
    soon = note("bypass.ending", Category.BYPASS, Severity.WARNING, chan="ch4-2", seconds=left_us // SECOND)
    assert made.notes == ([over] if ended else [soon] if warned else [])
    made.notes.clear()
    run_out(made)
    assert made.notes == []


def test_each_end_is_warned_about_and_a_new_bypass_of_the_same_head_again() -> None:
    bench = _bench()
    two = tuple(Bypass(name, ("a", "b"), "r", "m", 0, bench.now + SECOND) for name in ("ch4-2", "ch4-5"))
    made = turn(bench, bypasses=two)
    made.v = replace(made.v, bypass_warned=("ch4-9", "ch4-2"))
    run_out(made)
    assert made.v.bypass_warned == ("ch4-2", "ch4-5")
    assert [n.data["chan"] for n in made.notes] == ["ch4-5"]
    made.d = replace(made.d, bypasses=())
    run_out(made)
    assert made.v.bypass_warned == ()


def _why(change: Callable[[Bench], None] = lambda bench: None, **asked: object) -> tuple[str, str, str, str]:
    bench = _bench()
    change(bench)
    bench.step()
    error = problem(turn(bench).f, replace(ASKED, **asked))
    assert error is not None
    return error.field, error.expected, error.came, error.hint


def _with(*channels: str) -> Callable[[Bench], None]:
    def change(bench: Bench) -> None:
        found = tuple(Bypass(name, ("a", "b"), "r", "m", 0, bench.now + 10**10) for name in channels)
        bench.durable = replace(bench.durable, bypasses=found)

    return change


def _in(mode: Mode) -> Callable[[Bench], None]:
    def change(bench: Bench) -> None:
        bench.arm()
        if mode is Mode.RELEASED:
            bench.acknowledge()

    return change


@pytest.mark.parametrize("mode", [Mode.ARMED, Mode.RELEASED])
def test_a_refusal_names_the_state(mode: Mode) -> None:
    assert _why(_in(mode)) == (
        "state", "LOCKED, PERMISSIVE_OK, TRIPPED", mode.value, "a bypass never begins while released: stop the work first",
    )  # fmt: skip


def test_a_refusal_names_the_channels_that_there_are() -> None:
    known = "ch4-1, ch4-2, ch4-3, ch4-4, ch4-5, ch4-6, o2-1, co-1"
    assert _why(channel="ch9") == ("channel", known, "'ch9'", "name a gas channel of this box")


@pytest.mark.parametrize(
    ("by", "came"),
    [((), "nobody"), (("leader",), "leader"), (("leader", "leader"), "leader, leader"),
     (("leader", "engineer", "performer"), "leader, engineer, performer"), (("a", "b", "b"), "a, b, b")],
)  # fmt: skip
def test_a_refusal_asks_for_two_different_people(by: tuple[str, ...], came: str) -> None:
    assert _why(by=by) == ("by", "two different people", came, "name both")


def test_a_refusal_names_who_is_absent_and_who_is_here() -> None:
    wanted = "people of the roster who may bypass and whose badges are here"
    assert _why(by=("performer", "leader")) == ("by", wanted, "performer", "here and entitled: leader, engineer")

    def nobody(bench: Bench) -> None:
        bench.badges, bench.badge_seen = {}, {}

    assert _why(nobody) == ("by", wanted, "leader, engineer", "here and entitled: nobody")


@pytest.mark.parametrize("field", ["reason", "measure"])
def test_ten_characters_are_a_reason_and_nine_are_none(field: str) -> None:
    wanted = (field, "at least 10 characters", "' 123456789 '", "write what the next shift must know")
    assert _why(**{field: " 123456789 "}) == wanted
    bench = _bench()
    assert problem(turn(bench).f, replace(ASKED, **{field: " 1234567890 "})) is None


@pytest.mark.parametrize(("seconds", "came"), [(0, "0"), (-60, "-1"), (LONGEST_S + 30, f"{LONGEST_S / 60 + 0.5:g}")])
def test_a_refusal_names_the_longest_time(seconds: int, came: str) -> None:
    wanted = f"1 to {LONGEST_S // 60} minutes ({GB.bypass_max_s.clause})"
    assert _why(seconds=seconds) == ("minutes", wanted, came, "repair or replace the detector meanwhile")


def test_a_refusal_names_what_runs_already() -> None:
    assert _why(_with("ch4-2")) == ("channel", "a channel without a bypass", "ch4-2", "end the running one first")
    two = "ch4-5, o2-1 and ch4-2"
    assert _why(_with("ch4-5", "o2-1"))[2] == two
    most = f"at most 1 at a time ({GB.bypass_max_count.clause})"
    assert _why(_with("ch4-5")) == ("channel", most, "ch4-5 and ch4-2", "end the running one first")


@pytest.mark.parametrize(
    ("value", "quality", "code"),
    [(10.1, Quality.GOOD, "gas_high"), (10.1, Quality.FAULT, "gas_high"), (100.0, Quality.OVER_RANGE, "gas_over_range")],
)
def test_gas_is_never_bypassed_and_the_refusal_says_so(value: float, quality: Quality, code: str) -> None:
    def gas(bench: Bench) -> None:
        bench.gas["ch4-2"].value, bench.gas["ch4-2"].quality = value, quality

    assert _why(gas) == ("channel", "a detector that failed", f"ch4-2: {code}", "gas is never bypassed")


def test_the_last_head_is_never_bypassed_and_the_refusal_names_its_group() -> None:
    def fails(bench: Bench) -> None:
        bench.gas["ch4-3"].quality = Quality.FAULT

    last = "the last healthy channel of a group is never bypassed"
    assert _why(fails) == ("channel", "another healthy channel in group pair", "none", last)
    assert _why(channel="ch4-1") == ("channel", "another healthy channel in group torch", "none", last)
