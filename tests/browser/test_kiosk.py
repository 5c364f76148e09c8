"""The small screen in a real Chromium, on the real interlock and link of a simulated site, at both sizes in both languages."""

import asyncio
import os
import subprocess

import cv2
import msgspec
import numpy as np
import pytest
import zxingcpp

from contracts.place import read_keys, verify
from edge import sockets
from edge.interlock.status import PermitAnswerView
from edge.kiosk.server import Screen
from edge.panel.wiring import Kiosk
from tests.edge.cli.box import PYTHON, make_idle
from tests.edge.interlock.bench import Bench
from tests.edge.link.site import free_port
from tests.edge.panel.test_patterns import _status

SIZES = [(800, 480), (480, 320)]
RUN_OUT = """[...document.querySelectorAll('header, #side, main, #todo, #people, #gas, .channel, #codes')]
    .filter(each => each.scrollHeight > each.clientHeight + 1 || each.scrollWidth > each.clientWidth + 1)
    .map(each => each.id || each.className || each.tagName)"""


@pytest.fixture(scope="module")
def box():
    """Interlock and link, joined as the supervisor joins them; there is no broker and no network."""
    for made in make_idle():
        settings = made.read()
        port = free_port()
        settings["kiosk"] = {"host": "127.0.0.1", "port": port}
        settings["metrics"] = {"host": "127.0.0.1", "port": free_port()}
        made.write(settings)
        inner, outer = sockets.pair()
        made.start(link=inner)
        os.set_inheritable(outer.fileno(), True)
        link = subprocess.Popen(
            [PYTHON, "-m", "edge.process", "link", str(made.config), f"link={outer.fileno()}"], pass_fds=[outer.fileno()]
        )
        made.url = f"http://127.0.0.1:{port}/"
        try:
            yield made
        finally:
            link.terminate()
            assert link.wait(20) == 0
            inner.close()
            outer.close()


async def _page(browser, url, size, lang):
    page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
    faults = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    for _ in range(100):
        try:
            await page.goto(f"{url}?lang={lang}")
            break
        except Exception:  # noqa: BLE001 - the link is still starting
            await page.wait_for_timeout(200)
    faults.clear()
    await page.wait_for_selector("body[data-ready]")
    return page, faults


async def test_state_gas_and_next_step_arrive_without_reload_and_the_network_is_not_needed(box, browser):
    """BOX-03: no permit, then gas; the interlock ends, and the screen says that nobody answers."""
    page, faults = await _page(browser, box.url, SIZES[0], "zh")
    await page.locator("#word", has_text="已锁定").wait_for()
    await page.locator(".todo").first.wait_for()
    assert await page.locator(".simulation").inner_text() == "仿真"
    await page.evaluate("window.marker = 'the same page'")
    await asyncio.to_thread(box.site.set, "ch4-1", "42")
    await page.locator(".channel.alarm strong", has_text="42").wait_for()
    await page.locator("#lamps", has_text="撤离").wait_for()
    await asyncio.to_thread(box.site.set, "ch4-1", "0")
    await page.locator("#lamps", has_text="撤离").wait_for(state="detached")
    await page.locator("#lang").click()
    await page.locator("#word", has_text="LOCKED").wait_for()
    assert await page.evaluate("window.marker") == "the same page"
    assert faults == []
    await page.close()


