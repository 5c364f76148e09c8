"""What the lamps say about every state, and that nobody can take one meaning for another (PTW-05, PTW-10, BOX-04)."""

import itertools

import msgspec
import pytest

from edge.gas.reading import Quality
from edge.interlock import view
from edge.interlock.conditions import CONDITIONS
from edge.interlock.happenings import ShutDown
from edge.interlock.state import Mode
from edge.interlock.status import AuditView, CountdownView, ExerciseView, PromptView
from edge.panel.legend import markdown, put_in, strip
from edge.panel.patterns import (
    ENDS,
    FAST,
    GROUPS,
    NEVER_SILENT,
    OFF,
    PROMPTS,
    STEADY,
    TABLE,
    Meaning,
    Rhythm,
    Said,
    flashes,
    missing,
    say,
)  # fmt: skip
from edge.panel.wiring import LAMPS
from tests.edge.interlock.bench import Bench, permit

replace = msgspec.structs.replace


def _status(bench):
    step = bench.step(ms=0)
    return view.build(
        step.facts, step.verdicts, boot=1, audit=AuditView(1, 1, 0, True, 0), buses=(), events=(), loop_lag_ms=0,
        evaluations=1,
    )  # fmt: skip


# --- rhythms


@pytest.mark.parametrize(("ms", "on"), [(0, True), (149, True), (150, False), (299, False), (300, True)])
def test_a_rhythm_changes_over_at_its_steps(ms, on):
    assert FAST.at(ms) is on


def test_steady_is_always_on_and_off_never():
    assert all(STEADY.at(ms) and not OFF.at(ms) for ms in (0, 1, 10**9))
    assert STEADY.change_ms(0) is OFF.change_ms(0) is None


@pytest.mark.parametrize("rhythm", [FAST, flashes(1), flashes(3), flashes(2, cycles=2), Rhythm((700, 100))])
def test_the_next_change_is_the_very_next_one(rhythm):
    for ms in range(6000):
        wait = rhythm.change_ms(ms)
        if wait is None:
            assert not any(rhythm.at(later) for later in range(ms, ms + 5000, 10))
            break
        assert rhythm.at(ms + wait - 1) is rhythm.at(ms)
        assert rhythm.at(ms + wait) is not rhythm.at(ms) or (rhythm.cycles and not rhythm.at(ms + wait))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_flashes_can_be_counted(count):
    """As many as said, and a pause five times as long as the one between two of them."""
    rhythm = flashes(count)
    runs = [(level, len(list(run))) for level, run in itertools.groupby(rhythm.at(ms) for ms in range(sum(rhythm.steps)))]
    assert [length for level, length in runs if level] == [300] * count
    assert [length for level, length in runs if not level] == [300] * (count - 1) + [1500]


def test_cycles_end():
    rhythm = flashes(1, cycles=3)
    assert rhythm.at(2 * 1800)
    assert not any(rhythm.at(ms) for ms in range(3 * 1800, 20_000, 50))


# --- the table


def test_every_meaning_has_its_row_and_words():
    assert set(TABLE) == set(Meaning)
    assert all(show.zh and show.en for show in TABLE.values())


def test_no_two_meanings_look_alike():
    """But for the two faults, which ask for the same; without the white lamp and with the buzzer silenced, too.

    What a face is asked to do is white alone: it stands beside another meaning.
    """
    looks = {meaning: (show.red, show.amber, show.green) for meaning, show in TABLE.items()}
    alone = [meaning for meaning in Meaning if meaning not in PROMPTS.values()]
    alike = {frozenset((one, other)) for one, other in itertools.combinations(alone, 2) if looks[one] == looks[other]}
    assert alike == {
        frozenset((Meaning.FAULT, Meaning.SILENT)), frozenset((Meaning.GRACE, Meaning.GRACE_SOON)),
    }  # fmt: skip


