"""Bouncing contacts: what may release waits until it stands still, what opens is believed at once (BOX-01, BOX-04)."""

import asyncio
import itertools

import msgspec
import pytest

from edge.config import CONTACTS
from edge.gas.reading import InputReading
from edge.inputs.debounce import Button, follow, settle
from firmware_sim.inputs import ContactFault
from tests.edge.gas.site import tcp_rig

STILL_US, CLEAR_US, GAP_US = 30_000, 200_000, 500_000


def _read(at_us, *closed, **changes):
    levels = {name: name in closed for name in ("arm", "finish", "reset")}
    return InputReading(**levels, **{"stop": True, "estop": True, **changes}, at_us=at_us)


def _fed(*readings):
    buttons, seen = None, []
    for read in readings:
        buttons, counted = settle(buttons, read, STILL_US, CLEAR_US, GAP_US)
        seen.append(counted)
    return seen


@pytest.mark.parametrize("name", ["arm", "reset"])
@pytest.mark.parametrize(("still_us", "counts"), [(29_999, False), (30_000, True), (30_001, True)])
def test_a_press_counts_when_it_stood_still_for_the_time_and_not_before(name, still_us, counts):
    """debounce_ms: to the microsecond; the instant counts from the first reading that found it closed."""
    seen = _fed(_read(0), _read(100_000, name), _read(100_000 + still_us, name))
    assert [getattr(read, name) for read in seen] == [False, False, counts]


@pytest.mark.parametrize("name", ["arm", "reset"])
@pytest.mark.parametrize(("still_us", "counts"), [(29_999, True), (30_000, False)])
def test_letting_go_counts_when_it_stood_still_too(name, still_us, counts):
    """Or a flicker while it is held would be a second press, which ends an attempt."""
    held = _fed(_read(0), _read(10_000, name), _read(50_000, name), _read(90_000), _read(90_000 + still_us))
    assert [getattr(read, name) for read in held] == [False, False, True, True, counts]


def test_every_bounce_begins_the_waiting_anew():
    bouncing = [_read(at, *(("arm",) if at % 20_000 else ())) for at in range(0, 200_000, 10_000)]
    seen = _fed(*bouncing, _read(200_000, "arm"), _read(219_999, "arm"), _read(220_000, "arm"))
    assert [read.arm for read in seen] == [False] * (len(bouncing) + 2) + [True]


def test_a_bounce_in_one_button_does_not_hold_back_the_other():
    seen = _fed(_read(0), _read(10_000, "arm", "reset"), _read(20_000, "reset"), _read(40_000, "arm", "reset"))
    assert [(read.arm, read.reset) for read in seen] == [(False, False)] * 3 + [(False, True)]


def test_the_first_reading_counts_as_it_is_so_that_a_held_button_is_no_press():
    assert _fed(_read(0, "arm"), _read(50_000, "arm"))[0].arm
    assert not _fed(_read(0))[0].arm


@pytest.mark.parametrize(("gap_us", "first"), [(500_000, False), (500_001, True)])
def test_after_a_silence_the_next_reading_is_a_first_one_again(gap_us, first):
    """Who pressed while nobody looked has not pressed: the kernel forgets its levels at the same age."""
    seen = _fed(_read(1_000_000), _read(1_000_000 + gap_us, "arm"))
    assert seen[-1].arm is first


def test_a_reading_from_before_the_last_one_makes_no_press_and_takes_back_no_waiting():
    """An edge that waited in the kernel's queue is older than the look that was taken meanwhile."""
    seen = _fed(_read(100_000), _read(90_000, "arm"), _read(100_000 + STILL_US - 1, "arm"), _read(100_000 + STILL_US, "arm"))
    assert [read.arm for read in seen] == [False, False, False, True]