async def test_the_code_on_the_screen_is_read_and_verified(box, browser):
    """PTW-04: decoded from the screen's own pixels, checked with the published key."""
    page, faults = await _page(browser, box.url, SIZES[0], "zh")
    await page.locator("#qr").click()
    await page.wait_for_function("() => document.querySelector('#qr img').naturalWidth > 0")
    image = cv2.imdecode(np.frombuffer(await page.screenshot(scale="css"), np.uint8), cv2.IMREAD_COLOR)
    image = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    # OpenCV's own reader misses a few codes in a hundred; phones read with this one.
    codes = [code.text for code in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)]
    assert len(codes) == 1, f"a phone would read it, got {codes}"
    (token,) = codes
    config = msgspec.convert(box.read(), dict)
    keys = read_keys((box.folder / "data" / "place_keys.json").read_bytes())
    status = box.status()
    claims = verify(token, keys, box=config["box"], now_s=status["t"] // 1000, max_age_s=60)
    assert claims.state == status["state"]
    assert faults == []
    await page.close()


def _scenes():
    yield Bench().prepare()
    missing = Bench().prepare()
    missing.badges[1002] = False
    missing.looking.clear()
    missing.faces.clear()
    missing.run(21)
    missing.pressed.add("door")
    missing.step()
    yield missing
    grace = Bench().prepare().release()
    grace.badges[1002] = False
    grace.run(21)
    yield grace
    gas = Bench().prepare().release()
    gas.gas["ch4-1"].value = 42.5
    gas.step()
    yield gas


async def _speak(board, status):
    """As the interlock does: a board that is silent for 2.5 s shows nothing any more."""
    while True:
        board.hear(status)
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("size", SIZES, ids=["800x480", "480x320"])
@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_nothing_runs_out_of_the_screen(browser, size, lang):
    """Ready, people missing, a grace, gas: at both sizes in both languages."""
    screen = Screen(Kiosk(port=0))
    serving = asyncio.create_task(screen.serve())
    try:
        for bench in _scenes():
            status = _status(bench)
            channels = status.channels[:2] + status.channels[-2:]
            status = msgspec.structs.replace(
                status, channels=channels, place_token="a" * 330, audit=msgspec.structs.replace(status.audit, unacked_age_ms=9000),
                permit_answer=PermitAnswerView(accepted="DH-20261121-001", receipt="b" * 430),
            )  # fmt: skip
            speaking = asyncio.create_task(_speak(screen.board, status))
            page, faults = await _page(browser, f"http://127.0.0.1:{screen.port}/", size, lang)
            await page.locator(f"body[data-state={status.state}]").wait_for()
            assert await page.evaluate(RUN_OUT) == []
            assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
            size_px = await page.evaluate("parseFloat(getComputedStyle(document.querySelector('.todo strong')).fontSize)")
            assert size_px >= size[1] * 0.045, "read from two metres"
            assert faults == []
            await page.close()
            speaking.cancel()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        screen.close()


async def test_place_code_and_acceptance_take_turns_in_one_place(browser):
    """A screen that cannot be touched shows both large enough, the new acceptance first; an enlarged one stays."""
    screen = Screen(Kiosk(port=0))
    serving = asyncio.create_task(screen.serve())
    status = _status(Bench().prepare())
    status = msgspec.structs.replace(
        status, place_token="a" * 330, audit=msgspec.structs.replace(status.audit, unacked_age_ms=9000),
        permit_answer=PermitAnswerView(accepted="HW-1", receipt="b" * 430),
    )  # fmt: skip
    speaking = asyncio.create_task(_speak(screen.board, status))
    try:
        page, faults = await _page(browser, f"http://127.0.0.1:{screen.port}/", SIZES[1], "en")
        receipt, place = page.locator("#receipt"), page.locator("#qr")
        await receipt.wait_for()
        assert not await place.is_visible()
        assert (await receipt.locator("img").bounding_box())["width"] >= 150, "two pixels a module on the smallest screen"
        await place.wait_for(timeout=20_000)
        assert not await receipt.is_visible()
        await place.click()
        await page.wait_for_timeout(9_000)
        assert await place.is_visible()
        assert await page.evaluate("document.body.dataset.big") == "qr"
        assert faults == []
        await page.close()
    finally:
        speaking.cancel()
        serving.cancel()
        await asyncio.gather(serving, speaking, return_exceptions=True)
        screen.close()


async def test_a_silent_interlock_is_said_on_the_screen(box, browser):
    """Silence is a fault: also on the page, within its four seconds."""
    page, _ = await _page(browser, box.url, SIZES[1], "zh")
    await page.locator("#word", has_text="已锁定").wait_for()
    await asyncio.to_thread(box.kill)
    await page.locator("#word", has_text="无应答").wait_for()
    assert await page.locator("#qr").is_hidden()
    await page.close()