def test_green_is_lit_only_while_released():
    """A person must be able to trust the green lamp: steady green is a closed contact."""
    green = {meaning for meaning, show in TABLE.items() if show.green == STEADY}
    assert green == {
        Meaning.RELEASED, Meaning.GRACE, Meaning.GRACE_SOON, Meaning.END_1, Meaning.END_10, Meaning.END_30, Meaning.TEST,
    }  # fmt: skip


def test_evacuation_flashes_every_lamp_and_nothing_else_does():
    everything = {meaning for meaning, show in TABLE.items() if all(show.rhythm(lamp) == FAST for lamp in LAMPS)}
    assert everything == {Meaning.EVACUATE}


def test_every_release_condition_is_called_something():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(c.name for c in CONDITIONS if c.release)


# --- what is said


def _without(change):
    bench = Bench().prepare()
    change(bench)
    return say(_status(bench)).meaning


@pytest.mark.parametrize(
    ("change", "meaning"),
    [
        (lambda b: None, Meaning.READY),
        (lambda b: (b.badges.update({1002: False}), b.run(21)), Meaning.PERSON),
        (lambda b: b.gas["ch4-1"].__setattr__("value", None) or b.gas["ch4-1"].__setattr__("silent_since", 1), Meaning.GAS),
        (lambda b: setattr(b, "durable", replace(b.durable, permits=())), Meaning.PERMIT),
        (lambda b: b.pressed.add("door"), Meaning.PLACE),
        (lambda b: b.pressed.add("mains"), Meaning.BOX),
        (lambda b: b.gas["ch4-1"].__setattr__("value", 40.0), Meaning.EVACUATE),
        (lambda b: b.gas["o2-1"].__setattr__("value", 17.0), Meaning.EVACUATE),
    ],
)
def test_a_locked_box_says_what_is_missing(change, meaning):
    assert _without(change) is meaning


TEST_GAS = ExerciseView("bump", "respond", 50.0, 0.0, 45.0, 55.0, None, 30_000, 20_000, "li", "b-1")


def _reads(reads, test=TEST_GAS, head="ch4-1", **changes):
    """What is said while that head reads so much and is being tested."""
    bench = Bench().prepare()
    bench.gas[head].value = reads
    status = _status(bench)
    heads = tuple(replace(c, test=test, **changes) if c.name == head else c for c in status.channels)
    return say(replace(status, channels=heads))


@pytest.mark.parametrize(
    ("value", "meaning"), [(40.0, Meaning.GAS), (55.0, Meaning.GAS), (55.1, Meaning.EVACUATE), (90.0, Meaning.EVACUATE)]
)
def test_test_gas_at_a_head_that_is_being_tested_sends_nobody_away_and_more_than_that_does(value, meaning):
    """docs/panel.md: leave means gas; what a bottle gives is known, and what is beyond it is not from the bottle."""
    assert _reads(value).meaning is meaning
    assert _reads(value, test=None).meaning is Meaning.EVACUATE


def test_oxygen_is_drawn_down_by_its_test_and_no_further():
    air = replace(TEST_GAS, applied=16.0, baseline=20.9, low=15.5, high=16.5)
    assert _reads(17.0, air, "o2-1").meaning is Meaning.GAS
    assert _reads(15.4, air, "o2-1").meaning is Meaning.EVACUATE


def test_a_head_that_left_its_range_or_does_not_say_what_it_reads_is_not_explained_by_its_test():
    assert _reads(50.0, quality="over_range").meaning is Meaning.EVACUATE
    assert _reads(50.0, value=None).meaning is Meaning.EVACUATE


def test_gas_at_another_head_is_gas_whatever_is_being_tested():
    bench = Bench().prepare()
    bench.gas["ch4-1"].value, bench.gas["o2-1"].value = 50.0, 17.0
    status = _status(bench)
    heads = tuple(replace(c, test=TEST_GAS) if c.name == "ch4-1" else c for c in status.channels)
    assert say(replace(status, channels=heads)) == Said(Meaning.EVACUATE, "o2-1")


