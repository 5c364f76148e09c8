"""Buttons and contacts on the input module."""

import asyncio

from firmware_sim.client import Site
from tests.firmware_sim.bus import client_of
from tests.firmware_sim.conftest import RunningSite

AT_REST = [False, True, False, False, *[True] * 6]


async def _until(running: RunningSite, wanted: list[bool]) -> None:
    async with client_of(running.facts, "inputs") as client, asyncio.timeout(2):
        while (await client.read_discrete_inputs(0, count=10, device_id=10)).bits[:10] != wanted:
            pass


async def test_stop_and_estop_are_closed_at_rest(running: RunningSite, site: Site) -> None:
    del site
    await _until(running, AT_REST)


async def test_a_button_is_pressed_and_let_go(running: RunningSite, site: Site) -> None:
    for index, name in enumerate(("arm", "stop", "finish", "reset")):
        pressed = AT_REST.copy()
        pressed[index] = not pressed[index]
        site.press(name, ms=100)
        await _until(running, pressed)
        await _until(running, AT_REST)


async def test_pressing_again_prolongs(running: RunningSite, site: Site) -> None:
    site.press("arm", ms=50)
    site.press("arm", ms=60_000)
    await _until(running, [True, *AT_REST[1:]])
    site.press("arm", ms=1)
    await _until(running, AT_REST)


async def test_the_estop_opens_its_contact_until_it_is_closed_again(running: RunningSite, site: Site) -> None:
    site.set("estop", "open")
    await _until(running, [*AT_REST[:4], False, *AT_REST[5:]])
    site.set("estop", "closed")
    await _until(running, AT_REST)


async def test_door_mains_battery_enclosure_and_flame_open_by_their_own_words(running: RunningSite, site: Site) -> None:
    for index, (name, bad, well) in enumerate(
        (("door", "open", "closed"), ("mains", "off", "on"), ("battery", "low", "ok"), ("enclosure", "hot", "ok"),
         ("flame", "seen", "none")), 5
    ):
        site.set(name, bad)
        await _until(running, [*AT_REST[:index], False, *AT_REST[index + 1 :]])
        site.set(name, well)
        await _until(running, AT_REST)


async def test_the_module_answers_only_discrete_inputs(running: RunningSite, site: Site) -> None:
    del site
    async with client_of(running.facts, "inputs") as client:
        assert (await client.read_coils(0, count=1, device_id=10)).exception_code == 1
        assert (await client.read_input_registers(0, count=1, device_id=10)).exception_code == 1
        assert (await client.read_discrete_inputs(0, count=17, device_id=10)).exception_code == 2
