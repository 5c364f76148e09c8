"""Silence, lamp test and a silent interlock: what the panel remembers (BOX-04)."""

import msgspec
import pytest

from edge.interlock.status import CountdownView
from edge.panel.mind import SILENT_US, TEST_US, Mind
from edge.panel.patterns import Meaning
from tests.edge.panel.test_patterns import _asked, _status

replace = msgspec.structs.replace
S = 1_000_000
QUIET_S = 120


@pytest.fixture
def mind():
    return Mind(QUIET_S, 0)


def _tripped(ready, **changes):
    ready.pressed.add("stop")
    ready.step()
    return replace(_status(ready), **changes)


def _keep(mind, status, until_us, from_us):
    """The interlock goes on speaking twice a second."""
    for at in range(from_us, until_us, S // 2):
        mind.hear(status, at)


def test_until_the_interlock_speaks_the_panel_shows_a_fault(mind):
    assert mind.look(0).meaning is Meaning.SILENT
    assert mind.levels(0) == {"red": True, "amber": False, "green": False, "white": False, "buzzer": True}


@pytest.mark.parametrize(("silent_us", "meaning"), [(SILENT_US - 1, Meaning.RELEASED), (SILENT_US, Meaning.SILENT)])
def test_a_silent_interlock_is_a_fault_within_a_second(mind, released, silent_us, meaning):
    mind.hear(_status(released), 5 * S)
    assert SILENT_US < S
    assert mind.next_us(5 * S) <= 5 * S + SILENT_US
    assert mind.look(5 * S + silent_us).meaning is meaning
    assert mind.levels(5 * S + silent_us)["green"] is (meaning is Meaning.RELEASED)


def test_an_interlock_that_hung_up_is_a_fault_at_once(mind, released):
    mind.hear(_status(released), S)
    mind.lost(S + 1)
    assert mind.look(S + 1).meaning is Meaning.SILENT
    mind.hear(_status(released), S + 2)
    assert mind.look(S + 2).meaning is Meaning.RELEASED


def test_silence_ends_the_sound_and_not_the_light(mind, released):
    status = _tripped(released)
    mind.hear(status, 0)
    assert mind.levels(0)["buzzer"]
    assert mind.silence(0)
    for at in (0, 100_000, 800_000):
        assert mind.levels(at) == {"red": True, "amber": False, "green": False, "white": False, "buzzer": False}


@pytest.mark.parametrize(("at_us", "sounds"), [(QUIET_S * S - 1000, False), (QUIET_S * S, True)])
def test_after_the_declared_time_it_sounds_again(mind, released, at_us, sounds):
    status = _tripped(released)
    mind.hear(status, 0)
    mind.silence(0)
    _keep(mind, status, at_us, 0)
    mind.hear(status, at_us)
    heard = [mind.levels(at_us + ms * 1000)["buzzer"] for ms in range(0, 400, 50)]
    assert any(heard) is sounds or at_us < QUIET_S * S


def test_a_new_cause_sounds_again(mind, released):
    status = _tripped(released)
    mind.hear(status, 0)
    mind.silence(0)
    assert status.first_out is not None
    other = replace(status, first_out=replace(status.first_out, code="gas_high"))
    mind.hear(other, 1000)
    assert mind.quiet_ms(1000) == 0
    assert mind.levels(1000)["buzzer"], "from its first beep"


def test_the_same_grace_stays_silenced_when_it_grows_urgent_and_another_does_not(mind, released):
    status = _status(released)

    def grace(until_us, left_ms):
        return replace(status, countdowns=(CountdownView("grace", "li", until_us, left_ms, 30_000, "", "", "guardian"),))

    mind.hear(grace(7, 20_000), 0)
    mind.silence(0)
    mind.hear(grace(7, 4000), 1000)
    assert mind.look(1000).meaning is Meaning.GRACE_SOON
    assert mind.quiet_ms(1000)
    mind.hear(grace(8, 20_000), 2000)
    assert not mind.quiet_ms(2000)


def test_evacuation_cannot_be_silenced(mind, released):
    """No silence, and none that was given before it."""
    status = _tripped(released)
    mind.hear(status, 0)
    mind.silence(0)
    released.gas["ch4-1"].value = 40.0
    released.step()
    mind.hear(_status(released), 1000)
    assert mind.look(1000).meaning is Meaning.EVACUATE
    assert mind.levels(1000)["buzzer"]
    assert not mind.silence(1000)
    assert mind.levels(1000)["buzzer"]


@pytest.mark.parametrize(("at_us", "testing"), [(0, True), (TEST_US - 1, True), (TEST_US, False)])
def test_a_lamp_test_lights_everything_for_its_time(mind, ready, at_us, testing):
    status = _status(ready)
    mind.hear(status, 0)
    mind.silence(0)
    mind.test(0)
    _keep(mind, status, at_us, 0)
    mind.hear(status, at_us)
    assert all(mind.levels(at_us).values()) is testing


def test_a_lamp_test_hides_no_evacuation_and_no_fault(mind, ready):
    mind.test(0)
    assert mind.look(0).meaning is Meaning.SILENT
    ready.gas["ch4-1"].value = 40.0
    ready.step()
    mind.hear(_status(ready), 1000)
    assert mind.look(1000).meaning is Meaning.EVACUATE


def test_the_next_look_is_never_later_than_a_change_and_never_now(mind, released):
    status = _status(released)
    mind.hear(status, 0)
    now = 0
    while now < 3 * S:
        if now % (S // 2) < 200_000:
            mind.hear(status, now)
        after = mind.next_us(now)
        assert now < after <= now + S
        levels = mind.levels(now)
        assert mind.levels((now + after) // 2) == levels
        now = after


def test_flashes_of_a_movement_are_counted_from_the_moment_it_is_asked_for(mind, ready):
    """ANT-01: the same arrow twice flashes and beeps anew, from its first."""
    status = _status(ready)
    mind.hear(status, 0)
    for number, at in ((1, 400_000), (2, 1_900_000)):
        flashing = []
        for ms in (0, 400, 700, 1000):
            mind.hear(_asked(status, "right", number=number), at + ms * 1000)
            flashing.append(mind.levels(at + ms * 1000))
        assert [levels["white"] for levels in flashing] == [True, False, True, False]
        assert [levels["buzzer"] for levels in flashing] == [True, False, True, False]
    assert mind.levels(2_600_000)["amber"], "ready stays lit"