def test_after_an_over_range_the_air_is_to_be_measured_and_the_buzzer_may_be_silenced():
    """A bead reads clean when gas is richer than it can burn: the latch is no evacuation, and no all-clear either."""
    bench = Bench().prepare()
    bench.gas["ch4-1"].quality = Quality.OVER_RANGE
    assert say(_status(bench)) == Said(Meaning.EVACUATE, "ch4-1")
    bench.gas["ch4-1"].quality = Quality.GOOD
    assert say(_status(bench)) == Said(Meaning.MEASURE, "ch4-1")
    assert Meaning.MEASURE not in NEVER_SILENT
    bench.gas["ch4-1"].value = 40.0
    assert say(_status(bench)) == Said(Meaning.EVACUATE, "ch4-1")


def test_what_several_lack_is_told_in_the_order_of_putting_it_right():
    bench = Bench().prepare()
    status = _status(bench)

    def without(*names):
        return replace(
            status, verdicts=tuple(replace(v, ok=v.ok and v.condition not in names) for v in status.verdicts)
        )

    assert missing(without("faces", "gas_test", "door", "permit", "clock")) is Meaning.BOX
    assert missing(without("faces", "gas_test", "door", "permit")) is Meaning.PERMIT
    assert missing(without("faces", "gas_test", "door")) is Meaning.PLACE
    assert missing(without("faces", "gas_test")) is Meaning.GAS
    assert missing(without("faces")) is Meaning.PERSON
    assert missing(status) is Meaning.BOX, "a lock that nothing explains"


def test_the_story_of_a_release(ready):
    assert say(_status(ready)).meaning is Meaning.READY
    ready.press("arm")
    assert say(_status(ready)).meaning is Meaning.ARMED
    ready.acknowledge()
    assert say(_status(ready)).meaning is Meaning.RELEASED
    ready.pressed.add("stop")
    ready.step()
    tripped = say(_status(ready))
    assert tripped.meaning is Meaning.TRIPPED
    assert tripped.cause.startswith("stop_pressed/")
    ready.pressed.clear()
    ready.press("reset")
    assert _status(ready).reset_done
    assert ready.mode is Mode.PERMISSIVE_OK
    assert say(_status(ready)).meaning is Meaning.READY, "a resume may begin although the fire watch runs"


@pytest.mark.parametrize(
    ("left_ms", "meaning"),
    [
        (1_800_001, Meaning.RELEASED), (1_800_000, Meaning.END_30), (600_001, Meaning.END_30), (600_000, Meaning.END_10),
        (60_001, Meaning.END_10), (60_000, Meaning.END_1), (0, Meaning.END_1),
    ],
)  # fmt: skip
def test_the_permits_end_is_told_at_thirty_ten_and_one_minute(released, left_ms, meaning):
    """PTW-05."""
    assert [seconds for seconds, _ in ENDS] == [60, 600, 1800]
    status = _status(released)
    ends = tuple(replace(c, left_ms=left_ms) if c.what == "deadline" else c for c in status.countdowns)
    assert say(replace(status, countdowns=ends)).meaning is meaning


@pytest.mark.parametrize(("left_ms", "meaning"), [(5001, Meaning.GRACE), (5000, Meaning.GRACE_SOON)])
def test_a_grace_sounds_fast_in_its_last_seconds_and_is_one_cause(released, left_ms, meaning):
    """PTW-10: and goes before the end of the permit."""
    grace = CountdownView("grace", "li", 77, left_ms, 30_000, "", "", "guardian")
    later = CountdownView("grace", "zhang", 99, left_ms + 9000, 30_000, "", "", "performer")
    status = replace(_status(released), countdowns=(later, grace))
    assert say(status) == Said(meaning, "guardian/77")


def test_a_fault_and_a_looked_for_box_have_their_own_look(ready):
    status = _status(ready)
    assert say(replace(status, state=Mode.FAULT.value)).meaning is Meaning.FAULT
    asked = CountdownView("identify", "box-1", 1, 1000, 1000, "", "")
    assert say(replace(status, countdowns=(asked,))).meaning is Meaning.IDENTIFY


