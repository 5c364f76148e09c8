"""The simulated output module: what it takes, what it refuses, and that it records each change with its time."""

import pytest

from firmware_sim.outputs import BUTTONS, COILS, strips
from tests.firmware_sim.bus import client_of


async def test_coils_are_written_by_both_functions_and_recorded_once_each(running, site):
    async with client_of(running.facts, "outputs") as client:
        assert not (await client.write_coils(0, [True, False, True, False, True], device_id=30)).isError()
        assert not (await client.write_coil(0, False, device_id=30)).isError()
        assert not (await client.write_coil(0, False, device_id=30)).isError()
        assert (await client.read_coils(0, count=5, device_id=30)).bits[:5] == [False, False, True, False, True]
        assert (await client.read_coils(1, count=5, device_id=30)).exception_code == 2
    state = site.state()["outputs"]
    assert {name: state[name] for name in COILS} == {
        "red": False, "amber": False, "green": True, "white": False, "buzzer": True,
    }  # fmt: skip
    last = state["log"][-4:]
    assert [(name, on) for _, name, on in last] == [("red", True), ("green", True), ("buzzer", True), ("red", False)]
    assert [at for at, *_ in last] == sorted(at for at, *_ in last)
    async with client_of(running.facts, "outputs") as client:
        await client.write_coils(0, [False] * 5, device_id=30)


@pytest.mark.parametrize(("start", "count"), [(5, 1), (1, 5), (0, 6)])
async def test_what_lies_outside_is_refused_whole(running, site, start, count):
    before = site.state()["outputs"]["log"]
    async with client_of(running.facts, "outputs") as client:
        assert (await client.write_coils(start, [True] * count, device_id=30)).exception_code == 2
    assert site.state()["outputs"]["log"] == before


async def test_its_buttons_are_closed_while_pressed(running, site):
    for index, name in enumerate(BUTTONS):
        site.press(name, ms=60_000)
        async with client_of(running.facts, "outputs") as client:
            assert (await client.read_discrete_inputs(0, count=2, device_id=30)).bits[index]
        site.press(name, ms=1)


def test_the_last_seconds_are_drawn_from_the_record():
    state = {**dict.fromkeys(COILS, False), "green": True, "log": [[100, "amber", True], [250, "amber", False], [400, "buzzer", True]]}
    drawn = dict(line.split() for line in strips(state, 500, step_us=100, columns=6))
    assert drawn == {"red": "······", "amber": "·██···", "green": "██████", "white": "······", "buzzer": "····♪♪"}