@pytest.mark.parametrize("name", ["stop", "estop", *CONTACTS])
def test_what_opens_ignition_passes_at_its_first_reading(name):
    """BOX-04: debounce may delay a release, never a trip."""
    well = dict.fromkeys(CONTACTS, True)
    buttons, _ = settle(None, _read(0, **well), STILL_US, CLEAR_US, GAP_US)
    bad = msgspec.structs.replace(_read(1, **well), **{name: False})
    assert settle(buttons, bad, STILL_US, CLEAR_US, GAP_US)[1] is bad


@pytest.mark.parametrize("name", ["stop", "estop"])
@pytest.mark.parametrize(("clear_us", "counts"), [(199_999, False), (200_000, True), (200_001, True)])
def test_a_stop_is_let_go_only_when_it_was_read_so_for_the_time(name, clear_us, counts):
    """stop_clear_ms: to the microsecond, from the first reading that found it let go."""
    seen = _fed(_read(0), _read(10_000, **{name: False}), _read(20_000), _read(20_000 + clear_us))
    assert [getattr(read, name) for read in seen] == [True, False, False, counts]


@pytest.mark.parametrize("name", ["stop", "estop"])
def test_a_flickering_stop_stays_a_stop(name):
    """BOX-04: no release slips in between two jumps of a loose wire."""
    seen = _fed(_read(0), *(_read(at, **{name: at % 20_000 == 0}) for at in range(10_000, 2_000_000, 10_000)))
    assert not any(getattr(read, name) for read in seen[1:])


def test_a_stop_that_is_well_from_the_first_reading_on_holds_nothing_back():
    assert _fed(_read(0), _read(1))[0].stop
    assert _fed(_read(0), _read(1))[1] == _read(1)


def test_finish_passes_at_its_first_reading():
    assert [read.finish for read in _fed(_read(0), _read(1, "finish"))] == [False, True]


@pytest.mark.parametrize("still_us", [0, 1, STILL_US])
@pytest.mark.parametrize(("before", "counts", "closed"), list(itertools.product((False, True), repeat=3)))
def test_a_level_that_counts_is_only_ever_replaced_by_one_that_stood(still_us, before, counts, closed):
    """All states, at the instant of a reading and when the time is over."""
    button = Button(before, 0, counts)
    now = follow(button, closed, STILL_US, still_us)
    stood_us = STILL_US if closed is before else 0
    assert now.counts is (closed if stood_us >= still_us else counts)
    assert now.since_us == (0 if closed is before else STILL_US)
    assert now.closed is closed


async def test_a_bouncing_arm_button_of_the_simulated_module_never_counts_until_it_stands_still():
    """The module's own bounce over Modbus TCP, polled five times as fast as it bounces."""
    async with tcp_rig(1, poll_ms=5, inputs=True) as rig:
        module, heard = rig.module, rig.heard
        await heard.until(lambda: heard.inputs and heard.inputs[-1])
        module.closed["arm"] = True
        module.faults["arm"] = ContactFault.BOUNCE

        async def bounce():
            while True:
                module.bounced ^= {"arm"}
                await asyncio.sleep(0.012)

        bouncing = asyncio.create_task(bounce())
        try:
            start = len(heard.inputs)
            await heard.until(lambda: len(heard.inputs) > start + 60, 20)
        finally:
            bouncing.cancel()
        raw = [read for read in heard.inputs if read is not None]
        runs = [len(list(run)) for level, run in itertools.groupby(raw, key=lambda read: read.arm) if level]
        assert len(runs) > 5, "the poll saw the bouncing"
        seen = _fed(*raw)
        stood = [
            end.at_us - begin.at_us
            for _, run in itertools.groupby(raw, key=lambda read: read.arm)
            for begin, *_, end in [(list(run) * 2)]
        ]
        if max(stood) < STILL_US:
            assert not any(read.arm for read in seen)
        module.faults["arm"] = ContactFault.NONE
        count = len(heard.inputs)
        await heard.until(lambda: len(heard.inputs) > count + 12, 20)
        seen = _fed(*(read for read in heard.inputs if read is not None))
        assert seen[-1].arm
        assert sum(b.arm and not a.arm for a, b in itertools.pairwise(seen)) == 1