def test_after_the_reset_the_fire_watch_is_shown(released):
    released.step(ShutDown())
    status = _status(released)
    watch = [c for c in status.countdowns if c.what == "fire_watch"]
    assert watch
    assert say(replace(status, state="TRIPPED", reset_done=True)).meaning is Meaning.FIRE_WATCH
    assert say(replace(status, state="TRIPPED", reset_done=False)).meaning is Meaning.TRIPPED


# --- what a face is asked to do


def _asked(status, action="left", result="open", number=2):
    prompt = PromptView("performer", "张作业", "performer", action, "", "", number, 8, 900, 3000, result)
    return replace(status, prompt=prompt)


@pytest.mark.parametrize(("action", "beeps"), [("left", 1), ("right", 2), ("blink", 3)])
def test_a_movement_is_told_by_flashes_and_beeps_that_can_be_counted(ready, action, beeps):
    """ANT-01: somebody under a visor follows by light and by sound."""
    show = say(_asked(_status(ready), action)).show
    assert (show.white, show.buzzer) == (flashes(beeps), flashes(beeps, cycles=1))


def test_every_movement_sounds_differently():
    shows = [TABLE[meaning] for meaning in PROMPTS.values()]
    assert len({show.white for show in shows}) == len({show.buzzer for show in shows}) == len(PROMPTS) == 4
    assert all(show.buzzer.cycles == 1 for show in shows)


def test_the_other_lamps_go_on_saying_how_the_box_stands(ready, released):
    """Green stays lit while ignition is released, whatever the guardian's face is asked for."""
    for bench in (ready, released):
        plain = say(_status(bench))
        asked = say(_asked(_status(bench)))
        assert asked.meaning is plain.meaning
        for lamp in ("red", "amber", "green"):
            assert asked.show.rhythm(lamp) == plain.show.rhythm(lamp)
        assert (asked.show.zh, asked.show.en) == (TABLE[Meaning.LEFT].zh, TABLE[Meaning.LEFT].en)


@pytest.mark.parametrize(("left_ms", "meaning"), [(20_000, Meaning.GRACE), (4_000, Meaning.GRACE_SOON)])
def test_no_prompt_drowns_the_countdown_to_a_trip(released, left_ms, meaning):
    """BOX-04: a failing re-check warns aloud until it trips; the white lamp counts the arrows all the same."""
    grace = CountdownView("grace", "guardian", 77, left_ms, 30_000, "", "")
    status = replace(_status(released), countdowns=(grace,))
    asked = say(_asked(status))
    assert (asked.meaning, asked.prompt) == (meaning, Meaning.LEFT)
    assert asked.show.buzzer == say(status).show.buzzer == TABLE[meaning].buzzer
    assert asked.show.white == flashes(1)


def test_each_movement_is_a_cause_of_its_own(ready):
    status = _status(ready)
    causes = [say(_asked(status, number=number)).cause for number in (1, 2)]
    assert len(set(causes)) == 2


@pytest.mark.parametrize("result", ["passed", "failed"])
def test_a_try_that_has_ended_asks_for_nothing(ready, result):
    assert say(_asked(_status(ready), result=result)) == say(_status(ready))


def test_nobody_is_asked_to_turn_the_head_while_gas_or_a_trip_is_told(ready):
    ready.gas["ch4-1"].value = 40.0
    assert say(_asked(_status(ready))).prompt is None
    ready.gas["ch4-1"].value = 0.0
    assert say(_asked(replace(_status(ready), state="FAULT"))).prompt is None


# --- the page


def test_a_strip_is_a_picture_of_the_rhythm():
    assert strip(flashes(2), span_ms=2400) == "██··██··········"
    assert strip(STEADY, span_ms=450) == "███"


def test_docs_panel_is_the_table_as_it_is(request):
    page = (request.config.rootpath / "docs" / "panel.md").read_text(encoding="utf-8")
    assert put_in(page) == page, "write it anew: python -m edge.panel.legend docs/panel.md"
    assert markdown().count("\n") == len(TABLE) + 1


def test_the_permit_of_the_bench_is_long_enough_for_these_tests():
    assert permit().exp - permit().nbf > 1800
